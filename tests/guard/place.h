/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* A safe directory of a test's own, and files in it. For cmocka. */
#ifndef CLV_TESTS_GUARD_PLACE_H
#define CLV_TESTS_GUARD_PLACE_H

#include <stddef.h>
#include <sys/types.h>

struct place {
	char path[64];
	int fd;
};

/* Setup and teardown: `*state` becomes a struct place. */
int place_open(void **state);
int place_close(void **state);

/* "PLACE/NAME"; one of a few turning buffers. */
const char *place_path(const struct place *place, const char *name);
/* Makes a file with this text, mode and owner (and group). */
void place_file(const struct place *place, const char *name, const char *text,
    mode_t mode, uid_t owner);
void place_directory(
    const struct place *place, const char *name, mode_t mode, uid_t owner);
/* Runs `check` in a child, with mounts of its own if `mounts`; it must
 * return 0. */
void in_child(struct place *place, bool mounts, int (*check)(struct place *));

#endif
