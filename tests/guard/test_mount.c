/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Lines of mountinfo, and kinds of file systems. */

#include "testing.h"

#include <stdio.h>
#include <sys/vfs.h>

#include "base/guard/mount.h"

static void
test_mount_parse__reads_a_fuse_line(void **state)
{
	struct clv_mount_line line;

	(void)state;
	assert_true(clv_mount_parse(
	    "36 35 98:7 /mnt1 /mnt2 rw,noatime master:1 shared:3 - fuse.sshfs "
	    "me@host:/x rw,user_id=1000,group_id=1000,allow_other\n",
	    &line));
	assert_int_equal(line.major, 98);
	assert_int_equal(line.minor, 7);
	assert_true(line.is_fuse);
	assert_true(line.has_user);
	assert_int_equal(line.user, 1000);
}

static void
test_mount_parse__reads_lines_of_other_file_systems(void **state)
{
	struct clv_mount_line line;

	(void)state;
	assert_true(clv_mount_parse(
	    "22 27 0:21 / /proc rw,relatime - proc proc rw", &line));
	assert_int_equal(line.major, 0);
	assert_int_equal(line.minor, 21);
	assert_false(line.is_fuse);
	assert_false(line.has_user);
	assert_true(
	    clv_mount_parse("22 27 0:21 / /v rw - virtiofs tag rw\n", &line));
	assert_false(line.is_fuse);
	assert_true(clv_mount_parse(
	    "22 27 0:21 / /v rw - fuselage tag rw,user_id=1\n", &line));
	assert_false(line.is_fuse);
}

static void
test_mount_parse__knows_the_kinds_of_fuse(void **state)
{
	static const char *const lines[] = {
	    "1 2 3:4 / /m rw - fuse x rw,user_id=7",
	    "1 2 3:4 / /m rw - fuseblk /dev/sda1 rw,user_id=7,group_id=0",
	    "1 2 3:4 / /m rw - fuse.x x user_id=7,rw",
	    "1 2 3:4 / /m rw a:1 b c - fuseblk.ntfs x rw,user_id=7\n"};
	struct clv_mount_line line;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		assert_true(clv_mount_parse(lines[i], &line));
		assert_true(line.is_fuse);
		assert_true(line.has_user);
		assert_int_equal(line.user, 7);
	}
}

/* Who runs it must be told exactly once, and as a number. */
static void
test_mount_parse__doubtful_keeper_is_none(void **state)
{
	static const char *const options[] = {"rw",
	    "rw,user_id=", "rw,user_id=x", "rw,user_id=1x", "rw,user_id=-1",
	    "rw,user_id=4294967296", "rw,user_id=0,user_id=1000",
	    "rw,user_id=1000,user_id=1000", "rw,xuser_id=0", "rw,user_id",
	    "rw,user_id=0,user_id=x"};
	struct clv_mount_line line;
	char text[128];

	(void)state;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		(void)snprintf(text, sizeof(text),
		    "1 2 3:4 / /m rw - fuse x %s\n", options[i]);
		assert_true(clv_mount_parse(text, &line));
		assert_false(line.has_user);
	}
}

static void
test_mount_parse__refuses_other_text(void **state)
{
	static const char *const lines[] = {"", "\n", "1", "1 2 3:4",
	    "1 2 3 / /m rw - fuse x rw", "1 2 a:4 / /m rw - fuse x rw",
	    "1 2 3: / /m rw - fuse x rw", "1 2 3:x / /m rw - fuse x rw",
	    "1 2 :4 / /m rw - fuse x rw", "1 2 3:4 / /m rw fuse x rw",
	    "1 2 3:4 / /m rw - fuse x", "1 2 3:4 / /m rw - fuse",
	    "1 2 3:4 / /m rw -", "1 2 3:4 / /m - fuse x rw",
	    "1 2 3:4:5 / /m rw - fuse x rw",
	    "1 2 4294967296:4 / /m rw - fuse x rw",
	    "1 2 3x:4 / /m rw - fuse x rw"};
	struct clv_mount_line line;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (clv_mount_parse(lines[i], &line))
			fail_msg("accepted: %s", lines[i]);
}

static void
test_mount_classify__knows_who_decides(void **state)
{
	static const uint64_t remote[] = {0x6969, 0x517B, 0xFF534D42,
	    0xFE534D42, 0x01021997, 0x00C36400, 0x5346414F, 0x6B414653,
	    0x73757245, 0x564C, 0x0BD00BD0, 0x786F4256, 0xBACBACBC};
	static const uint64_t local[] = {0xEF53 /* ext */, 0x58465342 /* xfs */,
	    0x9123683E /* btrfs */, 0x01021994 /* tmpfs */,
	    0x794C7630 /* overlay */, 0x9FA0 /* proc */, 0};
	struct statfs stat;

	(void)state;
	for (size_t i = 0; i < sizeof(remote) / sizeof(remote[0]); i++)
		assert_int_equal(
		    clv_mount_classify(remote[i]), CLV_MOUNT_REMOTE);
	for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
		assert_int_equal(clv_mount_classify(local[i]), CLV_MOUNT_LOCAL);
	assert_int_equal(clv_mount_classify(0x65735546), CLV_MOUNT_FUSE);
	assert_int_equal(statfs("/proc", &stat), 0);
	assert_int_equal(
	    clv_mount_classify((uint32_t)stat.f_type), CLV_MOUNT_LOCAL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_mount_parse__reads_a_fuse_line),
	    cmocka_unit_test(
		test_mount_parse__reads_lines_of_other_file_systems),
	    cmocka_unit_test(test_mount_parse__knows_the_kinds_of_fuse),
	    cmocka_unit_test(test_mount_parse__doubtful_keeper_is_none),
	    cmocka_unit_test(test_mount_parse__refuses_other_text),
	    cmocka_unit_test(test_mount_classify__knows_who_decides),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
