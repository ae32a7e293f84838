/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * A PIV card (NIST SP 800-73-4), as far as OpenSC uses one: RSA and EC keys
 * that sign, decrypt and agree, a PIN 123456 with three tries and a PUK
 * 12345678, data objects, key generation. Unlike a real card it does not ask
 * for the management key before it is written to. See card/reader.h for how it
 * is run, provision.h for what is on it.
 */

#include <string.h>

#include <openssl/rsa.h>

#include "fake/card/keys.h"
#include "fake/card/pin.h"
#include "fake/card/reader.h"
#include "fake/card/store.h"
#include "provision.h"

enum {
	INS_VERIFY = 0x20,
	INS_CHANGE = 0x24,
	INS_RESET_RETRY = 0x2c,
	INS_GENERATE = 0x47,
	INS_AUTHENTICATE = 0x87,
	INS_SELECT = 0xa4,
	INS_GET_DATA = 0xcb,
	INS_PUT_DATA = 0xdb,
};

#define PIN_REFERENCE 0x80
#define PIV_PIN_SIZE 8

static const uint8_t application[9] = {
    0xa0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00};

static bool selected, verified;
static bool just_verified; /* no key was used since */

static void
power(void)
{
	selected = verified = just_verified = false;
}

static void
start(bool is_new)
{
	if (!is_new)
		return;
	provision_new_card();
	pin_set(PIN_USER, (struct bytes){(const uint8_t *)"123456\xff\xff", 8});
	pin_set(PIN_UNBLOCK, (struct bytes){(const uint8_t *)"12345678", 8});
}

/* SP 800-73-4 part 2, 3.1.1 */
static unsigned
do_select(const struct apdu *apdu, struct buffer *response)
{
	static const uint8_t template[] = {0x61, 0x11, 0x4f, 0x06, 0x00, 0x00,
	    0x10, 0x00, 0x01, 0x00, 0x79, 0x07, 0x4f, 0x05, 0xa0, 0x00, 0x00,
	    0x03, 0x08};

	if (apdu->p1 != 0x04 || apdu->data.size < sizeof(application) ||
	    memcmp(apdu->data.data, application, sizeof(application)) != 0)
		return SW_NOT_FOUND;
	selected = true;
	buffer_put(response, template, sizeof(template));
	return SW_OK;
}

/* Takes `5C length tag` off the front. */
static bool
take_object_tag(struct bytes *data, unsigned *tag)
{
	struct tlv list;

	if (!tlv_next(data, &list) || list.tag != 0x5c ||
	    list.value.size > sizeof(*tag))
		return false;
	*tag = 0;
	for (size_t i = 0; i < list.value.size; i++)
		*tag = *tag << 8 | list.value.data[i];
	return true;
}

/* 3.1.2. The discovery object (7E) says that only the application PIN counts.
 */
static unsigned
do_get_data(const struct apdu *apdu, struct buffer *response)
{
	static const uint8_t discovery[] = {0x7e, 0x12, 0x4f, 0x0b, 0xa0, 0x00,
	    0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00, 0x5f, 0x2f,
	    0x02, 0x40, 0x00};
	struct bytes data = apdu->data, value;
	unsigned tag;

	if (!take_object_tag(&data, &tag))
		return SW_WRONG_DATA;
	if (tag == 0x7e)
		value = (struct bytes){discovery, sizeof(discovery)};
	else if (!store_get(PIV_OBJECTS, tag, &value))
		return SW_NOT_FOUND;
	buffer_put(response, value.data, value.size);
	return SW_OK;
}

/* 3.3.2. An empty 53 deletes. */
static unsigned
do_put_data(const struct apdu *apdu)
{
	struct bytes data = apdu->data;
	unsigned tag;

	if (!take_object_tag(&data, &tag))
		return SW_WRONG_DATA;
	if (data.size <= 2)
		store_delete(PIV_OBJECTS, tag);
	else
		store_put(PIV_OBJECTS, tag, data);
	return SW_OK;
}

/* 3.2.1 */
static unsigned
do_verify(const struct apdu *apdu)
{
	unsigned status;

	if (apdu->p2 != PIN_REFERENCE)
		return SW_NO_REFERENCE;
	if (apdu->p1 == 0xff) {
		verified = just_verified = false;
		return SW_OK;
	}
	if (apdu->data.size == 0)
		return verified ? SW_OK : pin_status(PIN_USER);
	if (apdu->data.size != PIV_PIN_SIZE)
		return SW_WRONG_LENGTH;
	status = pin_check(PIN_USER, apdu->data);
	verified = just_verified = status == SW_OK;
	return status;
}

