/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * crash-full [--every N]: runs each changing call on a file system (tmpfs)
 * that has room for a few blocks or a few inodes more, from none to as many
 * as the call needs; every Nth number. It succeeds, or fails for want of
 * space and says so. Readers find old or new while there is no room; once
 * there is, recovery leaves nothing behind.
 */

#include <errno.h>
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "homes.h"
#include "must.h"

#define GROUP CLV_DEFAULT_APPLICATION_GROUP
#define TYPE "EccNistP256"
#define BLOCK 4096U
#define PLENTY 4096U /* blocks, and inodes */

struct count {
	size_t states;
	size_t failed; /* calls, for want of room */
	size_t violations;
};

static char mountpoint[80];

/* So many blocks and inodes in all. */
static void
set_room(size_t blocks, size_t inodes)
{
	char options[96];

	(void)snprintf(options, sizeof(options), "size=%zu,nr_inodes=%zu",
	    blocks * BLOCK, inodes);
	must(mount("room", mountpoint, "tmpfs", MS_REMOUNT, options) == 0,
	    options);
}

struct used {
	size_t blocks;
	size_t inodes;
};

static struct used
measure(void)
{
	struct statvfs about;

	must(statvfs(mountpoint, &about) == 0, mountpoint);
	return (struct used){(size_t)(about.f_blocks - about.f_bfree),
	    (size_t)(about.f_files - about.f_ffree)};
}

static int
run_apart(const struct lab *lab, const struct scenario *scenario)
{
	const pid_t child = fork();
	int status = 0;

	must(child >= 0, "fork");
	if (child == 0)
		_exit(scenario->run((void *)(uintptr_t)lab));
	must(waitpid(child, &status, 0) == child, "waitpid");
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* While there is no room. */
static const char *
look(const struct lab *lab, const struct scenario *scenario)
{
	clv_application *application = NULL;
	clv_certificate *certificate = NULL;
	clv_key *key = NULL;
	const char *wrong = "readers find neither old nor new";

	if (clv_application_open(lab->context, lab->work, &application, NULL) ==
		CLV_OK &&
	    clv_application_certificate(
		application, GROUP, TYPE, &certificate, NULL) == CLV_OK &&
	    clv_application_key(application, GROUP, TYPE, &key, NULL) ==
		CLV_OK &&
	    (strcmp(clv_certificate_thumbprint(certificate), lab->old) == 0 ||
		strcmp(clv_certificate_thumbprint(certificate),
		    scenario->new_print(lab)) == 0))
		wrong = NULL;
	clv_key_free(&key);
	clv_certificate_free(&certificate);
	clv_application_free(&application);
	return wrong;
}

static void
complain(const struct scenario *scenario, size_t blocks, size_t inodes,
    const char *wrong, struct count *count)
{
	count->violations++;
	(void)printf("VIOLATION %s, room for %zu blocks and %zu inodes: %s\n",
	    scenario->name, blocks, inodes, wrong);
}

/* Returns whether there was room enough. */
static bool
run_with(const struct lab *lab, const struct scenario *scenario, size_t blocks,
    size_t inodes, struct count *count)
{
	const char *wrong;
	struct used used;
	int result;

	set_room(PLENTY, PLENTY);
	lab_reset(lab, scenario);
	used = measure();
	set_room(used.blocks + blocks, used.inodes + inodes);
	result = run_apart(lab, scenario);
	wrong = result < 0 || result > 1 ? "it crashed" : look(lab, scenario);
	set_room(PLENTY, PLENTY);
	if (wrong == NULL)
		wrong = lab_verify(lab, scenario, result == 0);
	count->states++;
	count->failed += result != 0 ? 1 : 0;
	if (wrong != NULL)
		complain(scenario, blocks, inodes, wrong, count);
	return result == 0;
}

/* ---- what it says ---- */

static int
install_and_tell(const struct lab *lab)
{
	clv_application *application = NULL;
	clv_error *err = NULL;
	clv_status status;
	bool clear;

	status =
	    clv_application_open(lab->context, lab->work, &application, &err);
	if (status == CLV_OK)
		status = clv_application_install(application, GROUP, TYPE,
		    lab->renewal, lab->renewal_size, &err);
	clear = status == CLV_OK ||
	    (clv_error_get_domain(err) == CLV_DOMAIN_ERRNO &&
		clv_error_code(err) == ENOSPC &&
		strstr(clv_error_message(err), "No space") != NULL);
	if (!clear)
		(void)fprintf(stderr, "unclear: %s\n", clv_error_message(err));
	clv_error_free(&err);
	clv_application_free(&application);
	return status == CLV_OK ? 0 : clear ? 1 : 2;
}

static int
run_install(void *user)
{
	return install_and_tell(user);
}

/* ---- all ---- */

static void
sweep(const struct lab *lab, const struct scenario *scenario, size_t every,
    struct count *count)
{
	size_t blocks = 0;
	size_t inodes = 0;

	while (!run_with(lab, scenario, blocks, PLENTY / 2, count))
		blocks += every;
	while (!run_with(lab, scenario, PLENTY / 2, inodes, count))
		inodes += every;
	/* Both, from almost nothing. */
	for (size_t i = 0; i < blocks; i += every)
		for (size_t j = 0; j < inodes; j += every)
			(void)run_with(lab, scenario, i, j, count);
	(void)printf("%s: enough with %zu blocks and %zu inodes\n",
	    scenario->name, blocks, inodes);
}

static void
begin(struct lab *lab)
{
	must(unshare(CLONE_NEWNS) == 0 &&
		mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0,
	    "a mount namespace of its own (it wants root)");
	lab_make(lab, home_root(), &home_file);
	(void)snprintf(mountpoint, sizeof(mountpoint), "%s/room", lab->base);
	must(mkdir(mountpoint, 0755) == 0 &&
		mount("room", mountpoint, "tmpfs", 0, NULL) == 0,
	    mountpoint);
	(void)snprintf(lab->work, sizeof(lab->work), "%s/work", mountpoint);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"every", required_argument, NULL, 'e'}, {NULL, 0, NULL, 0}};
	struct count count = {0, 0, 0};
	struct scenario telling = scenarios[0];
	struct lab lab;
	size_t every = 1;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (option == '?' || (every = strtoul(optarg, NULL, 10)) == 0)
			return 2;
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	begin(&lab);
	telling.run = run_install;
	sweep(&lab, &telling, every, &count);
	for (size_t i = 0; i < scenario_count; i++)
		sweep(&lab, &scenarios[i], every, &count);
	lab_end_readers();
	must(umount(mountpoint) == 0, mountpoint);
	lab_remove(&lab);
	(void)printf("%zu rooms, %zu calls failed, %zu violations\n",
	    count.states, count.failed, count.violations);
	return count.violations == 0 && count.failed > 0 ? 0 : 1;
}
