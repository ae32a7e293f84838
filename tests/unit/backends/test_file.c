/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void
test_file_generate__openssl_reads_what_it_writes(void **state)
{
	(void)state;
	for (size_t i = 0; i < KIND_COUNT; i++) {
		char extract[128];
		clv_key *key = NULL;

		assert_ok(make_key("file", kinds[i].algorithm, kinds[i].name,
		    NULL, NULL, &key, &err));
		assert_int_equal(clv_key_algorithm(key), kinds[i].algorithm);
		(void)snprintf(extract, sizeof(extract),
		    "openssl pkey -in %s.pem -pubout -out pub.pem",
		    kinds[i].name);
		assert_signs(key, extract);
		/* And the file has openssl's own form, to the byte. */
		command_ok(place,
		    "openssl pkcs8 -topk8 -nocrypt -in %s.pem | cmp - %s.pem",
		    kinds[i].name, kinds[i].name);
		clv_key_free(&key);
	}
}

static void
test_file_open__reads_what_openssl_writes(void **state)
{
	(void)state;
	for (size_t i = 0; i < KIND_COUNT; i++) {
		static const char extract[] =
		    "openssl pkey -in key.pem -pubout -out pub.pem";
		clv_key *key = NULL;

		command_ok(
		    place, "umask 077; %s -out key.pem", kinds[i].command);
		assert_ok(open_key(uri_of("file", "key.pem"), &key, &err));
		assert_int_equal(clv_key_algorithm(key), kinds[i].algorithm);
		assert_string_equal(clv_key_label(key), "key");
		assert_int_equal(clv_key_properties(key), CLV_KEY_EXTRACTABLE);
		assert_signs(key, extract);
		clv_key_free(&key);
		command_ok(place,
		    "umask 077; openssl pkcs8 -topk8 -nocrypt -in key.pem "
		    "-outform DER -out key.any");
		assert_ok(open_key(uri_of("file", "key.any"), &key, &err));
		assert_string_equal(clv_key_label(key), "key.any");
		assert_signs(key, extract);
		clv_key_free(&key);
	}
}

static void
test_file_open__reads_traditional_keys(void **state)
{
	clv_key *key = NULL;

	(void)state;
	command_ok(place, "umask 077; openssl genrsa -traditional -out r.pem");
	assert_ok(open_key(uri_of("file", "r.pem"), &key, &err));
	assert_signs(key, "openssl rsa -in r.pem -pubout -out pub.pem");
	clv_key_free(&key);
	command_ok(place,
	    "umask 077; openssl ecparam -name secp384r1 -genkey "
	    "-out e.pem");
	assert_ok(open_key(uri_of("file", "e.pem"), &key, &err));
	assert_signs(key, "openssl ec -in e.pem -pubout -out pub.pem");
	clv_key_free(&key);
}

static mode_t
mode_of(const char *name)
{
	struct stat about;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", place, name);
	assert_int_equal(stat(path, &about), 0);
	return about.st_mode & 07777;
}

static void
test_file_generate__is_private_whatever_umask_and_default_acl(void **state)
{
	static const mode_t umasks[] = {0, 022, 077, 0777};
	clv_key *key = NULL;
	char label[16];

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		const mode_t old = umask(umasks[i]);

		(void)snprintf(label, sizeof(label), "umask%zu", i);
		assert_ok(make_key(
		    "file", CLV_EC_P256, label, NULL, NULL, &key, &err));
		(void)umask(old);
		clv_key_free(&key);
		(void)strncat(label, ".pem", 5);
		assert_int_equal(mode_of(label), 0600);
	}
	command_ok(place, "setfacl -d -m g:daemon:r,o::r .");
	assert_ok(make_key("file", CLV_EC_P256, "acl", NULL, NULL, &key, &err));
	clv_key_free(&key);
	assert_int_equal(mode_of("acl.pem"), 0600);
	command_ok(place,
	    "test $(getfacl -cE acl.pem | grep -c .) = 3 && ls -l acl.pem | "
	    "grep -qv '^-rw-------+'");
}

