/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * crash-transaction [--home file|pem|pkcs11|tpm2] [--every N] [--pairs N]
 *                   [--kills] [--scenario NAME]: lets every Nth system call of
 * every changing call fail in each way, or be the last one only, and after each
 * crash every Nth system call of the recovery; 0: none. Whatever happens, the
 * application must be wholly old or wholly new, and nothing forgotten.
 */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "homes.h"
#include "inject.h"
#include "scenarios.h"
#include "tree.h"

static const char *const fault_names[FAULTS] = {
    "none", "killed before", "killed after", "EIO", "ENOSPC", "EINTR", "short"};

struct count {
	size_t faults;
	size_t pairs;
	size_t violations;
};

static void
judge(const struct lab *lab, const struct scenario *scenario,
    const struct outcome *outcome, const char *what, size_t at, bool quiet,
    struct count *count)
{
	const bool succeeded = !outcome->killed && outcome->exit_status == 0;
	const char *wrong = outcome->killed || outcome->exit_status <= 1
	    ? lab_verify(lab, scenario, succeeded)
	    : "it crashed by itself";

	if (wrong == NULL)
		return;
	count->violations++;
	if (!quiet && count->violations <= 20)
		(void)printf("VIOLATION %s, %s at call %zu: %s\n",
		    scenario->name, what, at, wrong);
}

/* A killed child is expected for kills only. */
static void
expect(struct outcome *outcome, enum fault fault)
{
	if (outcome->killed && fault != FAULT_KILL_BEFORE &&
	    fault != FAULT_KILL_AFTER) {
		outcome->killed = false;
		outcome->exit_status = 3;
	}
}

/* The last kind of fault. */
static enum fault last = FAULT_SHORT;

static size_t
run_faults(struct lab *lab, const struct scenario *scenario, size_t every,
    bool quiet, struct count *count)
{
	size_t calls;

	lab_reset(lab, scenario);
	calls = inject(scenario->run, lab, FAULT_NONE, 0).calls;
	for (enum fault fault = FAULT_KILL_BEFORE; fault <= last; fault++)
		for (size_t at = every / 2; at < calls; at += every) {
			struct outcome outcome;

			lab_reset(lab, scenario);
			outcome = inject(scenario->run, lab, fault, at);
			if (!outcome.injected)
				continue;
			expect(&outcome, fault);
			count->faults++;
			judge(lab, scenario, &outcome, fault_names[fault], at,
			    quiet, count);
		}
	return calls;
}

static void
run_recoveries(struct lab *lab, const struct scenario *scenario,
    const char *crashed, size_t every, size_t first, struct count *count)
{
	size_t calls;

	lab_put(lab, crashed);
	calls = inject(run_recover, lab, FAULT_NONE, 0).calls;
	for (size_t at = first % every; at < calls; at += every) {
		const enum fault fault = at % 2 == 0 ? FAULT_KILL_AFTER
		    : at % 4 == 1                    ? FAULT_EIO
						     : FAULT_ENOSPC;
		struct outcome outcome;

		lab_put(lab, crashed);
		outcome = inject(run_recover, lab, fault, at);
		if (!outcome.injected)
			continue;
		expect(&outcome, fault);
		/* Only the first run could claim that all was done. */
		if (outcome.exit_status == 0)
			outcome.exit_status = 1;
		count->pairs++;
		judge(lab, scenario, &outcome, "and the recovery", at, false,
		    count);
	}
}

/* After each crash that leaves something else than the one before, a fault in
 * the recovery from it. */
static void
run_pairs(struct lab *lab, const struct scenario *scenario, size_t calls,
    size_t every, struct count *count)
{
	char crashed[128];
	uint64_t before = 0;
	size_t states = 0;
	bool *changing = calloc(calls + 1, sizeof(*changing));

	if (changing == NULL)
		exit(2);
	lab_reset(lab, scenario);
	(void)inject(scenario->run, lab, FAULT_NONE, 0);
	for (size_t at = 0; at < calls; at++)
		changing[at] = inject_changes(at);
	(void)snprintf(crashed, sizeof(crashed), "%s/crashed", lab->base);
	for (size_t at = 0; at < calls; at++) {
		if (!changing[at])
			continue;
		lab_reset(lab, scenario);
		(void)inject(scenario->run, lab, FAULT_KILL_AFTER, at);
		if (tree_digest(lab->work) == before)
			continue;
		before = tree_digest(lab->work);
		/* A small sample skips whole states. */
		if (states++ % (every / 100 + 1) != 0)
			continue;
		lab_keep(lab, crashed);
		run_recoveries(lab, scenario, crashed, every, at, count);
	}
	free(changing);
}

static bool
run_controls(struct lab *lab)
{
	bool good = true;

	for (size_t i = 0; i < control_count; i++) {
		struct count count = {0, 0, 0};

		(void)run_faults(lab, &controls[i], 1, true, &count);
		(void)printf("control %s: %zu of %zu faults are violations\n",
		    controls[i].name, count.violations, count.faults);
		good = good && count.violations > 0;
	}
	return good;
}

/* What the command line says. */
struct plan {
	const struct home *home;
	size_t every;
	size_t pairs;
	const char *only; /* NULL: every scenario */
};

static bool
read_options(int argc, char **argv, struct plan *plan)
{
	static const struct option options[] = {
	    {"home", required_argument, NULL, 'h'},
	    {"every", required_argument, NULL, 'e'},
	    {"pairs", required_argument, NULL, 'p'},
	    {"kills", no_argument, NULL, 'k'},
	    {"scenario", required_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
	int option;

	*plan = (struct plan){&home_file, 1, 1, NULL};
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case 'h':
			plan->home = home_find(optarg);
			break;
		case 'e':
			plan->every = strtoul(optarg, NULL, 10);
			break;
		case 'p':
			plan->pairs = strtoul(optarg, NULL, 10);
			break;
		case 'k':
			last = FAULT_KILL_AFTER;
			break;
		case 's':
			plan->only = optarg;
			break;
		default:
			return false;
		}
	return plan->home != NULL && plan->every > 0;
}

int
main(int argc, char **argv)
{
	struct count count = {0, 0, 0};
	struct plan plan;
	struct lab lab;
	bool controlled = true;

	if (!read_options(argc, argv, &plan))
		return 2;
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	lab_make(&lab, home_root(), plan.home);
	/* They know of files. */
	if (plan.home == &home_file)
		controlled = run_controls(&lab);
	for (size_t i = 0; i < scenario_count; i++) {
		size_t calls;

		if (plan.only != NULL &&
		    strcmp(plan.only, scenarios[i].name) != 0)
			continue;
		calls =
		    run_faults(&lab, &scenarios[i], plan.every, false, &count);

		if (plan.pairs > 0)
			run_pairs(
			    &lab, &scenarios[i], calls, plan.pairs, &count);
		(void)printf(
		    "%s: %zu system calls\n", scenarios[i].name, calls);
	}
	lab_remove(&lab);
	(void)printf("%s: %zu faults, %zu pairs, %zu violations\n",
	    plan.home->name, count.faults, count.pairs, count.violations);
	return controlled && count.violations == 0 ? 0 : 1;
}
