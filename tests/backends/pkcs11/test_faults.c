/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Every call that a scenario makes, failing in every way, one at a time, each
 * in a process of its own: none may crash it, keep it over five seconds (20
 * with sanitizers) or make it hand out a wrong signature, and afterwards all
 * must be well again.
 *
 *     backend-pkcs11-faults [PART]    every PARTth fault; 1: all of them
 */

#include "p11_lab.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CALLS_MAX 512U
#define FUNCTIONS (sizeof(functions) / sizeof(functions[0]))

#define NAME(FUNCTION) #FUNCTION,
static const char *const functions[] = {P11_PROXY_EACH_FUNCTION(NAME)};
#undef NAME

/* 13 return values, and 6 ways of not telling the truth. */
static const struct {
	const char *name;
	const char *directive; /* of a function, and the call's number */
} faults[] = {
    {"general error", "fault %s CKR_GENERAL_ERROR at %u"},
    {"function failed", "fault %s CKR_FUNCTION_FAILED at %u"},
    {"device error", "fault %s CKR_DEVICE_ERROR at %u"},
    {"device removed", "fault %s CKR_DEVICE_REMOVED at %u"},
    {"token not present", "fault %s CKR_TOKEN_NOT_PRESENT at %u"},
    {"session handle", "fault %s CKR_SESSION_HANDLE_INVALID at %u"},
    {"session closed", "fault %s CKR_SESSION_CLOSED at %u"},
    {"session count", "fault %s CKR_SESSION_COUNT at %u"},
    {"not logged in", "fault %s CKR_USER_NOT_LOGGED_IN at %u"},
    {"host memory", "fault %s CKR_HOST_MEMORY at %u"},
    {"object handle", "fault %s CKR_OBJECT_HANDLE_INVALID at %u"},
    {"not initialized", "fault %s CKR_CRYPTOKI_NOT_INITIALIZED at %u"},
    {"vendor's own", "fault %s 0x80000001 at %u"},
    {"error after success", "fault %s CKR_GENERAL_ERROR late at %u"},
    {"success without doing it", "pretend %s at %u"},
    {"bit flipped", "corrupt %s at %u"},
    {"too long", "length %s +4096 at %u"},
    {"too short", "length %s -1 at %u"},
    {"no length", "length %s =0xffffffffffffffff at %u"},
};
#define FAULTS (sizeof(faults) / sizeof(faults[0]))

/* Keys that were made before; the scenarios run in children. */
static struct {
	const char *rsa;
	const char *ec;
} uris;

/* Everything but the crash is an answer. */
static void
open_sign_close(void)
{
	clv_context *context = p11_context();
	clv_key *rsa = NULL;
	clv_key *ec = NULL;

	if (clv_key_open(context, uris.rsa, &rsa, NULL) == CLV_OK) {
		(void)lab_sign_scheme(rsa, CLV_RSA_PKCS1_SHA256, NULL);
		(void)lab_sign_scheme(rsa, CLV_RSA_PSS_SHA256, NULL);
		(void)lab_sign_scheme(rsa, CLV_RSA_PKCS1_SHA256, NULL);
	}
	if (clv_key_open(context, uris.ec, &ec, NULL) == CLV_OK) {
		(void)lab_sign(ec, NULL);
		(void)lab_sign(ec, NULL);
	}
	clv_key_free(&rsa);
	clv_key_free(&ec);
	clv_context_free(&context);
}

static void
decrypt(void)
{
	clv_context *context = p11_context();
	clv_key *rsa = NULL;

	if (clv_key_open(context, uris.rsa, &rsa, NULL) == CLV_OK) {
		(void)lab_decrypt(rsa, CLV_RSA_OAEP_SHA1, NULL);
		(void)lab_decrypt(rsa, CLV_RSA_OAEP_SHA256, NULL);
		(void)lab_decrypt(rsa, CLV_RSA_OAEP_SHA1, NULL);
	}
	clv_key_free(&rsa);
	clv_context_free(&context);
}