static void
test_file_generate__never_touches_what_is_there(void **state)
{
	static const char *const makers[] = {"echo precious >taken.pem",
	    ": >taken.pem", "mkdir taken.pem", "mkfifo taken.pem",
	    "ln -s /nowhere taken.pem", "ln -s ../other taken.pem"};
	clv_key *key = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
		command_ok(place, "%s; ls -lid taken.pem >before", makers[i]);
		assert_fails(CLV_EXISTS,
		    make_key(
			"file", CLV_EC_P256, "taken", NULL, NULL, &key, &err));
		assert_null(key);
		command_ok(place,
		    "ls -lid taken.pem | cmp - before; test $(ls -A | grep -v "
		    "'^.output$' | wc -l) = 2; rm -r taken.pem before");
	}
}

static void
test_file_generate__an_identifier_cannot_be_kept(void **state)
{
	clv_key_options *options = NULL;
	clv_store *store = NULL;
	clv_key *key = NULL;

	(void)state;
	assert_ok(clv_store_open(context, uri_of("file", ""), &store, &err));
	assert_ok(clv_key_options_new(&options, &err));
	assert_ok(clv_key_options_set_id(options, "x", 1, &err));
	assert_fails(CLV_UNSUPPORTED,
	    clv_key_generate(store, CLV_EC_P256, options, &key, &err));
	clv_key_options_free(&options);
	clv_store_free(&store);
}

static void
test_file_generate__a_directory_of_others_is_refused(void **state)
{
	clv_key *key = NULL;

	(void)state;
	command_ok(place, "chmod 0777 .");
	assert_fails(CLV_POLICY,
	    make_key("file", CLV_EC_P256, "k", NULL, NULL, &key, &err));
	command_ok(place, "chmod 0775 .; chgrp daemon .");
	assert_fails(CLV_POLICY,
	    make_key("file", CLV_EC_P256, "k", NULL, NULL, &key, &err));
	command_ok(place, "chmod 0755 .; test ! -e k.pem");
	assert_ok(make_key("file", CLV_EC_P256, "k", NULL, NULL, &key, &err));
	clv_key_free(&key);
}

static void
test_file_open__a_key_that_others_can_read_is_refused(void **state)
{
	clv_key *key = NULL;
	clv_error *err = NULL;

	(void)state;
	command_ok(place, "%s -out k.pem; chmod 0644 k.pem", kinds[3].command);
	assert_int_equal(
	    open_key(uri_of("file", "k.pem"), &key, &err), CLV_POLICY);
	assert_non_null(clv_error_remedy(err));
	/* The remedy is a command that helps. */
	command_ok(place, "%s", clv_error_remedy(err));
	clv_error_free(&err);
	assert_ok(open_key(uri_of("file", "k.pem"), &key, &err));
	clv_key_free(&key);
}

static void
test_file_open__uris_are_made_absolute(void **state)
{
	char before[512];
	char expected[160];
	clv_key *key = NULL;
	clv_key *again = NULL;

	(void)state;
	command_ok(place, "umask 077; mkdir sub; %s -out 'sub/k 1.pem'",
	    kinds[3].command);
	assert_non_null(getcwd(before, sizeof(before)));
	assert_int_equal(chdir(place), 0);
	assert_ok(open_key("file:./sub//k%201.pem", &key, &err));
	assert_int_equal(chdir(before), 0);
	(void)snprintf(
	    expected, sizeof(expected), "file:%s/sub/k%%201.pem", place);
	assert_string_equal(clv_key_uri(key), expected);
	assert_string_equal(clv_key_label(key), "k 1");
	assert_ok(open_key(clv_key_uri(key), &again, &err));
	clv_key_free(&again);
	clv_key_free(&key);
}

static void
test_file_uri__what_is_not_a_file_is_refused(void **state)
{
	static const char *const texts[] = {"file:%s/k.pem?pin-source=prompt",
	    "file:%s/k.pem?mode=600", "file:handle=1", "file:%s/",
	    "file:%s/.."};
	clv_key *key = NULL;
	clv_store *store = NULL;
	char uri[160];

	(void)state;
	command_ok(
	    place, "umask 077; mkdir sub; %s -out k.pem", kinds[3].command);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		(void)snprintf(uri, sizeof(uri), texts[i], place);
#pragma GCC diagnostic pop
		assert_fails(CLV_INVALID, open_key(uri, &key, &err));
	}
	/* A key elsewhere is not in the store. */
	(void)snprintf(uri, sizeof(uri), "file:%s/sub", place);
	assert_ok(clv_store_open(context, uri, &store, &err));
	assert_fails(CLV_INVALID,
	    clv_key_open_in(store, uri_of("file", "k.pem"), &key, &err));
	clv_store_free(&store);
	assert_fails(CLV_NOT_FOUND,
	    clv_store_open(context, uri_of("file", "none"), &store, &err));
	assert_fails(CLV_INVALID,
	    clv_store_open(context, uri_of("file", "k.pem"), &store, &err));
	assert_fails(
	    CLV_NOT_FOUND, open_key(uri_of("file", "none.pem"), &key, &err));
}

