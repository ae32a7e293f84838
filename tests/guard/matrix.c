/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Runs the matrix. Every case is judged in each way that the API has: by an
 * absolute path, relative to a directory's descriptor, relative to the
 * current directory; as root and as the application's account. Then the
 * verdict must agree with clv_guard_open(), clv_guard_fix() must take away
 * what is marked as fixable and nothing else, and on a fresh copy the mending
 * commands must mend what they promise.
 */

#include "matrix.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct guard_family *const families[] = {&guard_family_modes,
    &guard_family_acls, &guard_family_ancestors, &guard_family_links,
    &guard_family_types, &guard_family_mounts, &guard_family_callers};

#define MOST_LINES 64

/* A set of findings as text lines, sorted. */
struct lines {
	char *line[MOST_LINES];
	size_t count;
};

static int
compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void
add_line(struct lines *lines, char *line)
{
	must(line != NULL && lines->count < MOST_LINES, "room for a line");
	lines->line[lines->count++] = line;
	qsort(lines->line, lines->count, sizeof(char *), compare_lines);
}

static void
clear_lines(struct lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		free(lines->line[i]);
	lines->count = 0;
}

static bool
same_lines(const struct lines *a, const struct lines *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++)
		if (strcmp(a->line[i], b->line[i]) != 0)
			return false;
	return true;
}

static void
print_lines(const char *title, const struct lines *lines)
{
	fprintf(stderr, "    %s:%s\n", title, lines->count ? "" : " nothing");
	for (size_t i = 0; i < lines->count; i++)
		fprintf(stderr, "      %s\n", lines->line[i]);
}

/* What a case expects, with absolute paths. */
static void
expected_lines(
    const struct guard_case *c, const char *directory, struct lines *lines)
{
	char *copy = strdup(c->expect), *rest = NULL;

	must(copy != NULL, "memory");
	for (char *text = strtok_r(copy, ";", &rest); text != NULL;
	     text = strtok_r(NULL, ";", &rest)) {
		char grade[32] = "", code[32] = "", path[256] = "", fix[8] = "";
		char *line = NULL;
		const char *slash = "/";

		(void)sscanf(
		    text, "%31s %31s %255s %7s", grade, code, path, fix);
		if (strcmp(grade, "error") == 0) {
			must(asprintf(&line, "error %s", code) > 0, "memory");
			add_line(lines, line);
			continue;
		}
		if (strcmp(path, ".") == 0)
			*path = '\0';
		if (*path == '\0' || *path == '/')
			slash = "";
		must(asprintf(&line, "%s %s %s%s%s%s%s", grade, code,
			 *path == '/' ? "" : directory, slash, path,
			 *fix ? " " : "", fix) > 0,
		    "memory");
		add_line(lines, line);
	}
	free(copy);
}

enum filter { ALL, NOT_FIXABLE, WITHOUT_COMMAND };

static void
found_lines(const clv_guard_report *report, struct lines *lines)
{
	for (size_t i = 0; i < clv_guard_report_count(report); i++) {
		const clv_guard_finding *finding =
		    clv_guard_report_finding(report, i);
		char *line = NULL;

		must(asprintf(&line, "%s %s %s%s",
			 clv_guard_grade_name(finding->grade),
			 clv_guard_code_name(finding->code), finding->path,
			 finding->fixable ? " fix" : "") > 0,
		    "memory");
		add_line(lines, line);
	}
}

static void
apply_setting(clv_guard *guard, const char *word, const char *value)
{
	clv_status status = CLV_OK;

	if (strcmp(word, "admin") == 0)
		status = clv_guard_add_administrator(guard, value, NULL);
	else if (strcmp(word, "admins") == 0)
		status = clv_guard_add_administrators(guard, value, NULL);
	else if (strcmp(word, "readers") == 0)
		status = clv_guard_add_insecure_readers(guard, value, NULL);
	else if (strcmp(word, "app") == 0)
		status = clv_guard_set_application(guard, value, NULL);
	else if (strcmp(word, "max") == 0)
		clv_guard_set_max_size(guard, strtoull(value, NULL, 10));
	else if (strcmp(word, "noadmin") == 0)
		clv_guard_set_application_administers(guard, false);
	else if (strcmp(word, "unmapped") == 0)
		clv_guard_set_insecure_unmapped(guard, true);
	else if (strcmp(word, "strict") == 0)
		clv_guard_set_strict(guard, true);
	else
		status = CLV_INVALID;
	must(status == CLV_OK, word);
}

