/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * A TCTI before another one, "fault:OTHER": it counts and records commands,
 * and does to single ones what TPMs, buses and resource managers do on a bad
 * day. A shared library named as tpm2-tss wants it, which the test links too,
 * so that both talk to the same one. Any thread; rules belong to one test at
 * a time.
 */
#ifndef CLV_FAULT_TCTI_H
#define CLV_FAULT_TCTI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <tss2/tss2_common.h>
#include <tss2/tss2_tpm2_types.h>

#if defined(__GNUC__)
#define FAULT_API __attribute__((visibility("default")))
#else
#define FAULT_API
#endif

enum fault_kind {
	/* Instead of sending: the answer is `value`. */
	FAULT_ANSWER = 1,
	/* After sending: the TPM has done it, but the answer is `value`. */
	FAULT_ANSWER_AFTER,
	/* The connection breaks before or after the TPM has done it. */
	FAULT_LOST,
	FAULT_LOST_AFTER,
	/* `value` bytes are missing at the end, or there are more. */
	FAULT_SHORT,
	FAULT_LONG,
	/* The header's size, or the size of the parameters, is off by
	 * `value`; all bytes are there. (A wrong handle in an answer is
	 * FAULT_FLIP of byte 13.) */
	FAULT_LIE_SIZE,
	FAULT_LIE_PARAMETERS,
	/* The lowest bit of byte `value` is another. */
	FAULT_FLIP,
	/* The same of the command, on its way to the TPM. */
	FAULT_FLIP_COMMAND,
	/* The answer is the one that the same command got before. */
	FAULT_REPLAY,
	/* `edit` changes the answer as it likes; there is room for 8 KiB. */
	FAULT_EDIT,
	/* `hook` runs before it is sent: to reset the TPM, say. */
	FAULT_HOOK
};

struct fault {
	enum fault_kind kind;
	TPM2_CC code;   /* 0: any command */
	unsigned skip;  /* so many are left alone first */
	unsigned times; /* 0: for ever */
	uint32_t value;
	void (*hook)(void *user);
	void *user;
	void (*edit)(void *user, uint8_t *answer, size_t *size);
};

/* Forgets rules, counters and what was recorded. */
FAULT_API void fault_tcti_reset(void);
FAULT_API void fault_tcti_add(const struct fault *fault);
/* How often rules came true. */
FAULT_API unsigned fault_tcti_hits(void);
/* How long the last answer was, before anything was done to it. */
FAULT_API size_t fault_tcti_answer_size(void);
/* How many commands of this kind were sent on; 0: of all kinds. */
FAULT_API unsigned fault_tcti_count(TPM2_CC code);
/* Begins to record all bytes of both directions, or ends it. */
FAULT_API void fault_tcti_record(bool on);
/* How often `bytes` occur in what was recorded. */
FAULT_API size_t fault_tcti_find(const void *bytes, size_t size);
FAULT_API size_t fault_tcti_recorded(void);

#endif
