/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * A card with the IsoApplet's command set (version 0.6), for OpenSC's driver
 * isoApplet: pkcs15-init formats it, then keys are made on the card or brought
 * to it, certificates written, objects deleted. The card pads and hashes by
 * itself: RSA PKCS#1 v1.5 only, no raw RSA, PSS or OAEP; ECDSA with SHA-1. See
 * card/reader.h for how it is run.
 */

#include <string.h>

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>

#include "fake/card/keys.h"
#include "fake/card/pin.h"
#include "fake/card/reader.h"
#include "fake/card/store.h"
#include "files.h"
#include "import.h"

enum {
	INS_ERASE = 0x0e,
	INS_VERIFY = 0x20,
	INS_MANAGE_ENVIRONMENT = 0x22,
	INS_CHANGE = 0x24,
	INS_OPERATION = 0x2a,
	INS_RESET_RETRY = 0x2c,
	INS_GENERATE = 0x46,
	INS_RANDOM = 0x84,
	INS_SELECT = 0xa4,
	INS_READ = 0xb0,
	INS_UPDATE = 0xd0,
	INS_UPDATE_BINARY = 0xd6,
	INS_PUT_KEY = 0xdb,
	INS_CREATE = 0xe0,
	INS_DELETE = 0xe4,
};

#define PIN_REFERENCE 1
#define PUK_REFERENCE 2
#define KEYS_MAX 16

static const uint8_t application[] = {
    0xf2, 0x76, 0xa2, 0x88, 0xbc, 0xfb, 0xa6, 0x9d, 0x34, 0xf3, 0x10, 0x01};

static bool selected, verified;
static unsigned key_number; /* of the security environment */

static void
power(void)
{
	selected = verified = false;
	key_number = KEYS_MAX;
	files_power();
}

static unsigned
do_select(const struct apdu *apdu, struct buffer *response)
{
	/* Version 0.6 with extended length, random numbers, EC: no more. */
	static const uint8_t version[] = {0x00, 0x06, 0x06};

	if (apdu->p1 == 0x04 && apdu->data.size == sizeof(application) &&
	    memcmp(apdu->data.data, application, sizeof(application)) == 0) {
		selected = true;
		files_power();
		buffer_put(response, version, sizeof(version));
		return SW_OK;
	}
	return selected ? files_select(apdu, response) : SW_NOT_FOUND;
}

static unsigned
do_verify(const struct apdu *apdu)
{
	unsigned status;

	if (apdu->p2 != PIN_REFERENCE)
		return SW_NO_REFERENCE;
	if (apdu->data.size == 0)
		return verified ? SW_OK : pin_status(PIN_USER);
	status = pin_check(PIN_USER, apdu->data);
	verified = status == SW_OK;
	return status;
}

/* P1 01: set for the first time, the PUK before the PIN. */
static unsigned
do_set_pin(const struct apdu *apdu)
{
	if (apdu->data.size > PIN_SIZE)
		return SW_WRONG_LENGTH;
	if (pin_exists(PIN_USER))
		return SW_SECURITY;
	if (apdu->p2 == PUK_REFERENCE) {
		pin_set(PIN_UNBLOCK, apdu->data);
	} else {
		pin_set(PIN_USER, apdu->data);
		verified = true;
	}
	return SW_OK;
}

/* The old PIN or the PUK, then the new PIN. */
static unsigned
do_change(const struct apdu *apdu, unsigned proof)
{
	const struct bytes old = {apdu->data.data, PIN_SIZE};
	unsigned status;

	if (apdu->data.size != 2 * PIN_SIZE)
		return SW_WRONG_LENGTH;
	if ((status = pin_check(proof, old)) == SW_OK)
		pin_set(PIN_USER,
		    (struct bytes){apdu->data.data + PIN_SIZE, PIN_SIZE});
	return status;
}

/* Tag 84: the key that the next commands mean. */
static unsigned
do_manage_environment(const struct apdu *apdu)
{
	struct bytes reference;

	if (tlv_find(apdu->data, 0x84, &reference) && reference.size == 1)
		key_number = reference.data[0];
	return SW_OK;
}

static bool
may_change_keys(unsigned *status)
{
	*status = SW_OK;
	if (pin_exists(PIN_USER) && !verified)
		*status = SW_SECURITY;
	else if (key_number >= KEYS_MAX)
		*status = SW_NO_REFERENCE;
	return *status == SW_OK;
}

