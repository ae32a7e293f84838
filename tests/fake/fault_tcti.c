/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "fake/fault_tcti.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <tss2/tss2_tcti.h>
#include <tss2/tss2_tctildr.h>

#define FAULTS_MAX 16
#define MAGIC 0x434c565446415554ULL
#define ROOM 8192
#define ANSWER_MAX 4096 /* as tpm2-tss has it */

static struct {
	pthread_mutex_t mutex;
	struct fault faults[FAULTS_MAX];
	size_t fault_count;
	unsigned hits;
	struct {
		TPM2_CC code;
		unsigned count;
	} counters[64];
	size_t counter_count;
	bool recording;
	uint8_t *record;
	size_t record_size;
	size_t answer_size;
} state = {.mutex = PTHREAD_MUTEX_INITIALIZER};

struct context {
	TSS2_TCTI_CONTEXT_COMMON_V1 common;
	TSS2_TCTI_CONTEXT *inner;
	struct fault current; /* of the command under way; kind 0: none */
	TPM2_CC code;
	bool sent;
	/* The last answer that was passed on as it was, for FAULT_REPLAY. */
	TPM2_CC kept_code;
	size_t kept_size;
	uint8_t kept[ROOM];
};

/* ---- control ---- */

void
fault_tcti_reset(void)
{
	(void)pthread_mutex_lock(&state.mutex);
	free(state.record);
	state.record = NULL;
	state.record_size = 0;
	state.recording = false;
	state.fault_count = 0;
	state.counter_count = 0;
	state.hits = 0;
	(void)pthread_mutex_unlock(&state.mutex);
}

void
fault_tcti_add(const struct fault *fault)
{
	(void)pthread_mutex_lock(&state.mutex);
	if (state.fault_count == FAULTS_MAX)
		abort();
	state.faults[state.fault_count++] = *fault;
	(void)pthread_mutex_unlock(&state.mutex);
}

unsigned
fault_tcti_hits(void)
{
	return state.hits;
}

size_t
fault_tcti_answer_size(void)
{
	return state.answer_size;
}

unsigned
fault_tcti_count(TPM2_CC code)
{
	unsigned count = 0;

	(void)pthread_mutex_lock(&state.mutex);
	for (size_t i = 0; i < state.counter_count; i++)
		if (code == 0 || state.counters[i].code == code)
			count += state.counters[i].count;
	(void)pthread_mutex_unlock(&state.mutex);
	return count;
}

void
fault_tcti_record(bool on)
{
	(void)pthread_mutex_lock(&state.mutex);
	state.recording = on;
	(void)pthread_mutex_unlock(&state.mutex);
}

size_t
fault_tcti_recorded(void)
{
	return state.record_size;
}

size_t
fault_tcti_find(const void *bytes, size_t size)
{
	size_t found = 0;

	(void)pthread_mutex_lock(&state.mutex);
	for (size_t i = 0; i + size <= state.record_size; i++)
		found += memcmp(state.record + i, bytes, size) == 0;
	(void)pthread_mutex_unlock(&state.mutex);
	return found;
}

/* ---- between the two ---- */

static uint32_t
read_u32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	    (uint32_t)bytes[2] << 8 | bytes[3];
}

static void
write_u32(uint8_t *bytes, uint32_t value)
{
	bytes[0] = (uint8_t)(value >> 24);
	bytes[1] = (uint8_t)(value >> 16);
	bytes[2] = (uint8_t)(value >> 8);
	bytes[3] = (uint8_t)value;
}

static void
record(const uint8_t *bytes, size_t size)
{
	(void)pthread_mutex_lock(&state.mutex);
	if (state.recording) {
		state.record = realloc(state.record, state.record_size + size);
		if (state.record == NULL)
			abort();
		memcpy(state.record + state.record_size, bytes, size);
		state.record_size += size;
	}
	(void)pthread_mutex_unlock(&state.mutex);
}

static void
count(TPM2_CC code)
{
	size_t i = 0;

	(void)pthread_mutex_lock(&state.mutex);
	while (i < state.counter_count && state.counters[i].code != code)
		i++;
	if (i == state.counter_count &&
	    i < sizeof(state.counters) / sizeof(state.counters[0])) {
		state.counters[i].code = code;
		state.counters[i].count = 0;
		state.counter_count++;
	}
	state.counters[i].count++;
	(void)pthread_mutex_unlock(&state.mutex);
}

static struct fault
choose(TPM2_CC code)
{
	struct fault chosen = {0};

	(void)pthread_mutex_lock(&state.mutex);
	for (size_t i = 0; i < state.fault_count; i++) {
		struct fault *fault = &state.faults[i];

		if (fault->kind == 0 ||
		    (fault->code != 0 && fault->code != code))
			continue;
		if (fault->skip > 0) {
			fault->skip--;
			continue;
		}
		chosen = *fault;
		state.hits++;
		if (fault->times > 0 && --fault->times == 0)
			fault->kind = 0;
		break;
	}
	(void)pthread_mutex_unlock(&state.mutex);
	return chosen;
}

static struct context *
own(TSS2_TCTI_CONTEXT *tcti)
{
	return (struct context *)(void *)tcti;
}

static TSS2_RC
transmit_changed(struct context *context, size_t size, const uint8_t *command)
{
	uint8_t changed[ROOM];

	if (size > sizeof(changed) || context->current.value >= size)
		abort();
	memcpy(changed, command, size);
	changed[context->current.value] ^= 1;
	return Tss2_Tcti_Transmit(context->inner, size, changed);
}

