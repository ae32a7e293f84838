/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Which sources are asked for a secret, in which order, and when it ends. */

#include "testing.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <keyutils.h>

#include "keys/context.h"

#define RING_NAME "claviger-test-ask"

static char directory[] = "/tmp/claviger-ask-XXXXXX";
static clv_context *context;
static clv_host host;
static clv_secret answer;
static clv_error *error;
static unsigned asked; /* calls of the callback */
static char log_text[2048];

static void
take_log(void *user, clv_log_level level, const char *line)
{
	const size_t size = strlen(log_text);

	(void)user;
	(void)level;
	(void)snprintf(log_text + size, sizeof(log_text) - size, "%s\n", line);
}

static clv_status
answer_by_callback(void *user, const struct clv_ask_request *request,
    clv_secret *out, clv_error **err)
{
	(void)user;
	(void)request;
	asked++;
	return clv_secret_set(out, "callback", 8, err);
}

static int
set_up(void **state)
{
	(void)state;
	asked = 0;
	log_text[0] = '\0';
	assert_ok(clv_context_new(&context, &err));
	clv_context_set_log(context, CLV_LOG_INFO, take_log, NULL);
	memset(&host, 0, sizeof(host));
	host.context = context;
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	clv_secret_clear(&answer);
	clv_error_free(&error);
	clv_context_free(&context);
	return 0;
}

static void
add_sources(const char *first, ...)
{
	va_list rest;

	va_start(rest, first);
	for (const char *source = first; source != NULL;
	     source = va_arg(rest, const char *))
		assert_ok(clv_context_add_secret_source(context, source, &err));
	va_end(rest);
}

/* A descriptor with this text to read from it. */
static int
text_fd(const char *text)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(
	    write(ends[1], text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(close(ends[1]), 0);
	return ends[0];
}

static const char *
fd_source(int fd)
{
	static char text[2][24];
	static unsigned next;
	char *to = text[next++ % 2];

	(void)snprintf(to, sizeof(text[0]), "fd:%d", fd);
	return to;
}

static void
write_file(const char *name, const char *text)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	assert_int_equal(close(fd), 0);
}

static clv_status
ask(const char *own, unsigned attempt, unsigned flags, clv_error **err)
{
	const struct clv_ask_request request = {.purpose = CLV_ASK_PASSWORD,
	    .uri = "pem:/key",
	    .attempt = attempt,
	    .tries_left = -1,
	    .flags = flags};

	clv_error_free(err);
	return clv_host_ask(&host, own, &request, &answer, err);
}

static void
assert_answer(const char *wanted)
{
	assert_int_equal(answer.size, strlen(wanted));
	assert_memory_equal(answer.data, wanted, answer.size);
}

static void
test_ask__each_empty_source_leads_to_the_next(void **state)
{
	char missing[160];
	char empty[160];
	const char *const nothing[] = {"cred:missing", "cred:empty",
	    "fd:987654", "keyring:" RING_NAME "-none", missing, empty};

	(void)state;
	write_file("empty", "");
	(void)snprintf(missing, sizeof(missing), "file:%s/no", directory);
	(void)snprintf(empty, sizeof(empty), "file:%s/empty", directory);
	for (size_t i = 0; i < sizeof(nothing) / sizeof(nothing[0]); i++) {
		const int fd = text_fd("the secret\n");

		add_sources(nothing[i], fd_source(fd), NULL);
		if (ask(NULL, 1, 0, &error) != CLV_OK)
			fail_msg("%s ends it: %s", nothing[i],
			    clv_error_message(error));
		assert_answer("the secret");
		assert_non_null(strstr(log_text, nothing[i]));
		assert_int_equal(close(fd), 0);
		(void)tear_down(NULL);
		(void)set_up(NULL);
	}
}

static void
test_ask__without_credentials_the_next_is_asked(void **state)
{
	const int fd = text_fd("x");

	(void)state;
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	add_sources("cred:a", fd_source(fd), NULL);
	assert_ok(ask(NULL, 1, 0, &err));
	assert_answer("x");
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", directory, 1), 0);
	assert_int_equal(close(fd), 0);
}

static void
test_ask__the_source_of_the_uri_is_no_exception(void **state)
{
	(void)state;
	write_file("second", "2\n");
	add_sources("cred:second", NULL);
	assert_ok(ask("cred:missing", 1, 0, &err));
	assert_answer("2");
}