/* Root names the application's account; the account itself need not. */
static clv_guard *
make_guard(const struct guard_case *c)
{
	char *copy = strdup(c->settings != NULL ? c->settings : "");
	char *rest = NULL;
	clv_guard *guard = NULL;

	must(copy != NULL && clv_guard_new(&guard, NULL) == CLV_OK, "guard");
	if (geteuid() == 0)
		must(clv_guard_set_application(guard, "61001", NULL) == CLV_OK,
		    "application");
	for (char *text = strtok_r(copy, ";", &rest); text != NULL;
	     text = strtok_r(NULL, ";", &rest)) {
		char word[32] = "", value[32] = "";

		(void)sscanf(text, "%31s %31s", word, value);
		apply_setting(guard, word, value);
	}
	free(copy);
	return guard;
}

static char base[] = "/tmp/claviger-guard-matrix.XXXXXX";
static int failures;

static void
complain(const char *how, const char *what)
{
	fprintf(stderr, "    %s: %s\n", how, what);
	failures++;
}

static void
compare(
    const char *how, const struct lines *expected, const struct lines *found)
{
	if (same_lines(expected, found))
		return;
	complain(how, "other findings than expected");
	print_lines("expected", expected);
	print_lines("found", found);
}

/* Opening must say what judging said. */
static void
check_open(const struct guard_case *c, const clv_guard *guard, int directory,
    const char *path, const clv_guard_report *report, const char *how)
{
	const bool strict =
	    c->settings != NULL && strstr(c->settings, "strict") != NULL;
	bool refuse = clv_guard_report_grade(report) >=
	    (strict ? CLV_GUARD_WEAK : CLV_GUARD_INSECURE);
	clv_error *err = NULL;
	struct stat stat;
	clv_status status;
	int fd = -1;

	if (fstatat(directory, path, &stat, 0) == 0 && S_ISDIR(stat.st_mode))
		status = clv_guard_open_directory(
		    guard, c->policy, directory, path, &fd, NULL, &err);
	else
		status = clv_guard_open_at(
		    guard, c->policy, directory, path, &fd, NULL, &err);
	if (refuse && status != CLV_POLICY && status != CLV_TOO_LARGE)
		complain(how, "opened what it should refuse");
	if (refuse && clv_error_remedy(err) == NULL)
		complain(how, "refused without a remedy");
	/* Whom the system forbids to read, the guard can't let. */
	if (!refuse && faccessat(directory, path, R_OK, AT_EACCESS) != 0)
		refuse = status == CLV_PERMISSION;
	if (!refuse && status != CLV_OK)
		complain(how, clv_error_message(err));
	if ((status == CLV_OK) != (fd >= 0))
		complain(how, "descriptor and status disagree");
	if (fd >= 0)
		(void)close(fd);
	clv_error_free(&err);
}

static void
judge(const struct guard_case *c, int directory, const char *path,
    const struct lines *expected, const char *how)
{
	clv_guard *guard = make_guard(c);
	clv_guard_report *report = NULL;
	clv_error *err = NULL;
	struct lines found = {.count = 0};
	char *line = NULL;

	if (clv_guard_check_at(
		guard, c->policy, directory, path, &report, &err) == CLV_OK) {
		found_lines(report, &found);
		check_open(c, guard, directory, path, report, how);
	} else {
		must(asprintf(&line, "error %s",
			 clv_status_name(clv_error_status(err))) > 0,
		    "memory");
		add_line(&found, line);
	}
	compare(how, expected, &found);
	clear_lines(&found);
	clv_guard_report_free(&report);
	clv_error_free(&err);
	clv_guard_free(&guard);
}

static void
become_app(void)
{
	must(setgroups(0, NULL) == 0 && setresgid(APP, APP, APP) == 0 &&
		setresuid(APP, APP, APP) == 0,
	    "become the application");
}

/* In the child: all ways to name the file. `fd` is the case's directory. */
static void
judge_all_ways(const struct guard_case *c, const char *directory, int fd,
    const struct lines *expected, const char *who)
{
	char absolute[4096], how[64];

	(void)snprintf(absolute, sizeof(absolute), "%s/%s", directory,
	    *c->path == '/' ? "" : c->path);
	(void)snprintf(how, sizeof(how), "%s, absolute path", who);
	if (c->ways != BELOW_DESCRIPTOR)
		judge(c, AT_FDCWD, *c->path == '/' ? c->path : absolute,
		    expected, how);
	if (c->ways == ABSOLUTE_PATH)
		return;
	(void)snprintf(how, sizeof(how), "%s, path below a descriptor", who);
	judge(c, fd, c->path, expected, how);
	must(fchdir(fd) == 0, directory);
	(void)snprintf(how, sizeof(how), "%s, path below here", who);
	judge(c, AT_FDCWD, c->path, expected, how);
}

