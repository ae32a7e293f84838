/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Mending, telling files apart, and surveying a directory. */

#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <claviger/guard.h>

#include "place.h"

static clv_guard *guard;

static int
open_all(void **state)
{
	assert_ok(clv_guard_new(&guard, &err));
	return place_open(state);
}

static int
close_all(void **state)
{
	clv_guard_free(&guard);
	return place_close(state);
}

static unsigned
mode_of(const struct place *place, const char *name)
{
	struct stat stat;

	assert_int_equal(fstatat(place->fd, name, &stat, 0), 0);
	return stat.st_mode & 07777;
}

static clv_guard_report *
check(const struct place *place, clv_guard_policy policy, const char *name)
{
	clv_guard_report *report = NULL;

	assert_ok(clv_guard_check(
	    guard, policy, place_path(place, name), &report, &err));
	return report;
}

static void
test_guard_fix__mends_and_judges_again(void **state)
{
	const struct place *place = *state;
	clv_guard_report *report;
	size_t mended = 9;

	place_file(place, "key", "secret", 04757, 0);
	report = check(place, CLV_GUARD_KEY, "key");
	assert_int_equal(clv_guard_report_count(report), 5);
	assert_ok(clv_guard_fix(guard, &report, &mended, &err));
	assert_int_equal(mended, 5);
	assert_int_equal(clv_guard_report_count(report), 0);
	assert_int_equal(mode_of(place, "key"), 04700);
	/* There is nothing more to do. */
	assert_ok(clv_guard_fix(guard, &report, &mended, &err));
	assert_int_equal(mended, 0);
	assert_ok(clv_guard_fix(guard, &report, NULL, &err));
	clv_guard_report_free(&report);
}

static void
test_guard_fix__refuses_another_object(void **state)
{
	const struct place *place = *state;
	clv_guard_report *report;
	size_t mended = 9;

	place_file(place, "key", "secret", 0644, 0);
	report = check(place, CLV_GUARD_KEY, "key");
	place_file(place, "new", "secret", 0644, 0);
	assert_int_equal(renameat(place->fd, "new", place->fd, "key"), 0);
	assert_fails(CLV_CHANGED, clv_guard_fix(guard, &report, &mended, &err));
	assert_int_equal(mended, 0);
	assert_int_equal(mode_of(place, "key"), 0644);
	assert_int_equal(clv_guard_report_count(report), 2);
	assert_int_equal(unlinkat(place->fd, "key", 0), 0);
	assert_fails(CLV_NOT_FOUND, clv_guard_fix(guard, &report, NULL, &err));
	clv_guard_report_free(&report);
}

/* Somebody made the way there insecure after the report. */
static void
test_guard_fix__does_nothing_below_what_others_write(void **state)
{
	const struct place *place = *state;
	clv_guard_report *report;

	place_directory(place, "d", 0755, 0);
	place_file(place, "d/key", "secret", 0644, 0);
	report = check(place, CLV_GUARD_KEY, "d/key");
	assert_int_equal(fchmodat(place->fd, "d", 0777, 0), 0);
	assert_ok(clv_guard_fix(guard, &report, NULL, &err));
	assert_int_equal(mode_of(place, "d/key"), 0644);
	assert_int_equal(clv_guard_report_grade(report), CLV_GUARD_INSECURE);
	clv_guard_report_free(&report);
}

static int
mends_as_application(struct place *place)
{
	clv_guard *own = NULL;
	clv_guard_report *report = NULL;
	clv_error *err = NULL;

	if (setresgid(61001, 61001, 61001) != 0 ||
	    setresuid(61001, 61001, 61001) != 0 ||
	    clv_guard_new(&own, NULL) != CLV_OK ||
	    clv_guard_check(own, CLV_GUARD_TRUST, place_path(place, "f"),
		&report, NULL) != CLV_OK)
		return 1;
	if (clv_guard_fix(own, &report, NULL, &err) != CLV_PERMISSION ||
	    clv_error_code(err) != EPERM)
		return 2;
	clv_error_free(&err);
	clv_guard_report_free(&report);
	clv_guard_free(&own);
	return 0;
}