/* Files of every sort, with what the list says of them. */
static const struct {
	const char *label; /* NULL: not listed */
	const char *command;
	clv_algorithm algorithm;
	const char *problem; /* part of it; NULL: none */
} mixture[] = {
    {"a", "openssl genpkey -algorithm ed25519 -out a.pem", CLV_ED25519, NULL},
    {"b.key",
	"openssl genrsa -out b.key 2048 && openssl req -x509 -key b.key -new "
	"-subj /CN=x >>b.key",
	CLV_RSA_2048, NULL},
    {"c.der", "openssl genpkey -algorithm ed448 -outform DER -out c.der",
	CLV_ED448, NULL},
    {"d", "ln -s a.pem d.pem", CLV_ED25519, NULL},
    {"e", "openssl genpkey -algorithm ed25519 -out e.pem; chmod 644 e.pem",
	CLV_ALGORITHM_NONE, "may read it"},
    {"f", "head -c 80 a.pem >f.pem", CLV_ALGORITHM_NONE, "cut off"},
    {"g", "openssl genpkey -algorithm ed25519 -aes256 -pass pass:x -out g.pem",
	CLV_ALGORITHM_NONE, "encrypted"},
    {"h", "cp a.pem h.pem; yes '' | head -c 20000 >>h.pem", CLV_ALGORITHM_NONE,
	"more than"},
    {".hidden", "cp a.pem .hidden.pem", CLV_ED25519, NULL},
    {NULL, "openssl req -x509 -key b.key -new -subj /CN=x -out cert.pem", 0,
	NULL},
    {NULL, "openssl pkey -in a.pem -pubout -out pub.pem", 0, NULL},
    {NULL, "echo '-----BEGIN NOTHING' >notes.pem; : >empty.pem", 0, NULL},
    {NULL, "mkfifo fifo.pem; mkdir dir.pem; ln -s nowhere dangling.pem", 0,
	NULL},
    {NULL, "ln -s /dev/zero zero.pem; truncate -s 1G sparse.pem", 0, NULL},
    {NULL, "cp a.pem .claviger-0123456789abcdef.tmp", 0, NULL},
};

#define MIXTURE_COUNT (sizeof(mixture) / sizeof(mixture[0]))

static void
assert_listed(const clv_key_list *list, size_t which)
{
	const struct clv_key_entry *entry = NULL;

	for (size_t i = 0; (entry = clv_key_list_at(list, i)) != NULL; i++)
		if (strcmp(entry->label, mixture[which].label) == 0)
			break;
	if (entry == NULL)
		fail_msg("%s is not listed", mixture[which].label);
	assert_int_equal(entry->algorithm, mixture[which].algorithm);
	if (mixture[which].problem == NULL) {
		clv_key *key = NULL;

		assert_null(entry->problem);
		assert_int_equal(entry->id_size, 20);
		assert_ok(open_key(entry->uri, &key, &err));
		assert_int_equal(
		    clv_key_algorithm(key), mixture[which].algorithm);
		clv_key_free(&key);
	} else if (entry->problem == NULL ||
	    strstr(entry->problem, mixture[which].problem) == NULL) {
		fail_msg("%s: \"%s\"", mixture[which].label, entry->problem);
	}
}

static void
test_file_list__shows_every_key_and_nothing_else(void **state)
{
	clv_store *store = NULL;
	clv_key_list *list = NULL;
	size_t expected = 0;
	double start;

	(void)state;
	for (size_t i = 0; i < MIXTURE_COUNT; i++)
		command_ok(place, "umask 077; %s", mixture[i].command);
	start = seconds();
	assert_ok(clv_store_open(context, uri_of("file", ""), &store, &err));
	assert_ok(clv_key_list_get(store, &list, &err));
	assert_true(seconds() - start < 1);
	for (size_t i = 0; i < MIXTURE_COUNT; i++)
		if (mixture[i].label != NULL) {
			assert_listed(list, i);
			expected++;
		}
	assert_int_equal(clv_key_list_count(list), expected);
	clv_key_list_free(&list);
	clv_store_free(&store);
}

