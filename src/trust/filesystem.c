/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/filesystem.h"

#include <stddef.h>
#include <sys/vfs.h>

/* statfs(2), f_type. <linux/magic.h> lacks several of them. */
static const unsigned long local_types[] = {
    0xEF53,     /* ext2, ext3, ext4 */
    0x58465342, /* xfs */
    0x9123683E, /* btrfs */
    0x01021994, /* tmpfs */
    0x858458F6, /* ramfs */
    0xF2F52010, /* f2fs */
    0x794C7630, /* overlayfs: through the mount that is used */
    0x73717368, /* squashfs */
    0xE0F5E1E2, /* erofs */
    0x2FC12FC1, /* zfs */
    0xCA451A4E, /* bcachefs */
    0x24051905, /* ubifs */
    0x72B6,     /* jffs2 */
    0x4D44,     /* vfat */
    0x2011BAB0, /* exfat */
    0x7366746E, /* ntfs3 */
    0x9660,     /* iso9660 */
    0x3434,     /* nilfs2 */
};

bool
clv_filesystem_is_local(int fd)
{
	struct statfs about;

	if (fstatfs(fd, &about) != 0)
		return false;
	for (size_t i = 0; i < sizeof(local_types) / sizeof(*local_types); i++)
		if ((unsigned long)about.f_type == local_types[i])
			return true;
	return false;
}
