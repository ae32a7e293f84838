/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/signature.h"

#include "trust/public_key.h"
#include "trust/signature_kind.h"

#include <stdlib.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>

#define KEY_DIGEST 32U /* SHA-256 */

/* Remembered verdicts: 8192 of 32 bytes. A new one takes the place of an old
 * one; a lost one costs a signature check. */
#define VERDICTS 8192U

#define SIGNATURE_KINDS (CLV_SIGNATURE_ED448 + 1U)

/*
 * SHA-256 over issuer key and certificate, in words that are written and read
 * one by one. A mixture of two entries, which a reader may see while one is
 * being replaced, equals a third digest only if SHA-256 is broken.
 */
struct verdict {
	_Atomic(uint64_t) words[KEY_DIGEST / sizeof(uint64_t)];
};

struct clv_trust_engine {
	atomic_size_t references;
	EVP_MD *hashes[CLV_HASH_SHA512 + 1];
	struct verdict verdicts[VERDICTS];
};

/* What a certificate that issues keeps: made once, then shared. */
struct clv_trust_key {
	EVP_PKEY *pkey;
	uint8_t digest[KEY_DIGEST]; /* of the SubjectPublicKeyInfo */
	/* Ready for verification; copied for each, since that is cheaper than
	 * setting one up. */
	_Atomic(EVP_PKEY_CTX *) ready[SIGNATURE_KINDS];
	/* The digest of the key that this certificate's own signature was
	 * found to hold with: 0 unknown, 1 being written, 2 written. */
	_Atomic(uint8_t) own_state;
	uint8_t own_signer[KEY_DIGEST];
};

clv_status
clv_trust_engine_new(struct clv_trust_engine **out, clv_error **err)
{
	struct clv_trust_engine *engine = calloc(1, sizeof(*engine));

	*out = NULL;
	if (engine == NULL)
		return clv_error_raise(
		    err, CLV_NO_MEMORY, NULL, "out of memory");
	atomic_init(&engine->references, 1);
	for (unsigned hash = CLV_HASH_SHA1; hash <= CLV_HASH_SHA512; hash++) {
		engine->hashes[hash] =
		    EVP_MD_fetch(NULL, clv_hash_name((clv_hash)hash), NULL);

		if (engine->hashes[hash] == NULL) {
			clv_trust_engine_unref(engine);
			return clv_error_raise(err, CLV_CRYPTO, NULL,
			    "OpenSSL does not offer %s",
			    clv_hash_name((clv_hash)hash));
		}
	}
	*out = engine;
	return CLV_OK;
}

struct clv_trust_engine *
clv_trust_engine_ref(struct clv_trust_engine *engine)
{
	atomic_fetch_add_explicit(&engine->references, 1, memory_order_relaxed);
	return engine;
}

void
clv_trust_engine_unref(struct clv_trust_engine *engine)
{
	if (engine == NULL ||
	    atomic_fetch_sub_explicit(
		&engine->references, 1, memory_order_acq_rel) != 1)
		return;
	for (unsigned hash = 0; hash <= CLV_HASH_SHA512; hash++)
		EVP_MD_free(engine->hashes[hash]);
	free(engine);
}

void
clv_trust_engine_forget(struct clv_trust_engine *engine)
{
	for (size_t i = 0; i < VERDICTS; i++)
		for (size_t word = 0; word < 4; word++)
			atomic_store_explicit(&engine->verdicts[i].words[word],
			    0, memory_order_relaxed);
}

bool
clv_trust_engine_thumbprint(struct clv_trust_engine *engine, const void *der,
    size_t size, uint8_t thumbprint[CLV_THUMBPRINT_SIZE])
{
	const EVP_MD *sha1 = engine->hashes[CLV_HASH_SHA1];

	return sha1 != NULL &&
	    EVP_Digest(der, size, thumbprint, NULL, sha1, NULL) == 1;
}

/*
 * Keys
 */

void
clv_trust_key_free(struct clv_trust_key *key)
{
	if (key == NULL)
		return;
	for (size_t kind = 0; kind < SIGNATURE_KINDS; kind++)
		EVP_PKEY_CTX_free(atomic_load(&key->ready[kind]));
	EVP_PKEY_free(key->pkey);
	free(key);
}