static void
test_guard_fix__needs_the_owner(void **state)
{
	struct place *place = *state;

	place_file(place, "f", "text", 0666, 0);
	in_child(place, false, mends_as_application);
	assert_int_equal(mode_of(place, "f"), 0666);
}

static void
test_guard_fix__works_for_names_with_odd_bytes(void **state)
{
	static const char *const names[] = {
	    "a b", "it's", "$(touch x)", "new\nline", "-rf", "*", "\xFF\xFE"};
	const struct place *place = *state;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		clv_guard_report *report;

		place_file(place, names[i], "secret", 0644, 0);
		report = check(place, CLV_GUARD_KEY, names[i]);
		/* The printed command does the same, in bash. */
		assert_int_equal(
		    setenv(
			"COMMAND", clv_guard_report_worst(report)->command, 1),
		    0);
		assert_int_equal(system("bash -c \"$COMMAND\""), 0);
		assert_int_equal(mode_of(place, names[i]), 0600);
		assert_int_equal(fchmodat(place->fd, names[i], 0644, 0), 0);
		assert_ok(clv_guard_fix(guard, &report, NULL, &err));
		assert_int_equal(mode_of(place, names[i]), 0600);
		clv_guard_report_free(&report);
	}
}

static void
assert_policy(const struct place *place, clv_guard_policy policy,
    const char *name, const void *content, size_t size)
{
	const int fd = openat(
	    place->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, size), (ssize_t)size);
	(void)close(fd);
	if (clv_guard_classify(place_path(place, name)) != policy)
		fail_msg("%s is not %s", name, clv_guard_policy_name(policy));
}

static void
test_guard_classify__a_private_key_is_a_key_anywhere(void **state)
{
	static const char *const pems[] = {"-----BEGIN PRIVATE KEY-----\n",
	    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n",
	    "-----BEGIN RSA PRIVATE KEY-----\r\n",
	    "-----BEGIN EC PRIVATE KEY-----\n",
	    "-----BEGIN TSS2 PRIVATE KEY-----\n",
	    ("Bag Attributes\n-----BEGIN CERTIFICATE-----\nMII\n-----END "
	     "CERTIFICATE-----\n-----BEGIN PRIVATE KEY-----\n")};
	static const struct {
		unsigned char bytes[24];
		size_t size;
	} ders[] = {
	    {{0x30, 0x82, 4, 0xBD, 2, 1, 0, 0x30, 0x0D}, 9},
	    {{0x30, 0x81, 0x87, 2, 1, 0, 0x30}, 7},
	    {{0x30, 0x2E, 2, 1, 0, 0x30}, 6},
	    {{0x30, 0x53, 2, 1, 1, 0x30}, 6},
	    {{0x30, 0x82, 4, 0xA3, 2, 1, 0, 2, 0x82}, 9},
	    {{0x30, 0x77, 2, 1, 1, 4, 0x20}, 7},
	    {{0x30, 0x82, 9, 0xF1, 2, 1, 3, 0x30}, 8},
	    {{0x30, 0x80, 2, 1, 3, 0x30}, 6},
	    {{0x30, 0x81, 0xEC, 0x30, 0x57, 6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7,
		 0x0D, 1, 5, 0x0D},
		16},
	    {{0x30, 0x81, 0xEC, 0x30, 0x1C, 6, 0x0A, 0x2A, 0x86, 0x48, 0x86,
		 0xF7, 0x0D, 1, 12, 1, 3},
		17},
	    {{0x30, 0x81, 0xEC, 6, 6, 0x67, 0x81, 5, 0x0A, 1, 3, 0xA0}, 12},
	};
	const struct place *place = *state;

	place_directory(place, "trusted", 0755, 0);
	for (size_t i = 0; i < sizeof(pems) / sizeof(pems[0]); i++)
		assert_policy(place, CLV_GUARD_KEY, "trusted/stray.der",
		    pems[i], strlen(pems[i]));
	for (size_t i = 0; i < sizeof(ders) / sizeof(ders[0]); i++)
		assert_policy(place, CLV_GUARD_KEY, "claviger.conf",
		    ders[i].bytes, ders[i].size);
}

