/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * What is said and done about rights: the reasons, the commands, and what is
 * left after clv_guard_fix() and, on a copy, after the command.
 */

#include "testing.h"

#include <acl/libacl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/acl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/guard/internal.h"
#include "place.h"

static clv_guard *guard;

static int
open_all(void **state)
{
	assert_ok(clv_guard_new(&guard, &err));
	assert_ok(clv_guard_add_administrators(guard, "61010", &err));
	assert_ok(clv_guard_add_insecure_readers(guard, "61020", &err));
	return place_open(state);
}

static int
close_all(void **state)
{
	clv_guard_free(&guard);
	return place_close(state);
}

struct mend_case {
	clv_guard_policy policy;
	bool directory;
	/* ACLs in the short form of acl_to_text(3), base entries included. */
	const char *before;
	const char *command; /* without the path */
	const char *after;
	const char *reason; /* of the first finding */
};

static const struct mend_case mode_cases[] = {
    {CLV_GUARD_KEY, false, "u::rw-,g::r--,o::r--", "chmod 0600",
	"u::rw-,g::---,o::---",
	"its owning group 61005 may read it (mode "
	"0644)"},
    {CLV_GUARD_KEY, false, "u::rwx,g::--x,o::---", "chmod 0700",
	"u::rwx,g::---,o::---",
	"its owning group 61005 may execute it (mode "
	"0710)"},
    {CLV_GUARD_KEY, false, "u::r--,g::---,o::-w-", "chmod 0400",
	"u::r--,g::---,o::---", "everybody may write it (mode 0402)"},
    {CLV_GUARD_TRUST, false, "u::rw-,g::rw-,o::rwx", "chmod 0645",
	"u::rw-,g::r--,o::r-x",
	"its owning group 61005 may write it (mode "
	"0667)"},
    {CLV_GUARD_TRUST, true, "u::rwx,g::rwx,o::rwx", "chmod 0755",
	"u::rwx,g::r-x,o::r-x",
	"its owning group 61005 may write it (mode "
	"0777)"},
    {CLV_GUARD_KEY, true, "u::rwx,g::rwx,o::r-x", "chmod 0755",
	"u::rwx,g::r-x,o::r-x",
	"its owning group 61005 may write it (mode "
	"0775)"},
};

static const struct mend_case acl_cases[] = {
    /* Nothing trusted is named: the ACL goes as a whole. */
    {CLV_GUARD_KEY, false, "u::rw-,u:61002:r--,g::---,m::r--,o::---",
	"setfacl -b -m g::---,o::---", "u::rw-,g::---,o::---",
	"uid 61002 may read it (mode 0640)"},
    {CLV_GUARD_KEY, false, "u::rw-,g::---,g:61002:rwx,m::rwx,o::r--",
	"setfacl -b -m g::---,o::---", "u::rw-,g::---,o::---",
	"group 61002 may read it (mode 0674)"},
    /* What the mask held back of the group does not wake. */
    {CLV_GUARD_KEY, false, "u::rw-,u:61002:rw-,g::rw-,m::---,o::---",
	"setfacl -b -m g::---,o::---", "u::rw-,g::---,o::---",
	"an ACL entry for uid 61002 is held back by the mask alone: a chmod "
	"wakes it"},
    /* Root is named, and stays. */
    {CLV_GUARD_KEY, false, "u::rw-,u:0:r--,u:61002:r--,g::---,m::r--,o::---",
	"setfacl -n -m u:61002:---",
	"u::rw-,u:0:r--,u:61002:---,g::---,m::r--,o::---",
	"uid 61002 may read it (mode 0640)"},
    {CLV_GUARD_KEY, false, "u::rw-,u:0:rw-,g::r--,g:61002:-w-,m::rw-,o::r--",
	"setfacl -n -m g::---,g:61002:---,o::---",
	"u::rw-,u:0:rw-,g::---,g:61002:---,m::rw-,o::---",
	"its owning group 61005 may read it (mode 0664)"},
    {CLV_GUARD_KEY, false, "u::rw-,g::---,g:61020:rw-,m::rw-,o::---",
	"setfacl -n -m g:61020:r--", "u::rw-,g::---,g:61020:r--,m::rw-,o::---",
	"group 61020 may write it (mode 0660)"},
    {CLV_GUARD_TRUST, false, "u::rw-,u:61002:rw-,g::r--,m::rw-,o::r--",
	"setfacl -n -m u:61002:r--", "u::rw-,u:61002:r--,g::r--,m::rw-,o::r--",
	"uid 61002 may write it (mode 0664)"},
    /* Once the writer can do nothing, his entry goes. */
    {CLV_GUARD_TRUST, false, "u::rw-,u:61002:-w-,g::r--,m::rw-,o::r--",
	"setfacl -b -m g::r--,o::r--", "u::rw-,g::r--,o::r--",
	"uid 61002 may write it (mode 0664)"},
    {CLV_GUARD_TRUST, false, "u::rw-,u:61002:-w-,g::r-x,m::-wx,o::r--",
	"setfacl -b -m g::--x,o::r--", "u::rw-,g::--x,o::r--",
	"uid 61002 may write it (mode 0634)"},
    {CLV_GUARD_TRUST, false,
	"u::rw-,u:61002:rw-,g::r--,g:61010:rw-,m::rw-,o::r--",
	"setfacl -n -m u:61002:r--",
	"u::rw-,u:61002:r--,g::r--,g:61010:rw-,m::rw-,o::r--",
	"uid 61002 may write it (mode 0664)"},
    {CLV_GUARD_TRUST, true, "u::rwx,g::r-x,g:61002:rwx,m::rwx,o::r-x",
	"setfacl -n -m g:61002:r-x", "u::rwx,g::r-x,g:61002:r-x,m::rwx,o::r-x",
	"group 61002 may write it (mode 0775)"},
};

