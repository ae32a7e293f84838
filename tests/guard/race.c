/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Guarded opens while another process swaps what they walk over. What comes
 * back is either the good file or a refusal: never a byte of the bad one.
 * Before each part, a control that does stat() and then open() must be seen
 * beaten by the same swapper, or the part proves nothing.
 *
 * race [OPENS]: how many guarded opens, all parts together (200,000).
 */

#include "matrix.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_OPENS 200000L
#define CONTROL_SECONDS 30

struct part {
	const char *name;
	const char *steps;
	/* Exchanged all the time. */
	const char *one, *other;
	/* What is opened; the good content is "content\n", the bad is not. */
	const char *path;
	const char *bad;
	/* The control's check, which a swap in time defeats. */
	bool (*looks_good)(const char *path);
};

static bool
file_looks_good(const char *path)
{
	struct stat stat;

	return lstat(path, &stat) == 0 && S_ISREG(stat.st_mode) &&
	    stat.st_uid == APP && (stat.st_mode & 077) == 0;
}

/* The parent directory, too. */
static bool
directory_looks_good(const char *path)
{
	char directory[4096];
	struct stat stat;

	(void)snprintf(directory, sizeof(directory), "%s", path);
	*strrchr(directory, '/') = '\0';
	return file_looks_good(path) && lstat(directory, &stat) == 0 &&
	    S_ISDIR(stat.st_mode) && (stat.st_mode & 022) == 0;
}

/* The parent directory is a link of somebody trusted. */
static bool
link_looks_good(const char *path)
{
	char directory[4096];
	struct stat stat;

	(void)snprintf(directory, sizeof(directory), "%s", path);
	*strrchr(directory, '/') = '\0';
	return lstat(directory, &stat) == 0 && S_ISLNK(stat.st_mode) &&
	    stat.st_uid == 0 && file_looks_good(path);
}

static const struct part parts[] = {
    {"a file of another account takes its place",
	"dir d 0755 root;file d/key 0600 app;file d/bad 0600 other", "d/key",
	"d/bad", "d/key", "d/bad", file_looks_good},
    {"an open file takes its place",
	"dir d 0755 root;file d/key 0600 app;file d/bad 0644 app", "d/key",
	"d/bad", "d/key", "d/bad", file_looks_good},
    {"a directory that everybody may write takes its parent's place",
	"dir d 0755 root;file d/key 0600 app;dir e 0777 root;"
	"file e/key 0600 app",
	"d", "e", "d/key", "e/key", directory_looks_good},
    {"another account's link takes its place",
	"dir d 0755 root;file d/key 0600 app;dir x 0755 root;"
	"file x/key 0600 app;link d/bad ../x/key other",
	"d/key", "d/bad", "d/key", "x/key", file_looks_good},
    {"another account's link takes the place of a link",
	"dir g 0755 root;file g/key 0600 app;dir x 0755 root;"
	"file x/key 0600 app;link d g;link e x other",
	"d", "e", "d/key", "x/key", link_looks_good},
    {"a FIFO takes its place", "dir d 0755 root;file d/key 0600 app;fifo d/bad",
	"d/key", "d/bad", "d/key", NULL, file_looks_good},
};

#define PARTS (sizeof(parts) / sizeof(parts[0]))

static char base[] = "/tmp/claviger-guard-race.XXXXXX";

static const char *
full(const char *name)
{
	static char path[3][512];
	static unsigned turn;

	turn = (turn + 1) % 3;
	(void)snprintf(
	    path[turn], sizeof(path[turn]), "%s/case/%s", base, name);
	return path[turn];
}

static pid_t
start_swapper(const struct part *part)
{
	const char *one = full(part->one), *other = full(part->other);
	const pid_t child = fork();

	must(child >= 0, "fork");
	if (child > 0)
		return child;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;)
		must(renameat2(
			 AT_FDCWD, one, AT_FDCWD, other, RENAME_EXCHANGE) == 0,
		    "exchange");
}

