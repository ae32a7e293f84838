/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * The bytes of one command and of its answer (TPM 2.0 Part 1, 18).
 *
 * Writing and reading are sticky: after a failure nothing happens any more
 * and `rc` tells the first one, so that a command is written line by line
 * and checked once. Both hold plaintext for a while and live in memory of
 * clv_secret.
 */
#ifndef CLV_TPM2_FRAME_H
#define CLV_TPM2_FRAME_H

#include "crypto.h"

#include <tss2/tss2_mu.h>

/* Where ranges of handles begin. (Those of tpm2-tss 3 shift into the sign.) */
#define CLV_TPM_SESSIONS 0x02000000U
#define CLV_TPM_TRANSIENT 0x80000000U
#define CLV_TPM_PERSISTENT 0x81000000U
#define CLV_TPM_PLATFORM_PERSISTENT 0x81800000U

#define CLV_TPM_FRAME_MAX 4096U
#define CLV_TPM_HEADER 10U

/* How the first handle's use is authorised. */
enum clv_tpm_protection {
	CLV_TPM_BARE,   /* no handle needs it */
	CLV_TPM_EMPTY,  /* an empty password: there is nothing to hide */
	CLV_TPM_SESSION /* HMAC of our session */
};

struct clv_tpm_command {
	TPM2_CC code;
	TSS2_RC rc;
	enum clv_tpm_protection protection;
	bool encrypts;        /* the first parameter travels encrypted */
	bool decrypts;        /* so does the answer's */
	size_t authorization; /* where the area with the session begins */
	size_t parameters;
	size_t names_size;
	uint8_t names[3 * sizeof(TPM2B_NAME)];
	size_t size;
	uint8_t bytes[CLV_TPM_FRAME_MAX];
};

struct clv_tpm_answer {
	TSS2_RC rc;
	size_t at;         /* the next byte to read */
	size_t parameters; /* where they begin */
	size_t end;        /* and end */
	size_t size;
	uint8_t bytes[CLV_TPM_FRAME_MAX];
};

/* A handle in a command, with the name that stands for it in HMACs. */
struct clv_tpm_handle {
	TPM2_HANDLE handle;
	const TPM2B_NAME *name; /* NULL: the handle itself (Part 1, 16) */
};

/* Begins a command with up to three handles, ended by handle 0. */
void clv_tpm_command_begin(struct clv_tpm_command *command, TPM2_CC code,
    enum clv_tpm_protection protection, const struct clv_tpm_handle *handles);

void clv_tpm_put_u8(struct clv_tpm_command *command, uint8_t value);
void clv_tpm_put_u16(struct clv_tpm_command *command, uint16_t value);
void clv_tpm_put_u32(struct clv_tpm_command *command, uint32_t value);
void clv_tpm_put_bytes(
    struct clv_tpm_command *command, const void *bytes, size_t size);
/* A TPM2B: size and bytes. */
void clv_tpm_put_sized(
    struct clv_tpm_command *command, const void *bytes, size_t size);
/* Leaves room for a size to be filled in by clv_tpm_put_end(). */
size_t clv_tpm_put_begin(struct clv_tpm_command *command);
void clv_tpm_put_end(struct clv_tpm_command *command, size_t mark);
void clv_tpm_put_public(
    struct clv_tpm_command *command, const TPM2B_PUBLIC *public_area);

/* Fills the command's size in and tells the first failure. */
TSS2_RC clv_tpm_command_end(struct clv_tpm_command *command);

/*
 * Takes the header of what was received apart and finds the parameters;
 * `has_handle` answers begin with a handle. Returns the TPM's response code,
 * or CLV_TPM_RC_MALFORMED.
 */
TSS2_RC clv_tpm_answer_open(struct clv_tpm_answer *answer, bool has_sessions,
    bool has_handle, TPM2_HANDLE *handle);

uint16_t clv_tpm_get_u16(struct clv_tpm_answer *answer);
uint32_t clv_tpm_get_u32(struct clv_tpm_answer *answer);
uint64_t clv_tpm_get_u64(struct clv_tpm_answer *answer);
uint8_t clv_tpm_get_u8(struct clv_tpm_answer *answer);
/* A TPM2B; the bytes stay where they are. */
struct clv_span clv_tpm_get_sized(struct clv_tpm_answer *answer);
void clv_tpm_get_public(
    struct clv_tpm_answer *answer, TPM2B_PUBLIC *public_area);
/* All parameters must have been read. Tells the first failure. */
TSS2_RC clv_tpm_answer_end(struct clv_tpm_answer *answer);

/* Reading of big-endian numbers at any place. */
uint32_t clv_tpm_read_u32(const uint8_t *bytes);
uint16_t clv_tpm_read_u16(const uint8_t *bytes);
void clv_tpm_write_u32(uint8_t *bytes, uint32_t value);
void clv_tpm_write_u16(uint8_t *bytes, uint16_t value);

#endif
