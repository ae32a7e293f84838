/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "keys/provider/digest.h"

#include <string.h>
#include <strings.h>

#include <openssl/obj_mac.h>

#include "base/digest_info.h"
#include "keys/key.h"

static const struct digest {
	const char *names[5]; /* the first one is the one to answer with */
	int nid;
} digests[] = {
    [CLV_HASH_SHA1] = {{"SHA1", "SHA-1", "SSL3-SHA1", "1.3.14.3.2.26"},
	NID_sha1},
    [CLV_HASH_SHA256] = {{"SHA256", "SHA2-256", "SHA-256",
			     "2.16.840.1.101.3.4.2.1"},
	NID_sha256},
    [CLV_HASH_SHA384] = {{"SHA384", "SHA2-384", "SHA-384",
			     "2.16.840.1.101.3.4.2.2"},
	NID_sha384},
    [CLV_HASH_SHA512] = {{"SHA512", "SHA2-512", "SHA-512",
			     "2.16.840.1.101.3.4.2.3"},
	NID_sha512},
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
		size_t prefix_size;
		const uint8_t *prefix =
		    clv_digest_info_prefix((clv_hash)i, &prefix_size);

		if (size != prefix_size + clv_hash_size((clv_hash)i) ||
		    memcmp(info, prefix, prefix_size) != 0)
			continue;
		*hash = (clv_hash)i;
		return info + prefix_size;
	}
	return NULL;
}
