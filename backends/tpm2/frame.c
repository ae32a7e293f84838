/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "frame.h"

#include "session.h"

#include <string.h>

uint16_t
clv_tpm_read_u16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] << 8 | bytes[1]);
}

uint32_t
clv_tpm_read_u32(const uint8_t *bytes)
{
	return (uint32_t)clv_tpm_read_u16(bytes) << 16 |
	    clv_tpm_read_u16(bytes + 2);
}

void
clv_tpm_write_u16(uint8_t *bytes, uint16_t value)
{
	bytes[0] = (uint8_t)(value >> 8);
	bytes[1] = (uint8_t)value;
}

void
clv_tpm_write_u32(uint8_t *bytes, uint32_t value)
{
	clv_tpm_write_u16(bytes, (uint16_t)(value >> 16));
	clv_tpm_write_u16(bytes + 2, (uint16_t)value);
}

/* ---- writing ---- */

void
clv_tpm_put_bytes(
    struct clv_tpm_command *command, const void *bytes, size_t size)
{
	if (command->rc != TSS2_RC_SUCCESS)
		return;
	if (size > sizeof(command->bytes) - command->size) {
		command->rc = CLV_TPM_RC_TOO_LARGE;
		return;
	}
	if (size > 0)
		memcpy(command->bytes + command->size, bytes, size);
	command->size += size;
}

void
clv_tpm_put_u8(struct clv_tpm_command *command, uint8_t value)
{
	clv_tpm_put_bytes(command, &value, 1);
}

void
clv_tpm_put_u16(struct clv_tpm_command *command, uint16_t value)
{
	uint8_t bytes[2];

	clv_tpm_write_u16(bytes, value);
	clv_tpm_put_bytes(command, bytes, sizeof(bytes));
}

void
clv_tpm_put_u32(struct clv_tpm_command *command, uint32_t value)
{
	uint8_t bytes[4];

	clv_tpm_write_u32(bytes, value);
	clv_tpm_put_bytes(command, bytes, sizeof(bytes));
}

void
clv_tpm_put_sized(
    struct clv_tpm_command *command, const void *bytes, size_t size)
{
	if (size > UINT16_MAX)
		command->rc = CLV_TPM_RC_TOO_LARGE;
	clv_tpm_put_u16(command, (uint16_t)size);
	clv_tpm_put_bytes(command, bytes, size);
}

size_t
clv_tpm_put_begin(struct clv_tpm_command *command)
{
	const size_t mark = command->size;

	clv_tpm_put_u16(command, 0);
	return mark;
}

void
clv_tpm_put_end(struct clv_tpm_command *command, size_t mark)
{
	if (command->rc == TSS2_RC_SUCCESS)
		clv_tpm_write_u16(command->bytes + mark,
		    (uint16_t)(command->size - mark - 2));
}

void
clv_tpm_put_public(
    struct clv_tpm_command *command, const TPM2B_PUBLIC *public_area)
{
	if (command->rc == TSS2_RC_SUCCESS)
		command->rc = Tss2_MU_TPM2B_PUBLIC_Marshal(public_area,
		    command->bytes, sizeof(command->bytes), &command->size);
}

/* The name of an object, or the handle of what has none (Part 1, 16). */
static void
add_name(struct clv_tpm_command *command, const struct clv_tpm_handle *handle)
{
	uint8_t *to = command->names + command->names_size;

	if (handle->name == NULL) {
		clv_tpm_write_u32(to, handle->handle);
		command->names_size += 4;
	} else if (handle->name->size > sizeof(handle->name->name)) {
		command->rc = CLV_TPM_RC_INTERNAL;
	} else {
		memcpy(to, handle->name->name, handle->name->size);
		command->names_size += handle->name->size;
	}
}

/* Room that clv_tpm_session_protect() fills when the parameters are known. */
static void
put_authorization(struct clv_tpm_command *command)
{
	static const uint8_t empty[CLV_TPM_SESSION_AREA];

	command->authorization = command->size;
	if (command->protection == CLV_TPM_SESSION) {
		clv_tpm_put_u32(command, sizeof(empty));
		clv_tpm_put_bytes(command, empty, sizeof(empty));
	} else if (command->protection == CLV_TPM_EMPTY) {
		clv_tpm_put_u32(command, 9);
		clv_tpm_put_u32(command, TPM2_RS_PW);
		clv_tpm_put_u16(command, 0);
		clv_tpm_put_u8(command, TPMA_SESSION_CONTINUESESSION);
		clv_tpm_put_u16(command, 0);
	}
}

void
clv_tpm_command_begin(struct clv_tpm_command *command, TPM2_CC code,
    enum clv_tpm_protection protection, const struct clv_tpm_handle *handles)
{
	command->code = code;
	command->rc = TSS2_RC_SUCCESS;
	command->protection = protection;
	command->encrypts = command->decrypts = false;
	command->names_size = 0;
	command->size = 0;
	clv_tpm_put_u16(command,
	    protection == CLV_TPM_BARE ? TPM2_ST_NO_SESSIONS
				       : TPM2_ST_SESSIONS);
	clv_tpm_put_u32(command, 0);
	clv_tpm_put_u32(command, code);
	for (; handles != NULL && handles->handle != 0; handles++) {
		clv_tpm_put_u32(command, handles->handle);
		add_name(command, handles);
	}
	put_authorization(command);
	command->parameters = command->size;
}