static const struct mend_case default_cases[] = {
    {CLV_GUARD_TRUST, true, "u::rwx,u:61002:rwx,g::r-x,m::rwx,o::r-x",
	"setfacl -n -m d:u:61002:r-x",
	"u::rwx,u:61002:r-x,g::r-x,m::rwx,o::r-x",
	"its default ACL gives uid 61002 rights to new files in it"},
    {CLV_GUARD_TRUST, true,
	"u::rwx,u:61002:-w-,g::rwx,g:61010:rwx,m::rwx,o::-wx",
	"setfacl -n -m d:u:61002:---,d:g::r-x,d:o::--x",
	"u::rwx,u:61002:---,g::r-x,g:61010:rwx,m::rwx,o::--x",
	"its default ACL gives uid 61002 rights to new files in it"},
    {CLV_GUARD_KEY, true, "u::rwx,g::r-x,g:61002:r-x,m::r-x,o::r-x",
	"setfacl -n -m d:g:61002:--x",
	"u::rwx,g::r-x,g:61002:--x,m::r-x,o::r-x",
	"its default ACL gives group 61002 rights to new files in it"},
    {CLV_GUARD_TRUST, true, "u::rwx,g::rwx,o::r-x", "setfacl -n -m d:g::r-x",
	"u::rwx,g::r-x,o::r-x",
	"its default ACL gives its owning group 61005 rights to new files in "
	"it"},
    {CLV_GUARD_TRUST, true, "u::rwx,g::r-x,o::rwx", "setfacl -n -m d:o::r-x",
	"u::rwx,g::r-x,o::r-x",
	"its default ACL gives everybody rights to new files in it"},
};

static void
make(const struct place *place, const struct mend_case *c, acl_type_t type)
{
	acl_t acl = acl_from_text(c->before);

	assert_non_null(acl);
	if (c->directory)
		assert_int_equal(mkdirat(place->fd, "x", 0755), 0);
	else
		place_file(place, "x", "text", 0600, 0);
	assert_int_equal(fchownat(place->fd, "x", 0, 61005, 0), 0);
	assert_int_equal(acl_set_file(place_path(place, "x"), type, acl), 0);
	acl_free(acl);
}

static void
take_away(const struct place *place)
{
	assert_int_equal(remove(place_path(place, "x")), 0);
}

/* With numeric ids, in the short form, in acl_to_text()'s own order. */
static void
assert_acl(const struct place *place, acl_type_t type, const char *expected)
{
	acl_t acl = acl_get_file(place_path(place, "x"), type);
	char *text =
	    acl_to_any_text(acl, NULL, ',', TEXT_ABBREVIATE | TEXT_NUMERIC_IDS);

	assert_non_null(text);
	assert_string_equal(text, expected);
	acl_free(text);
	acl_free(acl);
}

static clv_guard_report *
check(const struct place *place, const struct mend_case *c)
{
	clv_guard_report *report = NULL;

	assert_ok(clv_guard_check(
	    guard, c->policy, place_path(place, "x"), &report, &err));
	return report;
}

