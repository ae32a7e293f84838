/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Certificates that a store keeps beside a key. */

#include <claviger/certificate.h>

#include <stdlib.h>
#include <string.h>

#include "keys/key.h"

/* Larger than any chain; a device may claim what it likes. */
#define CHAIN_MAX (1024U * 1024U)

struct chain {
	uint8_t *der;
	size_t size;
};

static clv_status
collect(void *user, const uint8_t *der, size_t size, clv_error **err)
{
	struct chain *chain = user;
	uint8_t *grown;

	if (size > CHAIN_MAX - chain->size)
		return clv_error_raise(err, CLV_TOO_LARGE,
		    &(struct clv_error_info){.operation = "read certificates"},
		    "more than %u bytes", CHAIN_MAX);
	grown = realloc(chain->der, chain->size + size + 1);
	if (grown == NULL)
		return clv_error_raise(err, CLV_NO_MEMORY,
		    &(struct clv_error_info){.operation = "read certificates"},
		    "out of memory");
	memcpy(grown + chain->size, der, size);
	chain->der = grown;
	chain->size += size;
	return CLV_OK;
}

clv_status
clv_key_read_certificates(
    clv_key *key, uint8_t **der, size_t *size, clv_error **err)
{
	struct chain chain = {0};
	clv_status status;

	*der = NULL;
	*size = 0;
	if (key->backend->certificates_read == NULL)
		return clv_store_unsupported(
		    key->store, "read certificates", err);
	status =
	    key->backend->certificates_read(key->handle, collect, &chain, err);
	if (status == CLV_OK && chain.size == 0)
		status = clv_error_raise(err, CLV_NOT_FOUND,
		    &(struct clv_error_info){.operation = "read certificates",
			.subject = clv_key_uri(key)},
		    "none is stored with this key");
	if (status != CLV_OK) {
		free(chain.der);
		return status;
	}
	*der = chain.der;
	*size = chain.size;
	return CLV_OK;
}

/* The size of one DER SEQUENCE at the front; 0 if there is none. */
static size_t
sequence_size(const uint8_t *der, size_t size)
{
	size_t octets;
	size_t length = 0;

	if (size < 2 || der[0] != 0x30)
		return 0;
	if (der[1] < 0x80)
		return (size_t)der[1] + 2 <= size ? (size_t)der[1] + 2 : 0;
	octets = der[1] & 0x7fU;
	if (octets == 0 || octets > 3 || size < 2 + octets)
		return 0;
	for (size_t i = 0; i < octets; i++)
		length = length << 8 | der[2 + i];
	return length <= size - 2 - octets ? length + 2 + octets : 0;
}

static clv_status
check(clv_key *key, const uint8_t *der, size_t size, bool own, clv_error **err)
{
	clv_certificate *certificate = NULL;
	clv_status status = clv_certificate_parse(
	    key->store->context, der, size, &certificate, err);

	if (status == CLV_OK && own &&
	    !clv_certificate_matches(certificate, key))
		status = clv_error_raise(err, CLV_INVALID,
		    &(struct clv_error_info){.operation = "write certificates",
			.subject = clv_key_uri(key)},
		    "the first certificate is for another key");
	clv_certificate_free(&certificate);
	return status;
}

clv_status
clv_key_write_certificates(
    clv_key *key, const uint8_t *der, size_t size, clv_error **err)
{
	const uint8_t *certificates[CLV_CERTIFICATES_MAX];
	size_t sizes[CLV_CERTIFICATES_MAX];
	size_t count = 0;

	if (key->backend->certificates_write == NULL)
		return clv_store_unsupported(
		    key->store, "write certificates", err);
	while (size > 0) {
		const size_t one = sequence_size(der, size);
		clv_status status;

		if (one == 0 || count == CLV_CERTIFICATES_MAX)
			return clv_error_raise(err, CLV_INVALID,
			    &(struct clv_error_info){
				.operation = "write certificates"},
			    "it is not a chain of DER certificates");
		status = check(key, der, one, count == 0, err);
		if (status != CLV_OK)
			return status;
		certificates[count] = der;
		sizes[count++] = one;
		der += one;
		size -= one;
	}
	return key->backend->certificates_write(
	    key->handle, certificates, sizes, count, err);
}