static void
generate_list_delete(void)
{
	clv_context *context = p11_context();
	clv_store *store = NULL;
	clv_key_list *list = NULL;
	clv_key *key = NULL;
	clv_key_options *options = NULL;

	if (clv_store_open(context, p11_uri("", ""), &store, NULL) == CLV_OK &&
	    clv_key_options_new(&options, NULL) == CLV_OK) {
		(void)clv_key_options_set_label(options, "short-lived", NULL);
		(void)clv_key_generate(store, CLV_EC_P256, options, &key, NULL);
	}
	if (key != NULL) {
		(void)lab_sign(key, NULL);
		(void)clv_key_list_get(store, &list, NULL);
		(void)clv_key_delete(context, clv_key_uri(key), NULL);
	}
	clv_key_options_free(&options);
	clv_key_list_free(&list);
	clv_key_free(&key);
	clv_store_free(&store);
	clv_context_free(&context);
}

static void
lose_and_recover(void)
{
	clv_context *context = p11_context();
	clv_key *ec = NULL;

	if (clv_key_open(context, uris.ec, &ec, NULL) == CLV_OK) {
		(void)lab_sign(ec, NULL);
		(void)lab.proxy->run("remove; insert");
		(void)lab_sign(ec, NULL);
		(void)lab.proxy->run("fault C_SignInit CKR_DEVICE_ERROR "
				     "first 1");
		(void)lab_sign(ec, NULL);
	}
	clv_key_free(&ec);
	clv_context_free(&context);
}

static const struct {
	const char *name;
	void (*run)(void);
} scenarios[] = {
    {"open, sign, close", open_sign_close},
    {"decrypt", decrypt},
    {"generate, list, delete", generate_list_delete},
    {"lose and recover", lose_and_recover},
};
#define SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

static struct {
	unsigned faults;
	unsigned crashes;
	unsigned hangs;
	unsigned wrong;
	unsigned broken; /* what came after did not work */
} totals;

static double
seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* The operation after the fault, in a new context as in a new handle. */
static bool
works_afterwards(void)
{
	clv_context *context = p11_context();
	clv_key *key = NULL;
	clv_error *err = NULL;
	bool works;

	(void)lab.proxy->run("clear");
	lab.answers[0] = LAB_PIN;
	works = clv_key_open(context, uris.ec, &key, &err) == CLV_OK &&
	    lab_sign(key, &err) == CLV_OK;
	if (!works)
		fprintf(stderr, "%s\n", clv_error_message(err));
	clv_error_free(&err);
	clv_key_free(&key);
	clv_context_free(&context);
	return works;
}

static void
run_in_child(size_t scenario, const char *directive)
{
	if (directive != NULL && lab.proxy->run(directive) != NULL)
		_exit(70);
	scenarios[scenario].run();
	_exit(directive == NULL || works_afterwards() ? 0 : 71);
}

static void
judge(const char *what, const char *scenario, int status, double took)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
	    took < LIMIT_SECONDS)
		return;
	if (WIFEXITED(status) &&
	    (WEXITSTATUS(status) == 66 || WEXITSTATUS(status) == 67))
		totals.wrong++;
	else if (WIFEXITED(status) && WEXITSTATUS(status) == 71)
		totals.broken++;
	else if (took >= LIMIT_SECONDS)
		totals.hangs++;
	else
		totals.crashes++;
	print_error("%s: %s: status 0x%x after %.1f s\n", scenario, what,
	    (unsigned)status, took);
}

static int
wait_for(pid_t child, double *took)
{
	const double then = seconds();
	int status = 0;

	while (waitpid(child, &status, WNOHANG) == 0) {
		const struct timespec nap = {0, 500000};

		if (seconds() - then > 3 * LIMIT_SECONDS)
			(void)kill(child, SIGKILL);
		(void)nanosleep(&nap, NULL);
	}
	*took = seconds() - then;
	return status;
}

