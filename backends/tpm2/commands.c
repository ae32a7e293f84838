/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "commands.h"

#include <string.h>

static const struct clv_tpm_auth no_auth;

/* ---- the TPM itself ---- */

static TSS2_RC
start_or_stop(struct clv_tpm_link *link, TPM2_CC code)
{
	TSS2_RC rc;

	clv_tpm_command_begin(link->command, code, CLV_TPM_BARE, NULL);
	clv_tpm_put_u16(link->command, TPM2_SU_CLEAR);
	rc = clv_tpm_exchange(link, NULL, NULL);
	return rc != TSS2_RC_SUCCESS ? rc : clv_tpm_answer_end(link->answer);
}

TSS2_RC
clv_tpm_startup(struct clv_tpm_link *link)
{
	const TSS2_RC rc = start_or_stop(link, TPM2_CC_Startup);

	/* started already, by somebody else in the same moment */
	return rc == TPM2_RC_INITIALIZE ? TSS2_RC_SUCCESS : rc;
}

TSS2_RC
clv_tpm_shutdown(struct clv_tpm_link *link)
{
	return start_or_stop(link, TPM2_CC_Shutdown);
}

TSS2_RC
clv_tpm_read_clock(struct clv_tpm_link *link, struct clv_tpm_epoch *epoch)
{
	TSS2_RC rc;

	clv_tpm_command_begin(
	    link->command, TPM2_CC_ReadClock, CLV_TPM_BARE, NULL);
	rc = clv_tpm_exchange(link, NULL, NULL);
	if (rc != TSS2_RC_SUCCESS)
		return rc;
	(void)clv_tpm_get_u64(link->answer); /* time */
	(void)clv_tpm_get_u64(link->answer); /* clock */
	epoch->resets = clv_tpm_get_u32(link->answer);
	epoch->restarts = clv_tpm_get_u32(link->answer);
	(void)clv_tpm_get_u8(link->answer); /* safe */
	return clv_tpm_answer_end(link->answer);
}

/* Sends TPM2_GetCapability and reads up to the number of entries. */
static TSS2_RC
get_capability(struct clv_tpm_link *link, TPM2_CAP capability, uint32_t first,
    size_t wanted, size_t *count)
{
	TSS2_RC rc;

	clv_tpm_command_begin(
	    link->command, TPM2_CC_GetCapability, CLV_TPM_BARE, NULL);
	clv_tpm_put_u32(link->command, capability);
	clv_tpm_put_u32(link->command, first);
	clv_tpm_put_u32(link->command, (uint32_t)wanted);
	rc = clv_tpm_exchange(link, NULL, NULL);
	if (rc != TSS2_RC_SUCCESS)
		return rc;
	(void)clv_tpm_get_u8(link->answer); /* more data */
	if (clv_tpm_get_u32(link->answer) != capability)
		return CLV_TPM_RC_MALFORMED;
	*count = clv_tpm_get_u32(link->answer);
	return *count > wanted ? CLV_TPM_RC_MALFORMED : link->answer->rc;
}

TSS2_RC
clv_tpm_properties(
    struct clv_tpm_link *link, TPM2_PT first, uint32_t *values, size_t count)
{
	size_t given;
	TSS2_RC rc =
	    get_capability(link, TPM2_CAP_TPM_PROPERTIES, first, count, &given);

	for (size_t i = 0; rc == TSS2_RC_SUCCESS && i < given; i++) {
		const uint32_t property = clv_tpm_get_u32(link->answer);
		const uint32_t value = clv_tpm_get_u32(link->answer);

		if (property >= first && property - first < count)
			values[property - first] = value;
	}
	return rc != TSS2_RC_SUCCESS ? rc : clv_tpm_answer_end(link->answer);
}

