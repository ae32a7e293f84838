/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "provision.h"

#include <openssl/rand.h>
#include <openssl/x509.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake/card/keys.h"
#include "fake/card/store.h"

static const struct slot {
	unsigned reference, certificate_tag;
	const char *variable, *algorithm, *name;
} slots[] = {
    {0x9a, 0x5fc105, "PIVCARD_9A", "P-256", "PIV authentication"},
    {0x9c, 0x5fc10a, "PIVCARD_9C", "rsa2048", "PIV digital signature"},
    {0x9d, 0x5fc10b, "PIVCARD_9D", "rsa2048", "PIV key management"},
    {0x9e, 0x5fc101, "PIVCARD_9E", "P-256", "PIV card authentication"},
};

static _Noreturn void
give_up(const char *what)
{
	fprintf(stderr, "pivcard: can't make %s\n", what);
	exit(1);
}

/* SP 800-73-4 part 1, 3.1.2. The number of the agency is 9999, which says that
 * the card is known by its GUID. */
static void
put_holder_identifier(void)
{
	static const uint8_t number[25] = {0xd4, 0xe7, 0x39, 0xda, 0x73, 0x9c,
	    0xed, 0x39, 0xce, 0x73, 0x9d, 0x83, 0x68, 0x58, 0x21, 0x08, 0x42,
	    0x10, 0x84, 0x21, 0xc8, 0x42, 0x10, 0xc3, 0xeb};
	struct buffer object = {.size = 0};
	uint8_t guid[16];

	if (RAND_bytes(guid, sizeof(guid)) != 1)
		give_up("a number");
	buffer_put_tlv(&object, 0x30, number, sizeof(number));
	buffer_put_tlv(&object, 0x34, guid, sizeof(guid));
	buffer_put_tlv(&object, 0x35, "20991231", 8);
	buffer_put_tlv(&object, 0x3e, NULL, 0);
	buffer_put_tlv(&object, 0xfe, NULL, 0);
	buffer_wrap(&object, 0x53);
	store_put(PIV_OBJECTS, 0x5fc102, buffer_bytes(&object));
}

static X509 *
make_certificate(EVP_PKEY *key, const struct slot *slot)
{
	X509 *certificate = X509_new();
	X509_NAME *name;

	if (certificate == NULL ||
	    (name = X509_get_subject_name(certificate)) == NULL ||
	    !X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
		(const unsigned char *)slot->name, -1, -1, 0) ||
	    !X509_set_issuer_name(certificate, name) ||
	    !X509_set_version(certificate, X509_VERSION_3) ||
	    !ASN1_INTEGER_set(
		X509_get_serialNumber(certificate), (long)slot->reference) ||
	    !X509_gmtime_adj(X509_getm_notBefore(certificate), -3600) ||
	    !X509_gmtime_adj(X509_getm_notAfter(certificate), 86400 * 365) ||
	    !X509_set_pubkey(certificate, key) ||
	    !X509_sign(certificate, key, EVP_sha256()))
		give_up("a certificate");
	return certificate;
}

/* SP 800-73-4 part 1, appendix A: certificate, not compressed, no check. */
static void
put_certificate(EVP_PKEY *key, const struct slot *slot)
{
	X509 *certificate = make_certificate(key, slot);
	struct buffer object = {.size = 0};
	unsigned char *der = NULL;
	const int size = i2d_X509(certificate, &der);

	if (size <= 0)
		give_up("a certificate");
	buffer_put_tlv(&object, 0x70, der, (size_t)size);
	buffer_put_tlv(&object, 0x71, "", 1);
	buffer_put_tlv(&object, 0xfe, NULL, 0);
	buffer_wrap(&object, 0x53);
	store_put(PIV_OBJECTS, slot->certificate_tag, buffer_bytes(&object));
	OPENSSL_free(der);
	X509_free(certificate);
}

void
provision_new_card(void)
{
	store_begin();
	put_holder_identifier();
	for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++) {
		const char *wanted = getenv(slots[i].variable);
		EVP_PKEY *key =
		    keys_generate(wanted != NULL ? wanted : slots[i].algorithm);

		if (key == NULL)
			give_up("a key");
		keys_put(slots[i].reference, key);
		put_certificate(key, &slots[i]);
		EVP_PKEY_free(key);
	}
	store_end();
}