static void
inject(size_t scenario, const char *function, unsigned call, size_t fault)
{
	char directive[128];
	char what[160];
	double took;
	pid_t child;

	(void)p11_lab_renew(NULL);
	/* clang-format off */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	(void)snprintf(directive, sizeof(directive), faults[fault].directive,
	    function, call);
#pragma GCC diagnostic pop
	/* clang-format on */
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		run_in_child(scenario, directive);
	totals.faults++;
	(void)snprintf(what, sizeof(what), "%s, call %u: %s", function, call,
	    faults[fault].name);
	{
		const int status = wait_for(child, &took);

		judge(what, scenarios[scenario].name, status, took);
	}
}

/* What these give may be missing, but not a lie: C_GetFunctionList gives
 * code, and whoever calls what is not there dies; and a wrong plaintext can't
 * be told from a right one, as a signature can. */
static bool
can_be(const char *function, size_t fault)
{
	return (strcmp(function, "C_GetFunctionList") != 0 &&
		   strcmp(function, "C_Decrypt") != 0) ||
	    strncmp(faults[fault].directive, "fault", 5) == 0;
}

/* How often the scenario calls each function when all is well. */
static void
count_calls(size_t scenario, unsigned counts[FUNCTIONS])
{
	double took;
	pid_t child;

	(void)p11_lab_renew(NULL);
	lab.proxy->clear_counters();
	child = fork();
	assert_true(child >= 0);
	if (child == 0)
		run_in_child(scenario, NULL);
	assert_int_equal(wait_for(child, &took), 0);
	for (size_t f = 0; f < FUNCTIONS; f++)
		counts[f] = (unsigned)lab.proxy->calls(functions[f]);
}

static unsigned part = 1;

static void
test_fault__leaves_no_trace(void **state)
{
	unsigned turn = 0;

	(void)state;
	for (size_t s = 0; s < SCENARIOS; s++) {
		unsigned counts[FUNCTIONS];

		count_calls(s, counts);
		for (size_t f = 0; f < FUNCTIONS; f++)
			for (unsigned c = 1; c <= counts[f] && c <= CALLS_MAX;
			     c++)
				for (size_t x = 0; x < FAULTS; x++)
					if (can_be(functions[f], x) &&
					    turn++ % part == 0)
						inject(s, functions[f], c, x);
	}
	print_message("%u of %u faults: %u crashes, %u hangs, %u wrong, %u "
		      "not well afterwards\n",
	    totals.faults, turn, totals.crashes, totals.hangs, totals.wrong,
	    totals.broken);
	assert_int_equal(totals.crashes, 0);
	assert_int_equal(totals.hangs, 0);
	assert_int_equal(totals.wrong, 0);
	assert_int_equal(totals.broken, 0);
}

/* The keys are made in a child, so that this process never has the module
 * open: each scenario starts cold. */
static int
start(void **state)
{
	int status = 1;
	pid_t child;

	if (p11_lab_start(state) != 0 || p11_lab_renew(state) != 0)
		return -1;
	uris.rsa = strdup(p11_uri("object=rsa", ""));
	/* "0 wrong" is promised for ECDSA under this option. */
	uris.ec = strdup(p11_uri("object=ec", "verify=always"));
	child = fork();
	if (child == 0) {
		clv_context *context = p11_context();
		clv_key *key = p11_key(context, CLV_RSA_2048, "rsa");

		clv_key_free(&key);
		key = p11_key(context, CLV_EC_P256, "ec");
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
	    cmocka_unit_test(test_fault__leaves_no_trace),
	};

	if (argc > 1)
		part = (unsigned)atoi(argv[1]);
	if (part == 0)
		return 2;
	return cmocka_run_group_tests(tests, start, p11_lab_stop);
}
