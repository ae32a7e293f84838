/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * bench-pkcs11 [SECONDS [ROUNDS [OBJECTS]]]: signatures per second with keys in
 * SoftHSM, by everybody who can; what opening a key costs, and recovering.
 *
 * Each figure is the median of ROUNDS, taken in turns with the others, each in
 * a new process; a ratio is the median of the rounds' ratios. Compare figures
 * of one run only.
 */

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <claviger/context.h>
#include <claviger/key.h>

#include "fake/p11_proxy.h"
#include "fake/token_lab.h"
#include "pkcs11_ways.h"

#define ROUNDS_MAX 64
#define DELAY "delay * 1000"

static char dir[LAB_PATH];
static struct lab_softhsm softhsm;
static double seconds = 0.5;
static unsigned rounds = 5;

static double
now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static int
compare(const void *a, const void *b)
{
	const double x = *(const double *)a;
	const double y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *values, unsigned count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

/* Runs `work` in a child and returns what it reports: -1 if it died. */
static double
in_child(double (*work)(const void *), const void *argument)
{
	double result = -1;
	int ends[2];
	pid_t child;

	(void)fflush(stdout);
	if (pipe(ends) != 0 || (child = fork()) < 0)
		return -1;
	if (child == 0) {
		result = work(argument);
		_exit(write(ends[1], &result, sizeof(result)) ==
			    (ssize_t)sizeof(result)
			? 0
			: 1);
	}
	(void)close(ends[1]);
	if (read(ends[0], &result, sizeof(result)) != (ssize_t)sizeof(result))
		result = -1;
	(void)close(ends[0]);
	(void)waitpid(child, NULL, 0);
	return result;
}

/* Signatures per second */

struct race {
	const struct way *way;
	struct place place;
	unsigned threads;
	atomic_uint ready;
	atomic_bool go;
	atomic_bool stop;
	atomic_ulong count;
};

static void *
run_thread(void *argument)
{
	struct race *race = argument;
	void *thread = race->way->thread_open();
	unsigned long count = 0;

	/* The first one finds its session. */
	if (thread == NULL || !race->way->sign(thread))
		exit(1);
	(void)atomic_fetch_add(&race->ready, 1);
	while (!atomic_load(&race->go))
		(void)sched_yield();
	while (!atomic_load_explicit(&race->stop, memory_order_relaxed)) {
		if (!race->way->sign(thread))
			exit(1);
		count++;
	}
	(void)atomic_fetch_add(&race->count, count);
	race->way->thread_close(thread);
	return NULL;
}

static double
run_race(const void *argument)
{
	struct race race = *(const struct race *)argument;
	const struct timespec nap = {0, 1000000};
	const struct timespec length = {
	    (time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9)};
	pthread_t threads[64];
	double start;

	if (!race.way->open(&race.place))
		return -1;
	for (unsigned i = 0; i < race.threads; i++)
		if (pthread_create(&threads[i], NULL, run_thread, &race) != 0)
			return -1;
	while (atomic_load(&race.ready) < race.threads)
		(void)nanosleep(&nap, NULL);
	start = now();
	atomic_store(&race.go, true);
	(void)nanosleep(&length, NULL);
	atomic_store(&race.stop, true);
	for (unsigned i = 0; i < race.threads; i++)
		(void)pthread_join(threads[i], NULL);
	return (double)atomic_load(&race.count) / (now() - start);
}

static void
compare_ways(const char *title, const char *module, bool rsa, unsigned threads)
{
	double figures[16][ROUNDS_MAX];
	double ratios[16][ROUNDS_MAX];

	for (unsigned r = 0; r < rounds; r++)
		for (size_t w = 0; w < way_count; w++) {
			const struct race race = {.way = &ways[w],
			    .place = {module, LAB_LABEL, LAB_PIN, rsa},
			    .threads = threads};

			figures[w][r] = in_child(run_race, &race);
			ratios[w][r] = figures[w][r] / figures[WAY_RAW][r];
		}
	printf("\n%s, %s, %u thread%s\n", title,
	    rsa ? "RSA-2048 PKCS#1 SHA-256" : "ECDSA P-256", threads,
	    threads > 1 ? "s" : "");
	for (size_t w = 0; w < way_count; w++)
		printf("  %-18s %9.0f/s  %.3f of raw\n", ways[w].name,
		    median(figures[w], rounds), median(ratios[w], rounds));
}

/* Cold open, calls per operation, recovery: what the proxy sees. */

static const struct p11_proxy_control *
proxy_control(void)
{
	const struct p11_proxy_control *(*control)(void) = NULL;
	void *module = dlopen(P11_PROXY_PATH, RTLD_NOW | RTLD_LOCAL);
	void *symbol = module != NULL ? dlsym(module, P11_PROXY_CONTROL) : NULL;

	if (symbol == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		exit(1);
	}
	memcpy(&control, &symbol, sizeof(control));
	return control();
}

struct look {
	size_t way;
	bool rsa;
	bool delayed;
	enum {
		OPEN_CALLS,
		OPEN_MS,
		SIGN_CALLS,
		RECOVERY_CALLS,
		RECOVERY_MS
	} what;
};

static double
run_look(const void *argument)
{
	const struct look *look = argument;
	const struct way *way = &ways[look->way];
	const struct place place = {
	    P11_PROXY_PATH, LAB_LABEL, LAB_PIN, look->rsa};
	const struct p11_proxy_control *proxy = proxy_control();
	void *thread;
	double start;
	double took;

	if (!look->delayed)
		(void)proxy->run("clear");
	proxy->clear_counters();
	start = now();
	if (!way->open(&place))
		return -1;
	took = now() - start;
	if (look->what == OPEN_MS)
		return 1000 * took;
	if (look->what == OPEN_CALLS)
		return (double)proxy->calls(NULL);
	thread = way->thread_open();
	if (thread == NULL || !way->sign(thread))
		return -1;
	if (look->what != SIGN_CALLS)
		(void)proxy->run("remove; insert");
	proxy->clear_counters();
	start = now();
	if (!way->sign(thread))
		return -1;
	took = now() - start;
	return look->what == RECOVERY_MS ? 1000 * took
					 : (double)proxy->calls(NULL);
}

static double
look_median(struct look look)
{
	double values[ROUNDS_MAX];

	for (unsigned r = 0; r < rounds; r++)
		values[r] = in_child(run_look, &look);
	return median(values, rounds);
}

static void
show_opening(unsigned objects)
{
	printf("\nCold open with %u objects on the token\n", objects);
	for (size_t w = 0; w < way_count - 1; w++) {
		struct look look = {.way = w, .rsa = true};

		printf("  %-18s", ways[w].name);
		look.what = OPEN_CALLS;
		printf(" %6.0f calls", look_median(look));
		look.what = OPEN_MS;
		printf(" %8.1f ms", look_median(look));
		look.delayed = true;
		printf(" %8.1f ms at 1 ms a call\n", look_median(look));
	}
}

static void
show_calls(void)
{
	printf("\nCalls per signature          RSA-2048   P-256\n");
	for (size_t w = 0; w < way_count - 1; w++) {
		struct look look = {.way = w, .rsa = true, .what = SIGN_CALLS};
		const double rsa = look_median(look);

		look.rsa = false;
		printf("  %-26s %8.0f %7.0f\n", ways[w].name, rsa,
		    look_median(look));
	}
}

static void
show_recovery(void)
{
	struct look look = {
	    .way = WAY_CLAVIGER, .rsa = false, .what = RECOVERY_CALLS};

	printf("\nRecovery from a token pulled and put back, signature "
	       "included: %.0f calls",
	    look_median(look));
	look.what = RECOVERY_MS;
	printf(", %.1f ms", look_median(look));
	look.delayed = true;
	printf(", %.1f ms at 1 ms a call\n", look_median(look));
}

/* Making the token */

static clv_context *
bench_context(void)
{
	char source[LAB_PATH + 32];
	clv_context *context = NULL;

	(void)snprintf(source, sizeof(source), "file:%s/pin", dir);
	if (clv_context_new(&context, NULL) != CLV_OK ||
	    clv_context_add_secret_source(context, source, NULL) != CLV_OK)
		exit(1);
	return context;
}

static bool
make_key(clv_store *store, clv_algorithm algorithm, const char *label,
    unsigned char id)
{
	clv_key_options *options = NULL;
	clv_key *key = NULL;
	clv_error *err = NULL;

	if (clv_key_options_new(&options, &err) != CLV_OK ||
	    clv_key_options_set_label(options, label, &err) != CLV_OK ||
	    clv_key_options_set_id(options, &id, 1, &err) != CLV_OK ||
	    clv_key_generate(store, algorithm, options, &key, &err) != CLV_OK)
		fprintf(stderr, "%s\n", clv_error_message(err));
	clv_key_options_free(&options);
	clv_key_free(&key);
	return err == NULL;
}

/* In a child, so that the module is never open in the parent. The objects are
 * pairs, two for each key. */
static double
make_keys(const void *argument)
{
	const unsigned *range = argument;
	clv_context *context = bench_context();
	clv_store *store = NULL;
	char label[32];
	char uri[512];
	bool good = true;

	(void)snprintf(uri, sizeof(uri), "pkcs11:token=%s?module-path=%s",
	    LAB_LABEL, softhsm.module);
	if (clv_store_open(context, uri, &store, NULL) != CLV_OK)
		return -1;
	for (unsigned i = range[0]; good && i < range[1]; i++) {
		(void)snprintf(label, sizeof(label), "key %u", i);
		if (i == 0)
			good = make_key(store, CLV_RSA_2048, "rsa", 1);
		else if (i == 1)
			good = make_key(store, CLV_EC_P256, "ec", 2);
		else
			good = make_key(
			    store, CLV_EC_P256, label, (unsigned char)(i + 1));
	}
	clv_store_free(&store);
	clv_context_free(&context);
	return good ? 0 : -1;
}

static bool
grow_token(unsigned from, unsigned to)
{
	const unsigned range[2] = {from, to};

	return in_child(make_keys, range) == 0;
}

static bool
start(void)
{
	char path[LAB_PATH + 16];
	char script[2 * LAB_PATH];
	FILE *file;

	if (lab_dir_make(dir) != 0 || lab_softhsm_start(&softhsm, dir) != 0)
		return false;
	(void)setenv("XDG_STATE_HOME", dir, 1);
	(void)snprintf(path, sizeof(path), "%s/pin", dir);
	file = fopen(path, "w");
	if (file == NULL || fputs(LAB_PIN, file) < 0 || fclose(file) != 0 ||
	    chmod(path, 0600) != 0)
		return false;
	(void)snprintf(
	    script, sizeof(script), "module %s; %s", softhsm.module, DELAY);
	return setenv("CLAVIGER_P11_PROXY_SCRIPT", script, 1) == 0;
}

int
main(int argc, char **argv)
{
	static const unsigned threads[] = {1, 2, 8};
	unsigned objects = 300;

	if (argc > 1)
		seconds = atof(argv[1]);
	if (argc > 2)
		rounds = (unsigned)atoi(argv[2]);
	if (argc > 3)
		objects = (unsigned)atoi(argv[3]);
	if (seconds <= 0 || rounds == 0 || rounds > ROUNDS_MAX) {
		fprintf(stderr,
		    "usage: bench-pkcs11 [SECONDS [ROUNDS [OBJECTS]]]\n");
		return 2;
	}
	if (!start() || !grow_token(0, 2)) {
		lab_dir_remove(dir);
		return 1;
	}
	for (unsigned t = 0; t < 3; t++)
		for (int rsa = 1; rsa >= 0; rsa--)
			compare_ways(
			    "SoftHSM", softhsm.module, rsa != 0, threads[t]);
	for (unsigned t = 0; t < 3; t++)
		for (int rsa = 1; rsa >= 0; rsa--)
			compare_ways("1 ms a call", P11_PROXY_PATH, rsa != 0,
			    threads[t]);
	show_calls();
	show_opening(4);
	if (objects >= 20 && grow_token(2, 10))
		show_opening(20);
	if (objects >= 300 && grow_token(10, 150))
		show_opening(300);
	show_recovery();
	lab_dir_remove(dir);
	return 0;
}
