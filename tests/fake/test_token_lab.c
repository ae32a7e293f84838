/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* SoftHSM, p11-kit's server, and what is said when they are not there. */

#include "testing.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake/p11_client.h"
#include "fake/token_lab.h"

#define assert_rv(expected, call) assert_int_equal((CK_RV)(expected), call)

static char dir[LAB_PATH];
static struct lab_softhsm softhsm;
static struct lab_server server;
static CK_FUNCTION_LIST *p11;
static CK_SESSION_HANDLE session;

static int
make_dir(void **state)
{
	(void)state;
	assert_int_equal(lab_dir_make(dir), 0);
	return 0;
}

static int
remove_dir(void **state)
{
	struct stat st;

	(void)state;
	lab_server_stop(&server);
	lab_dir_remove(dir);
	assert_int_equal(stat(dir, &st), -1);
	return 0;
}

static void
test_softhsm_start__tokens_are_private_and_distinct(void **state)
{
	CK_TOKEN_INFO first, second;
	CK_SLOT_ID slot;
	struct stat st;

	(void)state;
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(lab_softhsm_start(&softhsm, dir), 0);
	assert_int_equal(lab_softhsm_add(&softhsm, "other", "abcdef"), 0);
	assert_string_equal(getenv("SOFTHSM2_CONF"), softhsm.conf);

	assert_non_null(p11 = p11_load(softhsm.module));
	assert_rv(CKR_OK, p11->C_Initialize(NULL));
	assert_rv(CKR_OK, p11_find_token(p11, LAB_LABEL, &slot, &first));
	assert_rv(CKR_OK, p11_find_token(p11, "other", &slot, &second));
	assert_memory_not_equal(first.serialNumber, second.serialNumber, 16);
	assert_rv(CKR_OK, p11_open(p11, "other", &session));
	assert_rv(
	    CKR_PIN_INCORRECT, p11_login(p11, session, CKU_USER, LAB_PIN));
	assert_rv(CKR_OK, p11_login(p11, session, CKU_USER, "abcdef"));
	assert_rv(CKR_OK, p11->C_Finalize(NULL));
}

static void
open_remote(void)
{
	assert_rv(CKR_OK, p11->C_Initialize(NULL));
	assert_rv(CKR_OK, p11_open(p11, LAB_LABEL, &session));
	assert_rv(CKR_OK, p11_login(p11, session, CKU_USER, LAB_PIN));
}

static CK_RV
sign(void)
{
	CK_OBJECT_HANDLE key;
	CK_BYTE signature[64];
	CK_ULONG size = sizeof(signature);
	const CK_RV rv = p11_find_key(p11, session, CKO_PRIVATE_KEY, 1, &key);

	return rv != CKR_OK
	    ? rv
	    : p11_sign(p11, session, CKM_ECDSA, key, signature, &size);
}

static void
start_server(void)
{
	assert_int_equal(lab_softhsm_start(&softhsm, dir), 0);
	assert_int_equal(lab_server_start(&server, dir, softhsm.module), 0);
	assert_non_null(p11 = p11_load(server.module));
}

static void
test_server_start__keys_are_used_through_the_socket(void **state)
{
	(void)state;
	start_server();
	open_remote();
	assert_rv(CKR_OK, p11_generate_p256(p11, session, 1));
	assert_rv(CKR_OK, sign());
	assert_rv(CKR_OK, p11->C_Finalize(NULL));
}

static void
test_server_kill__client_sees_it_and_can_come_back(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	start_server();
	open_remote();
	assert_rv(CKR_OK, p11_generate_p256(p11, session, 1));

	/* More than one if that which looked for the server still ends. */
	assert_true(lab_server_kill_workers(&server) >= 1);
	assert_rv(CKR_DEVICE_ERROR, sign());
	assert_rv(CKR_DEVICE_ERROR, sign());
	p11->C_Finalize(NULL);
	open_remote();
	assert_rv(CKR_OK, sign());

	lab_server_stop(&server);
	assert_rv(CKR_DEVICE_ERROR, sign());
	assert_int_equal(lab_server_restart(&server), 0);
	p11->C_Finalize(NULL);
	open_remote();
	assert_rv(CKR_OK, sign());
	assert_rv(CKR_OK, p11->C_Finalize(NULL));
}

/* The server of a process that was killed goes too. */
static void
test_server_pid__dies_with_its_parent(void **state)
{
	int fds[2];
	pid_t child, pid = 0;

	(void)state;
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(lab_softhsm_start(&softhsm, dir), 0);
	child = fork();
	if (child == 0) {
		if (lab_server_start(&server, dir, softhsm.module) != 0 ||
		    write(fds[1], &server.pid, sizeof(pid)) != sizeof(pid))
			_exit(1);
		pause();
	}
	assert_int_equal(read(fds[0], &pid, sizeof(pid)), sizeof(pid));
	assert_true(pid > 0);
	assert_int_equal(kill(child, SIGKILL), 0);
	assert_int_equal(waitpid(child, NULL, 0), child);
	for (int i = 0; i < 500; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/proc/%d/exe", pid);
		if (access(path, F_OK) != 0)
			return;
		usleep(10000);
	}
	fail_msg("the server still runs");
}

/* Returns what the call said on stderr. */
static const char *
said_by(int (*call)(void))
{
	static char said[512];
	int fds[2], saved = dup(STDERR_FILENO);
	ssize_t size;

	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	assert_int_equal(call(), -1);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fds[1]);
	size = read(fds[0], said, sizeof(said) - 1);
	close(fds[0]);
	said[size < 0 ? 0 : size] = '\0';
	return said;
}

static int
start_server_without_program(void)
{
	char path[4096];
	int result;

	snprintf(path, sizeof(path), "%s", getenv("PATH"));
	setenv("PATH", "/nowhere", 1);
	result = lab_server_start(&server, dir, "/nowhere.so");
	setenv("PATH", path, 1);
	return result;
}

static int
find_missing_file(void)
{
	static const char *const paths[] = {"/nowhere/softhsm.so", NULL};
	char found[LAB_PATH];

	return lab_find_file(found, paths, "libsofthsm2");
}

static int
open_missing_card(void)
{
	struct lab_card card;

	unsetenv("CLAVIGER_CARD_MODULE");
	return lab_card_open(&card);
}

static void
test_lab_missing_parts__are_named_with_the_cure(void **state)
{
	(void)state;
	assert_non_null(strstr(
	    said_by(start_server_without_program), "apt-get install p11-kit"));
	assert_non_null(
	    strstr(said_by(find_missing_file), "apt-get install libsofthsm2"));
	assert_non_null(strstr(said_by(open_missing_card), "with-card"));
}

int
main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
	const struct CMUnitTest tests[] = {
	    TEST(test_softhsm_start__tokens_are_private_and_distinct),
	    TEST(test_server_start__keys_are_used_through_the_socket),
	    TEST(test_server_kill__client_sees_it_and_can_come_back),
	    TEST(test_server_pid__dies_with_its_parent),
	    TEST(test_lab_missing_parts__are_named_with_the_cure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
