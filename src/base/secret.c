/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include <claviger/secret.h>

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <openssl/crypto.h>

/*
 * A secret's mapping is: one inaccessible page, the data pages, one
 * inaccessible page. `capacity` plus the closing 0 byte fills whole pages, so
 * that the mapping's size is known from it again.
 */

static size_t
page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

void
clv_wipe(void *memory, size_t size)
{
	if (memory != NULL)
		explicit_bzero(memory, size);
}

static unsigned
protect(void *data, size_t size)
{
	unsigned protection = 0;

	if (mlock(data, size) == 0)
		protection |= CLV_SECRET_LOCKED;
	if (madvise(data, size, MADV_DONTDUMP) == 0)
		protection |= CLV_SECRET_UNDUMPED;
	if (madvise(data, size, MADV_WIPEONFORK) == 0)
		protection |= CLV_SECRET_FORK_WIPED;
	return protection;
}

clv_status
clv_secret_alloc(clv_secret *secret, size_t capacity, clv_error **err)
{
	const size_t page = page_size();
	unsigned char *mapping;
	size_t pages;

	clv_secret_clear(secret);
	if (capacity > CLV_SECRET_MAX)
		return clv_error_raise(err, CLV_TOO_LARGE,
		    &(struct clv_error_info){.operation = "keep secret"},
		    "%zu bytes are more than the limit of %u", capacity,
		    CLV_SECRET_MAX);

	pages = (capacity + 1 + page - 1) / page;
	mapping = mmap(NULL, (pages + 2) * page, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mapping == MAP_FAILED)
		goto no_memory;
	if (mprotect(mapping + page, pages * page, PROT_READ | PROT_WRITE)) {
		(void)munmap(mapping, (pages + 2) * page);
		goto no_memory;
	}
	secret->data = mapping + page;
	secret->size = 0;
	secret->capacity = pages * page - 1;
	secret->protection = protect(secret->data, pages * page);
	return CLV_OK;
no_memory:
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "keep secret",
		.domain = CLV_DOMAIN_ERRNO,
		.code = errno},
	    "no memory for %zu bytes", capacity);
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
	secret->data[size] = 0;
	secret->size = size;
	return CLV_OK;
}

void
clv_secret_clear(clv_secret *secret)
{
	const size_t page = page_size();

	if (secret == NULL)
		return;
	if (secret->data != NULL) {
		clv_wipe(secret->data, secret->capacity + 1);
		(void)munmap(
		    secret->data - page, secret->capacity + 1 + 2 * page);
	}
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
	    (a->size == 0 || CRYPTO_memcmp(a->data, b->data, a->size) == 0);
}

unsigned
clv_secret_protection(const clv_secret *secret)
{
	return secret->data == NULL ? CLV_SECRET_FULLY_PROTECTED
				    : secret->protection;
}