/* No data: RSA-2048. Else the curve's parameters, which are sent back. */
static unsigned
do_generate(const struct apdu *apdu, struct buffer *response)
{
	const char *name = "rsa2048";
	unsigned status;
	EVP_PKEY *key;

	if (!may_change_keys(&status))
		return status;
	if (apdu->data.size > 0 && (name = import_curve(apdu->data)) == NULL)
		return SW_NOT_SUPPORTED;
	if ((key = keys_generate(name)) == NULL)
		return SW_NOT_SUPPORTED;
	keys_put(key_number, key);
	buffer_put(response, apdu->data.data, apdu->data.size);
	keys_put_public(response, key);
	buffer_wrap(response, 0x7f49);
	EVP_PKEY_free(key);
	return SW_OK;
}

static unsigned
do_put_key(const struct apdu *apdu)
{
	unsigned status;
	EVP_PKEY *key;

	if (!may_change_keys(&status))
		return status;
	if ((key = import_key(apdu->data)) == NULL)
		return SW_NOT_SUPPORTED;
	keys_put(key_number, key);
	EVP_PKEY_free(key);
	return SW_OK;
}

static bool
sign(EVP_PKEY *key, struct bytes data, struct buffer *response)
{
	uint8_t hash[20];
	size_t size;

	if (EVP_PKEY_is_a(key, "RSA"))
		return keys_rsa(key, true, RSA_PKCS1_PADDING, data, response);
	return EVP_Q_digest(
		   NULL, "SHA1", NULL, data.data, data.size, hash, &size) &&
	    keys_ecdsa(key, (struct bytes){hash, size}, response);
}

/* PERFORM SECURITY OPERATION: 9E9A signs, 8086 deciphers. */
static unsigned
do_operation(const struct apdu *apdu, struct buffer *response)
{
	const unsigned what = (unsigned)apdu->p1 << 8 | apdu->p2;
	struct bytes data = apdu->data;
	bool ok = false;
	EVP_PKEY *key;

	if (!verified)
		return SW_SECURITY;
	if ((key = keys_get(key_number)) == NULL)
		return SW_NO_REFERENCE;
	if (what == 0x9e9a) {
		ok = sign(key, data, response);
	} else if (what == 0x8086 && data.size > 1 &&
	    EVP_PKEY_is_a(key, "RSA")) {
		/* Behind the padding indicator. */
		data = (struct bytes){data.data + 1, data.size - 1};
		ok = keys_rsa(key, false, RSA_PKCS1_PADDING, data, response);
	}
	EVP_PKEY_free(key);
	return ok ? SW_OK : SW_WRONG_DATA;
}

static unsigned
do_random(const struct apdu *apdu, struct buffer *response)
{
	uint8_t bytes[256];
	const size_t size = apdu->le > 0 ? apdu->le : sizeof(bytes);

	if (size > sizeof(bytes) || RAND_bytes(bytes, (int)size) != 1)
		return SW_WRONG_LENGTH;
	buffer_put(response, bytes, size);
	return SW_OK;
}

static unsigned
file_command(const struct apdu *apdu, struct buffer *response)
{
	switch (apdu->ins) {
	case INS_CREATE:
		return files_create(apdu, verified);
	case INS_DELETE:
		return files_delete(apdu, verified);
	case INS_READ:
		return files_read(apdu, verified, response);
	case INS_UPDATE:
	case INS_UPDATE_BINARY:
		return files_update(apdu, verified);
	case INS_ERASE:
		return files_erase(verified);
	default:
		return SW_UNKNOWN_INS;
	}
}

static unsigned
command(const struct apdu *apdu, struct buffer *response)
{
	if (apdu->ins == INS_SELECT)
		return do_select(apdu, response);
	if (!selected)
		return SW_CONDITIONS;
	switch (apdu->ins) {
	case INS_VERIFY:
		return do_verify(apdu);
	case INS_CHANGE:
		return apdu->p1 == 0x01 ? do_set_pin(apdu)
					: do_change(apdu, PIN_USER);
	case INS_RESET_RETRY:
		return do_change(apdu, PIN_UNBLOCK);
	case INS_MANAGE_ENVIRONMENT:
		return do_manage_environment(apdu);
	case INS_GENERATE:
		return do_generate(apdu, response);
	case INS_PUT_KEY:
		return do_put_key(apdu);
	case INS_OPERATION:
		return do_operation(apdu, response);
	case INS_RANDOM:
		return do_random(apdu, response);
	default:
		return file_command(apdu, response);
	}
}

static bool
is_operation(const uint8_t *raw, size_t size)
{
	return size >= 4 && raw[1] == INS_OPERATION && !(raw[0] & 0x10);
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

static const struct card isocard = {
    .name = "isocard",
    .atr_name = "ISO-LAB1",
    .start = files_start,
    .power = power,
    .command = command,
    .is_operation = is_operation,
    .tries_left = tries_left,
    .reset_tries = reset_tries,
};

int
main(int argc, char **argv)
{
	return reader_run(&isocard, argc, argv);
}