/* Lines of findings that clv_guard_fix() leaves. */
static void
without_fixable(const struct lines *all, struct lines *rest)
{
	for (size_t i = 0; i < all->count; i++) {
		const size_t size = strlen(all->line[i]);

		if (size < 4 || strcmp(all->line[i] + size - 4, " fix") != 0)
			add_line(rest, strdup(all->line[i]));
	}
}

static clv_guard_report *
check_again(const struct guard_case *c, const clv_guard *guard,
    const char *path, struct lines *found)
{
	clv_guard_report *report = NULL;

	if (clv_guard_check(guard, c->policy, path, &report, NULL) != CLV_OK)
		complain("checking again", "failed");
	else
		found_lines(report, found);
	return report;
}

static void
check_fix(
    const struct guard_case *c, const char *path, const struct lines *expected)
{
	clv_guard *guard = make_guard(c);
	struct lines rest = {.count = 0}, found = {.count = 0};
	clv_guard_report *report = NULL;
	clv_error *err = NULL;
	size_t mended = 0;

	without_fixable(expected, &rest);
	if (clv_guard_check(guard, c->policy, path, &report, NULL) == CLV_OK) {
		if (clv_guard_fix(guard, &report, &mended, &err) != CLV_OK)
			complain("fix", clv_error_message(err));
		if (mended != expected->count - rest.count)
			complain("fix", "the number mended is wrong");
		clv_guard_report_free(&report);
		report = check_again(c, guard, path, &found);
		compare("after fix", &rest, &found);
	}
	clear_lines(&rest);
	clear_lines(&found);
	clv_guard_report_free(&report);
	clv_error_free(&err);
	clv_guard_free(&guard);
}

/* Runs each mending command; findings that have one must be gone. */
static void
check_commands(const struct guard_case *c, const char *path)
{
	clv_guard *guard = make_guard(c);
	struct lines rest = {.count = 0}, found = {.count = 0};
	clv_guard_report *report = NULL;

	if (clv_guard_check(guard, c->policy, path, &report, NULL) != CLV_OK)
		goto out;
	for (size_t i = 0; i < clv_guard_report_count(report); i++) {
		const clv_guard_finding *finding =
		    clv_guard_report_finding(report, i);
		char *line = NULL;

		/* Nothing outside: a wrong verdict must not do harm. */
		if (finding->command != NULL &&
		    strncmp(finding->path, base, strlen(base)) != 0) {
			complain("wants to change", finding->path);
			continue;
		}
		if (finding->command != NULL) {
			if (system(finding->command) != 0)
				complain("command fails", finding->command);
			continue;
		}
		must(asprintf(&line, "%s %s %s",
			 clv_guard_grade_name(finding->grade),
			 clv_guard_code_name(finding->code), finding->path) > 0,
		    "memory");
		add_line(&rest, line);
	}
	clv_guard_report_free(&report);
	report = check_again(c, guard, path, &found);
	compare("after the commands", &rest, &found);
out:
	clear_lines(&rest);
	clear_lines(&found);
	clv_guard_report_free(&report);
	clv_guard_free(&guard);
}

/* What a child does with its copy of the arrangement. */
enum task { JUDGE_AS_ROOT, JUDGE_AS_APP, JUDGE_SPECIAL, FIX, COMMANDS };

static void
run_task(const struct guard_case *c, const char *directory, enum task task)
{
	struct lines expected = {.count = 0};
	char path[4096];
	int fd;

	/* Mounts of a case must not be seen by anybody else. */
	if (c->stage != NULL)
		must(unshare(CLONE_NEWNS) == 0 &&
			mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0,
		    "a mount namespace");
	fd = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	must(fd >= 0, directory);
	if (c->stage != NULL)
		c->stage(directory);
	expected_lines(c, directory, &expected);
	(void)snprintf(path, sizeof(path), "%s/%s", directory, c->path);
	switch (task) {
	case JUDGE_AS_ROOT:
		judge_all_ways(c, directory, fd, &expected, "root");
		break;
	case JUDGE_AS_APP:
		become_app();
		judge_all_ways(c, directory, fd, &expected, "application");
		break;
	case JUDGE_SPECIAL:
		c->become();
		judge_all_ways(c, directory, fd, &expected, "special caller");
		break;
	case FIX:
		check_fix(c, path, &expected);
		break;
	case COMMANDS:
		check_commands(c, path);
		break;
	}
	clear_lines(&expected);
}

