/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * A hostile TPM. The first bytes choose what we want from it; the rest are its
 * answers: anything at all, well-formed frames around anything, or frames
 * that are authentic besides, as only the chip that shares our session can
 * make them.
 */

#include <stdlib.h>
#include <string.h>

#include "../../backends/tpm2/commands.h"
#include "../../backends/tpm2/public.h"
#include "../../backends/tpm2/wrap.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define SESSION 0x02000000U
#define PRIMARY 0x80000000U
#define KEY 0x80000001U

/* ---- the input ---- */

static struct clv_span input;

static uint8_t
take_byte(void)
{
	uint8_t byte = 0;

	if (input.size > 0) {
		byte = input.data[0];
		clv_span_skip(&input, 1);
	}
	return byte;
}

/* Up to `most` bytes; how many, the input says. */
static size_t
take_bytes(uint8_t *out, size_t most)
{
	size_t size = take_byte();

	if (size > 250)
		size = (size - 250) * 256 + take_byte();
	if (size > most)
		size = most;
	if (size > input.size)
		size = input.size;
	if (size > 0)
		memcpy(out, input.data, size);
	clv_span_skip(&input, size);
	return size;
}

/* ---- the TPM ---- */

static struct clv_tpm_link *tpm_link;
static uint8_t answer[CLV_TPM_FRAME_MAX + 64];
static size_t answer_size;

/* The first parameter as the other side will decrypt it: to what the input
 * has there. */
static void
encrypt_first(uint8_t *parameters, size_t size, const uint8_t *nonce_tpm)
{
	const struct clv_tpm_session *session = tpm_link->session;
	uint8_t mask[32];
	size_t length;

	if (size < 2)
		return;
	length = clv_tpm_read_u16(parameters);
	if (length > size - 2)
		return;
	(void)clv_tpm_kdfa(tpm_link->crypto, TPM2_ALG_SHA256, session->key,
	    CLV_TPM_DIGEST, "CFB", (struct clv_span){nonce_tpm, CLV_TPM_DIGEST},
	    (struct clv_span){session->nonce_caller, CLV_TPM_DIGEST}, mask,
	    sizeof(mask));
	(void)clv_tpm_cfb(tpm_link->crypto, true, mask, 16, mask + 16,
	    parameters + 2, length);
}

/* The session area of an authentic answer, for keys without auth value. */
static size_t
authenticate(uint8_t *at, const uint8_t *parameters, size_t size)
{
	static const uint8_t zero[4], nonce[CLV_TPM_DIGEST] = {1, 2, 3};
	static const uint8_t attributes = TPMA_SESSION_CONTINUESESSION;
	const struct clv_tpm_session *session = tpm_link->session;
	uint8_t hash[CLV_TPM_DIGEST];
	const struct clv_span hashed[] = {
	    {zero, 4}, {tpm_link->command->bytes + 6, 4}, {parameters, size}};
	const struct clv_span pieces[] = {{hash, sizeof(hash)},
	    {nonce, sizeof(nonce)}, {session->nonce_caller, CLV_TPM_DIGEST},
	    {&attributes, 1}};

	clv_tpm_write_u16(at, CLV_TPM_DIGEST);
	memcpy(at + 2, nonce, CLV_TPM_DIGEST);
	at[2 + CLV_TPM_DIGEST] = attributes;
	clv_tpm_write_u16(at + 3 + CLV_TPM_DIGEST, CLV_TPM_DIGEST);
	(void)clv_tpm_digest(
	    tpm_link->crypto, TPM2_ALG_SHA256, hashed, 3, hash);
	(void)clv_tpm_hmac(tpm_link->crypto, TPM2_ALG_SHA256, session->key,
	    CLV_TPM_DIGEST, pieces, 4, at + 5 + CLV_TPM_DIGEST);
	return 5 + 2 * CLV_TPM_DIGEST;
}

static bool
makes_handle(TPM2_CC code)
{
	return code == TPM2_CC_CreatePrimary ||
	    code == TPM2_CC_StartAuthSession || code == TPM2_CC_Load;
}

static TPM2_HANDLE
handle_for(TPM2_CC code)
{
	if (code == TPM2_CC_StartAuthSession)
		return SESSION;
	return code == TPM2_CC_Load ? KEY : PRIMARY;
}