TSS2_RC
clv_tpm_handles(struct clv_tpm_link *link, TPM2_HANDLE first,
    TPM2_HANDLE *handles, size_t *count)
{
	size_t given;
	TSS2_RC rc =
	    get_capability(link, TPM2_CAP_HANDLES, first, *count, &given);

	for (size_t i = 0; rc == TSS2_RC_SUCCESS && i < given; i++)
		handles[i] = clv_tpm_get_u32(link->answer);
	if (rc == TSS2_RC_SUCCESS)
		rc = clv_tpm_answer_end(link->answer);
	*count = rc == TSS2_RC_SUCCESS ? given : 0;
	return rc;
}

/* ---- objects and sessions ---- */

/* A public area and the name that goes with it. */
static TSS2_RC
check_name(
    const TPM2B_PUBLIC *public_area, struct clv_span claimed, TPM2B_NAME *name)
{
	const TSS2_RC rc = clv_tpm_name_of(public_area, name);

	if (rc != TSS2_RC_SUCCESS)
		return rc;
	if (claimed.size != name->size ||
	    memcmp(claimed.data, name->name, name->size) != 0)
		return CLV_TPM_RC_MALFORMED;
	return TSS2_RC_SUCCESS;
}

TSS2_RC
clv_tpm_read_public(struct clv_tpm_link *link, TPM2_HANDLE handle,
    TPM2B_PUBLIC *public_area, TPM2B_NAME *name)
{
	struct clv_span claimed;
	TSS2_RC rc;

	clv_tpm_command_begin(link->command, TPM2_CC_ReadPublic, CLV_TPM_BARE,
	    (const struct clv_tpm_handle[]){{handle, NULL}, {0}});
	rc = clv_tpm_exchange(link, NULL, NULL);
	if (rc != TSS2_RC_SUCCESS)
		return rc;
	clv_tpm_get_public(link->answer, public_area);
	claimed = clv_tpm_get_sized(link->answer);
	(void)clv_tpm_get_sized(link->answer); /* qualified name */
	rc = clv_tpm_answer_end(link->answer);
	return rc != TSS2_RC_SUCCESS ? rc
				     : check_name(public_area, claimed, name);
}

/* A new handle must be of the kind that was asked for. */
static TSS2_RC
check_range(TPM2_HANDLE handle, TPM2_HT kind)
{
	return handle >> TPM2_HR_SHIFT == kind ? TSS2_RC_SUCCESS
					       : CLV_TPM_RC_MALFORMED;
}

/* Creation data, hash and ticket: we have no use for them. */
static void
skip_creation(struct clv_tpm_answer *answer)
{
	(void)clv_tpm_get_sized(answer);
	(void)clv_tpm_get_sized(answer);
	(void)clv_tpm_get_u16(answer);
	(void)clv_tpm_get_u32(answer);
	(void)clv_tpm_get_sized(answer);
}

/* inSensitive: auth value and secret. */
static void
put_sensitive(struct clv_tpm_command *command, const struct clv_tpm_auth *auth,
    struct clv_span sealed)
{
	const size_t mark = clv_tpm_put_begin(command);

	clv_tpm_put_sized(command, auth->bytes, auth->size);
	clv_tpm_put_sized(command, sealed.data, sealed.size);
	clv_tpm_put_end(command, mark);
}

TSS2_RC
clv_tpm_create_primary(struct clv_tpm_link *link, TPM2_HANDLE hierarchy,
    const TPM2B_PUBLIC *template, TPM2_HANDLE *handle,
    TPM2B_PUBLIC *public_area, TPM2B_NAME *name)
{
	struct clv_span claimed;
	TSS2_RC rc;

	clv_tpm_command_begin(link->command, TPM2_CC_CreatePrimary,
	    CLV_TPM_EMPTY,
	    (const struct clv_tpm_handle[]){{hierarchy, NULL}, {0}});
	put_sensitive(link->command, &no_auth, (struct clv_span){NULL, 0});
	clv_tpm_put_public(link->command, template);
	clv_tpm_put_sized(link->command, NULL, 0); /* outsideInfo */
	clv_tpm_put_u32(link->command, 0);         /* creationPCR */
	rc = clv_tpm_exchange(link, NULL, handle);
	if (rc != TSS2_RC_SUCCESS)
		return rc;
	clv_tpm_get_public(link->answer, public_area);
	skip_creation(link->answer);
	claimed = clv_tpm_get_sized(link->answer);
	rc = clv_tpm_answer_end(link->answer);
	/* another hash than we asked for is no refusal, but disturbed */
	if (rc == TSS2_RC_SUCCESS &&
	    public_area->publicArea.nameAlg != template->publicArea.nameAlg)
		rc = CLV_TPM_RC_MALFORMED;
	if (rc == TSS2_RC_SUCCESS)
		rc = check_name(public_area, claimed, name);
	return rc != TSS2_RC_SUCCESS ? rc
				     : check_range(*handle, TPM2_HT_TRANSIENT);
}

