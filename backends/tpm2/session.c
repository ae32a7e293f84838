/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "session.h"

#include <string.h>

#include <openssl/crypto.h>

#include <claviger/secret.h>

/* Of the session area, from its beginning: handle, nonce, attributes, HMAC. */
#define AT_NONCE 6U
#define AT_ATTRIBUTES (AT_NONCE + CLV_TPM_DIGEST)
#define AT_HMAC (AT_ATTRIBUTES + 1U + 2U)
/* The same without the handle, in an answer. */
#define ANSWER_AREA (CLV_TPM_SESSION_AREA - 4U)

TSS2_RC
clv_tpm_session_request(struct clv_tpm_session *session,
    struct clv_tpm_crypto *crypto, TPM2_HANDLE target_handle,
    const TPMT_PUBLIC *target, uint8_t *salt, struct clv_tpm_command *command)
{
	TPM2B_ENCRYPTED_SECRET sealed = {0};
	TSS2_RC rc = clv_tpm_random(
	    crypto, session->nonce_caller, sizeof(session->nonce_caller));

	if (rc == TSS2_RC_SUCCESS)
		rc = clv_tpm_share_secret(
		    crypto, target, "SECRET", salt, &sealed);
	if (rc != TSS2_RC_SUCCESS)
		return rc;

	clv_tpm_command_begin(command, TPM2_CC_StartAuthSession, CLV_TPM_BARE,
	    (const struct clv_tpm_handle[]){
		{target_handle, NULL}, {TPM2_RH_NULL, NULL}, {0}});
	clv_tpm_put_sized(
	    command, session->nonce_caller, sizeof(session->nonce_caller));
	clv_tpm_put_sized(command, sealed.secret, sealed.size);
	clv_tpm_put_u8(command, TPM2_SE_HMAC);
	clv_tpm_put_u16(command, TPM2_ALG_AES);
	clv_tpm_put_u16(command, 128);
	clv_tpm_put_u16(command, TPM2_ALG_CFB);
	clv_tpm_put_u16(command, TPM2_ALG_SHA256);
	return clv_tpm_command_end(command);
}

TSS2_RC
clv_tpm_session_begin(struct clv_tpm_session *session,
    struct clv_tpm_crypto *crypto, const uint8_t *salt, size_t salt_size,
    TPM2_HANDLE handle, struct clv_tpm_answer *answer)
{
	const struct clv_span nonce = clv_tpm_get_sized(answer);
	TSS2_RC rc = clv_tpm_answer_end(answer);

	if (rc != TSS2_RC_SUCCESS)
		return rc;
	if (nonce.size != CLV_TPM_DIGEST)
		return CLV_TPM_RC_MALFORMED;
	memcpy(session->nonce_tpm, nonce.data, nonce.size);
	rc = clv_tpm_kdfa(crypto, TPM2_ALG_SHA256, salt, salt_size, "ATH",
	    nonce, (struct clv_span){session->nonce_caller, CLV_TPM_DIGEST},
	    session->key, sizeof(session->key));
	if (rc == TSS2_RC_SUCCESS)
		session->handle = handle;
	return rc;
}

void
clv_tpm_session_forget(struct clv_tpm_session *session)
{
	clv_wipe(session, sizeof(*session));
}

/* sessionKey || authValue: the key of HMACs and of parameter encryption. */
struct session_value {
	uint8_t bytes[CLV_TPM_DIGEST + CLV_TPM_AUTH_MAX];
	size_t size;
};

static TSS2_RC
session_value(const struct clv_tpm_session *session,
    const struct clv_tpm_auth *auth, struct session_value *value)
{
	size_t size = auth->size;

	while (size > 0 && auth->bytes[size - 1] == 0)
		size--;
	if (size > CLV_TPM_AUTH_MAX)
		return TPM2_RC_SIZE;
	memcpy(value->bytes, session->key, CLV_TPM_DIGEST);
	if (size > 0)
		memcpy(value->bytes + CLV_TPM_DIGEST, auth->bytes, size);
	value->size = CLV_TPM_DIGEST + size;
	return TSS2_RC_SUCCESS;
}

