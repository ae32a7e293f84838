/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What the hostile TPM does before it spoils it: the commands one by one. */

#include "hostile_chip.h"

#include <stdlib.h>
#include <string.h>

#define RC_HANDLE (TPM2_RC_HANDLE | TPM2_RC_1)

struct hostile_state hostile_tpm;
struct hostile_command hostile_command;
struct hostile_answer hostile_answer;

/* The generator of P-256. */
const uint8_t hostile_generator[64] = {0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42,
    0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d,
    0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2,
    0x96, 0x4f, 0xe3, 0x42, 0xe2, 0xfe, 0x1a, 0x7f, 0x9b, 0x8e, 0xe7, 0xeb,
    0x4a, 0x7c, 0x0f, 0x9e, 0x16, 0x2b, 0xce, 0x33, 0x57, 0x6b, 0x31, 0x5e,
    0xce, 0xcb, 0xb6, 0x40, 0x68, 0x37, 0xbf, 0x51, 0xf5};

/* ---- writing parameters ---- */

static void
put(const void *bytes, size_t size)
{
	memcpy(hostile_answer.parameters + hostile_answer.parameters_size,
	    bytes, size);
	hostile_answer.parameters_size += size;
}

static void
put_u16(uint16_t value)
{
	uint8_t bytes[2];

	clv_tpm_write_u16(bytes, value);
	put(bytes, 2);
}

static void
put_u32(uint32_t value)
{
	uint8_t bytes[4];

	clv_tpm_write_u32(bytes, value);
	put(bytes, 4);
}

static void
put_sized(const void *bytes, size_t size)
{
	put_u16((uint16_t)size);
	put(bytes, size);
}

static void
put_filler(uint8_t byte, size_t size)
{
	put_u16((uint16_t)size);
	memset(hostile_answer.parameters + hostile_answer.parameters_size, byte,
	    size);
	hostile_answer.parameters_size += size;
}

static void
put_name(const uint8_t *area, size_t size)
{
	uint8_t name[2 + CLV_TPM_DIGEST];

	clv_tpm_write_u16(name, TPM2_ALG_SHA256);
	(void)clv_tpm_digest(hostile_tpm.crypto, TPM2_ALG_SHA256,
	    &(struct clv_span){area, size}, 1, name + 2);
	put_sized(name, sizeof(name));
}

static void
put_creation(void)
{
	put_filler('c', 8);
	put_filler('h', 32);
	put_u16(TPM2_ST_CREATION);
	put_u32(TPM2_RH_OWNER);
	put_filler('t', 32);
}

static size_t
marshal(const TPM2B_PUBLIC *area, uint8_t *out)
{
	size_t size = 0;

	if (Tss2_MU_TPMT_PUBLIC_Marshal(&area->publicArea, out,
		sizeof(TPMT_PUBLIC), &size) != TSS2_RC_SUCCESS)
		abort();
	return size;
}

/* ---- objects ---- */

struct hostile_slot *
hostile_chip_find(TPM2_HANDLE handle)
{
	const TPM2_HANDLE index = handle - CLV_TPM_TRANSIENT;

	if (handle == HOSTILE_PERSISTENT)
		return hostile_tpm.persistent.used ? &hostile_tpm.persistent
						   : NULL;
	return index < HOSTILE_SLOTS && hostile_tpm.objects[index].used
	    ? &hostile_tpm.objects[index]
	    : NULL;
}

static bool
keep_object(const uint8_t *area, size_t size)
{
	for (size_t i = 0; i < HOSTILE_SLOTS; i++) {
		struct hostile_slot *slot = &hostile_tpm.objects[i];

		if (slot->used)
			continue;
		slot->used = true;
		slot->size =
		    size < sizeof(slot->area) ? size : sizeof(slot->area);
		memcpy(slot->area, area, slot->size);
		hostile_answer.has_handle = true;
		hostile_answer.handle = CLV_TPM_TRANSIENT + (TPM2_HANDLE)i;
		return true;
	}
	hostile_answer.rc = TPM2_RC_OBJECT_MEMORY;
	return false;
}