TSS2_RC
clv_tpm_start_session(struct clv_tpm_link *link)
{
	const TPMT_PUBLIC *target = &link->primary.public_area.publicArea;
	uint8_t salt[CLV_TPM_DIGEST_MAX];
	TPM2_HANDLE handle = 0;
	TSS2_RC rc = clv_tpm_session_request(link->session, link->crypto,
	    link->primary.handle, target, salt, link->command);

	if (rc == TSS2_RC_SUCCESS)
		rc = clv_tpm_exchange(link, NULL, &handle);
	if (rc == TSS2_RC_SUCCESS)
		rc = check_range(handle, TPM2_HT_HMAC_SESSION);
	if (rc == TSS2_RC_SUCCESS)
		rc = clv_tpm_session_begin(link->session, link->crypto, salt,
		    clv_tpm_hash_size(target->nameAlg), handle, link->answer);
	clv_wipe(salt, sizeof(salt));
	return rc;
}

TSS2_RC
clv_tpm_flush(struct clv_tpm_link *link, TPM2_HANDLE handle)
{
	TSS2_RC rc;

	/* the handle is a parameter here (Part 3, 28.4) */
	clv_tpm_command_begin(
	    link->command, TPM2_CC_FlushContext, CLV_TPM_BARE, NULL);
	clv_tpm_put_u32(link->command, handle);
	rc = clv_tpm_exchange(link, NULL, NULL);
	return rc != TSS2_RC_SUCCESS ? rc : clv_tpm_answer_end(link->answer);
}

/* ---- children of the primary ---- */

static void
begin_under_primary(struct clv_tpm_link *link, TPM2_CC code)
{
	clv_tpm_command_begin(link->command, code, CLV_TPM_SESSION,
	    (const struct clv_tpm_handle[]){
		{link->primary.handle, &link->primary.name}, {0}});
	link->command->encrypts = link->command->decrypts = true;
}

/* A TPM2B_PRIVATE, which is opaque. */
static void
get_private(struct clv_tpm_answer *answer, TPM2B_PRIVATE *private_area)
{
	const struct clv_span bytes = clv_tpm_get_sized(answer);

	private_area->size = 0;
	if (bytes.size > sizeof(private_area->buffer))
		answer->rc = CLV_TPM_RC_MALFORMED;
	if (answer->rc != TSS2_RC_SUCCESS)
		return;
	private_area->size = (UINT16)bytes.size;
	memcpy(private_area->buffer, bytes.data, bytes.size);
}

TSS2_RC
clv_tpm_create(struct clv_tpm_link *link, const struct clv_tpm_recipe *recipe,
    TPM2B_PRIVATE *private_area, TPM2B_PUBLIC *public_area)
{
	TSS2_RC rc;

	begin_under_primary(link, TPM2_CC_Create);
	put_sensitive(link->command, &recipe->auth, recipe->sealed);
	clv_tpm_put_public(link->command, recipe->template);
	clv_tpm_put_sized(link->command, NULL, 0); /* outsideInfo */
	clv_tpm_put_u32(link->command, 0);         /* creationPCR */
	rc = clv_tpm_exchange(link, &no_auth, NULL);
	if (rc != TSS2_RC_SUCCESS)
		return rc;
	get_private(link->answer, private_area);
	clv_tpm_get_public(link->answer, public_area);
	skip_creation(link->answer);
	return clv_tpm_answer_end(link->answer);
}

