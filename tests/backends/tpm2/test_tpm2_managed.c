/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Behind a resource manager, as on most machines: tpm2-abrmd on a D-Bus of
 * its own. It gives each connection objects and sessions of its own, and
 * takes them away with it.
 */

#include "fixture.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct manager {
	struct tpm_lab lab; /* with the store open through the manager */
	pid_t daemon;
};

/* One for all tests: GLib connects a process to its bus once. */
static struct {
	char dir[LAB_PATH];
	pid_t pid;
} bus;

#define BUS_CONFIGURATION                                                   \
	"<busconfig><type>session</type><listen>unix:path=%s/bus</listen>"  \
	"<policy context=\"default\"><allow send_destination=\"*\" "        \
	"eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/>" \
	"</policy></busconfig>"

/* ---- starting and stopping ---- */

static void
sleep_ms(long ms)
{
	(void)nanosleep(&(struct timespec){.tv_nsec = ms * 1000000}, NULL);
}

static pid_t
start(const char *const *arguments)
{
	union {
		const char *const *from;
		char *const *to;
	} argv = {.from = arguments};
	char log[LAB_PATH + 32];
	const pid_t parent = getpid(), pid = fork();

	if (pid != 0)
		return pid;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)snprintf(log, sizeof(log), "%s/log", bus.dir);
	if (getppid() != parent || freopen(log, "a", stdout) == NULL ||
	    dup2(STDOUT_FILENO, STDERR_FILENO) < 0)
		_exit(127);
	(void)execvp(arguments[0], argv.to);
	_exit(127);
}

