/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Signature checks, each done once.
 *
 * An engine remembers that "this key's signature over these bytes holds", by
 * SHA-256 over the issuer's SubjectPublicKeyInfo and the whole signed DER: a
 * fact that no later change of a TrustList can make false. It remembers
 * nothing about trust, validity or revocation. Its memory is fixed; readers
 * take no lock.
 */
#ifndef CLV_TRUST_SIGNATURE_H
#define CLV_TRUST_SIGNATURE_H

#include "trust/certificate.h"
#include "trust/crl.h"

struct clv_trust_engine;

clv_status clv_trust_engine_new(struct clv_trust_engine **out, clv_error **err);
struct clv_trust_engine *clv_trust_engine_ref(struct clv_trust_engine *engine);
void clv_trust_engine_unref(struct clv_trust_engine *engine); /* NULL is fine */

/* Forgets every remembered verdict: for measurements. */
void clv_trust_engine_forget(struct clv_trust_engine *engine);

/*
 * Whether `issuer`'s key made the signature of the certificate or CRL. False
 * also if it can't be checked: unknown algorithm, unusable key, no memory.
 * `checks` counts down the public-key operations that may still be done;
 * at 0 the answer is false. NULL: as many as it takes.
 */
bool clv_trust_engine_check_cert(struct clv_trust_engine *engine,
    struct clv_trust_cert *issuer, struct clv_trust_cert *cert,
    unsigned *checks);
bool clv_trust_engine_check_crl(struct clv_trust_engine *engine,
    struct clv_trust_cert *issuer, struct clv_trust_crl *crl, unsigned *checks);

/* SHA-1 of a DER: the thumbprint. */
bool clv_trust_engine_thumbprint(struct clv_trust_engine *engine,
    const void *der, size_t size, uint8_t thumbprint[CLV_THUMBPRINT_SIZE]);

/* Frees a certificate's lazily made key. For certificate.c alone. */
void clv_trust_key_free(struct clv_trust_key *key);

#endif