/* Takes a TPM2B off the front; empty if it is not there. */
static struct clv_span
next_sized(struct clv_span *from)
{
	struct clv_span out = {NULL, 0};

	if (from->size < 2 || clv_tpm_read_u16(from->data) > from->size - 2)
		return out;
	out.size = clv_tpm_read_u16(from->data);
	out.data = from->data + 2;
	clv_span_skip(from, 2 + out.size);
	return out;
}

static void
create_primary(void)
{
	uint8_t area[sizeof(TPMT_PUBLIC)];
	const size_t size = marshal(&hostile_srk, area);

	if (!keep_object(area, size))
		return;
	put_sized(area, size);
	put_creation();
	put_name(area, size);
}

static void
load(void)
{
	struct clv_span rest = hostile_command.parameters;
	struct clv_span area;

	(void)next_sized(&rest);
	area = next_sized(&rest);
	if (keep_object(area.data, area.size))
		put_name(area.data, area.size);
}

static void
read_public(void)
{
	const struct hostile_slot *slot =
	    hostile_chip_find(hostile_command.handles[0]);

	if (slot == NULL) {
		hostile_answer.rc = RC_HANDLE;
		return;
	}
	put_sized(slot->area, slot->size);
	put_name(slot->area, slot->size);
	put_filler('q', 34);
}

/* A key of the template's kind. */
static void
create(void)
{
	uint8_t area[sizeof(TPMT_PUBLIC)];
	struct clv_span rest = hostile_command.parameters;
	struct clv_span template;
	size_t size;

	(void)next_sized(&rest);
	template = next_sized(&rest);
	size = marshal(
	    template.size > 2 && clv_tpm_read_u16(template.data) == TPM2_ALG_RSA
		? &hostile_rsa
		: &hostile_ec,
	    area);
	put_filler('p', 120);
	put_sized(area, size);
	put_creation();
}

/* ---- sessions ---- */

/* The private half of the storage key is 1, so what is shared is the other's
 * x; see clv_tpm_share_secret(). */
static void
find_salt(struct clv_span sealed, uint8_t salt[CLV_TPM_DIGEST])
{
	static const uint8_t one[] = {0, 0, 0, 1};
	const struct clv_span x = next_sized(&sealed);
	const struct clv_span pieces[] = {{one, 4}, x,
	    {(const uint8_t *)"SECRET", 7}, x, {hostile_generator, 32}};

	(void)clv_tpm_digest(
	    hostile_tpm.crypto, TPM2_ALG_SHA256, pieces, 5, salt);
}

static void
start_session(void)
{
	struct clv_span rest = hostile_command.parameters;
	const struct clv_span nonce = next_sized(&rest);
	struct hostile_session *session = NULL;
	uint8_t salt[CLV_TPM_DIGEST];

	for (size_t i = 0; i < HOSTILE_SLOTS && session == NULL; i++)
		if (!hostile_tpm.sessions[i].used) {
			session = &hostile_tpm.sessions[i];
			hostile_answer.handle =
			    HOSTILE_SESSION + (TPM2_HANDLE)i;
		}
	if (session == NULL) {
		hostile_answer.rc = TPM2_RC_SESSION_MEMORY;
		return;
	}
	hostile_answer.has_handle = session->used = true;
	find_salt(next_sized(&rest), salt);
	clv_tpm_write_u32(session->nonce, ++hostile_tpm.nonces);
	(void)clv_tpm_kdfa(hostile_tpm.crypto, TPM2_ALG_SHA256, salt,
	    sizeof(salt), "ATH", CLV_SPAN_OF(session->nonce), nonce,
	    session->key, sizeof(session->key));
	put_sized(session->nonce, CLV_TPM_DIGEST);
}

static void
flush(void)
{
	const TPM2_HANDLE handle = hostile_command.parameters.size >= 4
	    ? clv_tpm_read_u32(hostile_command.parameters.data)
	    : 0;

	if (hostile_chip_find(handle) != NULL)
		hostile_chip_find(handle)->used = false;
	else if (handle - HOSTILE_SESSION < HOSTILE_SLOTS &&
	    hostile_tpm.sessions[handle - HOSTILE_SESSION].used)
		hostile_tpm.sessions[handle - HOSTILE_SESSION].used = false;
	else
		hostile_answer.rc = RC_HANDLE;
}

