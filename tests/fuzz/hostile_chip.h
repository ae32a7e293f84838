/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What hostile_tpm.c and hostile_chip.c share: the state of the TPM, and a
 * command and its answer without their frames. */
#ifndef CLV_FUZZ_HOSTILE_CHIP_H
#define CLV_FUZZ_HOSTILE_CHIP_H

#include "hostile_tpm.h"

/* What is loaded: a TPMT_PUBLIC, marshalled. */
struct hostile_slot {
	bool used;
	size_t size;
	uint8_t area[sizeof(TPMT_PUBLIC)];
};

struct hostile_session {
	bool used;
	uint8_t key[CLV_TPM_DIGEST];
	uint8_t nonce[CLV_TPM_DIGEST];
};

extern struct hostile_state {
	struct clv_tpm_crypto *crypto;
	struct clv_span input;
	bool hostile; /* something was spoiled */
	bool lost;
	const char *auth;
	struct clv_tpm_epoch epoch;
	struct hostile_slot objects[HOSTILE_SLOTS];
	struct hostile_session sessions[HOSTILE_SLOTS];
	struct hostile_slot persistent;
	uint32_t nonces;
} hostile_tpm;

/* The command under way, and its answer. */
extern struct hostile_command {
	TPM2_CC code;
	bool has_sessions;
	TPM2_HANDLE handles[2];
	struct hostile_session *session;
	struct clv_span nonce_caller;
	struct clv_span hmac;
	uint8_t attributes;
	struct clv_span parameters; /* the first one may be encrypted */
} hostile_command;
extern struct hostile_answer {
	TSS2_RC rc;
	bool has_handle;
	TPM2_HANDLE handle;
	size_t parameters_size;
	uint8_t parameters[CLV_TPM_FRAME_MAX];
	size_t size;
	uint8_t bytes[2 * CLV_TPM_FRAME_MAX];
} hostile_answer;

/* The generator of P-256. */
extern const uint8_t hostile_generator[64];

/* An object; NULL if it is not there. */
struct hostile_slot *hostile_chip_find(TPM2_HANDLE handle);
/* Does what the command says. */
void hostile_chip_obey(void);

#endif