TSS2_RC
clv_tpm_import(struct clv_tpm_link *link, const TPM2B_PUBLIC *public_area,
    struct clv_span duplicate, const TPM2B_ENCRYPTED_SECRET *seed,
    TPM2B_PRIVATE *private_area)
{
	TSS2_RC rc;

	begin_under_primary(link, TPM2_CC_Import);
	clv_tpm_put_sized(link->command, NULL, 0); /* no inner wrapper */
	clv_tpm_put_public(link->command, public_area);
	clv_tpm_put_sized(link->command, duplicate.data, duplicate.size);
	clv_tpm_put_sized(link->command, seed->secret, seed->size);
	clv_tpm_put_u16(link->command, TPM2_ALG_NULL);
	rc = clv_tpm_exchange(link, &no_auth, NULL);
	if (rc != TSS2_RC_SUCCESS)
		return rc;
	get_private(link->answer, private_area);
	return clv_tpm_answer_end(link->answer);
}

TSS2_RC
clv_tpm_load(struct clv_tpm_link *link, const struct clv_tpm_object *object,
    TPM2_HANDLE *handle)
{
	struct clv_span name;
	TSS2_RC rc;

	begin_under_primary(link, TPM2_CC_Load);
	clv_tpm_put_sized(link->command, object->private_area.buffer,
	    object->private_area.size);
	clv_tpm_put_public(link->command, &object->public_area);
	rc = clv_tpm_exchange(link, &no_auth, handle);
	if (rc != TSS2_RC_SUCCESS)
		return rc;
	name = clv_tpm_get_sized(link->answer);
	rc = clv_tpm_answer_end(link->answer);
	if (rc == TSS2_RC_SUCCESS &&
	    (name.size != object->name.size ||
		memcmp(name.data, object->name.name, name.size) != 0))
		rc = CLV_TPM_RC_MALFORMED;
	return rc != TSS2_RC_SUCCESS ? rc
				     : check_range(*handle, TPM2_HT_TRANSIENT);
}

/* ---- using a key ---- */

static void
begin_with_key(
    struct clv_tpm_link *link, TPM2_CC code, const struct clv_tpm_handle *key)
{
	clv_tpm_command_begin(link->command, code, CLV_TPM_SESSION,
	    (const struct clv_tpm_handle[]){*key, {0}});
}

/* One number of a signature, padded to the left. */
static void
get_number(struct clv_tpm_answer *answer, uint8_t *to, size_t size)
{
	const struct clv_span number = clv_tpm_get_sized(answer);

	if (number.size > size)
		answer->rc = CLV_TPM_RC_MALFORMED;
	if (answer->rc != TSS2_RC_SUCCESS)
		return;
	memset(to, 0, size - number.size);
	memcpy(to + size - number.size, number.data, number.size);
}

static TSS2_RC
get_signature(struct clv_tpm_answer *answer, TPM2_ALG_ID scheme,
    TPM2_ALG_ID hash, uint8_t *signature, size_t size)
{
	if (clv_tpm_get_u16(answer) != scheme ||
	    clv_tpm_get_u16(answer) != hash)
		return CLV_TPM_RC_MALFORMED;
	if (scheme == TPM2_ALG_ECDSA) {
		get_number(answer, signature, size / 2);
		get_number(answer, signature + size / 2, size / 2);
	} else {
		get_number(answer, signature, size);
	}
	return clv_tpm_answer_end(answer);
}

TSS2_RC
clv_tpm_sign(struct clv_tpm_link *link, const struct clv_tpm_handle *key,
    const struct clv_tpm_auth *auth, TPM2_ALG_ID scheme, TPM2_ALG_ID hash,
    struct clv_span digest, uint8_t *signature, size_t signature_size)
{
	TSS2_RC rc;

