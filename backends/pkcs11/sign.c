/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Using keys: two calls for each operation, and no others.
 *
 * What a token signs is checked with the public key before it is handed out:
 * with RSA always, as one wrong signature can give the private key away
 * (Boneh, DeMillo, Lipton 1997) and the check costs 2 %; else for a key's first
 * signature in a session, for a while after any fault, and with verify=always.
 */

#include "key.h"

#include <string.h>

#include "base/digest_info.h"

#include "login.h"

struct operation {
	struct p11_key *key;
	const struct clv_mechanism *what; /* NULL: raw */
	CK_MECHANISM mechanism;
	union {
		CK_RSA_PKCS_PSS_PARAMS pss;
		CK_RSA_PKCS_OAEP_PARAMS oaep;
	} params;
	enum p11_way way;
	const uint8_t *input;
	size_t input_size;
	uint8_t prepared[CLV_DIGEST_INFO_MAX + EVP_MAX_MD_SIZE];
	uint8_t output[CLV_SIGNATURE_MAX];
	CK_ULONG output_size;
	bool refused; /* before the input was looked at */
};

static const struct {
	clv_hash hash;
	CK_MECHANISM_TYPE mechanism;
	CK_RSA_PKCS_MGF_TYPE mgf;
} hashes[] = {
    {CLV_HASH_SHA1, CKM_SHA_1, CKG_MGF1_SHA1},
    {CLV_HASH_SHA256, CKM_SHA256, CKG_MGF1_SHA256},
    {CLV_HASH_SHA384, CKM_SHA384, CKG_MGF1_SHA384},
    {CLV_HASH_SHA512, CKM_SHA512, CKG_MGF1_SHA512},
};

static const struct {
	enum p11_way way;
	CK_MECHANISM_TYPE mechanism;
	CK_FLAGS flag;
	clv_family family;
} ways[] = {
    {P11_SIGN_PKCS1, CKM_RSA_PKCS, CKF_SIGN, CLV_FAMILY_RSA},
    {P11_DECRYPT_PKCS1, CKM_RSA_PKCS, CKF_DECRYPT, CLV_FAMILY_RSA},
    {P11_SIGN_RAW, CKM_RSA_X_509, CKF_SIGN, CLV_FAMILY_RSA},
    {P11_DECRYPT_RAW, CKM_RSA_X_509, CKF_DECRYPT, CLV_FAMILY_RSA},
    {P11_SIGN_PSS, CKM_RSA_PKCS_PSS, CKF_SIGN, CLV_FAMILY_RSA},
    {P11_DECRYPT_OAEP_SHA1, CKM_RSA_PKCS_OAEP, CKF_DECRYPT, CLV_FAMILY_RSA},
    {P11_DECRYPT_OAEP_OTHER, CKM_RSA_PKCS_OAEP, CKF_DECRYPT, CLV_FAMILY_RSA},
    {P11_SIGN_ECDSA, CKM_ECDSA, CKF_SIGN, CLV_FAMILY_EC},
    {P11_SIGN_EDDSA, CKM_EDDSA, CKF_SIGN, CLV_FAMILY_ED},
};

#define SIGNING                                                    \
	((unsigned)(P11_SIGN_PKCS1 | P11_SIGN_PSS | P11_SIGN_RAW | \
	    P11_SIGN_ECDSA | P11_SIGN_EDDSA))

#define RAW ((unsigned)(P11_SIGN_RAW | P11_DECRYPT_RAW))

CK_RV
clv_p11_key_survey(
    struct p11_call *call, const struct p11_key *key, unsigned *out)
{
	const CK_SLOT_ID slot = atomic_load(&key->store->token->slot);
	CK_MECHANISM_INFO info = {0};
	CK_MECHANISM_TYPE last = (CK_MECHANISM_TYPE)-1;

	*out = 0;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		CK_RV rv = CKR_OK;