static void
run_case(const struct place *place, const struct mend_case *c, acl_type_t type)
{
	const clv_guard_finding *finding = NULL;
	clv_guard_report *report;
	char command[512];

	make(place, c, type);
	report = check(place, c);
	for (size_t i = 0; finding == NULL || finding->command == NULL; i++) {
		finding = clv_guard_report_finding(report, i);
		assert_non_null(finding);
	}
	(void)snprintf(command, sizeof(command), "%s %s", c->command,
	    place_path(place, "x"));
	assert_string_equal(finding->command, command);
	assert_string_equal(finding->reason, c->reason);
	assert_int_equal(system(finding->command), 0);
	assert_acl(place, type, c->after);
	clv_guard_report_free(&report);
	take_away(place);

	make(place, c, type);
	report = check(place, c);
	assert_ok(clv_guard_fix(guard, &report, NULL, &err));
	assert_acl(place, type, c->after);
	clv_guard_report_free(&report);
	take_away(place);
}

#define RUN_ALL(cases, type)                                            \
	for (size_t i = 0; i < sizeof(cases) / sizeof((cases)[0]); i++) \
	run_case(*state, &(cases)[i], type)

static void
test_guard_mend__takes_mode_bits_away(void **state)
{
	RUN_ALL(mode_cases, ACL_TYPE_ACCESS);
}

static void
test_guard_mend__takes_acl_rights_away(void **state)
{
	RUN_ALL(acl_cases, ACL_TYPE_ACCESS);
}

static void
test_guard_mend__takes_default_acl_rights_away(void **state)
{
	RUN_ALL(default_cases, ACL_TYPE_DEFAULT);
}

/* The special bits are nobody's right: they stay. */
static void
test_guard_mend__leaves_special_bits(void **state)
{
	static const struct {
		mode_t before, after;
	} modes[] = {{02775, 02755}, {04777, 04755}};
	const struct place *place = *state;

	for (size_t i = 0; i < 2; i++) {
		clv_guard_report *report = NULL;
		struct stat stat;

		place_directory(place, "x", modes[i].before, 0);
		assert_ok(clv_guard_check(guard, CLV_GUARD_TRUST,
		    place_path(place, "x"), &report, &err));
		assert_ok(clv_guard_fix(guard, &report, NULL, &err));
		clv_guard_report_free(&report);
		assert_int_equal(fstatat(place->fd, "x", &stat, 0), 0);
		assert_int_equal(stat.st_mode & 07777, modes[i].after);
		take_away(place);
	}
}

/* An access ACL and a default ACL at once, and nothing but them. */
static void
test_guard_mend__mends_both_acls_of_a_directory(void **state)
{
	static const struct mend_case both = {CLV_GUARD_TRUST, true,
	    "u::rwx,u:61002:rwx,g::r-x,m::rwx,o::r-x", NULL,
	    "u::rwx,u:61002:r-x,g::r-x,m::rwx,o::r-x", NULL};
	const struct place *place = *state;
	acl_t acl = acl_from_text(both.before);
	clv_guard_report *report;
	size_t mended = 0;

	make(place, &both, ACL_TYPE_ACCESS);
	assert_int_equal(
	    acl_set_file(place_path(place, "x"), ACL_TYPE_DEFAULT, acl), 0);
	acl_free(acl);
	report = check(place, &both);
	assert_int_equal(clv_guard_report_count(report), 2);
	assert_ok(clv_guard_fix(guard, &report, &mended, &err));
	assert_int_equal(mended, 2);
	assert_acl(place, ACL_TYPE_ACCESS, both.after);
	assert_acl(place, ACL_TYPE_DEFAULT, both.after);
	clv_guard_report_free(&report);
	take_away(place);
}

struct owner_case {
	clv_guard_policy policy;
	const char *application;
	bool administers;
	const char *command;
	const char *link_command;
};