static void
test_guard_classify__what_only_resembles_a_key_is_none(void **state)
{
	static const struct {
		unsigned char bytes[24];
		size_t size;
	} ders[] = {
	    {{0}, 0},
	    {{0x30}, 1},
	    {{0x30, 0x82}, 2},
	    {{0x30, 0xFF, 1}, 3},
	    {{0x30, 0x82, 4, 0xBD, 2, 1, 0}, 7},
	    {{0x31, 0x2E, 2, 1, 0, 0x30}, 6},
	    {{0x30, 0x2E, 2, 1, 2, 0x30}, 6},
	    /* a certificate, a CRL, a public key */
	    {{0x30, 0x82, 3, 0x11, 0x30, 0x82, 1, 0xF9, 0xA0, 3, 2, 1, 2}, 13},
	    {{0x30, 0x82, 3, 0x11, 0x30, 0x82, 1, 0xF9, 2, 1, 1, 0x30}, 12},
	    {{0x30, 0x59, 0x30, 0x13, 6, 7, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 2, 1},
		13},
	    {{0x30, 0x81, 0xEC, 0x30, 0x57, 6, 9, 0x2A, 0x86, 0x48, 0x86, 0xF7,
		 0x0D, 1},
		14},
	};
	static const char *const texts[] = {"-----BEGIN PUBLIC KEY-----\n",
	    "PRIVATE KEY-----\n", "-----BEGIN X\nPRIVATE KEY-----\n",
	    "uri = file:private\n"};
	const struct place *place = *state;

	for (size_t i = 0; i < sizeof(ders) / sizeof(ders[0]); i++)
		assert_policy(place, CLV_GUARD_CONFIG, "file", ders[i].bytes,
		    ders[i].size);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		assert_policy(place, CLV_GUARD_CONFIG, "file", texts[i],
		    strlen(texts[i]));
}

static void
test_guard_classify__goes_by_place_then_name(void **state)
{
	static const struct {
		const char *path;
		clv_guard_policy policy;
	} cases[] = {{"/x/own/private", CLV_GUARD_KEY},
	    {"/x/own/private/", CLV_GUARD_KEY},
	    {"/x/own/private/app", CLV_GUARD_KEY},
	    {"/x/own/private/sub/app", CLV_GUARD_KEY},
	    {"/private/a/b/claviger.conf", CLV_GUARD_CONFIG},
	    {"private", CLV_GUARD_KEY}, {"privates", CLV_GUARD_CONFIG},
	    {"/x/trusted", CLV_GUARD_TRUST},
	    {"/x/trusted/certs", CLV_GUARD_TRUST},
	    {"/x/trusted/certs/any", CLV_GUARD_TRUST},
	    {"/x/issuer/crl/any", CLV_GUARD_TRUST},
	    {"/x/issuers/any", CLV_GUARD_TRUST},
	    {"/x/rejected/certs/a.der", CLV_GUARD_TRUST},
	    {"/x/own/certs/a.der", CLV_GUARD_TRUST},
	    {"/x//trusted//any//", CLV_GUARD_TRUST},
	    {"/trusted/a/b/c", CLV_GUARD_CONFIG},
	    {"/x/trusted/private/k", CLV_GUARD_KEY},
	    {"/x/app.key", CLV_GUARD_KEY}, {"/x/APP.KEY", CLV_GUARD_KEY},
	    {"/x/app.p12", CLV_GUARD_KEY}, {"/x/app.pfx", CLV_GUARD_KEY},
	    {"/x/app.tss", CLV_GUARD_KEY}, {"/x/.key", CLV_GUARD_KEY},
	    {"/x/ca.der", CLV_GUARD_TRUST}, {"/x/ca.crl", CLV_GUARD_TRUST},
	    {"/x/ca.crt", CLV_GUARD_TRUST}, {"/x/ca.cer", CLV_GUARD_TRUST},
	    {"/x/claviger.conf", CLV_GUARD_CONFIG},
	    {"/x/key", CLV_GUARD_CONFIG}, {"/", CLV_GUARD_CONFIG},
	    {"", CLV_GUARD_CONFIG}, {".key", CLV_GUARD_CONFIG}};
	static const char certificate[] = "-----BEGIN CERTIFICATE-----\n";
	static const char crl[] = "-----BEGIN X509 CRL-----\n";
	const struct place *place = *state;

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		if (clv_guard_classify(cases[i].path) != cases[i].policy)
			fail_msg("%s", cases[i].path);
	assert_policy(place, CLV_GUARD_TRUST, "ca.pem", certificate,
	    sizeof(certificate) - 1);
	assert_policy(place, CLV_GUARD_TRUST, "file", crl, sizeof(crl) - 1);
}

