/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "fuzz_verify_world.h"

#include "trust/der.h"

#include <stdlib.h>
#include <string.h>

#define SIGNATURE_SIZE 64

static const uint8_t seed[32] = "the key of a CA for fuzzing only";

static const uint8_t algorithm[] = {0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70};

/* SEQUENCE with a length of two octets, so that the size is known. */
static uint8_t *
put_header(uint8_t *at, size_t contents)
{
	*at++ = 0x30;
	*at++ = 0x83;
	*at++ = (uint8_t)(contents >> 16);
	*at++ = (uint8_t)(contents >> 8);
	*at++ = (uint8_t)contents;
	return at;
}

static size_t
header_size(size_t contents)
{
	return contents < 0x80   ? 2
	    : contents < 0x100   ? 3
	    : contents < 0x10000 ? 4
				 : 5;
}

/* The header of any size, in DER. */
static uint8_t *
put_shortest(uint8_t *at, size_t contents)
{
	uint8_t longest[5];
	const size_t size = header_size(contents);

	(void)put_header(longest, contents);
	*at++ = 0x30;
	if (size == 2)
		*at++ = (uint8_t)contents;
	else {
		*at++ = (uint8_t)(0x80U | (size - 2));
		for (size_t i = 2; i < size; i++)
			*at++ = longest[5 - size + i];
	}
	return at;
}

static uint8_t *
seal(const uint8_t *tbs, size_t tbs_size, size_t *size)
{
	const size_t contents =
	    tbs_size + sizeof(algorithm) + 3 + SIGNATURE_SIZE;
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	size_t signature_size = SIGNATURE_SIZE;
	uint8_t *whole = malloc(5 + contents), *at;

	must(whole != NULL && context != NULL);
	at = put_shortest(whole, contents);
	memcpy(at, tbs, tbs_size);
	at += tbs_size;
	memcpy(at, algorithm, sizeof(algorithm));
	at += sizeof(algorithm);
	memcpy(at, "\x03\x41\x00", 3);
	at += 3;
	must(EVP_DigestSignInit(context, NULL, NULL, NULL, world_get()->key) ==
	    1);
	must(EVP_DigestSign(context, at, &signature_size, tbs, tbs_size) == 1);
	EVP_MD_CTX_free(context);
	*size = (size_t)(at - whole) + SIGNATURE_SIZE;
	return whole;
}

uint8_t *
world_sign(const uint8_t *der, size_t size, size_t *signed_size)
{
	struct clv_der in = clv_der_of(der, size), contents, tbs, inside;

	if (!clv_der_read(&in, CLV_DER_SEQUENCE, &contents) ||
	    !clv_der_read_whole(&contents, CLV_DER_SEQUENCE, &tbs, &inside) ||
	    clv_der_size(&tbs) > 0xffff)
		return NULL;
	return seal(tbs.at, clv_der_size(&tbs), signed_size);
}

/* TBSCertificates, but for keys: version, serial, algorithm, issuer "CN=ca",
 * 2030, subject. */
#define TBS_HEAD(serial, subject)                                            \
	"\xa0\x03\x02\x01\x02\x02\x01" serial "\x30\x05\x06\x03\x2b\x65\x70" \
	"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02"               \
	"ca"                                                                 \
	"\x30\x1e\x17\x0d"                                                   \
	"300101000000Z"                                                      \
	"\x17\x0d"                                                           \
	"310101000000Z"                                                      \
	"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c\x02" subject       \
	"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"

/* basicConstraints cA TRUE; keyUsage keyCertSign, cRLSign. */
#define TBS_CA_TAIL                                                        \
	"\xa3\x20\x30\x1e"                                                 \
	"\x30\x0f\x06\x03\x55\x1d\x13\x01\x01\xff\x04\x05\x30\x03\x01\x01" \
	"\xff"                                                             \
	"\x30\x0b\x06\x03\x55\x1d\x0f\x04\x04\x03\x02\x01\x06"

/* keyUsage digitalSignature */
#define TBS_LEAF_TAIL \
	"\xa3\x0f\x30\x0d\x30\x0b\x06\x03\x55\x1d\x0f\x04\x04\x03\x02\x07\x80"

static struct clv_trust_cert *
make_cert(const char *head, size_t head_size, const char *tail,
    size_t tail_size, const char *file)
{
	struct clv_trust_cert *cert = NULL;
	uint8_t tbs[512], key[32], *at = tbs + 3, *whole;
	size_t size = sizeof(key);

	must(EVP_PKEY_get_raw_public_key(world_get()->key, key, &size) == 1);
	memcpy(at, head, head_size);
	at += head_size;
	memcpy(at, key, sizeof(key));
	at += sizeof(key);
	memcpy(at, tail, tail_size);
	at += tail_size;
	size = (size_t)(at - tbs) - 3;
	must(size >= 0x80 && size < 0x100);
	(void)put_shortest(tbs, size);
	whole = seal(tbs, size + 3, &size);
	must(clv_trust_cert_parse(whole, size, file, NULL, &cert, NULL) ==
	    CLV_OK);
	free(whole);
	return cert;
}

struct world *
world_get(void)
{
	static const char ca_head[] = TBS_HEAD("\x01", "ca");
	static const char leaf_head[] = TBS_HEAD("\x05", "xy");
	static struct world world;

	if (world.key != NULL)
		return &world;
	world.key = EVP_PKEY_new_raw_private_key(
	    EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
	must(world.key != NULL);
	must(clv_trust_engine_new(&world.engine, NULL) == CLV_OK);
	world.ca = make_cert(ca_head, sizeof(ca_head) - 1, TBS_CA_TAIL,
	    sizeof(TBS_CA_TAIL) - 1, "ca.der");
	world.leaf = make_cert(leaf_head, sizeof(leaf_head) - 1, TBS_LEAF_TAIL,
	    sizeof(TBS_LEAF_TAIL) - 1, "leaf.der");
	return &world;
}