/* A frame that is right, around parameters from the input. */
static void
make_frame(bool authentic)
{
	static const uint8_t nonce[CLV_TPM_DIGEST] = {1, 2, 3};
	const struct clv_tpm_command *command = tpm_link->command;
	const bool sessions = command->protection != CLV_TPM_BARE;
	uint8_t *at = answer + CLV_TPM_HEADER, *parameters;
	size_t size;

	if (makes_handle(command->code)) {
		clv_tpm_write_u32(at, handle_for(command->code));
		at += 4;
	}
	parameters = at + (sessions ? 4 : 0);
	size = take_bytes(parameters, 3000);
	if (authentic && command->decrypts)
		encrypt_first(parameters, size, nonce);
	if (sessions)
		clv_tpm_write_u32(at, (uint32_t)size);
	at = parameters + size;
	if (authentic && command->protection == CLV_TPM_SESSION)
		at += authenticate(at, parameters, size);
	else if (sessions)
		at += take_bytes(at, 100);
	answer_size = (size_t)(at - answer);
	clv_tpm_write_u16(
	    answer, sessions ? TPM2_ST_SESSIONS : TPM2_ST_NO_SESSIONS);
	clv_tpm_write_u32(answer + 2, (uint32_t)answer_size);
	clv_tpm_write_u32(answer + 6, 0);
}

static TSS2_RC
transmit(TSS2_TCTI_CONTEXT *tcti, size_t size, const uint8_t *command)
{
	(void)tcti;
	(void)size;
	(void)command;
	switch (take_byte() % 4) {
	case 0:
		answer_size = take_bytes(answer, sizeof(answer));
		break;
	case 1:
		make_frame(false);
		break;
	case 2:
		make_frame(true);
		break;
	default:
		clv_tpm_write_u16(answer, TPM2_ST_NO_SESSIONS);
		clv_tpm_write_u32(answer + 2, CLV_TPM_HEADER);
		clv_tpm_write_u32(
		    answer + 6, (uint32_t)take_byte() << 8 | take_byte());
		/* those are waited for */
		if (answer[8] == 9)
			answer[8] = 1;
		answer_size = CLV_TPM_HEADER;
	}
	return TSS2_RC_SUCCESS;
}

static TSS2_RC
receive(TSS2_TCTI_CONTEXT *tcti, size_t *size, uint8_t *out, int32_t timeout)
{
	(void)tcti;
	(void)timeout;
	if (answer_size > *size)
		return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
	memcpy(out, answer, answer_size);
	*size = answer_size;
	return TSS2_RC_SUCCESS;
}

static TSS2_TCTI_CONTEXT_COMMON_V1 hostile = {
    .version = 1, .transmit = transmit, .receive = receive};

/* ---- what we want from it ---- */

static struct clv_tpm_object object;
static const TPM2B_NAME unknown;

/* The generator of P-256: a point on the curve. */
static const uint8_t generator[64] = {0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42,
    0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d,
    0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2,
    0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb,
    0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e,
    0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};

static void
set_up_once(void)
{
	TPMS_ECC_POINT *point;

	if (tpm_link != NULL)
		return;
	(void)setenv("TSS2_LOG", "all+NONE", 1);
	tpm_link = clv_tpm_link_new("tabrmd:hostile");
	if (tpm_link == NULL)
		abort();
	object.public_area = clv_tpm_srk_template;
	point = &object.public_area.publicArea.unique.ecc;
	point->x.size = point->y.size = 32;
	memcpy(point->x.buffer, generator, 32);
	memcpy(point->y.buffer, generator + 32, 32);
	object.private_area.size = 100;
	object.parent = TPM2_RH_OWNER;
	(void)clv_tpm_name_of(&object.public_area, &object.name);
}

/* As if all had gone well so far. */
static void
set_up(void)
{
	set_up_once();
	clv_tpm_link_forget(tpm_link);
	tpm_link->transport = (TSS2_TCTI_CONTEXT *)(void *)&hostile;
	tpm_link->capacity = 3;
	tpm_link->session->handle = SESSION;
	tpm_link->primary.parent = TPM2_RH_OWNER;
	tpm_link->primary.handle = PRIMARY;
	tpm_link->primary.transient = true;
	tpm_link->primary.public_area = object.public_area;
	tpm_link->primary.name = object.name;
}

static void
ask_the_tpm(unsigned what)
{
	struct clv_tpm_epoch epoch;
	TPM2_HANDLE handles[8];
	uint32_t values[18];
	size_t count = 8;

	switch (what % 4) {
	case 0:
		(void)clv_tpm_read_clock(tpm_link, &epoch);
		break;
	case 1:
		(void)clv_tpm_properties(
		    tpm_link, TPM2_PT_PERMANENT, values, 18);
		break;
	case 2:
		(void)clv_tpm_handles(
		    tpm_link, CLV_TPM_TRANSIENT, handles, &count);
		if (count > 8)
			abort();
		break;
	default:
		(void)clv_tpm_startup(tpm_link);
	}
}