		if (ways[i].family != key->public.family)
			continue;
		if (ways[i].mechanism != last) {
			info.flags = 0;
			rv = call->f->C_GetMechanismInfo(
			    slot, ways[i].mechanism, &info);
			last = ways[i].mechanism;
		}
		if (clv_p11_fault(rv) != P11_FAULT_NONE)
			return rv;
		if (rv != CKR_OK)
			info.flags = 0;
		if (info.flags & ways[i].flag)
			*out |= ways[i].way;
	}
	if (!key->object.signs)
		*out &= ~SIGNING;
	if (!key->object.decrypts)
		*out &= SIGNING;
	return CKR_OK;
}

static enum p11_way
find_way(const struct p11_key *key, const struct clv_mechanism *what)
{
	if (what->family != key->public.family)
		return 0;
	if (what->family == CLV_FAMILY_EC)
		return P11_SIGN_ECDSA;
	if (what->family == CLV_FAMILY_ED)
		return P11_SIGN_EDDSA;
	switch (what->padding) {
	case CLV_PADDING_PKCS1:
		if (what->decrypts)
			return P11_DECRYPT_PKCS1;
		return what->hash != CLV_HASH_NONE ? P11_SIGN_PKCS1 : 0;
	case CLV_PADDING_PSS:
		return P11_SIGN_PSS;
	case CLV_PADDING_OAEP:
		return what->hash == CLV_HASH_SHA1 ? P11_DECRYPT_OAEP_SHA1
						   : P11_DECRYPT_OAEP_OTHER;
	default:
		return 0;
	}
}

bool
clv_p11_key_can(void *opaque, const struct clv_mechanism *what)
{
	struct p11_key *key = opaque;

	return (atomic_load(&key->ways) & find_way(key, what)) != 0;
}

bool
clv_p11_key_has_raw(void *opaque)
{
	struct p11_key *key = opaque;

	return (atomic_load(&key->ways) & RAW) != 0;
}

static bool
prepare(struct operation *operation)
{
	const struct clv_mechanism *what = operation->what;
	size_t h = 0;

	operation->mechanism.mechanism = 0;
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
		if (ways[i].way == operation->way)
			operation->mechanism.mechanism = ways[i].mechanism;
	while (what != NULL && h < 4 && hashes[h].hash != what->hash)
		h++;
	switch (operation->way) {
	case P11_SIGN_PKCS1:
		operation->input_size =
		    clv_p11_digest_info(what->hash, operation->input,
			operation->input_size, operation->prepared);
		operation->input = operation->prepared;
		return operation->input_size > 0;
	case P11_SIGN_PSS:
		if (h == 4)
			return false;
		operation->params.pss = (CK_RSA_PKCS_PSS_PARAMS){
		    hashes[h].mechanism, hashes[h].mgf, what->salt_size};
		operation->mechanism.pParameter = &operation->params.pss;
		operation->mechanism.ulParameterLen =
		    sizeof(operation->params.pss);
		return true;
	case P11_DECRYPT_OAEP_SHA1:
	case P11_DECRYPT_OAEP_OTHER:
		if (h == 4)
			return false;
		operation->params.oaep =
		    (CK_RSA_PKCS_OAEP_PARAMS){hashes[h].mechanism,
			hashes[h].mgf, CKZ_DATA_SPECIFIED, NULL, 0};
		operation->mechanism.pParameter = &operation->params.oaep;
		operation->mechanism.ulParameterLen =
		    sizeof(operation->params.oaep);
		return true;
	default:
		return true;
	}
}

static bool
signs(const struct operation *operation)
{
	return ((unsigned)operation->way & SIGNING) != 0;
}

/*
 * The two calls. A key that always authenticates wants its PIN between them;
 * if that fails, the operation stays active, so the session goes.
 */
static CK_RV
operate(
    struct p11_call *call, struct operation *operation, CK_OBJECT_HANDLE handle)
{
	const CK_SESSION_HANDLE session = call->session->handle;
	uint8_t *input = clv_p11_unconst(operation->input);
	CK_RV rv;