/* Part 1, 21.3: key and IV from the nonces; the newer one first. */
static TSS2_RC
crypt_parameter(struct clv_tpm_crypto *crypto,
    const struct session_value *value, const uint8_t *newer,
    const uint8_t *older, bool encrypt, uint8_t *bytes, size_t size)
{
	uint8_t mask[16 + 16];
	TSS2_RC rc = clv_tpm_kdfa(crypto, TPM2_ALG_SHA256, value->bytes,
	    value->size, "CFB", (struct clv_span){newer, CLV_TPM_DIGEST},
	    (struct clv_span){older, CLV_TPM_DIGEST}, mask, sizeof(mask));

	if (rc == TSS2_RC_SUCCESS)
		rc = clv_tpm_cfb(
		    crypto, encrypt, mask, 16, mask + 16, bytes, size);
	clv_wipe(mask, sizeof(mask));
	return rc;
}

/* Part 1, 19.6.5: HMAC over the hash of command or answer, nonces and
 * attributes. */
static TSS2_RC
authenticate(struct clv_tpm_crypto *crypto, const struct session_value *value,
    const struct clv_span *hashed, size_t count, const uint8_t *newer,
    const uint8_t *older, const uint8_t *attributes, uint8_t *hmac)
{
	uint8_t hash[CLV_TPM_DIGEST];
	const struct clv_span pieces[] = {{hash, sizeof(hash)},
	    {newer, CLV_TPM_DIGEST}, {older, CLV_TPM_DIGEST}, {attributes, 1}};
	TSS2_RC rc =
	    clv_tpm_digest(crypto, TPM2_ALG_SHA256, hashed, count, hash);

	if (rc != TSS2_RC_SUCCESS)
		return rc;
	return clv_tpm_hmac(crypto, TPM2_ALG_SHA256, value->bytes, value->size,
	    pieces, sizeof(pieces) / sizeof(pieces[0]), hmac);
}

static uint8_t
attributes_of(const struct clv_tpm_command *command)
{
	return (uint8_t)(TPMA_SESSION_CONTINUESESSION |
	    (command->encrypts ? TPMA_SESSION_DECRYPT : 0) |
	    (command->decrypts ? TPMA_SESSION_ENCRYPT : 0));
}

static TSS2_RC
encrypt_command(struct clv_tpm_session *session, struct clv_tpm_crypto *crypto,
    const struct session_value *value, struct clv_tpm_command *command)
{
	uint8_t *first = command->bytes + command->parameters;

	if (!command->encrypts)
		return TSS2_RC_SUCCESS;
	return crypt_parameter(crypto, value, session->nonce_caller,
	    session->nonce_tpm, true, first + 2, clv_tpm_read_u16(first));
}

TSS2_RC
clv_tpm_session_protect(struct clv_tpm_session *session,
    struct clv_tpm_crypto *crypto, const struct clv_tpm_auth *auth,
    struct clv_tpm_command *command)
{
	uint8_t *area = command->bytes + command->authorization + 4;
	const struct clv_span hashed[] = {
	    {command->bytes + 6, 4}, /* the command code */
	    {command->names, command->names_size},
	    {command->bytes + command->parameters,
		command->size - command->parameters}};
	struct session_value value;
	TSS2_RC rc = session_value(session, auth, &value);

	if (rc == TSS2_RC_SUCCESS)
		rc = clv_tpm_random(crypto, session->nonce_caller,
		    sizeof(session->nonce_caller));
	if (rc == TSS2_RC_SUCCESS)
		rc = encrypt_command(session, crypto, &value, command);
	if (rc == TSS2_RC_SUCCESS) {
		clv_tpm_write_u32(area, session->handle);
		clv_tpm_write_u16(area + 4, CLV_TPM_DIGEST);
		memcpy(area + AT_NONCE, session->nonce_caller, CLV_TPM_DIGEST);
		area[AT_ATTRIBUTES] = attributes_of(command);
		clv_tpm_write_u16(area + AT_ATTRIBUTES + 1, CLV_TPM_DIGEST);
		rc = authenticate(crypto, &value, hashed,
		    sizeof(hashed) / sizeof(hashed[0]), session->nonce_caller,
		    session->nonce_tpm, area + AT_ATTRIBUTES, area + AT_HMAC);
	}
	clv_wipe(&value, sizeof(value));
	return rc;
}

