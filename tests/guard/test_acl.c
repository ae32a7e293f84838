/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* POSIX ACLs as bytes. */

#include "testing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/guard/acl.h"
#include "place.h"

#define OWNER(rights) 0x01, 0, rights, 0, 255, 255, 255, 255
#define USER(rights) 0x02, 0, rights, 0, 0x4A, 0xEE, 0, 0
#define OWNING(rights) 0x04, 0, rights, 0, 255, 255, 255, 255
#define GROUP(rights) 0x08, 0, rights, 0, 0x52, 0xEE, 0, 0
#define MASK(rights) 0x10, 0, rights, 0, 255, 255, 255, 255
#define OTHERS(rights) 0x20, 0, rights, 0, 255, 255, 255, 255
#define HEAD 2, 0, 0, 0

static void
test_acl_parse__reads_every_entry(void **state)
{
	static const unsigned char bytes[] = {
	    HEAD, OWNER(6), USER(4), OWNING(0), GROUP(2), MASK(7), OTHERS(1)};
	unsigned char again[sizeof(bytes)];
	struct clv_acl acl;

	(void)state;
	assert_true(clv_acl_parse(bytes, sizeof(bytes), &acl));
	assert_int_equal(acl.count, 6);
	assert_int_equal(acl.entries[1].tag, CLV_ACL_USER);
	assert_int_equal(acl.entries[1].rights, 4);
	assert_int_equal(acl.entries[1].id, 61002);
	assert_int_equal(acl.entries[3].id, 61010);
	assert_int_equal(clv_acl_mask(&acl), 7);
	assert_true(clv_acl_is_extended(&acl));
	assert_false(clv_acl_is_masked(&acl.entries[0]));
	assert_true(clv_acl_is_masked(&acl.entries[1]));
	assert_true(clv_acl_is_masked(&acl.entries[2]));
	assert_true(clv_acl_is_masked(&acl.entries[3]));
	assert_false(clv_acl_is_masked(&acl.entries[4]));
	assert_false(clv_acl_is_masked(&acl.entries[5]));
	assert_int_equal(clv_acl_size(&acl), sizeof(bytes));
	clv_acl_encode(&acl, again);
	assert_memory_equal(again, bytes, sizeof(bytes));
	clv_acl_free(&acl);
	assert_null(acl.entries);
}

static void
assert_malformed(const unsigned char *bytes, size_t size)
{
	struct clv_acl acl = {(struct clv_acl_entry *)1, 1};

	errno = 0;
	assert_false(clv_acl_parse(bytes, size, &acl));
	assert_int_equal(errno, EINVAL);
	assert_null(acl.entries);
	assert_int_equal(acl.count, 0);
}

#define ASSERT_MALFORMED(...)                                       \
	do {                                                        \
		static const unsigned char bytes[] = {__VA_ARGS__}; \
		assert_malformed(bytes, sizeof(bytes));             \
	} while (0)

static void
test_acl_parse__refuses_what_is_malformed(void **state)
{
	(void)state;
	ASSERT_MALFORMED(2);
	ASSERT_MALFORMED(HEAD);
	ASSERT_MALFORMED(HEAD, OWNER(7), OTHERS(0));
	/* versions */
	ASSERT_MALFORMED(1, 0, 0, 0, OWNER(7), OWNING(0), OTHERS(0));
	ASSERT_MALFORMED(0, 0, 0, 2, OWNER(7), OWNING(0), OTHERS(0));
	/* sizes */
	ASSERT_MALFORMED(HEAD, OWNER(7), OWNING(0), OTHERS(0), 1);
	ASSERT_MALFORMED(HEAD, OWNER(7), OWNING(0), OTHERS(0), 1, 0, 0, 0);
	/* tags and rights that do not exist */
	ASSERT_MALFORMED(
	    HEAD, OWNER(7), OWNING(0), OTHERS(0), 0x40, 0, 0, 0, 0, 0, 0, 0);
	ASSERT_MALFORMED(
	    HEAD, OWNER(7), OWNING(0), OTHERS(0), 0, 0, 0, 0, 0, 0, 0, 0);
	ASSERT_MALFORMED(
	    HEAD, OWNER(7), OWNING(0), OTHERS(0), 2, 1, 0, 0, 0, 0, 0, 0);
	ASSERT_MALFORMED(HEAD, OWNER(8), OWNING(0), OTHERS(0));
	ASSERT_MALFORMED(HEAD, OWNER(7), OWNING(0), 0x20, 0, 0, 1, 0, 0, 0, 0);
	/* missing and doubled entries */
	ASSERT_MALFORMED(HEAD, OWNING(0), OTHERS(0), MASK(0));
	ASSERT_MALFORMED(HEAD, OWNER(7), OTHERS(0), MASK(0));
	ASSERT_MALFORMED(HEAD, OWNER(7), OWNING(0), MASK(0));
	ASSERT_MALFORMED(HEAD, OWNER(7), OWNER(7), OWNING(0), OTHERS(0));
	ASSERT_MALFORMED(HEAD, OWNER(7), OWNING(0), OWNING(0), OTHERS(0));
	ASSERT_MALFORMED(HEAD, OWNER(7), OWNING(0), OTHERS(0), OTHERS(0));
	ASSERT_MALFORMED(
	    HEAD, OWNER(7), OWNING(0), MASK(0), MASK(0), OTHERS(0));
	/* named entries without a mask */
	ASSERT_MALFORMED(HEAD, OWNER(7), USER(4), OWNING(0), OTHERS(0));
	ASSERT_MALFORMED(HEAD, OWNER(7), OWNING(0), GROUP(4), OTHERS(0));
}

