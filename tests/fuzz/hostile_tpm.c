/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The hostile TPM's way of talking: frames, sessions, and spoiling both. */

#include "hostile_chip.h"

#include <stdlib.h>
#include <string.h>

#include "../../backends/tpm2/public.h"

TPM2B_PUBLIC hostile_srk, hostile_ec, hostile_rsa;

/* ---- input ---- */

uint8_t
hostile_tpm_take(void)
{
	uint8_t byte = 0;

	if (hostile_tpm.input.size > 0) {
		byte = hostile_tpm.input.data[0];
		clv_span_skip(&hostile_tpm.input, 1);
	}
	return byte;
}

bool
hostile_tpm_has_input(void)
{
	return hostile_tpm.input.size > 0;
}

static uint16_t
take_u16(void)
{
	const uint16_t high = hostile_tpm_take();

	return (uint16_t)(high << 8 | hostile_tpm_take());
}

static size_t
take_bytes(uint8_t *out, size_t most)
{
	size_t size = hostile_tpm_take();

	if (size > most)
		size = most;
	if (size > hostile_tpm.input.size)
		size = hostile_tpm.input.size;
	if (size > 0)
		memcpy(out, hostile_tpm.input.data, size);
	clv_span_skip(&hostile_tpm.input, size);
	return size;
}

/* ---- the command ---- */

static unsigned
count_handles(TPM2_CC code)
{
	switch (code) {
	case TPM2_CC_StartAuthSession:
	case TPM2_CC_ObjectChangeAuth:
	case TPM2_CC_EvictControl:
		return 2;
	case TPM2_CC_ReadClock:
	case TPM2_CC_GetCapability:
	case TPM2_CC_FlushContext:
	case TPM2_CC_Startup:
	case TPM2_CC_Shutdown:
		return 0;
	default:
		return 1;
	}
}

/* What we send ourselves is well-formed. */
static const uint8_t *
advance(const uint8_t **at, const uint8_t *end, size_t size)
{
	const uint8_t *here = *at;

	if (size > (size_t)(end - here))
		abort();
	*at += size;
	return here;
}

static void
read_authorization(const uint8_t *at, const uint8_t *end)
{
	const TPM2_HANDLE handle = clv_tpm_read_u32(advance(&at, end, 4));
	size_t size = clv_tpm_read_u16(advance(&at, end, 2));

	hostile_command.nonce_caller.size = size;
	hostile_command.nonce_caller.data = advance(&at, end, size);
	hostile_command.attributes = *advance(&at, end, 1);
	size = clv_tpm_read_u16(advance(&at, end, 2));
	hostile_command.hmac.size = size;
	hostile_command.hmac.data = advance(&at, end, size);
	if (at != end)
		abort();
	if (handle == TPM2_RS_PW)
		return;
	if (handle - HOSTILE_SESSION < HOSTILE_SLOTS &&
	    hostile_tpm.sessions[handle - HOSTILE_SESSION].used)
		hostile_command.session =
		    &hostile_tpm.sessions[handle - HOSTILE_SESSION];
	else
		hostile_answer.rc = TPM2_RC_REFERENCE_S0;
}

static void
read_command(const uint8_t *bytes, size_t size)
{
	const uint8_t *at = bytes, *end = bytes + size;
	uint16_t tag;

	memset(&hostile_command, 0, sizeof(hostile_command));
	tag = clv_tpm_read_u16(advance(&at, end, 2));
	if (clv_tpm_read_u32(advance(&at, end, 4)) != size)
		abort();
	hostile_command.code = clv_tpm_read_u32(advance(&at, end, 4));
	hostile_command.has_sessions = tag == TPM2_ST_SESSIONS;
	for (unsigned i = 0; i < count_handles(hostile_command.code); i++)
		hostile_command.handles[i] =
		    clv_tpm_read_u32(advance(&at, end, 4));
	if (hostile_command.has_sessions) {
		const size_t area = clv_tpm_read_u32(advance(&at, end, 4));
		const uint8_t *from = advance(&at, end, area);

		read_authorization(from, from + area);
	}
	hostile_command.parameters = (struct clv_span){at, (size_t)(end - at)};
}

/* The auth value that the session's HMAC is made with: that of a key, none of
 * the storage key's and the owner's. */
static size_t
session_value(uint8_t value[CLV_TPM_DIGEST + CLV_TPM_AUTH_MAX])
{
	const TPM2_CC code = hostile_command.code;
	size_t size = 0;

	memcpy(value, hostile_command.session->key, CLV_TPM_DIGEST);
	if (hostile_tpm.auth != NULL &&
	    (code == TPM2_CC_Sign || code == TPM2_CC_RSA_Decrypt ||
		code == TPM2_CC_ObjectChangeAuth)) {
		size = strlen(hostile_tpm.auth);
		memcpy(value + CLV_TPM_DIGEST, hostile_tpm.auth, size);
	}
	return CLV_TPM_DIGEST + size;
}