	begin_with_key(link, TPM2_CC_Sign, key);
	link->command->encrypts = true;
	clv_tpm_put_sized(link->command, digest.data, digest.size);
	clv_tpm_put_u16(link->command, scheme);
	clv_tpm_put_u16(link->command, hash);
	/* no ticket: the digest was not made by the TPM */
	clv_tpm_put_u16(link->command, TPM2_ST_HASHCHECK);
	clv_tpm_put_u32(link->command, TPM2_RH_NULL);
	clv_tpm_put_sized(link->command, NULL, 0);
	rc = clv_tpm_exchange(link, auth, NULL);
	return rc != TSS2_RC_SUCCESS ? rc
				     : get_signature(link->answer, scheme, hash,
					   signature, signature_size);
}

TSS2_RC
clv_tpm_rsa_decrypt(struct clv_tpm_link *link, const struct clv_tpm_handle *key,
    const struct clv_tpm_auth *auth, TPM2_ALG_ID scheme, TPM2_ALG_ID hash,
    struct clv_span ciphertext, uint8_t *message, size_t *size)
{
	struct clv_span got;
	TSS2_RC rc;

	begin_with_key(link, TPM2_CC_RSA_Decrypt, key);
	link->command->encrypts = link->command->decrypts = true;
	clv_tpm_put_sized(link->command, ciphertext.data, ciphertext.size);
	clv_tpm_put_u16(link->command, scheme);
	if (scheme == TPM2_ALG_OAEP)
		clv_tpm_put_u16(link->command, hash);
	clv_tpm_put_sized(link->command, NULL, 0); /* label */
	rc = clv_tpm_exchange(link, auth, NULL);
	if (rc != TSS2_RC_SUCCESS)
		return rc;
	got = clv_tpm_get_sized(link->answer);
	rc = clv_tpm_answer_end(link->answer);
	if (rc == TSS2_RC_SUCCESS && got.size > *size)
		rc = CLV_TPM_RC_MALFORMED;
	if (rc == TSS2_RC_SUCCESS) {
		memcpy(message, got.data, got.size);
		*size = got.size;
	}
	return rc;
}

TSS2_RC
clv_tpm_unseal(struct clv_tpm_link *link, const struct clv_tpm_handle *item,
    const struct clv_tpm_auth *auth, struct clv_span *secret)
{
	TSS2_RC rc;

	begin_with_key(link, TPM2_CC_Unseal, item);
	link->command->decrypts = true;
	rc = clv_tpm_exchange(link, auth, NULL);
	if (rc != TSS2_RC_SUCCESS)
		return rc;
	*secret = clv_tpm_get_sized(link->answer);
	return clv_tpm_answer_end(link->answer);
}

TSS2_RC
clv_tpm_change_auth(struct clv_tpm_link *link, const struct clv_tpm_handle *key,
    const struct clv_tpm_auth *auth, const struct clv_tpm_auth *wanted,
    TPM2B_PRIVATE *private_area)
{
	TSS2_RC rc;

	clv_tpm_command_begin(link->command, TPM2_CC_ObjectChangeAuth,
	    CLV_TPM_SESSION,
	    (const struct clv_tpm_handle[]){
		*key, {link->primary.handle, &link->primary.name}, {0}});
	link->command->encrypts = link->command->decrypts = true;
	clv_tpm_put_sized(link->command, wanted->bytes, wanted->size);
	rc = clv_tpm_exchange(link, auth, NULL);
	if (rc != TSS2_RC_SUCCESS)
		return rc;
	get_private(link->answer, private_area);
	return clv_tpm_answer_end(link->answer);
}

TSS2_RC
clv_tpm_evict_control(struct clv_tpm_link *link,
    const struct clv_tpm_auth *owner, const struct clv_tpm_handle *key,
    TPM2_HANDLE persistent)
{
	TSS2_RC rc;

	clv_tpm_command_begin(link->command, TPM2_CC_EvictControl,
	    CLV_TPM_SESSION,
	    (const struct clv_tpm_handle[]){{TPM2_RH_OWNER, NULL}, *key, {0}});
	clv_tpm_put_u32(link->command, persistent);
	rc = clv_tpm_exchange(link, owner, NULL);
	return rc != TSS2_RC_SUCCESS ? rc : clv_tpm_answer_end(link->answer);
}
