/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* A log of what was written to a disk, in the format of Linux's dm-log-writes
 * (Documentation/admin-guide/device-mapper/log-writes.rst), and the disks
 * that a power cut could leave. */
#ifndef CLV_TESTS_BLOCKLOG_H
#define CLV_TESTS_BLOCKLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum block_flag {
	BLOCK_FLUSH = 1, /* what was written before is safe */
	BLOCK_FUA = 2,   /* and so is this write */
	BLOCK_DISCARD = 4,
	BLOCK_MARK = 8
};

/* One request; offsets in bytes. */
struct block_write {
	uint64_t offset;
	uint64_t size;
	unsigned flags;
	const uint8_t *data; /* NULL: nothing is written */
};

struct block_log {
	struct block_write *writes;
	size_t count;
	uint8_t *bytes; /* the file, mapped */
	size_t size;
};

/* Reads it; another program may go on with it. False if it is no such log. */
bool block_log_open(struct block_log *log, const char *path);
void block_log_close(struct block_log *log);

/* A disk in memory. */
struct block_disk {
	uint8_t *bytes;
	size_t size;
	uint64_t digest; /* of the writes that it has got */
};

/* What is on it after a write. */
void block_apply(struct block_disk *disk, const struct block_write *write);
/* The same with each of its 4 KiB blocks lost or not, by `random`. */
void block_apply_torn(
    struct block_disk *disk, const struct block_write *write, uint64_t *random);

/* The next of a sequence that `random` begins; not 0. */
uint64_t block_random(uint64_t *random);

#endif
