/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Random schedules: several processes that use one card at once, with right
 * and wrong PINs in their configuration, restarted again and again, some
 * killed at any moment. No PIN value may fail twice, and no card be locked.
 *
 *     backend-pkcs11-pins [SCHEDULES [SEED]]
 */

#include "p11_lab.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PROCESSES 8U
#define STARTS 4U
#define TRIES 3U

/* The first one is right. */
static const char *const pins[] = {
    LAB_PIN, "000000", "111111", "222222", "333333", "444444"};
#define PINS (sizeof(pins) / sizeof(pins[0]))

static unsigned schedules = 25;
static unsigned seed = 1;
static struct {
	unsigned failed;
	unsigned opened;
} totals;

static unsigned
random_below(unsigned *state, unsigned limit)
{
	*state = *state * 1103515245U + 12345U;
	return (*state >> 16) % limit;
}

/* Half of the time the right one, which gives the card its tries back. */
static size_t
choose_pin(unsigned *state)
{
	const unsigned choice = random_below(state, 2 * PINS);

	return choice < PINS ? choice : 0;
}

static void
write_pins(void)
{
	for (size_t i = 0; i < PINS; i++) {
		char path[LAB_PATH + 16];
		FILE *file;

		(void)snprintf(path, sizeof(path), "%s/pin%zu", lab.dir, i);
		file = fopen(path, "w");
		assert_non_null(file);
		assert_true(fputs(pins[i], file) >= 0);
		assert_int_equal(fclose(file), 0);
		assert_int_equal(chmod(path, 0600), 0);
	}
}

/* One run of the service, with what its administrator configured. */
static int
run_service(size_t pin, bool tells)
{
	char source[LAB_PATH + 64];
	clv_context *context = NULL;
	clv_error *error = NULL;
	clv_key *key = NULL;
	clv_status status;

	(void)snprintf(
	    source, sizeof(source), "pin-source=file:%s/pin%zu", lab.dir, pin);
	if (clv_context_new(&context, NULL) != CLV_OK)
		return 2;
	status =
	    clv_key_open(context, p11_uri("object=ec", source), &key, &error);
	if (status == CLV_OK)
		status = lab_sign(key, &error);
	if (status != CLV_OK && tells)
		(void)fprintf(stderr, "%s: %s\n", clv_status_name(status),
		    clv_error_message(error));
	clv_error_free(&error);
	clv_key_free(&key);
	clv_context_free(&context);
	return status == CLV_OK ? 0 : 1;
}

/* A service manager: starts it again whatever happens, now and then with
 * another configuration, and now and then it dies on the way. */
static void
run_manager(unsigned state)
{
	size_t pin = choose_pin(&state);

	for (unsigned i = 0; i < STARTS; i++) {
		const bool dies = random_below(&state, 6) == 0;
		const unsigned after = random_below(&state, 60000);
		const pid_t child = fork();

		if (child == 0)
			_exit(run_service(pin, false));
		if (dies) {
			(void)usleep(after);
			(void)kill(child, SIGKILL);
		}
		(void)waitpid(child, NULL, 0);
		if (random_below(&state, 3) == 0)
			pin = choose_pin(&state);
	}
	_exit(0);
}

/*
 * The file that remembers refused PINs, with hashes that take no time: what
 * counts here is who tries what and when, a thousand times over.
 */
static void
make_quick_file(void)
{
	static const char command[] =
	    "printf '\\001' | dd of=\"$(ls %s/state/claviger/*.pins)\" "
	    "bs=1 seek=25 conv=notrunc status=none";
	char line[LAB_PATH + sizeof(command)];
	const pid_t child = fork();
	int status = 1;

	assert_true(child >= 0);
	if (child == 0)
		_exit(run_service(0, true));
	(void)waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	(void)snprintf(line, sizeof(line), command, lab.dir);
	assert_int_equal(system(line), 0);
}

static void
run_schedule(unsigned number)
{
	struct p11_proxy_shared *shared = lab.proxy->shared();
	unsigned state = seed * 7919U + number;
	pid_t managers[PROCESSES];

	(void)p11_lab_renew(NULL);
	make_quick_file();
	p11_lab_run("pin-tries %u; delay C_Login 3000", TRIES);
	shared->tries_left = (int)TRIES;
	lab.proxy->clear_counters();
	for (unsigned i = 0; i < PROCESSES; i++) {
		managers[i] = fork();
		assert_true(managers[i] >= 0);
		if (managers[i] == 0)
			run_manager(state + 104729U * i);
	}
	for (unsigned i = 0; i < PROCESSES; i++)
		(void)waitpid(managers[i], NULL, 0);
	totals.failed += shared->failed_logins;
	totals.opened += shared->logins;
	if (shared->tries_left < 1)
		fail_msg(
		    "schedule %u of seed %u locked the card", number, seed);
	if (shared->repeated_failures > 0)
		fail_msg("schedule %u of seed %u: %u of %u failed logins "
			 "repeat a value",
		    number, seed, shared->repeated_failures,
		    shared->failed_logins);
}

static void
test_pins__fail_once_and_never_lock(void **state)
{
	(void)state;
	for (unsigned i = 0; i < schedules; i++)
		run_schedule(i);
	print_message("%u schedules: %u logins, %u failed ones\n", schedules,
	    totals.opened, totals.failed);
	/* The schedules are worth something. */
	assert_true(totals.failed > schedules);
	assert_true(totals.opened > schedules);
}

/* One value only, all at once: exactly one failure. */
static void
test_pins__one_wrong_value_fails_exactly_once(void **state)
{
	struct p11_proxy_shared *shared = lab.proxy->shared();

	(void)state;
	for (unsigned round = 0; round < 3; round++) {
		pid_t services[PROCESSES];

		(void)p11_lab_renew(NULL);
		p11_lab_run("pin-tries %u; delay C_Login 3000", TRIES);
		shared->tries_left = (int)TRIES;
		lab.proxy->clear_counters();
		for (unsigned i = 0; i < PROCESSES; i++) {
			services[i] = fork();
			if (services[i] == 0)
				_exit(run_service(1, false) +
				    run_service(1, false));
		}
		for (unsigned i = 0; i < PROCESSES; i++)
			(void)waitpid(services[i], NULL, 0);
		assert_int_equal(shared->failed_logins, 1);
		assert_int_equal(shared->tries_left, TRIES - 1);
	}
}

/* In a child: each service starts cold. */
static int
start(void **state)
{
	int status = 1;
	pid_t child;

	if (p11_lab_start(state) != 0 || p11_lab_renew(state) != 0)
		return -1;
	write_pins();
	child = fork();
	if (child == 0) {
		clv_context *context = p11_context();
		clv_key *key = p11_key(context, CLV_EC_P256, "ec");

		clv_key_free(&key);
		clv_context_free(&context);
		_exit(0);
	}
	return child > 0 && waitpid(child, &status, 0) == child ? status : -1;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pins__one_wrong_value_fails_exactly_once),
	    cmocka_unit_test(test_pins__fail_once_and_never_lock),
	};

	if (argc > 1)
		schedules = (unsigned)atoi(argv[1]);
	if (argc > 2)
		seed = (unsigned)atoi(argv[2]);
	return cmocka_run_group_tests(tests, start, p11_lab_stop);
}
