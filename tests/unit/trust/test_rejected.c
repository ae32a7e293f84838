/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "testing.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "directory.h"
#include "trust/rejected.h"

#define CAP 16U

struct fixture {
	struct directory directory;
	struct clv_rejected *rejected;
	struct pki_identity identity;
};

static struct fixture shared;

static int
set_up_pki(void **state)
{
	(void)state;
	pki_make(&shared.identity, "Peer", false, NULL);
	return 0;
}

static int
tear_down_pki(void **state)
{
	(void)state;
	pki_drop(&shared.identity);
	return 0;
}

static struct clv_rejected *
open_rejected(const char *path)
{
	const struct clv_rejected_limits limits = {CAP, 1 << 20};
	const struct clv_logger logger = {NULL, NULL, CLV_LOG_ERROR};
	struct clv_rejected *rejected = NULL;

	assert_ok(clv_rejected_new(path, &limits, &logger, &rejected, &err));
	return rejected;
}

static int
set_up(void **state)
{
	directory_make(&shared.directory);
	shared.rejected = open_rejected(shared.directory.path);
	*state = &shared;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *f = *state;

	clv_rejected_free(&f->rejected);
	directory_remove(&f->directory);
	return 0;
}

/* A certificate that differs from every other by its common name; nobody
 * looks at signatures here. */
static struct blob
peer(const struct fixture *f, unsigned number)
{
	struct blob blob = {
	    OPENSSL_memdup(f->identity.der.bytes, f->identity.der.size),
	    f->identity.der.size};
	char name[5];
	uint8_t *at = blob.bytes;

	(void)snprintf(name, sizeof(name), "%04x", number & 0xFFFFU);
	while ((at = memmem(at, blob.size - (size_t)(at - blob.bytes), "Peer",
		    4)) != NULL)
		memcpy(at, name, 4);
	/* The serial number tells apart what the name can't. */
	if (number > 0xFFFFU)
		blob.bytes[blob.size - 1] ^= (uint8_t)(number >> 16);
	return blob;
}

static void
put(struct fixture *f, unsigned number)
{
	struct blob blob = peer(f, number);

	clv_rejected_put(f->rejected, blob.bytes, blob.size);
	blob_drop(&blob);
}

struct list {
	unsigned count;
	char names[64][200];
};

static bool
collect(void *user, const char *name, const uint8_t *der, size_t size)
{
	struct list *list = user;

	(void)der;
	assert_true(size > 0);
	assert_true(list->count < 64);
	(void)snprintf(list->names[list->count++], 200, "%s", name);
	return true;
}

static struct list
visit(struct fixture *f)
{
	struct list list = {.count = 0};

	assert_ok(clv_rejected_visit(f->rejected, collect, &list, &err));
	return list;
}

static void
test_rejected_put__writes_a_file_with_a_safe_name(void **state)
{
	struct fixture *f = *state;
	struct pki_identity evil;
	struct list list;

	pki_make(&evil, "../../../tmp/evil\n", false, NULL);
	clv_rejected_put(f->rejected, evil.der.bytes, evil.der.size);
	list = visit(f);
	assert_int_equal(list.count, 1);
	assert_true(strncmp(list.names[0], "+.+..+..+tmp+evil", 17) == 0);
	assert_int_equal(directory_count(&f->directory, "rejected/certs"), 1);
	assert_int_equal(directory_count(&f->directory, "rejected"), 1);
	pki_drop(&evil);
}

static void
test_rejected_put__keeps_each_once(void **state)
{
	struct fixture *f = *state;

	for (int i = 0; i < 100; i++)
		put(f, 7);
	assert_int_equal(visit(f).count, 1);
	for (int i = 0; i < 100; i++)
		put(f, 7);
	assert_int_equal(visit(f).count, 1);
}

static void
test_rejected_put__drops_the_oldest_over_its_cap(void **state)
{
	struct fixture *f = *state;
	struct list list;

	for (unsigned i = 0; i < CAP; i++)
		put(f, i);
	assert_int_equal(visit(f).count, CAP);
	/* Seen again, so no longer the oldest. */
	put(f, 0);
	put(f, CAP);
	list = visit(f);
	assert_int_equal(list.count, CAP);
	assert_true(strncmp(list.names[0], "0010 ", 5) == 0);
	assert_true(strncmp(list.names[1], "0000 ", 5) == 0);
	for (unsigned i = 0; i < CAP; i++)
		assert_false(strncmp(list.names[i], "0001 ", 5) == 0);
}

static void
test_rejected_put__holds_its_byte_limit(void **state)
{
	struct fixture *f = *state;
	const struct clv_rejected_limits limits = {
	    1000, 3 * f->identity.der.size};
	const struct clv_logger logger = {NULL, NULL, CLV_LOG_ERROR};

	clv_rejected_free(&f->rejected);
	assert_ok(clv_rejected_new(
	    f->directory.path, &limits, &logger, &f->rejected, &err));
	for (unsigned i = 0; i < 50; i++)
		put(f, i);
	assert_int_equal(visit(f).count, 3);
	assert_int_equal(directory_count(&f->directory, "rejected/certs"), 3);
}

static void
test_rejected_put__keeps_nothing_if_told_so(void **state)
{
	struct fixture *f = *state;
	const struct clv_rejected_limits limits = {0, 1000};
	const struct clv_logger logger = {NULL, NULL, CLV_LOG_ERROR};

	clv_rejected_free(&f->rejected);
	assert_ok(clv_rejected_new(
	    f->directory.path, &limits, &logger, &f->rejected, &err));
	put(f, 1);
	assert_int_equal(visit(f).count, 0);
}