static void
test_guard_classify__opens_regular_files_only(void **state)
{
	const struct place *place = *state;

	assert_int_equal(mkfifoat(place->fd, "fifo", 0600), 0);
	assert_int_equal(
	    clv_guard_classify(place_path(place, "fifo")), CLV_GUARD_CONFIG);
	assert_int_equal(clv_guard_classify("/dev/zero"), CLV_GUARD_CONFIG);
}

/* What a survey told, as text. */
struct told {
	char text[4096];
	const struct place *place;
	int left; /* visits until it stops */
};

static bool
tell(void *user, const char *path, clv_guard_policy policy,
    const clv_guard_report *report, size_t fixed, const clv_error *failure)
{
	struct told *told = user;
	const size_t used = strlen(told->text);

	assert_true((report == NULL) != (failure == NULL));
	(void)snprintf(told->text + used, sizeof(told->text) - used,
	    "%s %s %s %zu\n", path + strlen(told->place->path),
	    clv_guard_policy_name(policy),
	    report != NULL
		? clv_guard_grade_name(clv_guard_report_grade(report))
		: clv_status_name(clv_error_status(failure)),
	    fixed);
	return told->left == 0 || --told->left > 0;
}

static void
make_application(const struct place *place)
{
	place_directory(place, "app", 0755, 0);
	place_file(place, "app/claviger.conf", "x\n", 0666, 0);
	place_directory(place, "app/own", 0755, 0);
	place_directory(place, "app/own/private", 0700, 0);
	place_file(place, "app/own/private/app", "x\n", 0640, 0);
	place_directory(place, "app/trusted", 0777, 0);
	place_file(place, "app/trusted/a", "x\n", 0644, 0);
	place_file(place, "app/trusted/b", "x\n", 0664, 0);
}

static void
test_guard_survey__judges_every_object_by_its_policy(void **state)
{
	const struct place *place = *state;
	struct told told = {.place = place};
	clv_guard_grade worst;

	make_application(place);
	assert_ok(clv_guard_survey(
	    guard, place_path(place, "app"), false, tell, &told, &worst, &err));
	assert_int_equal(worst, CLV_GUARD_INSECURE);
	assert_string_equal(told.text,
	    "/app config secure 0\n"
	    "/app/claviger.conf config insecure 0\n"
	    "/app/own config secure 0\n"
	    "/app/own/private key secure 0\n"
	    "/app/own/private/app key insecure 0\n"
	    "/app/trusted trust insecure 0\n"
	    "/app/trusted/a trust secure 0\n"
	    "/app/trusted/b trust insecure 0\n");
	assert_int_equal(mode_of(place, "app/trusted"), 0777);
}

