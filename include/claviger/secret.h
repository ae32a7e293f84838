/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/**
 * Memory for PINs, passwords and key bytes.
 *
 * The bytes lie in pages of their own: locked against swapping, left out of
 * core dumps, empty in a forked child, between two inaccessible pages, and
 * wiped before they are given back. Where the system refuses a lock
 * (RLIMIT_MEMLOCK, see getrlimit(2)) the secret still works, and
 * clv_secret_protection() tells what is missing; the library says so through
 * the log, once per context.
 *
 *     clv_secret pin = CLV_SECRET_INIT;
 *
 *     if (clv_secret_set(&pin, bytes, size, &err) == CLV_OK)
 *             ...
 *     clv_secret_clear(&pin);
 *
 * A clv_secret belongs to one thread at a time. Do not copy the struct.
 */
#ifndef CLAVIGER_SECRET_H
#define CLAVIGER_SECRET_H

#include <claviger/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/** The most bytes one secret can hold. */
#define CLV_SECRET_MAX (1024U * 1024U)

typedef struct clv_secret {
	unsigned char *data; /**< NULL while empty; a 0 byte follows the last */
	size_t size;         /**< bytes in use */
	size_t capacity;     /**< bytes that fit without a new mapping */
	unsigned protection; /**< bits of ::clv_secret_protection_bits */
} clv_secret;

/* clang-format off */
#define CLV_SECRET_INIT {NULL, 0, 0, 0}
/* clang-format on */

enum clv_secret_protection_bits {
	CLV_SECRET_LOCKED = 1,    /**< can't be swapped out */
	CLV_SECRET_UNDUMPED = 2,  /**< not part of a core dump */
	CLV_SECRET_FORK_WIPED = 4 /**< reads as zero in a forked child */
};
#define CLV_SECRET_FULLY_PROTECTED 7U

/**
 * Makes room for `capacity` bytes and sets the size to 0. What was in the
 * secret before is wiped.
 *
 * @return CLV_TOO_LARGE over #CLV_SECRET_MAX, CLV_NO_MEMORY
 */
CLV_API clv_status clv_secret_alloc(
    clv_secret *secret, size_t capacity, clv_error **err);

/**
 * Replaces the content by a copy of `size` bytes. On failure the secret is
 * empty. The caller wipes its own copy.
 *
 * @return CLV_TOO_LARGE, CLV_NO_MEMORY
 */
CLV_API clv_status clv_secret_set(
    clv_secret *secret, const void *bytes, size_t size, clv_error **err);

/** Wipes and frees the content. Accepts NULL and an empty secret. */
CLV_API void clv_secret_clear(clv_secret *secret);

/**
 * Moves the content: `to` is cleared first, `from` is empty afterwards.
 */
CLV_API void clv_secret_move(clv_secret *to, clv_secret *from);

/** Compares in a time that depends on the sizes only. */
CLV_API bool clv_secret_equal(const clv_secret *a, const clv_secret *b);

/**
 * Which protections are in force: bits of ::clv_secret_protection_bits, or
 * #CLV_SECRET_FULLY_PROTECTED for an empty secret.
 */
CLV_API unsigned clv_secret_protection(const clv_secret *secret);

/** Overwrites memory in a way the compiler does not remove. */
CLV_API void clv_wipe(void *memory, size_t size);

#ifdef __cplusplus
}
#endif

#endif