/* Who gets what another account owns. */
static void
test_guard_command__chown_goes_to_whom_the_policy_trusts(void **state)
{
	static const struct owner_case cases[] = {
	    {CLV_GUARD_KEY, "61001", true, "chown 61001", "chown -h root"},
	    {CLV_GUARD_KEY, "61001", false, "chown 61001", "chown -h root"},
	    {CLV_GUARD_KEY, "0", true, "chown root", "chown -h root"},
	    {CLV_GUARD_TRUST, "61001", true, "chown 61001", "chown -h root"},
	    {CLV_GUARD_TRUST, "61001", false, "chown root", "chown -h root"},
	    {CLV_GUARD_CONFIG, "0", true, "chown root", "chown -h root"}};
	const struct place *place = *state;
	const clv_guard_finding *finding;
	clv_guard_report *report = NULL;
	char command[512];

	place_file(place, "x", "text", 0600, 61002);
	assert_int_equal(symlinkat("x", place->fd, "l"), 0);
	assert_int_equal(
	    fchownat(place->fd, "l", 61002, 61002, AT_SYMLINK_NOFOLLOW), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_ok(clv_guard_set_application(
		    guard, cases[i].application, &err));
		clv_guard_set_application_administers(
		    guard, cases[i].administers);
		assert_ok(clv_guard_check(guard, cases[i].policy,
		    place_path(place, "l"), &report, &err));
		finding = clv_guard_report_finding(report, 0);
		(void)snprintf(command, sizeof(command), "%s %s",
		    cases[i].link_command, place_path(place, "l"));
		assert_string_equal(finding->command, command);
		assert_string_equal(finding->reason,
		    "its owner, uid 61002, can change it; its content may "
		    "already be his");
		finding = clv_guard_report_finding(report, 1);
		(void)snprintf(command, sizeof(command), "%s %s",
		    cases[i].command, place_path(place, "x"));
		assert_string_equal(finding->command, command);
		assert_false(finding->fixable);
		clv_guard_report_free(&report);
	}
	place_directory(place, "d", 0755, 61002);
	place_file(place, "d/x", "text", 0600, 0);
	assert_ok(clv_guard_check(
	    guard, CLV_GUARD_KEY, place_path(place, "d/x"), &report, &err));
	(void)snprintf(
	    command, sizeof(command), "chown root %s", place_path(place, "d"));
	assert_string_equal(
	    clv_guard_report_finding(report, 0)->command, command);
	clv_guard_report_free(&report);
}

/* Findings that no command mends say something else. */
static void
test_guard_reasons__tell_what_is_wrong(void **state)
{
	static const struct {
		clv_guard_policy policy;
		const char *path, *reason, *advice;
	} cases[] = {
	    {CLV_GUARD_KEY, "fifo", "it is a FIFO, not a regular file",
		"name a file of the right kind"},
	    {CLV_GUARD_KEY, "/dev/null", "it is a device, not a regular file",
		"name a file of the right kind"},
	    {CLV_GUARD_KEY, "large",
		"it has 101 bytes, more than the limit of 100",
		"name the right file, or raise the limit of the path guard"},
	    {CLV_GUARD_KEY, "two",
		"it has 2 names (hard links): the others keep what it holds "
		"now",
		NULL},
	    {CLV_GUARD_TRUST, "sticky/x",
		"others may add files to it, sticky or not",
		"move it to a directory that only the application's account "
		"and administrators can write"},
	    {CLV_GUARD_KEY, "loop",
		"there are more than 40 symbolic links on the way",
		"name the file itself instead of a chain of symbolic links"},
	    {CLV_GUARD_KEY, "/proc/self/exe",
		"it is a link of /proc, which is not a path",
		"name the file itself instead of a link of /proc"},
	    {CLV_GUARD_KEY, "readers",
		"its owning group 61020 may read it, which a setting allows",
		"do without readers other than the application"},
	};
	const struct place *place = *state;

	assert_int_equal(mkfifoat(place->fd, "fifo", 0600), 0);
	place_file(place, "large", "", 0600, 0);
	assert_int_equal(truncate(place_path(place, "large"), 101), 0);
	clv_guard_set_max_size(guard, 100);
	place_file(place, "one", "x", 0600, 0);
	assert_int_equal(linkat(place->fd, "one", place->fd, "two", 0), 0);
	place_directory(place, "sticky", 01777, 0);
	place_file(place, "sticky/x", "x", 0644, 0);
	assert_int_equal(symlinkat("loop", place->fd, "loop"), 0);
	place_file(place, "readers", "x", 0640, 0);
	assert_int_equal(fchownat(place->fd, "readers", 0, 61020, 0), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const clv_guard_finding *finding;
		clv_guard_report *report = NULL;

		assert_ok(clv_guard_check_at(guard, cases[i].policy, place->fd,
		    cases[i].path, &report, &err));
		finding = clv_guard_report_worst(report);
		assert_non_null(finding);
		assert_string_equal(finding->reason, cases[i].reason);
		assert_int_equal(
		    finding->command == NULL, finding->advice != NULL);
		if (cases[i].advice != NULL)
			assert_string_equal(finding->advice, cases[i].advice);
		clv_guard_report_free(&report);
	}
}