/* ---- the rest ---- */

static void
read_clock(void)
{
	put_u32(0);
	put_u32(1);
	put_u32(0);
	put_u32(1);
	put_u32(hostile_tpm.epoch.resets);
	put_u32(hostile_tpm.epoch.restarts);
	put("\x01", 1);
}

static void
list_handles(TPM2_HANDLE first)
{
	TPM2_HANDLE found[HOSTILE_SLOTS];
	uint32_t count = 0;

	for (TPM2_HANDLE i = 0; i < HOSTILE_SLOTS; i++)
		if (first == CLV_TPM_TRANSIENT ? hostile_tpm.objects[i].used
					       : hostile_tpm.sessions[i].used)
			found[count++] = first + i;
	put_u32(count);
	for (uint32_t i = 0; i < count; i++)
		put_u32(found[i]);
}

/* No lockout; 3 of everything else. */
static bool
is_zero(TPM2_PT property)
{
	return property == TPM2_PT_PERMANENT ||
	    property == TPM2_PT_LOCKOUT_COUNTER;
}

static void
get_capability(void)
{
	uint32_t kind, first, count;

	if (hostile_command.parameters.size < 12)
		abort();
	kind = clv_tpm_read_u32(hostile_command.parameters.data);
	first = clv_tpm_read_u32(hostile_command.parameters.data + 4);
	count = clv_tpm_read_u32(hostile_command.parameters.data + 8);
	put("", 1);
	put_u32(kind);
	if (kind == TPM2_CAP_HANDLES) {
		list_handles(first);
		return;
	}
	put_u32(count);
	for (uint32_t i = 0; i < count; i++) {
		put_u32(first + i);
		put_u32(is_zero(first + i) ? 0 : 3);
	}
}

static void
sign(void)
{
	struct clv_span rest = hostile_command.parameters;

	(void)next_sized(&rest);
	if (rest.size < 4) {
		hostile_answer.rc = TPM2_RC_SIZE;
		return;
	}
	put(rest.data, 4); /* scheme and hash */
	if (clv_tpm_read_u16(rest.data) == TPM2_ALG_ECDSA) {
		put_filler('r', 32);
		put_filler('s', 31);
	} else {
		put_filler('s', 256);
	}
}

/* Asks of a command whether its key is there. */
static bool
has_key(void)
{
	if (hostile_chip_find(hostile_command.handles[0]) != NULL)
		return true;
	hostile_answer.rc = TPM2_RC_REFERENCE_H0;
	return false;
}

/* Makes a copy persistent, or removes it. */
static void
evict(void)
{
	const struct hostile_slot *object =
	    hostile_chip_find(hostile_command.handles[1]);

	if (object == NULL)
		hostile_answer.rc = RC_HANDLE;
	else if (object == &hostile_tpm.persistent)
		hostile_tpm.persistent.used = false;
	else
		hostile_tpm.persistent = *object;
}

static void
obey_with_key(void)
{
	if (!has_key())
		return;
	switch (hostile_command.code) {
	case TPM2_CC_Create:
		create();
		break;
	case TPM2_CC_Load:
		load();
		break;
	case TPM2_CC_Sign:
		sign();
		break;
	case TPM2_CC_RSA_Decrypt:
		put_filler('m', 256);
		break;
	case TPM2_CC_Unseal:
		put_sized("secret", 6);
		break;
	default: /* Import, ObjectChangeAuth */
		put_filler('p', 120);
	}
}

void
hostile_chip_obey(void)
{
	switch (hostile_command.code) {
	case TPM2_CC_ReadClock:
		read_clock();
		break;
	case TPM2_CC_GetCapability:
		get_capability();
		break;
	case TPM2_CC_CreatePrimary:
		create_primary();
		break;
	case TPM2_CC_StartAuthSession:
		start_session();
		break;
	case TPM2_CC_ReadPublic:
		read_public();
		break;
	case TPM2_CC_FlushContext:
		flush();
		break;
	case TPM2_CC_EvictControl:
		evict();
		break;
	case TPM2_CC_Startup:
	case TPM2_CC_Shutdown:
		break;
	default:
		obey_with_key();
	}
}