/* Runs a task in a process and directory of its own. */
static bool
run_apart(const struct guard_case *c, enum task task)
{
	char directory[512];
	int status = 0;
	pid_t child;

	(void)snprintf(directory, sizeof(directory), "%s/case", base);
	guard_lab_build(directory, c->steps);
	child = fork();
	must(child >= 0, "fork");
	if (child == 0) {
		run_task(c, directory, task);
		_exit(failures == 0 ? 0 : 1);
	}
	must(waitpid(child, &status, 0) == child, "waitpid");
	guard_lab_remove(directory);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static bool
run_case(const struct guard_case *c)
{
	bool passed;

	if (c->become != NULL)
		return run_apart(c, JUDGE_SPECIAL);
	passed = run_apart(c, JUDGE_AS_ROOT);
	if (strstr(c->settings != NULL ? c->settings : "", "app ") == NULL)
		passed = run_apart(c, JUDGE_AS_APP) && passed;
	if (c->ways == ALL_WAYS && *c->expect != '\0')
		passed = run_apart(c, FIX) && run_apart(c, COMMANDS) && passed;
	return passed;
}

/*
 * The matrix is worth nothing where something above it is writable: proves
 * with plain stat(2), not with the guard, that all of it belongs to root and
 * is written by root only, or is sticky.
 */
static bool
base_is_safe(void)
{
	char path[512];
	struct stat stat;

	(void)snprintf(path, sizeof(path), "%s", base);
	for (;;) {
		char *slash = strrchr(path, '/');

		if (lstat(*path != '\0' ? path : "/", &stat) != 0 ||
		    !S_ISDIR(stat.st_mode) || stat.st_uid != 0 ||
		    ((stat.st_mode & 022) != 0 &&
			(stat.st_mode & S_ISVTX) == 0))
			return false;
		if (slash == NULL)
			return true;
		*slash = '\0';
	}
}

static bool
prove_base(void)
{
	clv_guard_report *report = NULL;
	clv_guard *guard = NULL;
	bool safe = base_is_safe();

	must(clv_guard_new(&guard, NULL) == CLV_OK, "guard");
	safe = safe &&
	    clv_guard_check(guard, CLV_GUARD_TRUST, base, &report, NULL) ==
		CLV_OK &&
	    clv_guard_report_count(report) == 0;
	clv_guard_report_free(&report);
	clv_guard_free(&guard);
	return safe;
}

struct run {
	const char *only; /* cases whose name contains it; NULL: all */
	bool fail_fast;
	size_t passed, total;
};

/* False if there is no need to go on. */
static bool
run_family(const struct guard_family *family, struct run *run)
{
	for (size_t i = 0; i < family->count; i++) {
		const struct guard_case *c = &family->cases[i];

		if (run->only != NULL && strstr(c->name, run->only) == NULL)
			continue;
		run->total++;
		if (run_case(c)) {
			run->passed++;
			continue;
		}
		printf("FAILED  %s: %s\n", family->name, c->name);
		if (run->fail_fast)
			return false;
	}
	return true;
}

/* guard-matrix [--fail-fast | PART-OF-A-NAME] */
int
main(int count, char **words)
{
	struct run run = {.only = count > 1 ? words[1] : NULL};

	if (run.only != NULL && strcmp(run.only, "--fail-fast") == 0) {
		run.only = NULL;
		run.fail_fast = true;
	}
	if (geteuid() != 0) {
		fprintf(stderr,
		    "the guard matrix needs root: it acts as "
		    "several accounts and mounts file systems\n");
		return 1;
	}
	(void)umask(022);
	must(mkdtemp(base) != NULL && chmod(base, 0755) == 0, base);
	if (!prove_base()) {
		fprintf(stderr, "%s is not safe to test in\n", base);
		return 1;
	}
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (!run_family(families[i], &run))
			break;
	guard_lab_remove(base);
	printf("guard matrix: %zu passed of %zu\n", run.passed, run.total);
	return run.passed == run.total && run.total > 0 ? 0 : 1;
}
