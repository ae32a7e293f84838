/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Has anybody changed one of a few files? "No" costs one ioctl where the
 * kernel tells of changes (inotify on local file systems): an event is queued
 * within the system call that makes the change, so that whoever asks after it
 * sees it. Once a second, and elsewhere at each question, the files are looked
 * at with stat(2).
 */
#ifndef CLV_APPLICATION_LIVE_WATCH_H
#define CLV_APPLICATION_LIVE_WATCH_H

#include <claviger/error.h>

#include "application/config.h"

/* claviger.conf, three of state/; key, certificate and chain of each slot. */
#define CLV_LIVE_FILES_MAX (4 + 3 * CLV_SLOTS_MAX)

/* Absolute paths; owned. */
struct clv_live_files {
	char *paths[CLV_LIVE_FILES_MAX];
	size_t count;
};

void clv_live_files_clear(struct clv_live_files *files);

/* What stat(2) tells of a file; never 0. */
uint64_t clv_live_print(const char *path);

struct clv_live_watch;

clv_status clv_live_watch_new(struct clv_live_watch **out, clv_error **err);
void clv_live_watch_free(struct clv_live_watch **watch);

/*
 * Any number of threads, no lock: whether nothing has happened since
 * clv_live_watch_settle().
 */
bool clv_live_watch_is_quiet(struct clv_live_watch *watch);

/*
 * One thread at a time: attach, drain, read, publish, settle. In between,
 * nobody is told that it is quiet. Attaching moves `*files`; true if they are
 * others than before: what was read before may have changed unseen.
 */
bool clv_live_watch_attach(
    struct clv_live_watch *watch, struct clv_live_files *files);
/* Whether one of the files may have changed. */
bool clv_live_watch_drain(struct clv_live_watch *watch);
void clv_live_watch_settle(struct clv_live_watch *watch);

/* inotify's descriptor, -1 if it is not used. */
int clv_live_watch_fd(struct clv_live_watch *watch);

#endif