static TSS2_RC
transmit(TSS2_TCTI_CONTEXT *tcti, size_t size, const uint8_t *command)
{
	struct context *context = own(tcti);
	const TPM2_CC code = size >= 10 ? read_u32(command + 6) : 0;

	context->code = code;
	context->current = choose(code);
	context->sent = false;
	if (context->current.kind == FAULT_LOST)
		return TSS2_TCTI_RC_IO_ERROR;
	if (context->current.kind == FAULT_HOOK)
		context->current.hook(context->current.user);
	record(command, size);
	if (context->current.kind == FAULT_ANSWER)
		return TSS2_RC_SUCCESS;
	count(code);
	context->sent = true;
	if (context->current.kind == FAULT_FLIP_COMMAND)
		return transmit_changed(context, size, command);
	return Tss2_Tcti_Transmit(context->inner, size, command);
}

/* Where the size of the parameters stands: behind a handle, if there is one. */
static size_t
at_parameters(TPM2_CC code)
{
	return code == TPM2_CC_CreatePrimary || code == TPM2_CC_Load ||
		code == TPM2_CC_StartAuthSession
	    ? 14
	    : 10;
}

static void
replay(struct context *context, uint8_t *answer, size_t *size)
{
	if (context->kept_code != context->code)
		abort();
	memcpy(answer, context->kept, context->kept_size);
	*size = context->kept_size;
}

static void
keep(struct context *context, const uint8_t *answer, size_t size)
{
	context->kept_code = context->code;
	context->kept_size = size;
	memcpy(context->kept, answer, size);
	(void)pthread_mutex_lock(&state.mutex);
	state.answer_size = size;
	(void)pthread_mutex_unlock(&state.mutex);
}

/* Changes an answer in a buffer with room for more. */
static void
spoil(const struct fault *fault, TPM2_CC code, uint8_t *answer, size_t *size)
{
	const size_t at = at_parameters(code);

	static const uint8_t header[] = {0x80, 0x01, 0, 0, 0, 10};

	switch (fault->kind) {
	case FAULT_ANSWER:
	case FAULT_ANSWER_AFTER:
		memcpy(answer, header, sizeof(header));
		write_u32(answer + 6, fault->value);
		*size = 10;
		break;
	case FAULT_SHORT:
		*size -= fault->value < *size ? fault->value : *size;
		break;
	case FAULT_LONG:
		memset(answer + *size, 0xa5, fault->value);
		*size += fault->value;
		break;
	case FAULT_LIE_SIZE:
		if (*size >= 10)
			write_u32(answer + 2, (uint32_t)*size + fault->value);
		break;
	case FAULT_LIE_PARAMETERS:
		if (*size >= at + 4)
			write_u32(
			    answer + at, read_u32(answer + at) + fault->value);
		break;
	case FAULT_FLIP:
		if (fault->value < *size)
			answer[fault->value] ^= 1;
		break;
	case FAULT_EDIT:
		fault->edit(fault->user, answer, size);
		break;
	default:
		break;
	}
}

static TSS2_RC
receive(TSS2_TCTI_CONTEXT *tcti, size_t *size, uint8_t *answer, int32_t timeout)
{
	struct context *context = own(tcti);
	uint8_t room[2 * ROOM];
	size_t got = ROOM;
	TSS2_RC rc = TSS2_RC_SUCCESS;

	if (answer == NULL) {
		*size = ANSWER_MAX;
		return TSS2_RC_SUCCESS;
	}
	if (context->sent) {
		rc = Tss2_Tcti_Receive(context->inner, &got, room, timeout);
		if (rc == TSS2_RC_SUCCESS)
			record(room, got);
	}
	if (context->current.kind == FAULT_LOST_AFTER)
		return TSS2_TCTI_RC_IO_ERROR;
	if (rc != TSS2_RC_SUCCESS)
		return rc;
	if (context->current.kind == FAULT_REPLAY)
		replay(context, room, &got);
	else if (context->sent)
		keep(context, room, got);
	spoil(&context->current, context->code, room, &got);
	if (got > *size)
		return TSS2_TCTI_RC_INSUFFICIENT_BUFFER;
	memcpy(answer, room, got);
	*size = got;
	return TSS2_RC_SUCCESS;
}

static void
finalize(TSS2_TCTI_CONTEXT *tcti)
{
	Tss2_TctiLdr_Finalize(&own(tcti)->inner);
}

static TSS2_RC
initialize(TSS2_TCTI_CONTEXT *tcti, size_t *size, const char *config)
{
	struct context *context = own(tcti);

	if (tcti == NULL) {
		*size = sizeof(struct context);
		return TSS2_RC_SUCCESS;
	}
	memset(context, 0, sizeof(*context));
	context->common.magic = MAGIC;
	context->common.version = 1;
	context->common.transmit = transmit;
	context->common.receive = receive;
	context->common.finalize = finalize;
	return Tss2_TctiLdr_Initialize(config, &context->inner);
}

static const TSS2_TCTI_INFO info = {
    .version = 1,
    .name = "fault",
    .description = "A TCTI that fails as it is told",
    .config_help = "the TCTI to wrap",
    .init = initialize,
};

FAULT_API const TSS2_TCTI_INFO *Tss2_Tcti_Info(void);

const TSS2_TCTI_INFO *
Tss2_Tcti_Info(void)
{
	return &info;
}
