/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Has anybody changed the TrustList's directories? The question is asked at
 * every check of a certificate, so "no" must cost next to nothing, and must
 * be right.
 *
 * Where the kernel tells (inotify on a local file system), "no" is one ioctl:
 * the kernel queues an event within the system call that makes the change, so
 * that whoever asks after it sees the event. Watched are the folders (names
 * that come, go or are written to, and their permissions), the directories of
 * the layout, and, so that a rename of the whole tree is noticed, every
 * directory above it. Events that were lost (queue overflow) make everything
 * be looked at again. Once a second the path is resolved and judged anew: a
 * mount over it makes no event, and the directories above are not watched for
 * permissions, because every stranger in /tmp would wake us. If the path has
 * symbolic links, it is resolved at every question. What is not noticed:
 * writing through a shared mapping whose descriptor was closed before, or
 * through a second name (hard link), which the path guard refuses.
 *
 * Elsewhere (network and FUSE file systems, no inotify instance left), "no" is
 * eleven calls of stat(2), whatever the number of files: a name that comes or
 * goes changes its directory's times. As a second change within the clock's
 * granularity does not, a changed directory is listed at each question for
 * two more seconds. Writing into a file in place changes no directory: it is
 * found by looking at every file once per interval.
 *
 * Of a read-only mount nothing special is assumed: what is below it may be
 * changed through another mount.
 */
#ifndef CLV_TRUST_WATCH_H
#define CLV_TRUST_WATCH_H

#include "trust/layout.h"

struct clv_watch;

/* How often files are looked at one by one where nobody tells of changes. */
#define CLV_WATCH_INTERVAL_MS 1000U

/* What clv_watch_drain() found besides changed names. */
enum clv_watch_flags {
	/* Directories came, went or changed their permissions. */
	CLV_WATCH_REOPEN = 1,
	/* The journal did. */
	CLV_WATCH_JOURNAL = 2,
	/* It is time to judge the path again. */
	CLV_WATCH_AUDIT = 4
};

/*
 * `path` is the absolute path of the TrustList. `interval_ms` is how often
 * files are looked at one by one where inotify can't be used; with `polling`
 * it is not used at all.
 */
clv_status clv_watch_new(const char *path, bool polling, unsigned interval_ms,
    struct clv_watch **out, clv_error **err);
void clv_watch_free(struct clv_watch **watch);

/*
 * Watches the directories that `layout` has pinned, instead of those before.
 * What changes from then on is noticed; so first attach, then list.
 */
void clv_watch_attach(struct clv_watch *watch, const struct clv_layout *layout);

/*
 * Whether nothing has happened since clv_watch_settle(). Any number of
 * threads, no lock. Once a second it is false for one of them though nothing
 * has happened.
 */
bool clv_watch_is_quiet(struct clv_watch *watch);

/* Gets a changed name; NULL stands for the whole folder. */
typedef void clv_watch_fn(
    void *user, enum clv_trust_folder folder, const char *name);

/*
 * One thread at a time: drain until there is nothing more, publish what came
 * of it, settle. In between, nobody is told that it is quiet.
 */
unsigned clv_watch_drain(struct clv_watch *watch, clv_watch_fn *fn, void *user);
bool clv_watch_has_more(struct clv_watch *watch);
void clv_watch_settle(struct clv_watch *watch);

/* inotify's descriptor, for poll(2); -1 if it is not used. */
int clv_watch_fd(struct clv_watch *watch);

/* Whether the kernel tells of changes. */
bool clv_watch_is_exact(struct clv_watch *watch);

#endif