/* 3.2.2 and 3.2.3: the old PIN or the PUK, then the new PIN. */
static unsigned
do_change(const struct apdu *apdu, unsigned proof)
{
	const struct bytes old = {apdu->data.data, PIV_PIN_SIZE};
	unsigned status;

	if (apdu->p2 != PIN_REFERENCE)
		return SW_NO_REFERENCE;
	if (apdu->data.size != 2 * PIV_PIN_SIZE)
		return SW_WRONG_LENGTH;
	if ((status = pin_check(proof, old)) == SW_OK)
		pin_set(PIN_USER,
		    (struct bytes){
			apdu->data.data + PIV_PIN_SIZE, PIV_PIN_SIZE});
	return status;
}

/* SP 800-78-4, table 6-2 */
static const char *
algorithm_name(unsigned algorithm)
{
	switch (algorithm) {
	case 0x05:
		return "rsa3072";
	case 0x07:
		return "rsa2048";
	case 0x11:
		return "P-256";
	case 0x14:
		return "P-384";
	default:
		return NULL;
	}
}

/* 3.3.3: AC { 80 algorithm } */
static unsigned
do_generate(const struct apdu *apdu, struct buffer *response)
{
	struct bytes template, algorithm;
	const char *name;
	EVP_PKEY *key;

	if (!tlv_find(apdu->data, 0xac, &template) ||
	    !tlv_find(template, 0x80, &algorithm) || algorithm.size != 1 ||
	    (name = algorithm_name(algorithm.data[0])) == NULL ||
	    (key = keys_generate(name)) == NULL)
		return SW_WRONG_DATA;
	keys_put(apdu->p2, key);
	keys_put_public(response, key);
	buffer_wrap(response, 0x7f49);
	EVP_PKEY_free(key);
	return SW_OK;
}

static bool
use_key(EVP_PKEY *key, struct bytes template, struct buffer *output)
{
	struct bytes challenge, point;

	/* The host pads: one operation serves signing and decryption. */
	if (tlv_find(template, 0x81, &challenge))
		return EVP_PKEY_is_a(key, "RSA")
		    ? keys_rsa(key, false, RSA_NO_PADDING, challenge, output)
		    : keys_ecdsa(key, challenge, output);
	return tlv_find(template, 0x85, &point) && !EVP_PKEY_is_a(key, "RSA") &&
	    keys_ecdh(key, point, output);
}

/* SP 800-73-4 part 1, table 4b */
static bool
is_allowed(unsigned reference)
{
	if (reference == 0x9e)
		return true;
	if (reference == 0x9c)
		return verified && just_verified;
	return verified;
}

/* 3.2.4: 7C { 82 empty, 81 challenge or 85 point } */
static unsigned
do_authenticate(const struct apdu *apdu, struct buffer *response)
{
	struct bytes template;
	EVP_PKEY *key;
	bool ok;

	if (!tlv_find(apdu->data, 0x7c, &template))
		return SW_WRONG_DATA;
	ok = is_allowed(apdu->p2);
	just_verified = false;
	if (!ok)
		return SW_SECURITY;
	if ((key = keys_get(apdu->p2)) == NULL)
		return SW_NO_REFERENCE;
	ok = use_key(key, template, response);
	EVP_PKEY_free(key);
	buffer_wrap(response, 0x82);
	buffer_wrap(response, 0x7c);
	return ok ? SW_OK : SW_WRONG_DATA;
}

static unsigned
command(const struct apdu *apdu, struct buffer *response)
{
	if (apdu->ins == INS_SELECT)
		return do_select(apdu, response);
	if (!selected)
		return SW_CONDITIONS;
	switch (apdu->ins) {
	case INS_GET_DATA:
		return do_get_data(apdu, response);
	case INS_PUT_DATA:
		return do_put_data(apdu);
	case INS_VERIFY:
		return do_verify(apdu);
	case INS_CHANGE:
		return do_change(apdu, PIN_USER);
	case INS_RESET_RETRY:
		return do_change(apdu, PIN_UNBLOCK);
	case INS_GENERATE:
		return do_generate(apdu, response);
	case INS_AUTHENTICATE:
		return do_authenticate(apdu, response);
	default:
		return SW_UNKNOWN_INS;
	}
}

/* The last part of a chain, which is when the card works. */
static bool
is_operation(const uint8_t *raw, size_t size)
{
	return size >= 4 && raw[1] == INS_AUTHENTICATE && !(raw[0] & 0x10);
}

static int
tries_left(void)
{
	return (int)pin_tries(PIN_USER);
}

static void
reset_tries(void)
{
	pin_reset_tries(PIN_USER);
}

static const struct card pivcard = {
    .name = "pivcard",
    .atr_name = "PIV-LAB1",
    .start = start,
    .power = power,
    .command = command,
    .is_operation = is_operation,
    .tries_left = tries_left,
    .reset_tries = reset_tries,
};

int
main(int argc, char **argv)
{
	return reader_run(&pivcard, argc, argv);
}