/* The session area must fill the rest of the answer exactly. */
static const uint8_t *
answer_area(const struct clv_tpm_answer *answer)
{
	const uint8_t *area = answer->bytes + answer->end;

	if (answer->size - answer->end != ANSWER_AREA ||
	    clv_tpm_read_u16(area) != CLV_TPM_DIGEST ||
	    clv_tpm_read_u16(area + AT_ATTRIBUTES - 4 + 1) != CLV_TPM_DIGEST)
		return NULL;
	return area;
}

/* Part 1, 19.6.5 and 18.9: an answer's hash begins with its code, zero. */
static TSS2_RC
check_answer(struct clv_tpm_session *session, struct clv_tpm_crypto *crypto,
    const struct session_value *value, const struct clv_tpm_command *command,
    const struct clv_tpm_answer *answer, const uint8_t *area)
{
	static const uint8_t success[4];
	uint8_t expected[CLV_TPM_DIGEST];
	const struct clv_span hashed[] = {{success, sizeof(success)},
	    {command->bytes + 6, 4},
	    {answer->bytes + answer->parameters,
		answer->end - answer->parameters}};
	TSS2_RC rc = authenticate(crypto, value, hashed,
	    sizeof(hashed) / sizeof(hashed[0]), area + AT_NONCE - 4,
	    session->nonce_caller, area + AT_ATTRIBUTES - 4, expected);

	if (rc != TSS2_RC_SUCCESS)
		return rc;
	if (CRYPTO_memcmp(expected, area + AT_HMAC - 4, CLV_TPM_DIGEST) != 0)
		return CLV_TPM_RC_FORGED;
	if ((area[AT_ATTRIBUTES - 4] & TPMA_SESSION_CONTINUESESSION) == 0)
		return CLV_TPM_RC_MALFORMED;
	return TSS2_RC_SUCCESS;
}

static TSS2_RC
decrypt_answer(struct clv_tpm_session *session, struct clv_tpm_crypto *crypto,
    const struct session_value *value, const struct clv_tpm_command *command,
    struct clv_tpm_answer *answer)
{
	uint8_t *first = answer->bytes + answer->parameters;
	const size_t room = answer->end - answer->parameters;

	if (!command->decrypts)
		return TSS2_RC_SUCCESS;
	if (room < 2 || clv_tpm_read_u16(first) > room - 2)
		return CLV_TPM_RC_MALFORMED;
	return crypt_parameter(crypto, value, session->nonce_tpm,
	    session->nonce_caller, false, first + 2, clv_tpm_read_u16(first));
}

TSS2_RC
clv_tpm_session_unprotect(struct clv_tpm_session *session,
    struct clv_tpm_crypto *crypto, const struct clv_tpm_auth *auth,
    const struct clv_tpm_command *command, struct clv_tpm_answer *answer)
{
	const uint8_t *area = answer_area(answer);
	struct session_value value;
	TSS2_RC rc;

	if (area == NULL)
		return CLV_TPM_RC_MALFORMED;
	rc = session_value(session, auth, &value);
	if (rc == TSS2_RC_SUCCESS)
		rc = check_answer(
		    session, crypto, &value, command, answer, area);
	if (rc == TSS2_RC_SUCCESS) {
		session->proven = true;
		memcpy(session->nonce_tpm, area + AT_NONCE - 4, CLV_TPM_DIGEST);
		rc = decrypt_answer(session, crypto, &value, command, answer);
	}
	clv_wipe(&value, sizeof(value));
	return rc;
}
