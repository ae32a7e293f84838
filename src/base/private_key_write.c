/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Private keys back into bytes, always in the same form. */

#include "base/private_key.h"

#include <openssl/evp.h>

#include "base/crypto.h"
#include "base/der.h"

static void
put_rsa(struct clv_der_writer *out, const struct clv_private_key *key)
{
	const size_t mark = clv_der_written(out);

	for (size_t i = CLV_RSA_NUMBERS; i-- > 0;)
		clv_der_put_unsigned(out, key->rsa[i]);
	clv_der_put_small(out, 0);
	clv_der_wrap(out, CLV_DER_SEQUENCE, mark);
}

/* The curve stands in the AlgorithmIdentifier, so not here (RFC 5915, 3). */
static void
put_ec(struct clv_der_writer *out, const struct clv_private_key *key)
{
	const size_t mark = clv_der_written(out);

	clv_der_put(out, key->point);
	clv_der_wrap_bits(out, CLV_DER_BITS, mark);
	clv_der_wrap(out, CLV_DER_EXPLICIT_1, mark);
	clv_der_put_element(out, CLV_DER_OCTETS, key->secret);
	clv_der_put_small(out, 1);
	clv_der_wrap(out, CLV_DER_SEQUENCE, mark);
}

clv_status
clv_private_key_write(
    const struct clv_private_key *key, clv_secret *out, clv_error **err)
{
	const clv_status status = clv_secret_alloc(out, CLV_PKCS8_MAX, err);
	struct clv_der_writer writer;

	if (status != CLV_OK)
		return status;
	clv_der_begin(&writer, out->data, out->capacity);
	if (key->kind->family == CLV_FAMILY_RSA)
		put_rsa(&writer, key);
	else if (key->kind->family == CLV_FAMILY_EC)
		put_ec(&writer, key);
	else
		clv_der_put_element(&writer, CLV_DER_OCTETS, key->secret);
	clv_der_wrap(&writer, CLV_DER_OCTETS, 0);
	clv_der_put_element(&writer, CLV_DER_SEQUENCE, key->kind->identifier);
	clv_der_put_small(&writer, 0);
	clv_der_wrap(&writer, CLV_DER_SEQUENCE, 0);
	if (writer.full) {
		clv_secret_clear(out);
		return clv_error_raise(
		    err, CLV_INTERNAL, NULL, "a private key is too large");
	}
	out->size = clv_der_written(&writer);
	memmove(out->data, writer.at, out->size);
	out->data[out->size] = 0;
	return CLV_OK;
}

size_t
clv_public_key_write(
    const struct clv_private_key *key, uint8_t *out, struct clv_span *bits)
{
	struct clv_der_writer writer;
	size_t content;
	size_t size;

	clv_der_begin(&writer, out, CLV_SPKI_MAX);
	if (key->kind->family == CLV_FAMILY_RSA) {
		clv_der_put_unsigned(&writer, key->rsa[CLV_RSA_E]);
		clv_der_put_unsigned(&writer, key->rsa[CLV_RSA_N]);
		clv_der_wrap(&writer, CLV_DER_SEQUENCE, 0);
	} else {
		clv_der_put(&writer, key->point);
	}
	content = clv_der_written(&writer);
	clv_der_wrap_bits(&writer, CLV_DER_BITS, 0);
	clv_der_put_element(&writer, CLV_DER_SEQUENCE, key->kind->identifier);
	clv_der_wrap(&writer, CLV_DER_SEQUENCE, 0);
	size = clv_der_written(&writer);
	memmove(out, writer.at, size);
	if (bits != NULL)
		*bits = (struct clv_span){out + size - content, content};
	return size;
}

bool
clv_public_key_id(struct clv_span bits, uint8_t id[CLV_KEY_ID_SIZE])
{
	OSSL_LIB_CTX *context = clv_crypto_context();
	EVP_MD *sha1 =
	    context != NULL ? EVP_MD_fetch(context, "SHA1", NULL) : NULL;
	const bool done = sha1 != NULL &&
	    EVP_Digest(bits.data, bits.size, id, NULL, sha1, NULL) == 1;

	EVP_MD_free(sha1);
	return done;
}