static void
test_rejected_put__survives_a_flood(void **state)
{
	struct fixture *f = *state;
	struct list list;

	for (unsigned i = 0; i < 100000; i++)
		put(f, i);
	list = visit(f);
	assert_int_equal(list.count, CAP);
	assert_int_equal(directory_count(&f->directory, "rejected/certs"), CAP);
	/* 99999 and those before it. */
	assert_true(strncmp(list.names[0], "869f ", 5) == 0);
}

static void
test_rejected_put__writes_again_what_a_person_deleted(void **state)
{
	struct fixture *f = *state;
	struct list list;
	char path[300];

	put(f, 1);
	list = visit(f);
	(void)snprintf(path, sizeof(path), "rejected/certs/%s", list.names[0]);
	directory_delete(&f->directory, path);
	put(f, 1);
	clv_rejected_flush(f->rejected);
	assert_true(directory_has(&f->directory, path));
}

static void
test_rejected_put__drops_what_is_no_certificate(void **state)
{
	struct fixture *f = *state;

	clv_rejected_put(f->rejected, "junk", 4);
	clv_rejected_flush(f->rejected);
	assert_int_equal(directory_count(&f->directory, "rejected/certs"), 0);
	assert_int_equal(visit(f).count, 0);
}

static void
test_rejected_visit__remembers_what_it_could_not_write(void **state)
{
	struct fixture *f = *state;
	char path[512];

	/* A directory in the lock's place: not even root can write then. */
	assert_return_code(mkdir(directory_path(&f->directory,
				     "rejected/.claviger-lock", path),
			       0755),
	    0);
	put(f, 1);
	put(f, 2);
	assert_int_equal(visit(f).count, 2);
	assert_int_equal(directory_count(&f->directory, "rejected/certs"), 0);
	assert_return_code(rmdir(path), 0);
	put(f, 3);
	assert_int_equal(visit(f).count, 3);
	assert_int_equal(directory_count(&f->directory, "rejected/certs"), 3);
}

static void
test_rejected_write__does_not_follow_links(void **state)
{
	struct fixture *f = *state;
	char path[512];
	char target[512];

	assert_return_code(
	    rmdir(directory_path(&f->directory, "rejected/certs", path)), 0);
	(void)directory_path(&f->directory, "own/private", target);
	assert_return_code(symlink(target, path), 0);
	put(f, 1);
	clv_rejected_flush(f->rejected);
	assert_int_equal(directory_count(&f->directory, "own/private"), 0);
}

static void
test_rejected_write__leaves_what_is_no_file(void **state)
{
	struct fixture *f = *state;
	char path[512];

	assert_return_code(mkdir(directory_path(&f->directory,
				     "rejected/certs/directory", path),
			       0755),
	    0);
	assert_return_code(
	    symlink("/etc/passwd",
		directory_path(&f->directory, "rejected/certs/link", path)),
	    0);
	for (unsigned i = 0; i < 3 * CAP; i++)
		put(f, i);
	clv_rejected_flush(f->rejected);
	assert_true(directory_has(&f->directory, "rejected/certs/directory"));
	assert_true(directory_has(&f->directory, "rejected/certs/link"));
	assert_int_equal(visit(f).count, CAP);
}

static void
test_rejected__two_share_a_directory_and_its_cap(void **state)
{
	struct fixture *f = *state;
	struct clv_rejected *second = open_rejected(f->directory.path);

	for (unsigned i = 0; i < CAP; i++) {
		struct blob blob = peer(f, 0x100 + i);

		put(f, i);
		clv_rejected_put(second, blob.bytes, blob.size);
		blob_drop(&blob);
	}
	clv_rejected_flush(f->rejected);
	clv_rejected_flush(second);
	assert_int_equal(directory_count(&f->directory, "rejected/certs"), CAP);
	clv_rejected_free(&second);
}

static void
test_rejected__works_in_a_forked_child(void **state)
{
	struct fixture *f = *state;
	int status = 0;
	pid_t child;

	put(f, 1);
	clv_rejected_flush(f->rejected);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		put(f, 2);
		clv_rejected_flush(f->rejected);
		_exit(directory_count(&f->directory, "rejected/certs") == 2
			? 0
			: 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static void *
flood(void *user)
{
	struct fixture *f = user;

	for (unsigned i = 0; i < 2000; i++)
		put(f, i % 40);
	return NULL;
}

static void
test_rejected__may_be_used_by_many_threads(void **state)
{
	struct fixture *f = *state;
	pthread_t threads[4];

	for (size_t i = 0; i < 4; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, flood, f), 0);
	for (int i = 0; i < 10; i++)
		(void)visit(f);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(visit(f).count, CAP);
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TEST(test_rejected_put__writes_a_file_with_a_safe_name),
	    TEST(test_rejected_put__keeps_each_once),
	    TEST(test_rejected_put__drops_the_oldest_over_its_cap),
	    TEST(test_rejected_put__holds_its_byte_limit),
	    TEST(test_rejected_put__keeps_nothing_if_told_so),
	    TEST(test_rejected_put__survives_a_flood),
	    TEST(test_rejected_put__writes_again_what_a_person_deleted),
	    TEST(test_rejected_put__drops_what_is_no_certificate),
	    TEST(test_rejected_visit__remembers_what_it_could_not_write),
	    TEST(test_rejected_write__does_not_follow_links),
	    TEST(test_rejected_write__leaves_what_is_no_file),
	    TEST(test_rejected__two_share_a_directory_and_its_cap),
	    TEST(test_rejected__works_in_a_forked_child),
	    TEST(test_rejected__may_be_used_by_many_threads),
	};

	return cmocka_run_group_tests(tests, set_up_pki, tear_down_pki);
}