static void
test_file_delete__removes_keys_and_nothing_else(void **state)
{
	clv_key *key = NULL;

	(void)state;
	command_ok(place,
	    "umask 077; %s -out k.pem; ln -s k.pem l.pem; mkdir d.pem; "
	    "echo text >t.pem",
	    kinds[3].command);
	assert_fails(CLV_INVALID,
	    clv_key_delete(context, uri_of("file", "l.pem"), &err));
	assert_fails(CLV_CORRUPT,
	    clv_key_delete(context, uri_of("file", "t.pem"), &err));
	assert_fails(CLV_INVALID,
	    clv_key_delete(context, uri_of("file", "d.pem"), &err));
	assert_fails(CLV_NOT_FOUND,
	    clv_key_delete(context, uri_of("file", "n.pem"), &err));
	command_ok(place, "test -e k.pem -a -L l.pem -a -d d.pem -a -e t.pem");

	assert_ok(open_key(uri_of("file", "k.pem"), &key, &err));
	command_ok(place, "openssl pkey -in k.pem -pubout -out keep");
	assert_ok(clv_key_delete(context, uri_of("file", "k.pem"), &err));
	command_ok(place, "test ! -e k.pem");
	/* A handle that is open goes on. */
	assert_signs(key, "cp keep pub.pem");
	clv_key_free(&key);
}

static const struct bad_file bad_files[] = {
    {"k.pem", "mkfifo k.pem", CLV_POLICY},
    {"k.pem", "mkdir k.pem", CLV_POLICY},
    {"k.pem", "mknod k.pem c 1 5", CLV_POLICY},
    {"k.pem", "ln -s /dev/zero k.pem", CLV_POLICY},
    {"k.pem", "ln -s k.pem k.pem", CLV_POLICY},
    {"k.pem", "ln -s nowhere k.pem", CLV_NOT_FOUND},
    {"k.pem", "umask 077; truncate -s 1G k.pem", CLV_TOO_LARGE},
    {"k.pem", "umask 077; head -c 16385 /dev/zero >k.pem", CLV_TOO_LARGE},
    {"k.pem", "umask 077; head -c 16384 /dev/zero >k.pem", CLV_CORRUPT},
    {"k.pem", "umask 077; : >k.pem", CLV_CORRUPT},
    {"k.pem", "umask 077; echo >k.pem", CLV_CORRUPT},
    {"k.pem", "umask 077; head -c 3000 /dev/urandom >k.pem", CLV_CORRUPT},
    {"k.pem",
	"umask 077; openssl genpkey -algorithm ed25519 | head -c 90 >k.pem",
	CLV_CORRUPT},
    {"k.pem",
	"umask 077; openssl genpkey -algorithm ed25519 >k.pem; "
	"echo garbage >>k.pem",
	CLV_CORRUPT},
    {"k.pem",
	"umask 077; openssl genpkey -algorithm ed25519 >k.pem; "
	"cat k.pem >l; cat l >>k.pem; rm l",
	CLV_CORRUPT},
    {"k.pem",
	"umask 077; openssl genpkey -algorithm ed25519 -outform DER "
	">k.pem; printf x >>k.pem",
	CLV_CORRUPT},
    /* BER: the outer SEQUENCE of indefinite length. */
    {"k.pem",
	"umask 077; openssl genpkey -algorithm ed25519 -outform DER >l; "
	"{ printf '\\060\\200'; tail -c +3 l; printf '\\0\\0'; } >k.pem; "
	"rm l",
	CLV_CORRUPT},
    {"k.pem",
	"umask 077; openssl genpkey -algorithm ed25519 >l; "
	"openssl genpkey -algorithm ed25519 | "
	"openssl pkey -pubout >>l; mv l k.pem",
	CLV_CORRUPT},
    {"k.pem", "umask 077; openssl genrsa -out k.pem 1024", CLV_POLICY},
    {"k.pem", "umask 077; openssl genpkey -algorithm x25519 -out k.pem",
	CLV_UNSUPPORTED},
    {"k.pem",
	"umask 077; openssl genpkey -algorithm ed25519 -aes256 "
	"-pass pass:x -out k.pem",
	CLV_UNSUPPORTED},
};

static void
test_file_open__bad_files_are_refused_at_once(void **state)
{
	(void)state;
	assert_all_refused(
	    "file", bad_files, sizeof(bad_files) / sizeof(bad_files[0]));
}

