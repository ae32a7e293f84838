/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * The contract that every backend keeps, as cases that a program runs: see
 * contract.c. Only the public API is used, so that the suite can test
 * backends that are made elsewhere.
 */
#ifndef CLV_CONTRACT_H
#define CLV_CONTRACT_H

#include <claviger/backend.h>
#include <claviger/certificate.h>
#include <claviger/key.h>

#define ALGORITHMS_MAX 9

/* What all cases share: one context and store, one key per algorithm. */
struct lab {
	clv_context *context;
	clv_store *store;
	const char *store_uri;
	unsigned capabilities;
	bool wrong_secret; /* a wrong password may be tried */
	clv_algorithm algorithms[ALGORITHMS_MAX];
	clv_key *keys[ALGORITHMS_MAX];
	size_t count;
	/* Keys to use instead of making some. */
	const char *key_uris[ALGORITHMS_MAX];
	size_t key_count;
	const char *const *sources;
	const struct clv_backend *module;
	const char *only;
};

/* A case returns whether the backend passed. */
struct contract_case {
	const char *name; /* a sentence */
	bool (*run)(struct lab *lab);
	unsigned needs; /* bits of ::clv_store_capability */
};

/* Tables, ended by a case without name. */
extern const struct contract_case contract_make_cases[];
extern const struct contract_case contract_use_cases[];
extern const struct contract_case contract_decrypt_cases[];
extern const struct contract_case contract_share_cases[];
extern const struct contract_case contract_end_cases[];

/* Says what is wrong, with the place; returns false. */
bool contract_fail(const char *file, int line, const char *format, ...)
    CLV_PRINTF(3, 4);

#define require(condition)                                                 \
	do {                                                               \
		if (!(condition))                                          \
			return contract_fail(                              \
			    __FILE__, __LINE__, "not so: %s", #condition); \
	} while (0)

/* A call that must succeed; it uses `&err`. */
#define require_ok(call)                                                  \
	do {                                                              \
		clv_error *err = NULL;                                    \
		if ((call) != CLV_OK) {                                   \
			(void)contract_fail(__FILE__, __LINE__, "%s: %s", \
			    #call, clv_error_message(err));               \
			clv_error_free(&err);                             \
			return false;                                     \
		}                                                         \
	} while (0)

/* A call that must fail in a class, with an error worth reading. */
#define require_fails(expected, call)                                        \
	do {                                                                 \
		clv_error *err = NULL;                                       \
		const clv_status got = (call);                               \
		const bool told = got == (expected) && err != NULL &&        \
		    clv_error_status(err) == got &&                          \
		    *clv_error_reason(err) != '\0';                          \
		if (!told)                                                   \
			(void)contract_fail(__FILE__, __LINE__,              \
			    "%s: %s instead of %s: %s", #call,               \
			    clv_status_name(got), clv_status_name(expected), \
			    clv_error_message(err));                         \
		clv_error_free(&err);                                        \
		if (!told)                                                   \
			return false;                                        \
	} while (0)

/* Helpers. */

/* A context set up as the program was told. */
clv_context *contract_context(const struct lab *lab);
/* The first key of a family; NULL if there is none. */
clv_key *contract_key(const struct lab *lab, clv_family family);
/* Whether OpenSSL finds the signature right. */
bool contract_verifies(clv_key *key, clv_scheme scheme, const void *message,
    size_t message_size, const uint8_t *signature, size_t size);
/* Encrypts for a key with OpenSSL. */
bool contract_encrypt(clv_key *key, clv_scheme scheme, const void *message,
    size_t message_size, uint8_t *out, size_t *size);
/* How often a URI is in the store's list, with the number of entries. */
bool contract_listed(
    struct lab *lab, const char *uri, size_t *times, size_t *count);

#endif