static bool
digest_key(struct clv_trust_engine *engine, const struct clv_trust_cert *cert,
    uint8_t digest[KEY_DIGEST])
{
	return EVP_Digest(cert->der + cert->spki.at, cert->spki.size, digest,
		   NULL, engine->hashes[CLV_HASH_SHA256], NULL) == 1;
}

static struct clv_trust_key *
new_key(struct clv_trust_engine *engine, const struct clv_trust_cert *cert)
{
	struct clv_trust_key *key = calloc(1, sizeof(*key));

	if (key == NULL)
		return NULL;
	key->pkey = clv_public_key_make(cert);
	if (key->pkey == NULL || !digest_key(engine, cert, key->digest)) {
		clv_trust_key_free(key);
		return NULL;
	}
	return key;
}

/* The certificate's key; whoever comes second drops his own. */
static struct clv_trust_key *
key_of(struct clv_trust_engine *engine, struct clv_trust_cert *cert)
{
	struct clv_trust_key *key =
	    atomic_load_explicit(&cert->key, memory_order_acquire);
	struct clv_trust_key *found = NULL;

	if (key != NULL)
		return key;
	key = new_key(engine, cert);
	if (key == NULL ||
	    atomic_compare_exchange_strong(&cert->key, &found, key))
		return key;
	clv_trust_key_free(key);
	return found;
}

static bool
set_up(struct clv_trust_engine *engine, EVP_PKEY_CTX *context,
    const struct clv_signature_info *info)
{
	const EVP_MD *hash = engine->hashes[info->hash];

	if (hash == NULL || EVP_PKEY_verify_init(context) != 1)
		return false;
	if (info->padding == CLV_PADDING_PKCS1 &&
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) != 1)
		return false;
	if (info->padding == CLV_PADDING_PSS &&
	    (EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING) !=
		    1 ||
		EVP_PKEY_CTX_set_rsa_pss_saltlen(
		    context, RSA_PSS_SALTLEN_DIGEST) != 1))
		return false;
	return EVP_PKEY_CTX_set_signature_md(context, hash) == 1;
}

/* A context to copy; NULL if this key can't verify such signatures. */
static const EVP_PKEY_CTX *
ready_context(struct clv_trust_engine *engine, struct clv_trust_key *key,
    const struct clv_signature_info *info)
{
	_Atomic(EVP_PKEY_CTX *) *place = &key->ready[info->kind];
	EVP_PKEY_CTX *context =
	    atomic_load_explicit(place, memory_order_acquire);
	EVP_PKEY_CTX *found = NULL;

	if (context != NULL)
		return context;
	context = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
	if (context == NULL || !set_up(engine, context, info)) {
		EVP_PKEY_CTX_free(context);
		return NULL;
	}
	if (atomic_compare_exchange_strong(place, &found, context))
		return context;
	EVP_PKEY_CTX_free(context);
	return found;
}

/*
 * Checks
 */

/* What was signed, and how. */
struct statement {
	const uint8_t *tbs;
	size_t tbs_size;
	const uint8_t *signature;
	size_t signature_size;
	unsigned kind;
};

static bool
check_hashed(struct clv_trust_engine *engine, struct clv_trust_key *key,
    const struct clv_signature_info *info, const struct statement *statement)
{
	const EVP_PKEY_CTX *ready = ready_context(engine, key, info);
	uint8_t digest[EVP_MAX_MD_SIZE];
	EVP_PKEY_CTX *context;
	unsigned size;
	bool holds;

	if (ready == NULL ||
	    !EVP_Digest(statement->tbs, statement->tbs_size, digest, &size,
		engine->hashes[info->hash], NULL))
		return false;
	context = EVP_PKEY_CTX_dup(ready);
	holds = context != NULL &&
	    EVP_PKEY_verify(context, statement->signature,
		statement->signature_size, digest, size) == 1;
	EVP_PKEY_CTX_free(context);
	return holds;
}

/* Without anything made ready: for algorithms that hash themselves, and for
 * keys that are used once. */
static bool
check_once(EVP_PKEY *pkey, const struct clv_signature_info *info,
    const struct statement *statement)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *inner = NULL;
	bool holds = context != NULL &&
	    EVP_DigestVerifyInit_ex(context, &inner, clv_hash_name(info->hash),
		NULL, NULL, pkey, NULL) == 1;

	if (holds && info->padding == CLV_PADDING_PSS)
		holds = EVP_PKEY_CTX_set_rsa_padding(
			    inner, RSA_PKCS1_PSS_PADDING) == 1 &&
		    EVP_PKEY_CTX_set_rsa_pss_saltlen(
			inner, RSA_PSS_SALTLEN_DIGEST) == 1;
	holds = holds &&
	    EVP_DigestVerify(context, statement->signature,
		statement->signature_size, statement->tbs,
		statement->tbs_size) == 1;
	EVP_MD_CTX_free(context);
	return holds;
}