TSS2_RC
clv_tpm_command_end(struct clv_tpm_command *command)
{
	if (command->rc == TSS2_RC_SUCCESS)
		clv_tpm_write_u32(command->bytes + 2, (uint32_t)command->size);
	return command->rc;
}

/* ---- reading ---- */

static const uint8_t *
take(struct clv_tpm_answer *answer, size_t size)
{
	const uint8_t *bytes = answer->bytes + answer->at;

	if (answer->rc == TSS2_RC_SUCCESS && size > answer->end - answer->at)
		answer->rc = CLV_TPM_RC_MALFORMED;
	if (answer->rc != TSS2_RC_SUCCESS)
		return NULL;
	answer->at += size;
	return bytes;
}

uint8_t
clv_tpm_get_u8(struct clv_tpm_answer *answer)
{
	const uint8_t *bytes = take(answer, 1);

	return bytes != NULL ? bytes[0] : 0;
}

uint16_t
clv_tpm_get_u16(struct clv_tpm_answer *answer)
{
	const uint8_t *bytes = take(answer, 2);

	return bytes != NULL ? clv_tpm_read_u16(bytes) : 0;
}

uint32_t
clv_tpm_get_u32(struct clv_tpm_answer *answer)
{
	const uint8_t *bytes = take(answer, 4);

	return bytes != NULL ? clv_tpm_read_u32(bytes) : 0;
}

uint64_t
clv_tpm_get_u64(struct clv_tpm_answer *answer)
{
	const uint64_t high = clv_tpm_get_u32(answer);

	return high << 32 | clv_tpm_get_u32(answer);
}

struct clv_span
clv_tpm_get_sized(struct clv_tpm_answer *answer)
{
	const size_t size = clv_tpm_get_u16(answer);
	const uint8_t *bytes = take(answer, size);

	return (struct clv_span){bytes, bytes != NULL ? size : 0};
}

void
clv_tpm_get_public(struct clv_tpm_answer *answer, TPM2B_PUBLIC *public_area)
{
	const struct clv_span inner = clv_tpm_get_sized(answer);
	size_t used = 0;

	memset(public_area, 0, sizeof(*public_area));
	if (answer->rc != TSS2_RC_SUCCESS)
		return;
	if (Tss2_MU_TPMT_PUBLIC_Unmarshal(inner.data, inner.size, &used,
		&public_area->publicArea) != TSS2_RC_SUCCESS ||
	    used != inner.size)
		answer->rc = CLV_TPM_RC_MALFORMED;
	public_area->size = (UINT16)inner.size;
}

TSS2_RC
clv_tpm_answer_end(struct clv_tpm_answer *answer)
{
	if (answer->rc == TSS2_RC_SUCCESS && answer->at != answer->end)
		answer->rc = CLV_TPM_RC_MALFORMED;
	return answer->rc;
}

/* Part 1, 18.9: with sessions a size tells where the parameters end. */
static void
find_parameters(struct clv_tpm_answer *answer, bool has_sessions)
{
	size_t size;

	if (!has_sessions) {
		answer->parameters = answer->at;
		return;
	}
	size = clv_tpm_get_u32(answer);
	if (answer->rc == TSS2_RC_SUCCESS && size > answer->end - answer->at)
		answer->rc = CLV_TPM_RC_MALFORMED;
	if (answer->rc != TSS2_RC_SUCCESS)
		return;
	answer->parameters = answer->at;
	answer->end = answer->at + size;
}

TSS2_RC
clv_tpm_answer_open(struct clv_tpm_answer *answer, bool has_sessions,
    bool has_handle, TPM2_HANDLE *handle)
{
	uint16_t tag;
	TSS2_RC rc;

	answer->rc = TSS2_RC_SUCCESS;
	answer->at = 0;
	answer->end = answer->size;
	tag = clv_tpm_get_u16(answer);
	if (clv_tpm_get_u32(answer) != answer->size)
		return CLV_TPM_RC_MALFORMED;
	rc = clv_tpm_get_u32(answer);
	if (answer->rc != TSS2_RC_SUCCESS)
		return answer->rc;
	if (rc != TSS2_RC_SUCCESS)
		return answer->size == CLV_TPM_HEADER ? rc
						      : CLV_TPM_RC_MALFORMED;
	if (tag != (has_sessions ? TPM2_ST_SESSIONS : TPM2_ST_NO_SESSIONS))
		return CLV_TPM_RC_MALFORMED;
	if (has_handle)
		*handle = clv_tpm_get_u32(answer);
	find_parameters(answer, has_sessions);
	return answer->rc;
}