/* The name of a handle in an HMAC: of an object its name, else itself. */
static struct clv_span
name_of(TPM2_HANDLE handle, uint8_t name[2 + CLV_TPM_DIGEST])
{
	const struct hostile_slot *object = hostile_chip_find(handle);

	if (object == NULL) {
		clv_tpm_write_u32(name, handle);
		return (struct clv_span){name, 4};
	}
	clv_tpm_write_u16(name, TPM2_ALG_SHA256);
	(void)clv_tpm_digest(hostile_tpm.crypto, TPM2_ALG_SHA256,
	    &(struct clv_span){object->area, object->size}, 1, name + 2);
	return (struct clv_span){name, 2 + CLV_TPM_DIGEST};
}

/* Whether who sends this knows session and auth value. */
static void
check_authorization(void)
{
	const struct hostile_session *session = hostile_command.session;
	uint8_t names[2][2 + CLV_TPM_DIGEST], code[4], hash[CLV_TPM_DIGEST];
	uint8_t value[CLV_TPM_DIGEST + CLV_TPM_AUTH_MAX];
	uint8_t hmac[CLV_TPM_DIGEST];
	struct clv_span hashed[4] = {{code, 4}};
	const struct clv_span pieces[] = {{hash, sizeof(hash)},
	    hostile_command.nonce_caller, CLV_SPAN_OF(session->nonce),
	    {&hostile_command.attributes, 1}};
	size_t count = 1;

	clv_tpm_write_u32(code, hostile_command.code);
	for (unsigned i = 0; i < count_handles(hostile_command.code); i++)
		hashed[count++] = name_of(hostile_command.handles[i], names[i]);
	hashed[count++] = hostile_command.parameters;
	(void)clv_tpm_digest(
	    hostile_tpm.crypto, TPM2_ALG_SHA256, hashed, count, hash);
	(void)clv_tpm_hmac(hostile_tpm.crypto, TPM2_ALG_SHA256, value,
	    session_value(value), pieces, 4, hmac);
	if (!clv_span_equal(CLV_SPAN_OF(hmac), hostile_command.hmac))
		hostile_answer.rc = TPM2_RC_BAD_AUTH | TPM2_RC_S | TPM2_RC_1;
}

/* ---- the answer ---- */

static void
encrypt(const uint8_t *value, size_t value_size)
{
	uint8_t mask[32];
	const size_t size = hostile_answer.parameters_size;
	const size_t length =
	    size < 2 ? 0 : clv_tpm_read_u16(hostile_answer.parameters);

	if (size < 2 || length > size - 2)
		return;
	(void)clv_tpm_kdfa(hostile_tpm.crypto, TPM2_ALG_SHA256, value,
	    value_size, "CFB", CLV_SPAN_OF(hostile_command.session->nonce),
	    hostile_command.nonce_caller, mask, sizeof(mask));
	(void)clv_tpm_cfb(hostile_tpm.crypto, true, mask, 16, mask + 16,
	    hostile_answer.parameters + 2, length);
}

static void
append(const void *bytes, size_t size)
{
	memcpy(hostile_answer.bytes + hostile_answer.size, bytes, size);
	hostile_answer.size += size;
}

static void
append_u16(uint16_t value)
{
	uint8_t bytes[2];

	clv_tpm_write_u16(bytes, value);
	append(bytes, 2);
}

static void
append_u32(uint32_t value)
{
	uint8_t bytes[4];

	clv_tpm_write_u32(bytes, value);
	append(bytes, 4);
}

static void
append_authorization(const uint8_t *value, size_t value_size)
{
	static const uint8_t success[4];
	const struct hostile_session *session = hostile_command.session;
	uint8_t hash[CLV_TPM_DIGEST], hmac[CLV_TPM_DIGEST], code[4];
	const struct clv_span hashed[] = {{success, 4}, {code, 4},
	    {hostile_answer.parameters, hostile_answer.parameters_size}};
	const struct clv_span pieces[] = {{hash, sizeof(hash)},
	    CLV_SPAN_OF(session->nonce), hostile_command.nonce_caller,
	    {&hostile_command.attributes, 1}};

	clv_tpm_write_u32(code, hostile_command.code);
	(void)clv_tpm_digest(
	    hostile_tpm.crypto, TPM2_ALG_SHA256, hashed, 3, hash);
	(void)clv_tpm_hmac(hostile_tpm.crypto, TPM2_ALG_SHA256, value,
	    value_size, pieces, 4, hmac);
	append_u16(CLV_TPM_DIGEST);
	append(session->nonce, CLV_TPM_DIGEST);
	append(&hostile_command.attributes, 1);
	append_u16(CLV_TPM_DIGEST);
	append(hmac, CLV_TPM_DIGEST);
}