static void
stop(pid_t child)
{
	must(kill(child, SIGKILL) == 0 && waitpid(child, NULL, 0) == child,
	    "end of the swapper");
}

/* Is this the file that must never be let through? */
static bool
is_bad(int fd)
{
	char text[16] = "";
	const ssize_t size = read(fd, text, sizeof(text) - 1);

	return size != 8 || memcmp(text, "content\n", 8) != 0;
}

static double
seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* stat(), then open(): how often until it is beaten, 0 if it never is. */
static long
run_control(const struct part *part)
{
	const char *path = full(part->path);
	const double end = seconds() + CONTROL_SECONDS;
	long tries = 0;

	while (seconds() < end) {
		int fd;
		bool beaten;

		tries++;
		if (!part->looks_good(path))
			continue;
		fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		if (fd < 0)
			continue;
		beaten = is_bad(fd);
		(void)close(fd);
		if (beaten)
			return tries;
	}
	return 0;
}

struct tally {
	long good, refused, again, wrong;
};

static void
run_guard(const struct part *part, long opens, struct tally *tally)
{
	const char *path = full(part->path);
	clv_guard *guard = NULL;

	must(clv_guard_new(&guard, NULL) == CLV_OK &&
		clv_guard_set_application(guard, "61001", NULL) == CLV_OK,
	    "guard");
	for (long i = 0; i < opens; i++) {
		int fd = -1;

		switch (clv_guard_open(
		    guard, CLV_GUARD_KEY, path, &fd, NULL, NULL)) {
		case CLV_OK:
			if (is_bad(fd))
				tally->wrong++;
			else
				tally->good++;
			(void)close(fd);
			break;
		case CLV_POLICY:
			tally->refused++;
			break;
		case CLV_CHANGED:
			tally->again++;
			break;
		default:
			tally->wrong++;
		}
	}
	clv_guard_free(&guard);
}

static void
put_bad_content(const struct part *part)
{
	int fd;

	if (part->bad == NULL)
		return;
	fd = open(full(part->bad), O_WRONLY | O_TRUNC | O_CLOEXEC);
	must(fd >= 0 && write(fd, "stolen\n", 7) == 7 && close(fd) == 0,
	    part->bad);
}

static bool
run_part(const struct part *part, long opens, struct tally *all)
{
	struct tally tally = {0};
	double begin;
	long control;
	pid_t swapper;

	guard_lab_build(full(""), part->steps);
	put_bad_content(part);
	swapper = start_swapper(part);
	control = run_control(part);
	begin = seconds();
	run_guard(part, opens, &tally);
	begin = seconds() - begin;
	stop(swapper);
	guard_lab_remove(full(""));

	printf("%s:\n  control beaten at try %ld; guard: %ld good, %ld "
	       "refused, %ld to try again, %ld wrong; %.1f us an open\n",
	    part->name, control, tally.good, tally.refused, tally.again,
	    tally.wrong, begin / (double)opens * 1e6);
	all->good += tally.good;
	all->refused += tally.refused;
	all->again += tally.again;
	all->wrong += tally.wrong;
	return control > 0 && tally.wrong == 0 && tally.good > 0 &&
	    tally.refused > 0;
}

int
main(int count, char **words)
{
	const long opens = count > 1 ? atol(words[1]) : DEFAULT_OPENS;
	struct tally all = {0};
	bool passed = true;

	if (geteuid() != 0) {
		fprintf(stderr,
		    "the race needs root: it acts as several "
		    "accounts\n");
		return 1;
	}
	(void)umask(022);
	must(mkdtemp(base) != NULL && chmod(base, 0755) == 0, base);
	for (size_t i = 0; i < PARTS; i++)
		passed = run_part(&parts[i], opens / (long)PARTS + 1, &all) &&
		    passed;
	guard_lab_remove(base);
	printf("guard race: %ld opens, %ld wrong\n",
	    all.good + all.refused + all.again + all.wrong, all.wrong);
	return passed ? 0 : 1;
}
