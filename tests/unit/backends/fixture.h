/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What the tests of key files share. */
#ifndef CLV_TESTS_BACKENDS_FIXTURE_H
#define CLV_TESTS_BACKENDS_FIXTURE_H

#include "testing.h"

#include <claviger/key.h>

#include "support/command.h"

/* A kind of key and how the openssl program makes it. */
struct kind {
	clv_algorithm algorithm;
	const char *name;
	const char *command;
};

#define KIND_COUNT 9U
extern const struct kind kinds[KIND_COUNT];

/* Passwords that are given in turn, and what was asked. */
struct asker {
	const char *passwords[8];
	const char *new_password;
	unsigned asked;
	unsigned asked_new;
	unsigned flags; /* of the last question */
	unsigned attempt;
};

extern struct asker asker;
/* A password for all questions; NULL: none. */
#define PASSWORD "correct horse"
void use_password(const char *password);
/* What was logged since it was last emptied. */
extern char logged[4096];
void remember(void *user, clv_log_level level, const char *line);

extern char place[64];
extern clv_context *context;

/* For cmocka: a fresh directory, and a context that asks `asker`. */
int set_up(void **state);
int tear_down(void **state);
#define KEY_FILE_TEST(name) \
	cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* SCHEME:PLACE/NAME; the text is overwritten by the fourth call after it. */
const char *uri_of(const char *scheme, const char *name);

clv_status open_key(const char *uri, clv_key **key, clv_error **err);
/* Makes a PEM file with a key of Ed25519 that openssl encrypted, cheaply, with
 * PASSWORD. */
void make_foreign(const char *name);
/* Makes a key with a label in a store that is `place` itself. */
clv_status make_key(const char *scheme, clv_algorithm algorithm,
    const char *label, const char *option, const char *value, clv_key **key,
    clv_error **err);
/* Signs with the key, and lets the openssl program verify it with the public
 * key that `extract` (a command that writes pub.pem) finds. */
void assert_signs(clv_key *key, const char *extract);
/* Whether two files are the same, byte for byte. */
void assert_same_file(const char *name, const clv_secret *before);
double seconds(void);

/* Files that no backend may take for a key; each is made by a command in
 * `place`, refused with this status within 100 ms. */
struct bad_file {
	const char *name; /* of the file */
	const char *command;
	clv_status status;
};

void assert_all_refused(
    const char *scheme, const struct bad_file *files, size_t count);

#endif
