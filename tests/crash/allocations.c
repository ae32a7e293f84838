/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * crash-allocations [--every N]: lets every Nth allocation of every changing
 * call and of the recovery fail, once alone and once with all that follow it;
 * those of libcrypto, libyaml and libc as well. No crash, nothing lost, no
 * memory left over; the application must be wholly old or wholly new.
 */

#include <getopt.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "allocations.h"
#include "homes.h"

/* ---- one run ---- */

struct report {
	size_t count; /* allocations */
	int result;
	bool leaked;
};

static struct report *report;
/* Looking takes longer than the call. */
static bool look_for_leaks = true;

static void
run(const struct lab *lab, int (*fn)(void *user), size_t at, bool all)
{
	allocations_arm(at, all);
	report->result = fn((void *)(uintptr_t)lab);
	report->count = allocations_disarm();
	report->leaked = look_for_leaks && allocations_leaked();
	_exit(0);
}

/* Returns the signal that ended it, or 0. */
static int
run_apart(const struct lab *lab, int (*fn)(void *user), size_t at, bool all)
{
	const pid_t child = fork();
	int status = 0;

	if (child < 0)
		exit(2);
	*report = (struct report){.result = 1};
	if (child == 0)
		run(lab, fn, at, all);
	if (waitpid(child, &status, 0) != child)
		exit(2);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

struct count {
	size_t faults;
	size_t violations;
};

static void
complain(struct count *count, const struct scenario *scenario, const char *what,
    size_t at, bool all, const char *wrong)
{
	count->violations++;
	if (count->violations <= 20)
		(void)printf("VIOLATION %s, %s, allocation %zu%s: %s\n",
		    scenario->name, what, at, all ? " and all after it" : "",
		    wrong);
}

/* What one failure leaves, judged. */
static void
judge(const struct lab *lab, const struct scenario *scenario, bool crashed,
    bool succeeded, const char *what, size_t at, bool all, struct count *count)
{
	const char *wrong = crashed ? "it crashed"
	    : report->leaked        ? "memory was left over"
				    : lab_verify(lab, scenario, succeeded);

	count->faults++;
	if (wrong != NULL)
		complain(count, scenario, what, at, all, wrong);
}

static size_t
count_allocations(const struct lab *lab, int (*fn)(void *user))
{
	if (run_apart(lab, fn, SIZE_MAX, false) != 0 || report->result != 0 ||
	    report->leaked)
		exit(2);
	return report->count;
}

static size_t
run_changes(const struct lab *lab, const struct scenario *scenario,
    size_t every, struct count *count)
{
	size_t total;

	lab_reset(lab, scenario);
	total = count_allocations(lab, scenario->run);
	for (size_t i = every / 2; i < 2 * total; i += every) {
		bool crashed;

		lab_reset(lab, scenario);
		crashed = run_apart(lab, scenario->run, i / 2, i % 2 != 0) != 0;
		judge(lab, scenario, crashed, report->result == 0, "change",
		    i / 2, i % 2 != 0, count);
	}
	return total;
}

/* A change that was committed and not carried out, for want of memory; false
 * if the scenario has no such moment. */
static bool
leave_unfinished(const struct lab *lab, const struct scenario *scenario,
    size_t total, const char *path)
{
	char record[128];
	size_t failing = 0;

	look_for_leaks = false;
	/* The last allocation without which it is not done. */
	for (size_t done = total; failing + 1 < done;) {
		const size_t middle = failing + (done - failing) / 2;

		lab_reset(lab, scenario);
		(void)run_apart(lab, scenario->run, middle, true);
		if (report->result == 0)
			done = middle;
		else
			failing = middle;
	}
	lab_reset(lab, scenario);
	(void)run_apart(lab, scenario->run, failing, true);
	look_for_leaks = true;
	(void)snprintf(record, sizeof(record), "%s/state/redo", lab->work);
	if (access(record, F_OK) != 0)
		return false;
	lab_keep(lab, path);
	return true;
}

static size_t
run_recoveries(const struct lab *lab, const struct scenario *scenario,
    const char *path, size_t every, struct count *count)
{
	size_t total;

	lab_put(lab, path);
	total = count_allocations(lab, run_recover);
	for (size_t i = every / 2; i < 2 * total; i += every) {
		bool crashed;

		lab_put(lab, path);
		crashed = run_apart(lab, run_recover, i / 2, i % 2 != 0) != 0;
		judge(lab, scenario, crashed, false, "recovery", i / 2,
		    i % 2 != 0, count);
	}
	return total;
}

static void
run_scenario(const struct lab *lab, const struct scenario *scenario,
    size_t every, struct count *count)
{
	char path[96];
	const size_t changing = run_changes(lab, scenario, every, count);
	size_t recovering = 0;

	(void)snprintf(path, sizeof(path), "%s/unfinished", lab->base);
	if (leave_unfinished(lab, scenario, changing, path))
		recovering = run_recoveries(lab, scenario, path, every, count);
	(void)printf("%s: %zu allocations, %zu in its recovery\n",
	    scenario->name, changing, recovering);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"every", required_argument, NULL, 'e'}, {NULL, 0, NULL, 0}};
	struct count count = {0, 0};
	struct lab lab;
	size_t every = 1;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (option == '?' || (every = strtoul(optarg, NULL, 10)) == 0)
			return 2;
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (report == MAP_FAILED)
		return 2;
	/* Reading nsswitch.conf, glibc takes a failed allocation for the end of
	 * a line and aborts: what follows finds it read. */
	(void)getgrnam("root");
	lab_make(&lab, home_root(), &home_file);
	for (size_t i = 0; i < scenario_count; i++)
		run_scenario(&lab, &scenarios[i], every, &count);
	lab_remove(&lab);
	(void)printf("%zu failed allocations, %zu violations\n", count.faults,
	    count.violations);
	return count.violations == 0 ? 0 : 1;
}
