/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "keys/provider/digest.h"

#include <string.h>
#include <strings.h>

#include <openssl/obj_mac.h>

#include "keys/key.h"

/* SEQUENCE { SEQUENCE { OID, NULL }, OCTET STRING } up to the digest. */
#define INFO_SHA1 "\x30\x21\x30\x09\x06\x05\x2b\x0e\x03\x02\x1a\x05\x00\x04\x14"
#define INFO_SHA2(total, last, digest)                                       \
	"\x30" total "\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02" last \
	"\x05\x00\x04" digest

static const struct digest {
	const char *names[5]; /* the first one is the one to answer with */
	int nid;
	const char *info;
	size_t info_size;
} digests[] = {
    [CLV_HASH_SHA1] = {{"SHA1", "SHA-1", "SSL3-SHA1", "1.3.14.3.2.26"},
	NID_sha1, INFO_SHA1, sizeof(INFO_SHA1) - 1},
    [CLV_HASH_SHA256] = {{"SHA256", "SHA2-256", "SHA-256",
			     "2.16.840.1.101.3.4.2.1"},
	NID_sha256, INFO_SHA2("\x31", "\x01", "\x20"),
	sizeof(INFO_SHA2("\x31", "\x01", "\x20")) - 1},
    [CLV_HASH_SHA384] = {{"SHA384", "SHA2-384", "SHA-384",
			     "2.16.840.1.101.3.4.2.2"},
	NID_sha384, INFO_SHA2("\x41", "\x02", "\x30"),
	sizeof(INFO_SHA2("\x41", "\x02", "\x30")) - 1},
    [CLV_HASH_SHA512] = {{"SHA512", "SHA2-512", "SHA-512",
			     "2.16.840.1.101.3.4.2.3"},
	NID_sha512, INFO_SHA2("\x51", "\x03", "\x40"),
	sizeof(INFO_SHA2("\x51", "\x03", "\x40")) - 1},
};

clv_hash
clv_digest_by_name(const char *name)
{
	for (int hash = CLV_HASH_SHA1; hash <= CLV_HASH_SHA512; hash++)
		for (int i = 0; digests[hash].names[i] != NULL; i++)
			if (strcasecmp(name, digests[hash].names[i]) == 0)
				return (clv_hash)hash;
	return CLV_HASH_NONE;
}

clv_hash
clv_digest_by_size(size_t size)
{
	for (int hash = CLV_HASH_SHA1; hash <= CLV_HASH_SHA512; hash++)
		if (clv_hash_size((clv_hash)hash) == size)
			return (clv_hash)hash;
	return CLV_HASH_NONE;
}

const char *
clv_digest_name(clv_hash hash)
{
	return hash != CLV_HASH_NONE ? digests[hash].names[0] : "";
}

int
clv_digest_nid(clv_hash hash)
{
	return hash != CLV_HASH_NONE ? digests[hash].nid : NID_undef;
}

const EVP_MD *
clv_digest_of(const clv_key *key, clv_hash hash)
{
	return key->store->context->digests[hash];
}

const uint8_t *
clv_digest_info_open(const uint8_t *info, size_t size, clv_hash *hash)
{
	for (int i = CLV_HASH_SHA1; i <= CLV_HASH_SHA512; i++) {
		const struct digest *digest = &digests[i];

		if (size != digest->info_size + clv_hash_size((clv_hash)i) ||
		    memcmp(info, digest->info, digest->info_size) != 0)
			continue;
		*hash = (clv_hash)i;
		return info + digest->info_size;
	}
	return NULL;
}