static clv_family
family_of(const struct clv_trust_cert *cert)
{
	switch (cert->key_kind) {
	case CLV_KEY_KIND_RSA:
		return CLV_FAMILY_RSA;
	case CLV_KEY_KIND_ED25519:
	case CLV_KEY_KIND_ED448:
		return CLV_FAMILY_ED;
	default:
		return CLV_FAMILY_EC;
	}
}

/* Ed25519 signs Ed25519, Ed448 signs Ed448. */
static bool
fits(const struct clv_trust_cert *issuer, const struct clv_signature_info *info)
{
	if (family_of(issuer) != info->family)
		return false;
	return info->family != CLV_FAMILY_ED ||
	    (issuer->key_kind == CLV_KEY_KIND_ED448) ==
	    (info->kind == CLV_SIGNATURE_ED448);
}

/* Whether a check may be done at all; counts it. */
static bool
may_check(const struct clv_trust_cert *issuer,
    const struct clv_signature_info *info, unsigned *checks)
{
	if (!fits(issuer, info))
		return false;
	if (checks != NULL) {
		if (*checks == 0)
			return false;
		(*checks)--;
	}
	return true;
}

static bool
check_statement(struct clv_trust_engine *engine, struct clv_trust_cert *issuer,
    struct clv_trust_key *key, const struct statement *statement,
    unsigned *checks)
{
	const struct clv_signature_info *info =
	    clv_signature_describe(statement->kind);

	if (!may_check(issuer, info, checks))
		return false;
	return info->hash == CLV_HASH_NONE
	    ? check_once(key->pkey, info, statement)
	    : check_hashed(engine, key, info, statement);
}

/* SHA-256 over the issuer's key and the whole certificate. */
static bool
digest_pair(struct clv_trust_engine *engine, const uint8_t signer[KEY_DIGEST],
    const struct clv_trust_cert *cert, uint64_t words[4])
{
	uint8_t digest[KEY_DIGEST];
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	const bool done = context != NULL &&
	    EVP_DigestInit_ex2(
		context, engine->hashes[CLV_HASH_SHA256], NULL) == 1 &&
	    EVP_DigestUpdate(context, signer, KEY_DIGEST) == 1 &&
	    EVP_DigestUpdate(context, cert->der, cert->size) == 1 &&
	    EVP_DigestFinal_ex(context, digest, NULL) == 1;

	EVP_MD_CTX_free(context);
	memcpy(words, digest, sizeof(digest));
	return done;
}

static bool
is_remembered(struct clv_trust_engine *engine, const uint64_t words[4])
{
	struct verdict *verdict = &engine->verdicts[words[0] % VERDICTS];

	for (size_t i = 0; i < 4; i++)
		if (atomic_load_explicit(
			&verdict->words[i], memory_order_relaxed) != words[i])
			return false;
	return true;
}

static void
remember(struct clv_trust_engine *engine, const uint64_t words[4])
{
	struct verdict *verdict = &engine->verdicts[words[0] % VERDICTS];

	for (size_t i = 0; i < 4; i++)
		atomic_store_explicit(
		    &verdict->words[i], words[i], memory_order_relaxed);
}

/* A CA's own signature is asked for with every certificate it issued: its key
 * remembers the answer without a hash. */
static bool
own_signature_known(struct clv_trust_cert *cert, const uint8_t *signer)
{
	struct clv_trust_key *key =
	    atomic_load_explicit(&cert->key, memory_order_acquire);

	return key != NULL &&
	    atomic_load_explicit(&key->own_state, memory_order_acquire) == 2 &&
	    memcmp(key->own_signer, signer, KEY_DIGEST) == 0;
}

static void
keep_own_signature(struct clv_trust_cert *cert, const uint8_t *signer)
{
	struct clv_trust_key *key =
	    atomic_load_explicit(&cert->key, memory_order_acquire);
	uint8_t unknown = 0;

	if (key == NULL ||
	    !atomic_compare_exchange_strong(&key->own_state, &unknown, 1))
		return;
	memcpy(key->own_signer, signer, KEY_DIGEST);
	atomic_store_explicit(&key->own_state, 2, memory_order_release);
}