static void
test_acl_parse__minimal_acls_are_well_formed(void **state)
{
	static const unsigned char minimal[] = {
	    HEAD, OWNER(7), OWNING(5), OTHERS(1)};
	static const unsigned char masked[] = {
	    HEAD, OWNER(7), OWNING(5), MASK(1), OTHERS(1)};
	struct clv_acl acl;

	(void)state;
	assert_true(clv_acl_parse(minimal, sizeof(minimal), &acl));
	assert_false(clv_acl_is_extended(&acl));
	assert_int_equal(clv_acl_mask(&acl), 7);
	clv_acl_free(&acl);
	assert_true(clv_acl_parse(masked, sizeof(masked), &acl));
	assert_true(clv_acl_is_extended(&acl));
	assert_int_equal(clv_acl_mask(&acl), 1);
	clv_acl_free(&acl);
}

static void
test_acl_from_mode__takes_the_three_classes(void **state)
{
	struct clv_acl_entry entries[3];
	struct clv_acl acl;

	(void)state;
	clv_acl_from_mode(0107641, entries, &acl);
	assert_int_equal(acl.count, 3);
	assert_int_equal(entries[0].tag, CLV_ACL_OWNER);
	assert_int_equal(entries[0].rights, 6);
	assert_int_equal(entries[1].tag, CLV_ACL_OWNING_GROUP);
	assert_int_equal(entries[1].rights, 4);
	assert_int_equal(entries[2].tag, CLV_ACL_OTHERS);
	assert_int_equal(entries[2].rights, 1);
}

static void
test_acl_list__finds_acls_among_many_attributes(void **state)
{
	static const unsigned char bytes[] = {
	    HEAD, OWNER(6), USER(4), OWNING(0), MASK(4), OTHERS(0)};
	const struct place *place = *state;
	struct clv_acl acl;
	char name[64];
	int fd;

	place_file(place, "f", "text", 0600, 0);
	fd = openat(place->fd, "f", O_PATH | O_CLOEXEC);
	assert_int_equal(clv_acl_list(fd), 0);
	assert_true(clv_acl_read(fd, CLV_ACL_KIND_ACCESS, &acl));
	assert_int_equal(acl.count, 0);
	/* More names than the usual room. */
	for (int i = 0; i < 20; i++) {
		(void)snprintf(name, sizeof(name),
		    "user.a-rather-long-name-of-an-attribute-%02d", i);
		assert_int_equal(
		    setxattr(place_path(place, "f"), name, "", 0, 0), 0);
	}
	assert_int_equal(clv_acl_list(fd), 0);
	assert_int_equal(
	    setxattr(place_path(place, "f"), "system.posix_acl_access", bytes,
		sizeof(bytes), 0),
	    0);
	assert_int_equal(clv_acl_list(fd), CLV_ACL_KIND_ACCESS);
	assert_true(clv_acl_read(fd, CLV_ACL_KIND_ACCESS, &acl));
	assert_int_equal(acl.count, 5);
	acl.entries[1].rights = 0;
	assert_true(clv_acl_write(fd, CLV_ACL_KIND_ACCESS, &acl));
	clv_acl_free(&acl);
	assert_true(clv_acl_read(fd, CLV_ACL_KIND_ACCESS, &acl));
	assert_int_equal(acl.entries[1].rights, 0);
	clv_acl_free(&acl);
	(void)close(fd);
}

static void
test_acl_list__tells_default_acls_of_directories(void **state)
{
	static const unsigned char bytes[] = {
	    HEAD, OWNER(7), OWNING(0), OTHERS(0)};
	const struct place *place = *state;
	struct clv_acl acl;

	assert_int_equal(fsetxattr(place->fd, "system.posix_acl_default", bytes,
			     sizeof(bytes), 0),
	    0);
	assert_int_equal(clv_acl_list(place->fd), CLV_ACL_KIND_DEFAULT);
	assert_true(clv_acl_read(place->fd, CLV_ACL_KIND_DEFAULT, &acl));
	assert_int_equal(acl.count, 3);
	clv_acl_free(&acl);
	assert_int_equal(fsetxattr(place->fd, "security.NTACL", "x", 1, 0), 0);
	assert_int_equal(clv_acl_list(place->fd),
	    CLV_ACL_KIND_DEFAULT | CLV_ACL_KIND_FOREIGN);
}

static void
test_acl_list__closed_descriptor_is_an_error(void **state)
{
	struct clv_acl acl;

	(void)state;
	assert_int_equal(clv_acl_list(250), -1);
	assert_false(clv_acl_read(250, CLV_ACL_KIND_ACCESS, &acl));
	assert_int_equal(errno, ENOENT);
}

#define PLACED(name) \
	cmocka_unit_test_setup_teardown(name, place_open, place_close)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_acl_parse__reads_every_entry),
	    cmocka_unit_test(test_acl_parse__refuses_what_is_malformed),
	    cmocka_unit_test(test_acl_parse__minimal_acls_are_well_formed),
	    cmocka_unit_test(test_acl_from_mode__takes_the_three_classes),
	    PLACED(test_acl_list__finds_acls_among_many_attributes),
	    PLACED(test_acl_list__tells_default_acls_of_directories),
	    cmocka_unit_test(test_acl_list__closed_descriptor_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
