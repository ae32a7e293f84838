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
run_service(size_t pin)
{
	char source[LAB_PATH + 64];
	clv_context *context = NULL;
	clv_key *key = NULL;
	clv_status status;

	(void)snprintf(
	    source, sizeof(source), "pin-source=file:%s/pin%zu", lab.dir, pin);
	if (clv_context_new(&context, NULL) != CLV_OK)
		return 2;
	status =
	    clv_key_open(context, p11_uri("object=ec", source), &key, NULL);
	if (status == CLV_OK)
		status = lab_sign(key, NULL);
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
			_exit(run_service(pin));
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

static int
run_in_lab(const char *command)
{
	char line[LAB_PATH + 128];

	(void)snprintf(line, sizeof(line), "cd %s && %s", lab.dir, command);
	return system(line);
}

static void
run_schedule(unsigned number)
{
	struct p11_proxy_shared *shared = lab.proxy->shared();
	unsigned state = seed * 7919U + number;
	pid_t managers[PROCESSES];

	/* SoftHSM writes its token's flags in place at a login: who was killed
	 * there may have left it torn. */
	assert_int_equal(run_in_lab("rm -r tokens && cp -a kept tokens"), 0);
	(void)p11_lab_renew(NULL);
	p11_lab_hash_quickly();
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
				_exit(run_service(1) + run_service(1));
		}
		for (unsigned i = 0; i < PROCESSES; i++)
			(void)waitpid(services[i], NULL, 0);
		assert_int_equal(shared->failed_logins, 1);
		assert_int_equal(shared->tries_left, TRIES - 1);
	}
}

static int
start(void **state)
{
	if (p11_lab_start_with_keys(state) != 0 ||
	    run_in_lab("cp -a tokens kept") != 0)
		return -1;
	write_pins();
	return 0;
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