/* The frame around the parameters; authentic. */
static void
frame(void)
{
	uint8_t value[CLV_TPM_DIGEST + CLV_TPM_AUTH_MAX];
	size_t value_size = 0;

	hostile_answer.size = 0;
	if (hostile_answer.rc != TSS2_RC_SUCCESS) {
		append_u16(TPM2_ST_NO_SESSIONS);
		append_u32(CLV_TPM_HEADER);
		append_u32(hostile_answer.rc);
		return;
	}
	append_u16(hostile_command.has_sessions ? TPM2_ST_SESSIONS
						: TPM2_ST_NO_SESSIONS);
	append_u32(0);
	append_u32(0);
	if (hostile_answer.has_handle)
		append_u32(hostile_answer.handle);
	if (hostile_command.session != NULL) {
		clv_tpm_write_u32(
		    hostile_command.session->nonce, ++hostile_tpm.nonces);
		value_size = session_value(value);
		if ((hostile_command.attributes & TPMA_SESSION_ENCRYPT) != 0)
			encrypt(value, value_size);
	}
	if (hostile_command.has_sessions)
		append_u32((uint32_t)hostile_answer.parameters_size);
	append(hostile_answer.parameters, hostile_answer.parameters_size);
	if (hostile_command.session != NULL)
		append_authorization(value, value_size);
	else if (hostile_command.has_sessions)
		append("\0\0\1\0\0", 5);
	clv_tpm_write_u32(
	    hostile_answer.bytes + 2, (uint32_t)hostile_answer.size);
}

/* ---- spoiling ---- */

static void
change_bytes(uint8_t *bytes, size_t size)
{
	const unsigned count = 1 + hostile_tpm_take() % 4;

	for (unsigned i = 0; i < count; i++) {
		const size_t at = take_u16();
		const uint8_t value = hostile_tpm_take();

		if (at < size)
			bytes[at] = value;
	}
}

/* Takes bytes out, or puts some in. */
static void
shift_bytes(uint8_t *bytes, size_t *size, bool insert)
{
	uint8_t more[255];
	const size_t at = take_u16();
	const size_t count =
	    insert ? take_bytes(more, sizeof(more)) : hostile_tpm_take();

	if (at > *size || (!insert && count > *size - at))
		return;
	if (insert) {
		memmove(bytes + at + count, bytes + at, *size - at);
		memcpy(bytes + at, more, count);
		*size += count;
	} else {
		memmove(bytes + at, bytes + at + count, *size - at - count);
		*size -= count;
	}
}

static void
reset_chip(void)
{
	hostile_tpm.epoch.resets++;
	memset(hostile_tpm.objects, 0, sizeof(hostile_tpm.objects));
	memset(hostile_tpm.sessions, 0, sizeof(hostile_tpm.sessions));
}

/* What is done to an answer. Others: nothing. */
enum spoil {
	CODE = 6,       /* a response code instead of doing it */
	CODE_AFTER,     /* and after doing it */
	PARAMETERS,     /* other bytes, authentic */
	CUT_PARAMETERS, /* some are missing, authentic */
	MORE_PARAMETERS,
	ALL_PARAMETERS, /* others altogether, authentic */
	FRAME,          /* somebody changes bytes on the way */
	CUT_FRAME,
	MORE_FRAME,
	RAW,
	LOST,
	LOST_AFTER,
	RESET,
	ATTRIBUTES, /* of the session: signed as they are */
	SPOILS
};

static void
spoil_parameters(enum spoil spoil)
{
	size_t *size = &hostile_answer.parameters_size;

	if (spoil == PARAMETERS)
		change_bytes(hostile_answer.parameters, *size);
	else if (spoil == CUT_PARAMETERS || spoil == MORE_PARAMETERS)
		shift_bytes(
		    hostile_answer.parameters, size, spoil == MORE_PARAMETERS);
	else if (spoil == ALL_PARAMETERS)
		*size = take_bytes(hostile_answer.parameters, 255);
	else if (spoil == ATTRIBUTES)
		hostile_command.attributes = hostile_tpm_take();
	else if (spoil == CODE_AFTER)
		hostile_answer.rc = take_u16();
}

static void
spoil_frame(enum spoil spoil)
{
	size_t *size = &hostile_answer.size;

	if (spoil == FRAME)
		change_bytes(hostile_answer.bytes, *size);
	else if (spoil == CUT_FRAME || spoil == MORE_FRAME)
		shift_bytes(hostile_answer.bytes, size, spoil == MORE_FRAME);
	else if (spoil == RAW)
		*size = take_bytes(hostile_answer.bytes, 255);
	/* a size that is right gets further */
	if (*size >= CLV_TPM_HEADER &&
	    (spoil == CUT_FRAME || spoil == MORE_FRAME || spoil == RAW) &&
	    hostile_tpm_take() % 2 == 0)
		clv_tpm_write_u32(hostile_answer.bytes + 2, (uint32_t)*size);
}

