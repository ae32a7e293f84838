/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * crash-powercut [--every N] [--losses N] [--rounds N]: runs each changing
 * call on a real ext4 and xfs whose disk logs what is written, then cuts the
 * power after every Nth write, once with all writes done before and --losses
 * times with some of those lost that no flush has made safe. What is left is
 * mounted: the application must be wholly old or wholly new, and new once the
 * call had said that it was done. States that are the same count once.
 *
 * The same without fsync(2) is the control: it must be found out.
 */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disk.h"
#include "homes.h"
#include "must.h"
#include "tree.h"

#define DISK_SIZE (16U << 20)

/* ---- the control ---- */

static bool forgetful;

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_syncfs(int fd);
int __wrap_syncfs(int fd);

int
__wrap_fsync(int fd)
{
	return forgetful ? 0 : __real_fsync(fd);
}

int
__wrap_fdatasync(int fd)
{
	return forgetful ? 0 : __real_fdatasync(fd);
}

int
__wrap_syncfs(int fd)
{
	return forgetful ? 0 : __real_syncfs(fd);
}

/* ---- what is done and judged ---- */

struct plan {
	size_t every;
	size_t losses;
	size_t rounds;
};

struct count {
	size_t states;
	size_t violations;
};

/* One run of a scenario on a file system. */
struct recording {
	const struct scenario *scenario;
	uint8_t *before; /* the disk */
	size_t first;    /* writes of it in the log: from here, */
	size_t done;     /* to here until the call said that it was done, */
	size_t last;     /* and until all was written */
};

struct session {
	const struct plan *plan;
	const char *type;
	struct lab *lab;
	char mountpoint[80];
	struct disk disk;
	struct recording recordings[16];
	size_t count;
};

static size_t
written(const struct session *session)
{
	struct block_log log;
	size_t count;

	must(block_log_open(&log, session->disk.log), "the log of writes");
	count = log.count;
	block_log_close(&log);
	return count;
}

static int
run_apart(const struct session *session, const struct scenario *scenario)
{
	const pid_t child = fork();
	int status = 0;

	must(child >= 0, "fork");
	if (child == 0)
		_exit(scenario->run(session->lab));
	must(waitpid(child, &status, 0) == child, "waitpid");
	return status;
}

/* The disk as it is when nothing waits to be written. */
static void
take_before(struct session *session, struct recording *recording)
{
	size_t after;

	recording->before = malloc(DISK_SIZE);
	must(recording->before != NULL, "memory");
	do {
		disk_sync(session->mountpoint);
		recording->first = written(session);
		disk_read(&session->disk, recording->before);
		after = written(session);
	} while (after != recording->first);
}

static void
record(struct session *session, const struct scenario *scenario)
{
	struct recording *recording = &session->recordings[session->count++];

	recording->scenario = scenario;
	lab_reset(session->lab, scenario);
	lab_end_readers();
	take_before(session, recording);
	must(run_apart(session, scenario) == 0, scenario->name);
	recording->done = written(session);
	disk_sync(session->mountpoint);
	recording->last = written(session);
	(void)printf("%s, %s: %zu writes until it was done, %zu after it\n",
	    session->type, scenario->name, recording->done - recording->first,
	    recording->last - recording->done);
}

/* ---- what a power cut leaves ---- */

static void
judge(struct session *session, const struct disk *disk,
    const struct recording *recording, size_t cut, const char *how,
    struct count *count)
{
	const char *wrong = "it can't be mounted";

	count->states++;
	if (disk_mount(disk, session->type, session->mountpoint)) {
		wrong = lab_verify(
		    session->lab, recording->scenario, cut >= recording->done);
		disk_unmount(session->mountpoint);
	}
	if (wrong == NULL)
		return;
	count->violations++;
	if (!forgetful && count->violations <= 20)
		(void)printf("VIOLATION %s, %s, cut after write %zu of %zu "
			     "(done: %zu), %s: %s\n",
		    session->type, recording->scenario->name,
		    cut - recording->first, recording->last - recording->first,
		    recording->done - recording->first, how, wrong);
}

/* What becomes of one recording's disk. */
struct progress {
	struct block_disk whole; /* all that was written */
	struct block_disk safe;  /* all that no cut can lose */
	struct block_disk state; /* what a cut leaves */
	size_t flushed;          /* writes in `safe` */
	uint64_t seen[16384];    /* states */
	size_t seen_count;
};

static void
copy_disk(struct block_disk *to, const struct block_disk *from)
{
	memcpy(to->bytes, from->bytes, from->size);
	to->digest = from->digest;
}

static void
go_on(struct progress *progress, const struct block_write *write, size_t at)
{
	if ((write->flags & BLOCK_FLUSH) != 0) {
		copy_disk(&progress->safe, &progress->whole);
		progress->flushed = at;
	}
	block_apply(&progress->whole, write);
}

/* Of the writes after the last flush, up to `cut`, any may be lost. */
static void
lose(struct progress *progress, const struct block_log *log, size_t cut,
    uint64_t random)
{
	copy_disk(&progress->state, &progress->safe);
	for (size_t i = progress->flushed; i < cut; i++)
		if ((log->writes[i].flags & BLOCK_FUA) != 0)
			block_apply(&progress->state, &log->writes[i]);
		else
			block_apply_torn(
			    &progress->state, &log->writes[i], &random);
}

