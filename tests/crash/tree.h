/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Small directory trees: copied, removed, counted. A failure ends the
 * program. */
#ifndef CLV_TESTS_TREE_H
#define CLV_TESTS_TREE_H

#include <stddef.h>
#include <stdint.h>

void tree_copy(const char *from, const char *to);
void tree_remove(const char *path);
/* Files below `path` whose names end with `suffix`. */
size_t tree_count(const char *path, const char *suffix);

/* Tells trees apart by the names, their random ends left out, and sizes of
 * their files, and by what is in claviger.conf. */
uint64_t tree_digest(const char *path);

#endif
