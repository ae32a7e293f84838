/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/**
 * Keys as OpenSSL's EVP_PKEY: the only header with OpenSSL's types.
 */
#ifndef CLAVIGER_OPENSSL_H
#define CLAVIGER_OPENSSL_H

#include <claviger/key.h>

#include <openssl/types.h>

struct ossl_core_handle_st; /* OSSL_CORE_HANDLE of <openssl/core.h> */

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Gives an EVP_PKEY whose private operations are done by `key`, wherever it
 * lives. It can be used as any other with EVP_DigestSign, EVP_PKEY_sign,
 * EVP_PKEY_decrypt, X509_sign, X509_REQ_sign, CMS_sign and
 * SSL_CTX_use_PrivateKey (TLS 1.2 and 1.3), in any library context; private
 * parts can't be exported from it. Where a caller adds a property query that
 * no other provider than OpenSSL's own can answer, such as "provider=default",
 * the key can't answer it either.
 *
 * The EVP_PKEY holds a reference to `key` until EVP_PKEY_free(). It comes
 * from a provider inside this library, in a library context of its own:
 * openssl.cnf, environment and global state play no part. That context is made
 * at the first call and kept until the process ends. Several calls give
 * several EVP_PKEYs. Any thread.
 *
 * An operation that fails puts one entry on OpenSSL's error queue, whose data
 * is clv_error_message(); the remedy goes to the context's log.
 *
 * @return CLV_INTERNAL with OpenSSL's code
 */
CLV_API clv_status clv_key_evp(clv_key *key, EVP_PKEY **out, clv_error **err);

/**
 * The provider for a program's own library context, where OSSL_STORE opens
 * "claviger:KEY-URI" with it. The module claviger.so, which openssl.cnf and
 * `openssl -provider claviger` load, is no more than this; a program that is
 * linked with this library needs no module:
 *
 *     OSSL_PROVIDER_add_builtin(libctx, "claviger", clv_provider_init);
 *     OSSL_PROVIDER_load(libctx, "claviger");
 *
 * Programs that open nothing but PEM files (nginx, curl) are given one that
 * says where the key is (`claviger key show --reference`), and a configuration
 * that activates the provider:
 *
 *     -----BEGIN CLAVIGER KEY URI-----
 *     base64 of "claviger:KEY-URI"
 *     -----END CLAVIGER KEY URI-----
 *
 * An OSSL_provider_init_fn: see provider(7ossl). OpenSSL's default provider
 * has to be loaded as well. PINs and passwords come from the sources that
 * the parameter "secret-source" of the provider's section in openssl.cnf
 * lists (see ask.h), then from the passphrase callback of OSSL_STORE.
 */
CLV_API int clv_provider_init(const struct ossl_core_handle_st *handle,
    const OSSL_DISPATCH *in, const OSSL_DISPATCH **out, void **context);

#ifdef __cplusplus
}
#endif

#endif
