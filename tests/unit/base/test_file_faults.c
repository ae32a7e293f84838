/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Every system call of the file primitives fails once: the old file stays, or
 * the new one is there, and nothing else lies about. */

#include "testing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "support/faults.h"

struct place {
	char path[64];
	int fd;
};

static int
open_place(void **state)
{
	static struct place place;

	(void)umask(022);
	(void)strcpy(place.path, "/tmp/claviger-faults.XXXXXX");
	assert_non_null(mkdtemp(place.path));
	place.fd = open(place.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = &place;
	return 0;
}

static int
close_place(void **state)
{
	struct place *place = *state;
	char command[128];

	(void)close(place->fd);
	(void)snprintf(command, sizeof(command), "rm -rf %s", place->path);
	return system(command);
}

static int
entries(const struct place *place)
{
	DIR *directory = opendir(place->path);
	int count = -2;

	assert_non_null(directory);
	while (readdir(directory) != NULL)
		count++;
	(void)closedir(directory);
	return count;
}

static int
descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static bool
holds(const struct place *place, const char *text)
{
	char got[16] = "";
	const int fd = openat(place->fd, "f", O_RDONLY | O_CLOEXEC);
	ssize_t size;

	if (fd < 0)
		return text == NULL;
	size = read(fd, got, sizeof(got));
	(void)close(fd);
	return text != NULL && size == (ssize_t)strlen(text) &&
	    memcmp(got, text, strlen(text)) == 0;
}

static const int errors[] = {EIO, ENOSPC, EACCES, EOPNOTSUPP, EEXIST};

/* One write with one fault. False when the fault no longer strikes. */
static bool
write_with_fault(const struct place *place, enum clv_file_mode mode,
    const char *old, long nth, int error)
{
	const int before = descriptors();
	clv_error *err = NULL;
	clv_status status;
	bool struck;

	(void)unlinkat(place->fd, "f", 0);
	if (old != NULL)
		assert_ok(clv_file_write_atomic(place->fd, "f", old,
		    strlen(old), 0600, CLV_FILE_CREATE_NEW, &err));
	faults_arm(FAULT_CALL, nth, error);
	status =
	    clv_file_write_atomic(place->fd, "f", "new", 3, 0600, mode, &err);
	struck = faults_disarm();

	assert_int_equal(status == CLV_OK, err == NULL);
	clv_error_free(&err);
	assert_int_equal(descriptors(), before);
	if (status == CLV_OK)
		assert_true(holds(place, "new"));
	else
		assert_true(holds(place, old) || holds(place, "new"));
	/* The one exception: what could not be made durable is in place. */
	if (status != CLV_OK && !holds(place, old))
		assert_true(strcmp(faults_struck(), "fsync") == 0 ||
		    strcmp(faults_struck(), "openat") == 0);
	assert_int_equal(entries(place),
	    status == CLV_OK || holds(place, "new") || old != NULL ? 1 : 0);
	return struck;
}

static void
test_file_write__a_fault_leaves_old_or_new(void **state)
{
	const struct place *place = *state;

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		long nth = 1;

		while (write_with_fault(
		    place, CLV_FILE_REPLACE, "old", nth, errors[i]))
			nth++;
		assert_true(nth > 7);
		nth = 1;
		while (write_with_fault(
		    place, CLV_FILE_REPLACE, NULL, nth, errors[i]))
			nth++;
		nth = 1;
		while (write_with_fault(
		    place, CLV_FILE_CREATE_NEW, NULL, nth, errors[i]))
			nth++;
		assert_true(nth > 6);
	}
}

static void
test_file_write__failed_sync_is_final(void **state)
{
	const struct place *place = *state;
	unsigned syncs = 0;

	for (long nth = 1;; nth++) {
		clv_error *err = NULL;
		clv_status status;

		faults_arm(FAULT_CALL, nth, EIO);
		status = clv_file_write_atomic(
		    place->fd, "f", "new", 3, 0600, CLV_FILE_CREATE_NEW, &err);
		if (!faults_disarm()) {
			assert_int_equal(status, CLV_OK);
			break;
		}
		if (strcmp(faults_struck(), "fsync") == 0) {
			assert_int_equal(status, CLV_IO);
			assert_int_equal(clv_error_code(err), EIO);
			/* The file's own comes before it has a name. */
			assert_true(holds(place, syncs == 0 ? NULL : "new"));
			syncs++;
		}
		clv_error_free(&err);
		(void)unlinkat(place->fd, "f", 0);
	}
	assert_int_equal(syncs, 2);
}