static void
test_guard_survey__mends_everything(void **state)
{
	const struct place *place = *state;
	struct told told = {.place = place};
	clv_guard_grade worst;

	make_application(place);
	assert_ok(clv_guard_survey(
	    guard, place_path(place, "app/"), true, tell, &told, &worst, &err));
	assert_int_equal(worst, CLV_GUARD_SECURE);
	assert_string_equal(told.text,
	    "/app/ config secure 0\n"
	    "/app/claviger.conf config secure 2\n"
	    "/app/own config secure 0\n"
	    "/app/own/private key secure 0\n"
	    "/app/own/private/app key secure 1\n"
	    "/app/trusted trust secure 2\n"
	    "/app/trusted/a trust secure 0\n"
	    "/app/trusted/b trust secure 1\n");
	assert_int_equal(mode_of(place, "app/claviger.conf"), 0644);
	assert_int_equal(mode_of(place, "app/own/private/app"), 0600);
	assert_int_equal(mode_of(place, "app/trusted"), 0755);
}

/* What lies in another's directory may be a link of his to anything. */
static void
test_guard_survey__mends_nothing_in_anothers_directory(void **state)
{
	const struct place *place = *state;
	struct told told = {.place = place};
	clv_guard_grade worst;

	place_directory(place, "app", 0755, 0);
	place_directory(place, "app/d", 0755, 61002);
	place_file(place, "app/d/conf", "x\n", 0666, 0);
	place_directory(place, "app/d/e", 0777, 0);
	place_file(place, "app/d/e/conf", "x\n", 0666, 0);
	assert_ok(clv_guard_survey(
	    guard, place_path(place, "app"), true, tell, &told, &worst, &err));
	assert_int_equal(worst, CLV_GUARD_INSECURE);
	assert_int_equal(mode_of(place, "app/d/conf"), 0666);
	assert_int_equal(mode_of(place, "app/d/e"), 0777);
	assert_int_equal(mode_of(place, "app/d/e/conf"), 0666);
}

static void
test_guard_survey__mends_nothing_below_a_bad_start(void **state)
{
	const struct place *place = *state;
	struct told told = {.place = place};
	clv_guard_grade worst;

	place_directory(place, "bad", 0777, 0);
	place_directory(place, "bad/app", 0755, 0);
	place_file(place, "bad/app/conf", "x\n", 0666, 0);
	assert_ok(clv_guard_survey(guard, place_path(place, "bad/app"), true,
	    tell, &told, &worst, &err));
	assert_int_equal(worst, CLV_GUARD_INSECURE);
	assert_int_equal(mode_of(place, "bad/app/conf"), 0666);
}

static void
test_guard_survey__judges_links_and_stays_out(void **state)
{
	const struct place *place = *state;
	struct told told = {.place = place};
	clv_guard_grade worst;

	place_directory(place, "app", 0755, 0);
	place_directory(place, "else", 0755, 0);
	place_file(place, "else/open", "x\n", 0666, 0);
	assert_int_equal(symlinkat("../else", place->fd, "app/l"), 0);
	assert_int_equal(symlinkat("../else/open", place->fd, "app/m"), 0);
	assert_int_equal(symlinkat("nowhere", place->fd, "app/n"), 0);
	assert_ok(clv_guard_survey(
	    guard, place_path(place, "app"), false, tell, &told, &worst, &err));
	assert_int_equal(worst, CLV_GUARD_INSECURE);
	assert_string_equal(told.text,
	    "/app config secure 0\n"
	    "/app/l config secure 0\n"
	    "/app/m config insecure 0\n"
	    "/app/n config NOT_FOUND 0\n");
}

static void
test_guard_survey__takes_a_single_file(void **state)
{
	const struct place *place = *state;
	struct told told = {.place = place};
	clv_guard_grade worst;

	place_file(place, "app.key", "x\n", 0601, 0);
	assert_ok(clv_guard_survey(guard, place_path(place, "app.key"), false,
	    tell, &told, &worst, &err));
	assert_int_equal(worst, CLV_GUARD_WEAK);
	assert_string_equal(told.text, "/app.key key weak 0\n");
}

