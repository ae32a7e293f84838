/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * In place of what would cost a fuzzer its time: waiting, locks that nobody
 * else wants, and src/base/secret.c, which maps pages for each secret. Here
 * secrets lie on the heap, where ASan sees a byte too far.
 */

#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include <tss2/tss2_tctildr.h>

#include <claviger/secret.h>

#include "hostile_tpm.h"

int
nanosleep(const struct timespec *wanted, struct timespec *left)
{
	(void)wanted;
	(void)left;
	return 0;
}

int
flock(int fd, int operation)
{
	(void)fd;
	(void)operation;
	return 0;
}

TSS2_RC
Tss2_TctiLdr_Initialize(const char *name, TSS2_TCTI_CONTEXT **out)
{
	(void)name;
	*out = hostile_tpm_tcti();
	return TSS2_RC_SUCCESS;
}

void
Tss2_TctiLdr_Finalize(TSS2_TCTI_CONTEXT **context)
{
	*context = NULL;
}

/* ---- secrets ---- */

void
clv_wipe(void *memory, size_t size)
{
	if (size > 0)
		memset(memory, 0, size);
}

clv_status
clv_secret_alloc(clv_secret *secret, size_t capacity, clv_error **err)
{
	clv_secret_clear(secret);
	if (capacity > CLV_SECRET_MAX)
		return clv_error_raise(err, CLV_TOO_LARGE, NULL, "too large");
	secret->data = calloc(1, capacity + 1);
	if (secret->data == NULL)
		return clv_error_raise(err, CLV_NO_MEMORY, NULL, "no memory");
	secret->capacity = capacity;
	secret->protection = CLV_SECRET_FULLY_PROTECTED;
	return CLV_OK;
}

clv_status
clv_secret_set(
    clv_secret *secret, const void *bytes, size_t size, clv_error **err)
{
	const clv_status status = clv_secret_alloc(secret, size, err);

	if (status != CLV_OK)
		return status;
	if (size > 0)
		memcpy(secret->data, bytes, size);
	secret->size = size;
	return CLV_OK;
}

void
clv_secret_clear(clv_secret *secret)
{
	if (secret == NULL)
		return;
	free(secret->data);
	*secret = (clv_secret)CLV_SECRET_INIT;
}

void
clv_secret_move(clv_secret *to, clv_secret *from)
{
	if (to == from)
		return;
	clv_secret_clear(to);
	*to = *from;
	*from = (clv_secret)CLV_SECRET_INIT;
}

bool
clv_secret_equal(const clv_secret *a, const clv_secret *b)
{
	return a->size == b->size &&
	    (a->size == 0 || memcmp(a->data, b->data, a->size) == 0);
}

unsigned
clv_secret_protection(const clv_secret *secret)
{
	(void)secret;
	return CLV_SECRET_FULLY_PROTECTED;
}
