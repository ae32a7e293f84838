/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Cold open, calls per operation, recovery: what the proxy sees. */

#include "bench_pkcs11.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake/p11_proxy.h"
#include "figures.h"
#include "pkcs11_ways.h"

/* The last way is software, and has no calls. */
#define TOKEN_WAYS (way_count - 1)

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
	const char *loss; /* what befalls the token; NULL: nothing */
	enum { OPEN_CALLS, OPEN_MS, SIGN_CALLS, SIGN_MS } what;
};

/* From here on, a signature. */
static double
look_at_sign(const struct look *look, const struct p11_proxy_control *proxy)
{
	const struct way *way = &ways[look->way];
	void *thread = way->thread_open();
	double start;
	double took;

	if (thread == NULL || !way->sign(thread))
		return -1;
	if (look->loss != NULL && proxy->run(look->loss) != NULL)
		return -1;
	proxy->clear_counters();
	start = clock_seconds(CLOCK_MONOTONIC);
	if (!way->sign(thread))
		return -1;
	took = clock_seconds(CLOCK_MONOTONIC) - start;
	return look->what == SIGN_MS ? 1000 * took : (double)proxy->calls(NULL);
}

static double
run_look(const void *argument)
{
	const struct look *look = argument;
	const struct place place = {
	    P11_PROXY_PATH, LAB_LABEL, LAB_PIN, look->rsa};
	const struct p11_proxy_control *proxy = proxy_control();
	double start;
	double took;

	if (!look->delayed)
		(void)proxy->run("clear");
	proxy->clear_counters();
	start = clock_seconds(CLOCK_MONOTONIC);
	if (!ways[look->way].open(&place))
		return -1;
	took = clock_seconds(CLOCK_MONOTONIC) - start;
	if (look->what == OPEN_MS)
		return 1000 * took;
	if (look->what == OPEN_CALLS)
		return (double)proxy->calls(NULL);
	return look_at_sign(look, proxy);
}

static double
look_median(struct look look)
{
	double values[ROUNDS_MAX];

	for (unsigned r = 0; r < bench.rounds; r++)
		values[r] = bench_in_child(run_look, &look);
	return median(values, bench.rounds);
}

/* Calls do not vary. */
static double
look_once(struct look look)
{
	return bench_in_child(run_look, &look);
}

void
bench_show_calls(void)
{
	printf("\nCalls per signature          RSA-2048   P-256\n");
	for (size_t w = 0; w < TOKEN_WAYS; w++)
		printf("  %-26s %8.0f %7.0f\n", ways[w].name,
		    look_once((struct look){
			.way = w, .rsa = true, .what = SIGN_CALLS}),
		    look_once((struct look){.way = w, .what = SIGN_CALLS}));
}

static void
show_opening(unsigned objects)
{
	printf("\nCold open of an RSA key, %u object%s on the token\n", objects,
	    objects == 1 ? "" : "s");
	for (size_t w = 0; w < TOKEN_WAYS; w++) {
		struct look look = {.way = w, .rsa = true};

		printf("  %-18s %6.0f calls", ways[w].name, look_once(look));
		look.what = OPEN_MS;
		printf(" %8.1f ms", look_median(look));
		look.delayed = true;
		printf(" %8.1f ms at 1 ms a call\n", look_once(look));
	}
}

void
bench_show_opening(void)
{
	static const struct {
		const char *name;
		unsigned objects;
	} crowds[] = {{"one", 1}, {"ten", 10}, {"many", 300}};

	for (size_t i = 0; i < sizeof(crowds) / sizeof(crowds[0]); i++) {
		if (crowds[i].objects > bench.objects)
			break;
		if (!bench_start_crowded(crowds[i].name, crowds[i].objects)) {
			printf(
			    "\nno token with %u objects\n", crowds[i].objects);
			break;
		}
		show_opening(crowds[i].objects);
	}
	(void)setenv("SOFTHSM2_CONF", bench.softhsm.conf, 1);
}

void
bench_show_recovery(void)
{
	static const struct {
		const char *name;
		const char *loss;
	} losses[] = {
	    {"sessions closed behind it",
		"fault C_SignInit CKR_SESSION_HANDLE_INVALID first 1"},
	    {"token pulled and put back", "remove; insert"},
	    {"token in another slot", "slot-offset 5; remove; insert"},
	    {"module's connection dead",
		"fault C_SignInit CKR_DEVICE_ERROR first 1"},
	};

	printf("\nRecovery, the signature included (P-256)\n");
	for (size_t i = 0; i < sizeof(losses) / sizeof(losses[0]); i++) {
		struct look look = {.way = WAY_CLAVIGER,
		    .loss = losses[i].loss,
		    .what = SIGN_CALLS};

		printf("  %-26s %4.0f calls", losses[i].name, look_once(look));
		look.what = SIGN_MS;
		printf(" %8.1f ms", look_median(look));
		look.delayed = true;
		printf(" %8.1f ms at 1 ms a call\n", look_median(look));
	}
}