/* What gave a value that was wrong is not asked for it again. */
static void
test_ask__an_attempt_counts_values_not_sources(void **state)
{
	(void)state;
	write_file("one", "1\n");
	write_file("two", "2\n");
	add_sources("cred:none", "cred:one", "fd:987654", "cred:two", NULL);
	for (int round = 0; round < 2; round++) {
		assert_ok(ask("cred:missing", 1, 0, &err));
		assert_answer("1");
		assert_ok(ask("cred:missing", 2, CLV_ASK_RETRY, &err));
		assert_answer("2");
		assert_int_equal(
		    ask("cred:missing", 3, CLV_ASK_RETRY, &error), CLV_AUTH);
		assert_non_null(strstr(clv_error_message(error), "is wrong"));
		assert_int_equal(answer.size, 0);
	}
}

static void
test_ask__what_was_empty_is_asked_again_later(void **state)
{
	(void)state;
	write_file("two", "2\n");
	add_sources("cred:late", "cred:two", NULL);
	assert_ok(ask(NULL, 1, 0, &err));
	assert_answer("2");
	write_file("late", "1\n");
	assert_ok(ask(NULL, 1, 0, &err));
	assert_answer("1");
	assert_ok(ask(NULL, 2, CLV_ASK_RETRY, &err));
	assert_answer("2");
}

static void
test_ask__the_callback_comes_last(void **state)
{
	(void)state;
	clv_context_set_ask(context, answer_by_callback, NULL);
	add_sources("cred:missing", "keyring:" RING_NAME "-none", NULL);
	assert_ok(ask(NULL, 1, 0, &err));
	assert_answer("callback");
	assert_int_equal(asked, 1);
}

/* CLV_AUTH would mean that nobody was to be asked: a new TPM key would then
 * be made without an auth value. */
static void
test_ask__sources_without_anything_fail_and_say_why(void **state)
{
	(void)state;
	add_sources("cred:missing", "fd:987654", NULL);
	assert_int_equal(ask(NULL, 1, 0, &error), CLV_NOT_FOUND);
	assert_non_null(strstr(clv_error_message(error), "cred:missing"));
	assert_non_null(strstr(clv_error_message(error), "fd:987654"));
	assert_non_null(clv_error_remedy(error));
	assert_int_equal(answer.size, 0);
}

static void
test_ask__nobody_to_ask_is_another_matter(void **state)
{
	(void)state;
	assert_int_equal(ask(NULL, 1, 0, &error), CLV_AUTH);
}

/* There, but not to be trusted or read: a person has to look. */
static void
test_ask__a_source_that_fails_ends_it(void **state)
{
	char readable[160];

	(void)state;
	write_file("readable", "secret\n");
	write_file("two", "2\n");
	(void)snprintf(readable, sizeof(readable), "%s/readable", directory);
	assert_int_equal(chmod(readable, 0644), 0);
	(void)snprintf(
	    readable, sizeof(readable), "file:%s/readable", directory);
	add_sources(readable, "cred:two", NULL);
	assert_int_equal(ask(NULL, 1, 0, &error), CLV_POLICY);
	assert_int_equal(answer.size, 0);
}

static void
test_ask__an_empty_source_is_not_the_last_try(void **state)
{
	(void)state;
	write_file("one", "1\n");
	add_sources("cred:missing", "cred:one", NULL);
	assert_int_equal(ask(NULL, 1, CLV_ASK_FINAL_TRY, &error), CLV_AUTH);
	clv_context_set_ask(context, answer_by_callback, NULL);
	assert_ok(ask(NULL, 1, CLV_ASK_FINAL_TRY, &err));
	assert_answer("callback");
}

static void
test_ask__a_kernel_key_is_found(void **state)
{
	const key_serial_t key =
	    add_key("user", RING_NAME, "ring\n", 5, KEY_SPEC_PROCESS_KEYRING);

	(void)state;
	assert_true(key >= 0);
	add_sources("keyring:" RING_NAME "-none", "keyring:" RING_NAME, NULL);
	assert_ok(ask(NULL, 1, 0, &err));
	assert_answer("ring");
	assert_int_equal(keyctl_unlink(key, KEY_SPEC_PROCESS_KEYRING), 0);
}

static int
make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) != NULL &&
		setenv("CREDENTIALS_DIRECTORY", directory, 1) == 0
	    ? 0
	    : -1;
}

static int
remove_directory(void **state)
{
	char command[64];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    TEST(test_ask__each_empty_source_leads_to_the_next),
	    TEST(test_ask__without_credentials_the_next_is_asked),
	    TEST(test_ask__the_source_of_the_uri_is_no_exception),
	    TEST(test_ask__an_attempt_counts_values_not_sources),
	    TEST(test_ask__what_was_empty_is_asked_again_later),
	    TEST(test_ask__the_callback_comes_last),
	    TEST(test_ask__sources_without_anything_fail_and_say_why),
	    TEST(test_ask__nobody_to_ask_is_another_matter),
	    TEST(test_ask__a_source_that_fails_ends_it),
	    TEST(test_ask__an_empty_source_is_not_the_last_try),
	    TEST(test_ask__a_kernel_key_is_found),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