static void
test_guard_survey__start_that_is_not_there_is_an_error(void **state)
{
	const struct place *place = *state;
	struct told told = {.place = place};
	clv_guard_grade worst = CLV_GUARD_SECURE;

	assert_fails(CLV_NOT_FOUND,
	    clv_guard_survey(guard, place_path(place, "nothing"), false, tell,
		&told, &worst, &err));
	assert_int_equal(worst, CLV_GUARD_INSECURE);
	assert_string_equal(told.text, "");
}

static void
test_guard_survey__stops_when_the_visitor_says_so(void **state)
{
	const struct place *place = *state;
	struct told told = {.place = place, .left = 2};
	clv_guard_grade worst;

	make_application(place);
	assert_fails(CLV_CANCELLED,
	    clv_guard_survey(guard, place_path(place, "app"), false, tell,
		&told, &worst, &err));
	assert_int_equal(worst, CLV_GUARD_INSECURE);
	assert_string_equal(told.text,
	    "/app config secure 0\n"
	    "/app/claviger.conf config insecure 0\n");
}

static void
test_guard_survey__depth_is_bounded(void **state)
{
	const struct place *place = *state;
	struct told told = {.place = place};
	char path[512] = "d";
	clv_guard_grade worst;

	for (int i = 0; i < 64; i++) {
		place_directory(place, path, 0755, 0);
		(void)strcat(path, "/d");
	}
	/* 64 directories: the start and 63 below it. */
	assert_ok(clv_guard_survey(
	    guard, place_path(place, "d"), false, tell, &told, &worst, &err));
	place_directory(place, path, 0755, 0);
	assert_fails(CLV_TOO_LARGE,
	    clv_guard_survey(guard, place_path(place, "d"), false, tell, &told,
		&worst, &err));
}

static int
surveys_as_application(struct place *place)
{
	struct told told = {.place = place};
	clv_guard *own = NULL;
	clv_guard_grade worst;

	if (setresgid(61001, 61001, 61001) != 0 ||
	    setresuid(61001, 61001, 61001) != 0 ||
	    clv_guard_new(&own, NULL) != CLV_OK ||
	    clv_guard_survey(own, place_path(place, "app"), false, tell, &told,
		&worst, NULL) != CLV_OK ||
	    worst != CLV_GUARD_INSECURE)
		return 1;
	clv_guard_free(&own);
	return strcmp(told.text,
		   "/app config secure 0\n"
		   "/app/closed config secure 0\n"
		   "/app/closed config PERMISSION 0\n"
		   "/app/file config secure 0\n") == 0
	    ? 0
	    : 2;
}

static void
test_guard_survey__what_cannot_be_listed_is_told(void **state)
{
	struct place *place = *state;

	place_directory(place, "app", 0755, 0);
	place_directory(place, "app/closed", 0700, 0);
	place_file(place, "app/file", "x\n", 0644, 0);
	in_child(place, false, surveys_as_application);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_all, close_all)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_guard_fix__mends_and_judges_again),
	    TEST(test_guard_fix__refuses_another_object),
	    TEST(test_guard_fix__does_nothing_below_what_others_write),
	    TEST(test_guard_fix__needs_the_owner),
	    TEST(test_guard_fix__works_for_names_with_odd_bytes),
	    TEST(test_guard_classify__a_private_key_is_a_key_anywhere),
	    TEST(test_guard_classify__what_only_resembles_a_key_is_none),
	    TEST(test_guard_classify__goes_by_place_then_name),
	    TEST(test_guard_classify__opens_regular_files_only),
	    TEST(test_guard_survey__judges_every_object_by_its_policy),
	    TEST(test_guard_survey__mends_everything),
	    TEST(test_guard_survey__mends_nothing_in_anothers_directory),
	    TEST(test_guard_survey__mends_nothing_below_a_bad_start),
	    TEST(test_guard_survey__judges_links_and_stays_out),
	    TEST(test_guard_survey__takes_a_single_file),
	    TEST(test_guard_survey__start_that_is_not_there_is_an_error),
	    TEST(test_guard_survey__stops_when_the_visitor_says_so),
	    TEST(test_guard_survey__depth_is_bounded),
	    TEST(test_guard_survey__what_cannot_be_listed_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