/* Whether this one, with what must hold for it, was not there before. */
static bool
is_new(struct progress *progress, bool succeeded)
{
	const uint64_t digest = progress->state.digest * 2 + succeeded;

	for (size_t i = 0; i < progress->seen_count; i++)
		if (progress->seen[i] == digest)
			return false;
	must(progress->seen_count <
		sizeof(progress->seen) / sizeof(progress->seen[0]),
	    "states");
	progress->seen[progress->seen_count++] = digest;
	return true;
}

static void
cut_here(struct session *session, const struct disk *disk,
    const struct recording *recording, const struct block_log *log,
    struct progress *progress, size_t cut, struct count *count)
{
	for (size_t i = 0; i <= session->plan->losses; i++) {
		const uint64_t random =
		    ((uint64_t)cut << 20 | (i + 1)) * 0x9e3779b97f4a7c15U;

		if (i == 0)
			copy_disk(&progress->state, &progress->whole);
		else
			lose(progress, log, cut, random);
		if (!is_new(progress, cut >= recording->done))
			continue;
		disk_write(disk, progress->state.bytes);
		judge(session, disk, recording, cut,
		    i == 0 ? "nothing lost" : "some lost", count);
	}
}

static struct block_disk
new_disk(const uint8_t *bytes)
{
	struct block_disk disk = {malloc(DISK_SIZE), DISK_SIZE, 1};

	must(disk.bytes != NULL, "memory");
	memcpy(disk.bytes, bytes, DISK_SIZE);
	return disk;
}

static void
replay(struct session *session, const struct disk *disk,
    const struct recording *recording, const struct block_log *log,
    struct count *count)
{
	static struct progress progress;
	const size_t every = session->plan->every;

	progress.whole = new_disk(recording->before);
	progress.safe = new_disk(recording->before);
	progress.state = new_disk(recording->before);
	progress.flushed = recording->first;
	progress.seen_count = 0;
	for (size_t at = recording->first; at < recording->last; at++) {
		go_on(&progress, &log->writes[at], at);
		/* The moment at which it was done is the most telling. */
		if ((at + 1 - recording->first) % every == every / 2 ||
		    at + 1 == recording->done || at + 1 == recording->last)
			cut_here(session, disk, recording, log, &progress,
			    at + 1, count);
	}
	free(progress.whole.bytes);
	free(progress.safe.bytes);
	free(progress.state.bytes);
}

static void
replay_all(struct session *session, struct count *count)
{
	struct block_log log;
	struct disk disk;

	must(block_log_open(&log, session->disk.log), "the log of writes");
	disk_make(&disk, session->lab->base, DISK_SIZE);
	for (size_t i = 0; i < session->count; i++) {
		replay(session, &disk, &session->recordings[i], &log, count);
		free(session->recordings[i].before);
	}
	disk_remove(&disk);
	block_log_close(&log);
}

static void
run(struct lab *lab, const char *type, const struct plan *plan,
    const struct scenario *list, size_t number, struct count *count)
{
	struct session session = {.plan = plan, .type = type, .lab = lab};

	(void)snprintf(session.mountpoint, sizeof(session.mountpoint),
	    "%s/mounted", lab->base);
	(void)snprintf(
	    lab->work, sizeof(lab->work), "%s/work", session.mountpoint);
	(void)mkdir(session.mountpoint, 0755);
	disk_make_logged(&session.disk, lab->base, DISK_SIZE);
	disk_format(&session.disk, type);
	must(disk_mount(&session.disk, type, session.mountpoint), type);
	for (size_t i = 0; i < number; i++)
		record(&session, &list[i]);
	disk_unmount(session.mountpoint);
	replay_all(&session, count);
	disk_remove(&session.disk);
	(void)rmdir(session.mountpoint);
}

static bool
run_control(struct lab *lab, const char *type)
{
	const struct plan plan = {.every = 1, .losses = 2};
	struct count count = {0, 0};

	forgetful = true;
	run(lab, type, &plan, &scenarios[1], 1, &count);
	forgetful = false;
	(void)printf(
	    "control without fsync, %s: %zu of %zu states are violations\n",
	    type, count.violations, count.states);
	return count.violations > 0;
}

static bool
read_options(int argc, char **argv, struct plan *plan)
{
	static const struct option options[] = {
	    {"every", required_argument, NULL, 'e'},
	    {"losses", required_argument, NULL, 'l'},
	    {"rounds", required_argument, NULL, 'r'}, {NULL, 0, NULL, 0}};
	int option;

	*plan = (struct plan){.every = 1, .losses = 8, .rounds = 1};
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		const unsigned long value =
		    option != '?' ? strtoul(optarg, NULL, 10) : 0;

		if (option == '?')
			return false;
		if (option == 'e')
			plan->every = value;
		else if (option == 'l')
			plan->losses = value;
		else
			plan->rounds = value;
	}
	return plan->every > 0;
}

int
main(int argc, char **argv)
{
	static const char *const types[] = {"ext4", "xfs"};
	struct plan plan;
	struct lab lab;
	struct count count = {0, 0};
	bool controlled = true;

	if (!read_options(argc, argv, &plan))
		return 2;
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	disk_begin();
	lab_make(&lab, home_root(), &home_file);
	for (size_t i = 0; i < 2; i++)
		controlled = run_control(&lab, types[i]) && controlled;
	for (size_t i = 0; i < 2 * plan.rounds; i++)
		run(&lab, types[i % 2], &plan, scenarios, scenario_count,
		    &count);
	lab_remove(&lab);
	(void)printf(
	    "%zu states, %zu violations\n", count.states, count.violations);
	return controlled && count.violations == 0 ? 0 : 1;
}
