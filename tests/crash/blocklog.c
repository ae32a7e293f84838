/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "blocklog.h"

#include <endian.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x6a736677736872ULL
#define VERSION 1U
#define BLOCK 4096U

static uint64_t
number(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
	return le64toh(value);
}

static bool
map(struct block_log *log, const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat about;
	void *bytes = MAP_FAILED;

	if (fd >= 0 && fstat(fd, &about) == 0 && about.st_size > 0) {
		log->size = (size_t)about.st_size;
		bytes = mmap(NULL, log->size, PROT_READ, MAP_SHARED, fd, 0);
	}
	if (fd >= 0)
		(void)close(fd);
	log->bytes = bytes != MAP_FAILED ? bytes : NULL;
	return log->bytes != NULL;
}

static bool
append(struct block_log *log, const struct block_write *write)
{
	struct block_write *more =
	    reallocarray(log->writes, log->count + 1, sizeof(*more));

	if (more == NULL)
		return false;
	log->writes = more;
	log->writes[log->count++] = *write;
	return true;
}

/* An entry: where, how many sectors, flags, length of a mark; then, in
 * sectors of its own, what was written. Where there is none yet are zeros. */
static bool
take(struct block_log *log, uint64_t sector, uint64_t *at)
{
	const uint8_t *header = log->bytes + *at;
	struct block_write write = {
	    .offset = number(header) * sector,
	    .size = number(header + 8) * sector,
	    .flags = (unsigned)number(header + 16),
	};

	if (write.size == 0 && write.flags == 0)
		return false;
	*at += sector;
	if (write.size > 0 && (write.flags & BLOCK_DISCARD) == 0) {
		if (write.size > log->size - *at)
			return false;
		write.data = log->bytes + *at;
		*at += write.size;
	}
	return append(log, &write);
}

bool
block_log_open(struct block_log *log, const char *path)
{
	uint64_t sector;
	uint64_t at;

	*log = (struct block_log){.count = 0};
	if (!map(log, path) || log->size < BLOCK ||
	    number(log->bytes) != MAGIC || number(log->bytes + 8) != VERSION)
		return false;
	sector = number(log->bytes + 24) & UINT32_MAX;
	if (sector < 512 || sector > BLOCK)
		return false;
	at = sector;
	while (at + sector <= log->size && take(log, sector, &at))
		;
	return true;
}

void
block_log_close(struct block_log *log)
{
	free(log->writes);
	if (log->bytes != NULL)
		(void)munmap(log->bytes, log->size);
	*log = (struct block_log){.count = 0};
}

void
block_apply(struct block_disk *disk, const struct block_write *write)
{
	if (write->data == NULL || write->offset > disk->size ||
	    write->size > disk->size - write->offset)
		return;
	memcpy(disk->bytes + write->offset, write->data, write->size);
	disk->digest = (disk->digest ^ (uintptr_t)write->data) * 0x100000001b3U;
}

uint64_t
block_random(uint64_t *random)
{
	/* xorshift64: the same states each time. */
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return *random;
}

void
block_apply_torn(
    struct block_disk *disk, const struct block_write *write, uint64_t *random)
{
	for (uint64_t done = 0; write->data != NULL && done < write->size;
	     done += BLOCK) {
		const uint64_t left = write->size - done;
		const struct block_write part = {
		    .offset = write->offset + done,
		    .size = left < BLOCK ? left : BLOCK,
		    .data = write->data + done,
		};

		if (block_random(random) % 2 == 0)
			block_apply(disk, &part);
	}
}