/* ---- the TCTI ---- */

static TSS2_RC
transmit(TSS2_TCTI_CONTEXT *tcti, size_t size, const uint8_t *bytes)
{
	const enum spoil spoil = hostile_tpm_has_input()
	    ? (enum spoil)(hostile_tpm_take() % SPOILS)
	    : 0;

	(void)tcti;
	hostile_tpm.hostile |= spoil >= CODE;
	hostile_tpm.lost = spoil == LOST_AFTER;
	if (spoil == LOST)
		return TSS2_TCTI_RC_IO_ERROR;
	if (spoil == RESET)
		reset_chip();
	hostile_answer.rc = TSS2_RC_SUCCESS;
	hostile_answer.has_handle = false;
	hostile_answer.parameters_size = 0;
	read_command(bytes, size);
	if (spoil == CODE)
		hostile_answer.rc = take_u16();
	if (hostile_answer.rc == TSS2_RC_SUCCESS &&
	    hostile_command.session != NULL)
		check_authorization();
	if (hostile_answer.rc == TSS2_RC_SUCCESS)
		hostile_chip_obey();
	spoil_parameters(spoil);
	frame();
	spoil_frame(spoil);
	return TSS2_RC_SUCCESS;
}

static TSS2_RC
receive(TSS2_TCTI_CONTEXT *tcti, size_t *size, uint8_t *out, int32_t timeout)
{
	(void)tcti;
	(void)timeout;
	if (hostile_tpm.lost)
		return TSS2_TCTI_RC_IO_ERROR;
	if (hostile_answer.size > *size)
		return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
	memcpy(out, hostile_answer.bytes, hostile_answer.size);
	*size = hostile_answer.size;
	return TSS2_RC_SUCCESS;
}

static TSS2_TCTI_CONTEXT_COMMON_V1 common = {
    .version = 1, .transmit = transmit, .receive = receive};

TSS2_TCTI_CONTEXT *
hostile_tpm_tcti(void)
{
	return (TSS2_TCTI_CONTEXT *)(void *)&common;
}

/* ---- life ---- */

static void
set_up_keys(void)
{
	TPMS_ECC_POINT *point = &hostile_srk.publicArea.unique.ecc;

	if (hostile_srk.publicArea.type != 0)
		return;
	hostile_srk = clv_tpm_srk_template;
	point->x.size = point->y.size = 32;
	memcpy(point->x.buffer, hostile_generator, 32);
	memcpy(point->y.buffer, hostile_generator + 32, 32);
	if (!clv_tpm_key_template(CLV_EC_P256, false, &hostile_ec) ||
	    !clv_tpm_key_template(CLV_RSA_2048, false, &hostile_rsa))
		abort();
	hostile_ec.publicArea.unique.ecc = *point;
	hostile_rsa.publicArea.unique.rsa.size = 256;
	memset(hostile_rsa.publicArea.unique.rsa.buffer, 0xc5, 256);
}

static void
keep(struct hostile_slot *slot, const TPM2B_PUBLIC *area)
{
	slot->used = true;
	slot->size = 0;
	if (Tss2_MU_TPMT_PUBLIC_Marshal(&area->publicArea, slot->area,
		sizeof(slot->area), &slot->size) != TSS2_RC_SUCCESS)
		abort();
}

void
hostile_tpm_reset(struct clv_tpm_crypto *crypto, struct clv_span input)
{
	set_up_keys();
	memset(&hostile_tpm, 0, sizeof(hostile_tpm));
	hostile_tpm.crypto = crypto;
	hostile_tpm.input = input;
	hostile_tpm.epoch = (struct clv_tpm_epoch){1, 2};
	keep(&hostile_tpm.persistent, &hostile_ec);
}

void
hostile_tpm_warm_up(TPM2_HANDLE *session, TPM2_HANDLE *primary)
{
	hostile_tpm.sessions[0].used = true;
	keep(&hostile_tpm.objects[0], &hostile_srk);
	*session = HOSTILE_SESSION;
	*primary = CLV_TPM_TRANSIENT;
}

void
hostile_tpm_set_auth(const char *auth)
{
	hostile_tpm.auth = auth;
}

bool
hostile_tpm_was_hostile(void)
{
	return hostile_tpm.hostile;
}

struct clv_tpm_epoch
hostile_tpm_epoch(void)
{
	return hostile_tpm.epoch;
}