	if (signs(operation))
		rv =
		    call->f->C_SignInit(session, &operation->mechanism, handle);
	else
		rv = call->f->C_DecryptInit(
		    session, &operation->mechanism, handle);
	operation->refused = rv != CKR_OK;
	if (rv != CKR_OK)
		return rv;
	if (operation->key->object.always_authenticate) {
		rv = clv_p11_login_for_operation(call);
		if (rv != CKR_OK) {
			call->spoilt = true;
			return rv;
		}
	}
	operation->output_size = sizeof(operation->output);
	if (signs(operation))
		return call->f->C_Sign(session, input, operation->input_size,
		    operation->output, &operation->output_size);
	rv = call->f->C_Decrypt(session, input, operation->input_size,
	    operation->output, &operation->output_size);
	/* Nobody may learn from the way in which it failed. */
	if (rv != CKR_OK && clv_p11_fault(rv) == P11_FAULT_NONE)
		rv = CKR_ENCRYPTED_DATA_INVALID;
	return rv;
}

/* Raw results may come without their leading zeros. */
static bool
lengthen(struct operation *operation)
{
	const size_t size = operation->key->public.size;
	const size_t got = operation->output_size;

	if (got == 0 || got > size)
		return false;
	memmove(operation->output + size - got, operation->output, got);
	memset(operation->output, 0, size - got);
	operation->output_size = size;
	return true;
}

static bool
must_verify(
    const struct p11_call *call, const struct p11_key *key, bool *counted)
{
	*counted = atomic_load(&key->store->token->suspect) > 0;
	return key->public.family == CLV_FAMILY_RSA || *counted ||
	    !clv_p11_session_has_proven(call->session, key->number) ||
	    key->store->selector.verify_always;
}

struct signing {
	struct operation operation;
	const uint8_t *input; /* as the caller gave it */
	size_t input_size;
};

static void
note_proof(struct p11_call *call, struct p11_key *key)
{
	clv_p11_session_prove(call->session, key->number);
	atomic_store(&key->proven, true);
}

/* The token may be wrong; or names have led to a public key that is another
 * key's, where this one never showed that it is its own. */
static CK_RV
find_blame(struct p11_call *call, const struct signing *signing)
{
	const struct operation *operation = &signing->operation;
	const struct p11_key *key = operation->key;
	bool foreign = false;
	CK_RV rv = CKR_OK;

	if (key->public.family != CLV_FAMILY_RSA && !atomic_load(&key->proven))
		rv = clv_p11_public_any_verifies(call, &key->object,
		    operation->what, signing->input, signing->input_size,
		    operation->output, operation->output_size, &foreign);
	if (rv != CKR_OK)
		return rv;
	return foreign ? CLV_CKR_FOREIGN_PUBLIC : CLV_CKR_WRONG_SIGNATURE;
}

static CK_RV
check_signature(struct p11_call *call, struct signing *signing)
{
	struct operation *operation = &signing->operation;
	struct p11_key *key = operation->key;
	bool counted;

	if (operation->output_size != key->public.size)
		return CLV_CKR_LIE;
	if (!must_verify(call, key, &counted))
		return CKR_OK;
	if (!clv_p11_public_verify(&key->public, operation->what,
		signing->input, signing->input_size, operation->output))
		return find_blame(call, signing);
	note_proof(call, key);
	if (counted)
		clv_p11_token_relieve(key->store->token);
	return CKR_OK;
}

static CK_RV
sign_step(struct p11_call *call, void *argument)
{
	struct signing *signing = argument;
	CK_OBJECT_HANDLE handle = 0;
	CK_RV rv = clv_p11_key_locate(call, signing->operation.key, &handle);

	if (rv == CKR_OK)
		rv = operate(call, &signing->operation, handle);
	if (rv == CKR_OK)
		rv = check_signature(call, signing);
	return rv;
}

/*
 * The token has no way to do it after all, whatever it told about mechanisms:
 * from now on the library pads, if it can. Where it can't, and where padding
 * is refused as well, the next time is as good as the first one: a token that
 * stumbles once must not cost the key.
 */
static void
note_refusal(struct operation *operation, clv_status status)
{
	struct p11_key *key = operation->key;

	if (status != CLV_UNSUPPORTED || !operation->refused)
		return;
	if (((unsigned)operation->way & RAW) != 0)
		atomic_store(&key->ways, key->surveyed);
	else if (clv_p11_key_has_raw(key))
		(void)atomic_fetch_and(&key->ways, ~(unsigned)operation->way);
}