/* A public area that was taken for good can be used. */
static void
use_public(const TPM2B_PUBLIC *public_area)
{
	uint8_t spki[CLV_SPKI_MAX], id[CLV_TPM_ID_SIZE];
	TPM2B_NAME name;

	(void)clv_tpm_key_id(&public_area->publicArea, spki, id);
	(void)clv_tpm_name_of(public_area, &name);
	(void)clv_tpm_algorithm(&public_area->publicArea);
	(void)clv_tpm_key_bytes(&public_area->publicArea);
}

static void
read_objects(unsigned what)
{
	TPM2B_PUBLIC public_area;
	TPM2B_PRIVATE private_area;
	TPM2_HANDLE handle;
	TPM2B_NAME name;
	const struct clv_tpm_recipe recipe = {
	    .template = &clv_tpm_srk_template};
	const TPM2B_ENCRYPTED_SECRET seed = {.size = 3};
	TSS2_RC rc;

	switch (what % 4) {
	case 0:
		rc = clv_tpm_read_public(tpm_link, KEY, &public_area, &name);
		break;
	case 1:
		rc = clv_tpm_create_primary(tpm_link, TPM2_RH_OWNER,
		    &clv_tpm_srk_template, &handle, &public_area, &name);
		break;
	case 2:
		rc = clv_tpm_create(
		    tpm_link, &recipe, &private_area, &public_area);
		break;
	default:
		(void)clv_tpm_import(tpm_link, &object.public_area,
		    (struct clv_span){generator, 64}, &seed, &private_area);
		return;
	}
	if (rc == TSS2_RC_SUCCESS)
		use_public(&public_area);
}

static void
use_key(unsigned what)
{
	const struct clv_tpm_handle key = {KEY, &object.name};
	const struct clv_span digest = {generator, 32};
	uint8_t output[512];
	struct clv_span secret;
	TPM2B_PRIVATE private_area;
	const struct clv_tpm_auth none = CLV_TPM_NO_AUTH;
	size_t size = 256;

	switch (what % 6) {
	case 0:
		(void)clv_tpm_sign(tpm_link, &key, &none, TPM2_ALG_ECDSA,
		    TPM2_ALG_SHA256, digest, output, 64);
		break;
	case 1:
		(void)clv_tpm_sign(tpm_link, &key, &none, TPM2_ALG_RSASSA,
		    TPM2_ALG_SHA256, digest, output, 256);
		break;
	case 2:
		if (clv_tpm_rsa_decrypt(tpm_link, &key, &none, TPM2_ALG_NULL,
			TPM2_ALG_NULL, (struct clv_span){generator, 64}, output,
			&size) == TSS2_RC_SUCCESS &&
		    size > 256)
			abort();
		break;
	case 3:
		if (clv_tpm_unseal(tpm_link, &key, &none, &secret) ==
			TSS2_RC_SUCCESS &&
		    secret.size > CLV_TPM_FRAME_MAX)
			abort();
		break;
	case 4:
		(void)clv_tpm_change_auth(
		    tpm_link, &key, &none, &none, &private_area);
		break;
	default:
		(void)clv_tpm_evict_control(tpm_link, &none, &key, 0x81000010);
	}
}

/* Whole sequences, with their loops and clean-up. */
static void
make_ready(unsigned what)
{
	TPM2_HANDLE handle;

	switch (what % 5) {
	case 0:
		(void)clv_tpm_need(tpm_link, &object, &handle);
		break;
	case 1:
		tpm_link->primary.handle = 0;
		(void)clv_tpm_need_parent(tpm_link, TPM2_RH_OWNER, &unknown);
		break;
	case 2:
		tpm_link->primary.handle = 0;
		(void)clv_tpm_need_parent(
		    tpm_link, TPM2_RH_OWNER, &object.name);
		break;
	case 3:
		clv_tpm_session_forget(tpm_link->session);
		(void)clv_tpm_start_session(tpm_link);
		break;
	default:
		(void)clv_tpm_revalidate(tpm_link);
		clv_tpm_flush_all(tpm_link);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	input = (struct clv_span){bytes, size};
	set_up();
	for (int i = 0; i < 4 && input.size > 0; i++) {
		const unsigned what = take_byte();

		switch (what >> 6) {
		case 0:
			ask_the_tpm(what & 63);
			break;
		case 1:
			read_objects(what & 63);
			break;
		case 2:
			use_key(what & 63);
			break;
		default:
			make_ready(what & 63);
		}
	}
	tpm_link->transport = NULL;
	return 0;
}
