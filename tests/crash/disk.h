/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Block devices for root: one whose writes and flushes are logged
 * (qemu-storage-daemon's blklogwrites behind a loop device), and one that is
 * whatever bytes it is given. All are gone when the process is, however it
 * ends. A failure ends the program with a word about why.
 */
#ifndef CLV_TESTS_DISK_H
#define CLV_TESTS_DISK_H

#include <stdint.h>
#include <sys/types.h>

#include "blocklog.h"

#define DISK_PATH 128

struct disk {
	char image[DISK_PATH]; /* what is on it */
	char log[DISK_PATH];   /* what was written; "" for a plain one */
	char export[DISK_PATH];
	char device[32]; /* "/dev/loopN" */
	size_t size;
	int loop;
	pid_t daemon; /* 0 for a plain one */
};

/* Before the first: a mount namespace of our own. */
void disk_begin(void);

/* In `directory`, `size` bytes of zeros. */
void disk_make_logged(struct disk *disk, const char *directory, size_t size);
void disk_make(struct disk *disk, const char *directory, size_t size);
void disk_remove(struct disk *disk);

/* Reads the image, or writes it; the device must not be mounted. */
void disk_read(const struct disk *disk, uint8_t *bytes);
void disk_write(const struct disk *disk, const uint8_t *bytes);

/* Makes a file system: "ext4" or "xfs". */
void disk_format(const struct disk *disk, const char *type);
/* False if it can't be mounted. */
bool disk_mount(const struct disk *disk, const char *type, const char *path);
void disk_unmount(const char *path);
/* All that the file system at `path` has gets written. */
void disk_sync(const char *path);

#endif