static clv_status
cannot(const struct p11_key *key, const char *operation, clv_error **err)
{
	return clv_error_raise(err, CLV_UNSUPPORTED,
	    &(struct clv_error_info){
		.operation = operation, .subject = key->uri},
	    "the token has no mechanism for that");
}

clv_status
clv_p11_key_sign(void *opaque, const struct clv_mechanism *what,
    const uint8_t *input, size_t input_size, uint8_t *signature,
    clv_error **err)
{
	struct p11_key *key = opaque;
	struct signing signing = {
	    .operation.key = key,
	    .operation.what = what,
	    .operation.way = find_way(key, what),
	    .operation.input = input,
	    .operation.input_size = input_size,
	    .input = input,
	    .input_size = input_size,
	};
	struct p11_call call = {.store = key->store,
	    .operation = "sign",
	    .subject = key->uri,
	    .step = sign_step,
	    .argument = &signing,
	    .err = err};
	clv_status status;

	if (signing.operation.way == 0 || !prepare(&signing.operation))
		return cannot(key, "sign", err);
	status = clv_p11_run(&call);
	if (status == CLV_OK)
		memcpy(signature, signing.operation.output, key->public.size);
	note_refusal(&signing.operation, status);
	return status;
}

static CK_RV
plain_step(struct p11_call *call, void *argument)
{
	struct operation *operation = argument;
	CK_OBJECT_HANDLE handle = 0;
	CK_RV rv = clv_p11_key_locate(call, operation->key, &handle);

	if (rv == CKR_OK)
		rv = operate(call, operation, handle);
	if (rv == CKR_OK &&
	    operation->output_size > operation->key->public.size)
		rv = CLV_CKR_LIE;
	return rv;
}

clv_status
clv_p11_key_decrypt(void *opaque, const struct clv_mechanism *what,
    const uint8_t *ciphertext, size_t ciphertext_size, uint8_t *plaintext,
    size_t *size, clv_error **err)
{
	struct p11_key *key = opaque;
	struct operation operation = {
	    .key = key,
	    .what = what,
	    .way = find_way(key, what),
	    .input = ciphertext,
	    .input_size = ciphertext_size,
	};
	struct p11_call call = {.store = key->store,
	    .operation = "decrypt",
	    .subject = key->uri,
	    .step = plain_step,
	    .argument = &operation,
	    .data_dependent = true,
	    .err = err};
	clv_status status;

	if (operation.way == 0 || !prepare(&operation))
		return cannot(key, "decrypt", err);
	status = clv_p11_run(&call);
	if (status == CLV_OK) {
		*size = operation.output_size;
		memcpy(plaintext, operation.output, *size);
	}
	note_refusal(&operation, status);
	clv_wipe(operation.output, sizeof(operation.output));
	return status;
}

static CK_RV
raw_step(struct p11_call *call, void *argument)
{
	struct operation *operation = argument;
	CK_RV rv = plain_step(call, argument);

	if (rv != CKR_OK)
		return rv;
	if (!lengthen(operation))
		return CLV_CKR_LIE;
	if (!clv_p11_public_confirms(
		&operation->key->public, operation->output, operation->input))
		return CLV_CKR_WRONG_SIGNATURE;
	note_proof(call, operation->key);
	return CKR_OK;
}

clv_status
clv_p11_key_raw(
    void *opaque, const uint8_t *input, uint8_t *output, clv_error **err)
{
	struct p11_key *key = opaque;
	struct operation operation = {
	    .key = key,
	    .way = atomic_load(&key->ways) & P11_DECRYPT_RAW ? P11_DECRYPT_RAW
							     : P11_SIGN_RAW,
	    .input = input,
	    .input_size = key->public.size,
	};
	struct p11_call call = {.store = key->store,
	    .operation = "use RSA key",
	    .subject = key->uri,
	    .step = raw_step,
	    .argument = &operation,
	    .err = err};
	clv_status status;

	if (!clv_p11_key_has_raw(key))
		return cannot(key, "use RSA key", err);
	(void)prepare(&operation);
	status = clv_p11_run(&call);
	if (status == CLV_OK)
		memcpy(output, operation.output, key->public.size);
	note_refusal(&operation, status);
	clv_wipe(operation.output, sizeof(operation.output));
	return status;
}