static void
stop(pid_t *pid)
{
	if (*pid > 0) {
		(void)kill(*pid, SIGKILL);
		while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	*pid = 0;
}

static int
start_bus(void **state)
{
	char path[LAB_PATH + 32], address[LAB_PATH + 32];
	FILE *file;

	(void)state;
	if (lab_dir_make(bus.dir) != 0)
		return -1;
	(void)snprintf(path, sizeof(path), "%s/conf", bus.dir);
	file = fopen(path, "w");
	if (file == NULL || fprintf(file, BUS_CONFIGURATION, bus.dir) < 0 ||
	    fclose(file) != 0)
		return -1;
	(void)snprintf(address, sizeof(address), "unix:path=%s/bus", bus.dir);
	(void)setenv("DBUS_SESSION_BUS_ADDRESS", address, 1);
	bus.pid = start((const char *const[]){"dbus-daemon", "--config-file",
	    path, "--nofork", "--nopidfile", NULL});
	for (int i = 0; i < 500 && access(address + 10, F_OK) != 0; i++)
		sleep_ms(20);
	return access(address + 10, F_OK);
}

static int
stop_bus(void **state)
{
	(void)state;
	stop(&bus.pid);
	lab_dir_remove(bus.dir);
	return 0;
}

/* Asked without connecting to it, which GLib would complain about. */
static bool
manager_answers(const struct tpm_lab *lab)
{
	char output[256] = "";

	return swtpm_lab_run(&lab->swtpm,
		   (const char *const[]){"dbus-send", "--session",
		       "--print-reply", "--dest=org.freedesktop.DBus", "/",
		       "org.freedesktop.DBus.NameHasOwner",
		       "string:com.intel.tss2.Tabrmd", NULL},
		   output, sizeof(output)) == 0 &&
	    strstr(output, "true") != NULL;
}

static void
start_manager(struct manager *manager)
{
	manager->daemon =
	    start((const char *const[]){"/usr/sbin/tpm2-abrmd", "--session",
		"--allow-root", "--tcti", manager->lab.swtpm.tcti, NULL});
	for (int i = 0; i < 200; i++) {
		if (manager_answers(&manager->lab))
			return;
		sleep_ms(50);
	}
	fail_msg("tpm2-abrmd does not answer; if it is missing: apt-get "
		 "install tpm2-abrmd libtss2-tcti-tabrmd0");
}

static int
setup(void **state)
{
	struct manager *manager = calloc(1, sizeof(*manager));
	struct tpm_lab *lab = &manager->lab;

	if (swtpm_lab_start(&lab->swtpm) != 0)
		return -1;
	start_manager(manager);
	(void)setenv("CLAVIGER_TCTI", "tabrmd:bus_type=session", 1);
	(void)snprintf(
	    lab->store_uri, sizeof(lab->store_uri), "tpm2:%s", lab->swtpm.keys);
	tpm_lab_reopen(lab);
	*state = manager;
	return 0;
}

/* What is in the TPM itself is for the manager to clean up. */
static int
teardown(void **state)
{
	struct manager *manager = *state;

	tpm_lab_close(&manager->lab);
	stop(&manager->daemon);
	swtpm_lab_stop(&manager->lab.swtpm);
	free(manager);
	return 0;
}

/* ---- tests ---- */

static void
test_managed__keys_work(void **state)
{
	struct manager *manager = *state;
	struct tpm_lab *lab = &manager->lab;
	clv_key *ec, *rsa, *more[5];
	char label[2] = "a";

	lab->new_auth = "a word";
	ec = tpm_lab_key(lab, CLV_EC_P256, "ec");
	rsa = tpm_lab_key(lab, CLV_RSA_2048, "rsa");
	for (size_t i = 0; i < 5; i++, label[0]++)
		more[i] = tpm_lab_key(lab, CLV_EC_P384, label);
	for (int round = 0; round < 3; round++) {
		assert_ok(tpm_lab_sign(ec, &err));
		assert_ok(tpm_lab_sign(rsa, &err));
		assert_ok(tpm_lab_decrypt(rsa, &err));
		for (size_t i = 0; i < 5; i++)
			assert_ok(tpm_lab_sign(more[i], &err));
	}
	clv_key_free(&ec);
	clv_key_free(&rsa);
	for (size_t i = 0; i < 5; i++)
		clv_key_free(&more[i]);
}

/* Nobody is asked again, and no key has to be opened again. */
static void
test_managed__restarted_daemon_is_found_again(void **state)
{
	struct manager *manager = *state;
	struct tpm_lab *lab = &manager->lab;
	clv_key *key;
	clv_error *err = NULL;

	lab->new_auth = "a word";
	key = tpm_lab_key(lab, CLV_EC_P256, "ec");
	assert_ok(tpm_lab_sign(key, &err));
	stop(&manager->daemon);
	assert_int_equal(tpm_lab_sign(key, &err), CLV_DEVICE_GONE);
	assert_true(clv_error_retryable(err));
	clv_error_free(&err);
	start_manager(manager);
	assert_ok(tpm_lab_sign(key, &err));
	assert_int_equal(lab->asked, 1);
	clv_key_free(&key);
}

static void
test_managed__tpm_that_was_reset_is_recovered_from(void **state)
{
	struct manager *manager = *state;
	struct tpm_lab *lab = &manager->lab;
	clv_key *key;

	lab->new_auth = "a word";
	key = tpm_lab_key(lab, CLV_EC_P256, "ec");
	assert_ok(tpm_lab_sign(key, &err));
	stop(&manager->daemon);
	swtpm_lab_kill(&lab->swtpm);
	assert_int_equal(swtpm_lab_restart(&lab->swtpm), 0);
	start_manager(manager);
	assert_ok(tpm_lab_sign(key, &err));
	assert_int_equal(lab->asked, 1);
	clv_key_free(&key);
}

/* This program again, since GLib's connection does not survive a fork. */
static int
sign_and_die(const char *uri)
{
	clv_context *context = NULL;
	clv_key *key = NULL;

	if (clv_context_new(&context, NULL) == CLV_OK &&
	    clv_key_open(context, uri, &key, NULL) == CLV_OK &&
	    tpm_lab_sign(key, NULL) == CLV_OK)
		(void)kill(getpid(), SIGKILL);
	return 1;
}

static void
test_managed__killed_processes_leave_nothing(void **state)
{
	struct manager *manager = *state;
	struct tpm_lab *lab = &manager->lab;
	char *uri = tpm_lab_key_uri(lab, CLV_EC_P256, "ec");
	int status;

	tpm_lab_close(lab);
	for (int i = 0; i < 6; i++) {
		const pid_t pid =
		    start((const char *const[]){"/proc/self/exe", uri, NULL});

		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFSIGNALED(status));
	}
	for (int i = 0; i < 200 && tpm_lab_left(lab) != 0; i++)
		sleep_ms(20);
	assert_int_equal(tpm_lab_left(lab), 0);
	free(uri);
}

int
main(int argc, char **argv)
{
	if (argc > 1)
		return sign_and_die(argv[1]);
#define ITEM(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
	    ITEM(test_managed__keys_work),
	    ITEM(test_managed__restarted_daemon_is_found_again),
	    ITEM(test_managed__tpm_that_was_reset_is_recovered_from),
	    ITEM(test_managed__killed_processes_leave_nothing),
	};

	return cmocka_run_group_tests(tests, start_bus, stop_bus);
}