static void
test_guard_command__new_inode_for_a_hard_link(void **state)
{
	const struct place *place = *state;
	clv_guard_report *report = NULL;
	struct stat before, after;

	place_file(place, "it's", "text", 0600, 61001);
	assert_int_equal(linkat(place->fd, "it's", place->fd, "second", 0), 0);
	assert_int_equal(fstatat(place->fd, "it's", &before, 0), 0);
	assert_ok(clv_guard_set_application(guard, "61001", &err));
	assert_ok(clv_guard_check(
	    guard, CLV_GUARD_KEY, place_path(place, "it's"), &report, &err));
	assert_int_equal(clv_guard_report_count(report), 1);
	assert_int_equal(
	    system(clv_guard_report_finding(report, 0)->command), 0);
	assert_int_equal(fstatat(place->fd, "it's", &after, 0), 0);
	assert_int_not_equal(before.st_ino, after.st_ino);
	assert_int_equal(after.st_mode, before.st_mode);
	assert_int_equal(after.st_uid, 61001);
	assert_int_equal(after.st_nlink, 1);
	clv_guard_report_free(&report);
}

static void
test_guard_same_state__every_field_counts(void **state)
{
	struct statx a = {.stx_mode = 0100600,
	    .stx_uid = 1,
	    .stx_gid = 2,
	    .stx_ino = 3,
	    .stx_dev_major = 4,
	    .stx_dev_minor = 5,
	    .stx_ctime = {.tv_sec = 6, .tv_nsec = 7}};
	struct statx b = a;

	(void)state;
	assert_true(clv_guard_same_state(&a, &b));
	assert_true(clv_guard_same_inode(&a, &b));
#define DIFFERS(function, field)                \
	do {                                    \
		b = a;                          \
		b.field++;                      \
		assert_false(function(&a, &b)); \
	} while (0)
	DIFFERS(clv_guard_same_state, stx_mode);
	DIFFERS(clv_guard_same_state, stx_uid);
	DIFFERS(clv_guard_same_state, stx_gid);
	DIFFERS(clv_guard_same_state, stx_ctime.tv_sec);
	DIFFERS(clv_guard_same_state, stx_ctime.tv_nsec);
	DIFFERS(clv_guard_same_inode, stx_ino);
	DIFFERS(clv_guard_same_inode, stx_dev_major);
	DIFFERS(clv_guard_same_inode, stx_dev_minor);
}

static void
test_guard_system_error__has_the_fitting_class(void **state)
{
	static const struct {
		int error;
		clv_status status;
		bool retryable;
	} cases[] = {{ENOENT, CLV_NOT_FOUND, false},
	    {ENOTDIR, CLV_NOT_FOUND, false}, {EACCES, CLV_PERMISSION, false},
	    {EPERM, CLV_PERMISSION, false}, {ENAMETOOLONG, CLV_INVALID, false},
	    {EBADF, CLV_INVALID, false}, {ENOMEM, CLV_NO_MEMORY, false},
	    {EAGAIN, CLV_BUSY, true}, {ESTALE, CLV_CHANGED, true},
	    {EIO, CLV_IO, false}, {ELOOP, CLV_IO, false}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		clv_error *err = NULL;

		errno = cases[i].error;
		assert_int_equal(clv_guard_system_error("/x", "fails", &err),
		    cases[i].status);
		assert_int_equal(clv_error_retryable(err), cases[i].retryable);
		assert_int_equal(clv_error_code(err), cases[i].error);
		assert_string_equal(clv_error_subject(err), "/x");
		clv_error_free(&err);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_guard_mend__takes_mode_bits_away),
	    TEST(test_guard_mend__takes_acl_rights_away),
	    TEST(test_guard_mend__takes_default_acl_rights_away),
	    TEST(test_guard_mend__leaves_special_bits),
	    TEST(test_guard_mend__mends_both_acls_of_a_directory),
	    TEST(test_guard_command__chown_goes_to_whom_the_policy_trusts),
	    TEST(test_guard_reasons__tell_what_is_wrong),
	    TEST(test_guard_command__new_inode_for_a_hard_link),
	    TEST(test_guard_same_state__every_field_counts),
	    TEST(test_guard_system_error__has_the_fitting_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