static void
test_file_open__truncated_at_every_sixteenth_is_corrupt(void **state)
{
	(void)state;
	for (unsigned part = 0; part < 16; part++) {
		char text[160];
		const struct bad_file pem = {"k.pem", text, CLV_CORRUPT};

		(void)snprintf(text, sizeof(text),
		    "umask 077; openssl genrsa 2048 >l; "
		    "head -c $(($(stat -c %%s l) * %u / 16)) l >k.pem; rm l",
		    part);
		assert_all_refused("file", &pem, 1);
		(void)snprintf(text, sizeof(text),
		    "umask 077; openssl genrsa 2048 | openssl pkey -outform "
		    "DER >l; head -c $(($(stat -c %%s l) * %u / 16)) l "
		    ">k.pem; rm l",
		    part);
		assert_all_refused("file", &pem, 1);
	}
}

static void
test_file_change_secret__there_is_none(void **state)
{
	clv_key *key = NULL;

	(void)state;
	assert_ok(make_key("file", CLV_EC_P256, "k", NULL, NULL, &key, &err));
	assert_fails(CLV_UNSUPPORTED,
	    clv_key_change_secret(context, clv_key_uri(key), &err));
	clv_key_free(&key);
}

/* The sanitizers replace mlock(2) by one that always succeeds. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MLOCK_LIES true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define MLOCK_LIES true
#endif
#endif
#ifndef MLOCK_LIES
#define MLOCK_LIES false
#endif

/* As another user, whom RLIMIT_MEMLOCK binds. */
static int
use_without_locked_memory(void)
{
	const struct rlimit none = {0, 0};
	clv_context *own = NULL;
	clv_key *key = NULL;
	uint8_t signature[CLV_SIGNATURE_MAX];
	size_t size = sizeof(signature);

	logged[0] = '\0';
	if ((geteuid() == 0 && setuid(65534) != 0) ||
	    setrlimit(RLIMIT_MEMLOCK, &none) != 0)
		return 2;
	if (clv_context_new(&own, NULL) != CLV_OK)
		return 3;
	clv_context_set_log(own, CLV_LOG_WARNING, remember, NULL);
	if (clv_key_open(own, uri_of("file", "k.pem"), &key, NULL) != CLV_OK ||
	    clv_key_sign(key, CLV_ECDSA_SHA256, "m", 1, signature, &size,
		NULL) != CLV_OK)
		return 4;
	clv_key_free(&key);
	clv_context_free(&own);
	return MLOCK_LIES || strstr(logged, "can't be locked") != NULL ? 0 : 5;
}

static void
test_file_open__memory_that_cannot_be_locked_is_told(void **state)
{
	int status;
	pid_t child;

	(void)state;
	command_ok(place,
	    "umask 077; %s -out k.pem; test $(id -u) != 0 || "
	    "chown -R 65534:65534 .",
	    kinds[3].command);
	child = fork();
	if (child == 0)
		_exit(use_without_locked_memory());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    KEY_FILE_TEST(test_file_generate__openssl_reads_what_it_writes),
	    KEY_FILE_TEST(test_file_open__reads_what_openssl_writes),
	    KEY_FILE_TEST(test_file_open__reads_traditional_keys),
	    KEY_FILE_TEST(
		test_file_generate__is_private_whatever_umask_and_default_acl),
	    KEY_FILE_TEST(test_file_generate__never_touches_what_is_there),
	    KEY_FILE_TEST(test_file_generate__an_identifier_cannot_be_kept),
	    KEY_FILE_TEST(test_file_generate__a_directory_of_others_is_refused),
	    KEY_FILE_TEST(
		test_file_open__a_key_that_others_can_read_is_refused),
	    KEY_FILE_TEST(test_file_open__uris_are_made_absolute),
	    KEY_FILE_TEST(test_file_uri__what_is_not_a_file_is_refused),
	    KEY_FILE_TEST(test_file_list__shows_every_key_and_nothing_else),
	    KEY_FILE_TEST(test_file_delete__removes_keys_and_nothing_else),
	    KEY_FILE_TEST(test_file_open__bad_files_are_refused_at_once),
	    KEY_FILE_TEST(
		test_file_open__truncated_at_every_sixteenth_is_corrupt),
	    KEY_FILE_TEST(test_file_change_secret__there_is_none),
	    KEY_FILE_TEST(test_file_open__memory_that_cannot_be_locked_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