static struct statement
statement_of(const struct clv_trust_cert *cert)
{
	return (struct statement){
	    .tbs = cert->der + cert->tbs.at,
	    .tbs_size = cert->tbs.size,
	    .signature = cert->der + cert->signature.at,
	    .signature_size = cert->signature.size,
	    .kind = cert->signature_kind,
	};
}

/* A certificate that only signs itself keeps no key: a list may hold a great
 * many of them. */
static bool
check_self_signed(struct clv_trust_engine *engine, struct clv_trust_cert *cert,
    unsigned *checks)
{
	const struct statement statement = statement_of(cert);
	const struct clv_signature_info *info =
	    clv_signature_describe(statement.kind);
	/* Its key is part of what is hashed, so that it needs no digest. */
	static const uint8_t itself[KEY_DIGEST];
	uint64_t words[4];
	EVP_PKEY *pkey;
	bool holds;

	if (!digest_pair(engine, itself, cert, words))
		return false;
	if (is_remembered(engine, words))
		return true;
	if (!may_check(cert, info, checks))
		return false;
	pkey = clv_public_key_make(cert);
	holds = pkey != NULL && check_once(pkey, info, &statement);
	EVP_PKEY_free(pkey);
	if (holds)
		remember(engine, words);
	return holds;
}

bool
clv_trust_engine_check_cert(struct clv_trust_engine *engine,
    struct clv_trust_cert *issuer, struct clv_trust_cert *cert,
    unsigned *checks)
{
	const struct statement statement = statement_of(cert);
	struct clv_trust_key *key;
	uint64_t words[4];

	if (issuer == cert && (cert->flags & CLV_CERT_CA) == 0)
		return check_self_signed(engine, cert, checks);
	key = key_of(engine, issuer);
	if (key == NULL)
		return false;
	if (own_signature_known(cert, key->digest))
		return true;
	if (!digest_pair(engine, key->digest, cert, words))
		return false;
	if (!is_remembered(engine, words)) {
		if (!check_statement(engine, issuer, key, &statement, checks))
			return false;
		remember(engine, words);
	}
	keep_own_signature(cert, key->digest);
	return true;
}

/* Looks the key up among those that the CRL has been checked with. */
static bool
crl_is_known(struct clv_trust_crl *crl, const uint8_t *signer, bool *holds)
{
	for (size_t i = 0; i < CLV_TRUST_CRL_MEMO; i++) {
		const uint8_t state = atomic_load_explicit(
		    &crl->memo[i].state, memory_order_acquire);

		if (state >= 2 &&
		    memcmp(crl->memo[i].key, signer, KEY_DIGEST) == 0) {
			*holds = state == 2;
			return true;
		}
	}
	return false;
}

static void
keep_crl_verdict(struct clv_trust_crl *crl, const uint8_t *signer, bool holds)
{
	for (size_t i = 0; i < CLV_TRUST_CRL_MEMO; i++) {
		uint8_t vacant = 0;

		if (!atomic_compare_exchange_strong(
			&crl->memo[i].state, &vacant, 1))
			continue;
		memcpy(crl->memo[i].key, signer, KEY_DIGEST);
		atomic_store_explicit(
		    &crl->memo[i].state, holds ? 2 : 3, memory_order_release);
		return;
	}
}

bool
clv_trust_engine_check_crl(struct clv_trust_engine *engine,
    struct clv_trust_cert *issuer, struct clv_trust_crl *crl, unsigned *checks)
{
	const struct statement statement = {
	    .tbs = crl->der + crl->tbs.at,
	    .tbs_size = crl->tbs.size,
	    .signature = crl->der + crl->signature.at,
	    .signature_size = crl->signature.size,
	    .kind = crl->signature_kind,
	};
	struct clv_trust_key *key = key_of(engine, issuer);
	bool holds = false;

	if (key == NULL)
		return false;
	if (crl_is_known(crl, key->digest, &holds))
		return holds;
	if (checks != NULL && *checks == 0)
		return false; /* not asked, so not to be kept */
	holds = check_statement(engine, issuer, key, &statement, checks);
	keep_crl_verdict(crl, key->digest, holds);
	return holds;
}