static void
test_file_unlink__a_fault_is_told(void **state)
{
	const struct place *place = *state;

	for (long nth = 1;; nth++) {
		const int before = descriptors();
		clv_status status;

		assert_ok(clv_file_write_atomic(
		    place->fd, "f", "x", 1, 0600, CLV_FILE_REPLACE, &err));
		faults_arm(FAULT_CALL, nth, EIO);
		status = clv_file_unlink(place->fd, "f", NULL);
		if (!faults_disarm()) {
			assert_int_equal(status, CLV_OK);
			break;
		}
		assert_int_equal(status, CLV_IO);
		assert_int_equal(descriptors(), before);
	}
}

static void
test_file_read__a_fault_is_told(void **state)
{
	const struct place *place = *state;
	int fd;

	assert_ok(clv_file_write_atomic(
	    place->fd, "f", "text", 4, 0600, CLV_FILE_REPLACE, &err));
	fd = openat(place->fd, "f", O_RDONLY | O_CLOEXEC);
	for (long nth = 1;; nth++) {
		clv_secret secret = CLV_SECRET_INIT;
		clv_status status;

		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		faults_arm(FAULT_CALL, nth, EIO);
		status = clv_file_read_secret(fd, "f", 10, &secret, NULL);
		if (!faults_disarm()) {
			assert_int_equal(status, CLV_OK);
			clv_secret_clear(&secret);
			break;
		}
		assert_int_equal(status, CLV_IO);
		assert_null(secret.data);
	}
	for (long nth = 1;; nth++) {
		unsigned char *bytes = NULL;
		size_t size = 9;
		clv_status status;

		assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
		faults_arm(FAULT_CALL | FAULT_MEMORY, nth, EIO);
		status = clv_file_read(fd, "f", 10, &bytes, &size, NULL);
		if (!faults_disarm()) {
			assert_int_equal(status, CLV_OK);
			free(bytes);
			break;
		}
		assert_int_not_equal(status, CLV_OK);
		assert_null(bytes);
		assert_int_equal(size, 0);
	}
	(void)close(fd);
}

/* A signal in the middle is no failure. */
static void
test_file__interrupted_calls_are_repeated(void **state)
{
	const struct place *place = *state;
	unsigned char *bytes = NULL;
	size_t size = 0;
	int fd;

	assert_ok(clv_file_write_atomic(
	    place->fd, "f", "text", 4, 0600, CLV_FILE_REPLACE, &err));
	fd = openat(place->fd, "f", O_RDWR | O_CLOEXEC);
	faults_arm(FAULT_CALL, 2, EINTR); /* fstat, read */
	assert_ok(clv_file_read(fd, "f", 10, &bytes, &size, &err));
	assert_true(faults_disarm());
	assert_string_equal(faults_struck(), "read");
	assert_int_equal(size, 4);
	free(bytes);
	faults_arm(FAULT_CALL, 1, EINTR);
	assert_ok(clv_file_write_all(fd, "f", "more", 4, &err));
	assert_true(faults_disarm());
	(void)close(fd);
}

static void
test_file_lock__a_fault_is_told(void **state)
{
	const struct place *place = *state;

	for (long nth = 1;; nth++) {
		const int before = descriptors();
		clv_error *err = NULL;
		clv_status status;
		int fd = 7;

		faults_arm(FAULT_CALL, nth, EIO);
		status = clv_file_lock(place->fd, "lock", 0600, 0, &fd, &err);
		if (!faults_disarm()) {
			assert_int_equal(status, CLV_OK);
			(void)close(fd);
			break;
		}
		assert_int_equal(status == CLV_OK, err == NULL);
		assert_int_equal(status == CLV_OK, fd >= 0);
		if (fd >= 0)
			(void)close(fd);
		clv_error_free(&err);
		assert_int_equal(descriptors(), before);
		(void)unlinkat(place->fd, "lock", 0);
	}
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, open_place, close_place)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_file_write__a_fault_leaves_old_or_new),
	    TEST(test_file_write__failed_sync_is_final),
	    TEST(test_file_unlink__a_fault_is_told),
	    TEST(test_file_read__a_fault_is_told),
	    TEST(test_file__interrupted_calls_are_repeated),
	    TEST(test_file_lock__a_fault_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
