/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "trust/filesystem.h"
#include "trust/journal.h"

#define AUDIT_MS 1000
/* The coarsest clocks of file systems that matter: FAT, ext3, NFSv2. */
#define GRANULARITY_MS 2000
#define TARGETS_MAX 128

#define NAMES_MASK (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)
#define SELF_MASK (IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)
#define STRUCTURE_MASK (NAMES_MASK | SELF_MASK)
#define FOLDER_MASK \
	(STRUCTURE_MASK | IN_MODIFY | IN_CLOSE_WRITE | IN_EXCL_UNLINK)

/* What is polled. The first two have jobs of their own. */
static const char *const polled_names[] = {"", ("/" CLV_STATE_FOLDER),
    "/trusted", "/issuer", "/issuers", "/trusted/certs", "/trusted/crl",
    "/issuer/certs", "/issuer/crl", "/issuers/certs", "/issuers/crl"};
enum { POLLED_ROOT, POLLED_STATE, POLLED_TRUSTED, POLLED_FOLDERS = 5 };
#define POLLED_COUNT (sizeof(polled_names) / sizeof(polled_names[0]))

enum what { WHAT_FOLDER, WHAT_STATE, WHAT_STRUCTURE, WHAT_ABOVE };

struct target {
	int wd;
	enum what what;
	enum clv_trust_folder folder;
};

struct clv_watch {
	/* Never changed after clv_watch_new(). */
	char *paths[POLLED_COUNT];
	int64_t interval_ms;

	/* Read by everybody. The descriptor keeps its number for life. */
	_Atomic int inotify;
	_Atomic bool exact;    /* inotify is in force */
	_Atomic bool indirect; /* the path has symbolic links */
	_Atomic bool pending;  /* something was drained and not yet settled */
	_Atomic bool audit;    /* it is time for one */
	_Atomic uint64_t fingerprint;
	_Atomic int64_t next_audit; /* CLOCK_MONOTONIC_COARSE, ms */
	_Atomic int64_t next_scan;
	_Atomic int64_t racy_until;
	/* Wiped in a forked child, which must not empty its parent's queue. */
	_Atomic unsigned char *parent;

	/* For the one thread that drains and attaches. */
	struct target targets[TARGETS_MAX];
	size_t target_count;
	uint64_t prints[POLLED_COUNT];
	int64_t changed_at[POLLED_COUNT];
};

static int64_t
now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool
map_fork_mark(struct clv_watch *watch)
{
	void *page = mmap(NULL, 1, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return false;
	watch->parent = page;
	/* Before Linux 4.14 a child is not told apart. */
	(void)madvise(page, 1, MADV_WIPEONFORK);
	atomic_store(watch->parent, 1);
	return true;
}

static bool
make_paths(struct clv_watch *watch, const char *path)
{
	for (size_t i = 0; i < POLLED_COUNT; i++)
		if (asprintf(&watch->paths[i], "%s%s", path, polled_names[i]) <
		    0) {
			watch->paths[i] = NULL;
			return false;
		}
	return true;
}

clv_status
clv_watch_new(const char *path, bool polling, unsigned interval_ms,
    struct clv_watch **out, clv_error **err)
{
	struct clv_watch *watch = calloc(1, sizeof(*watch));

	*out = NULL;
	if (watch == NULL)
		goto fail;
	watch->interval_ms = interval_ms;
	atomic_store(&watch->inotify, -1);
	atomic_store(&watch->pending, true);
	if (!make_paths(watch, path) || !map_fork_mark(watch))
		goto fail;
	/* No instance left (max_user_instances) is no reason to fail. */
	if (!polling)
		atomic_store(
		    &watch->inotify, inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
	*out = watch;
	return CLV_OK;
fail:
	clv_watch_free(&watch);
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "watch", .subject = path},
	    "out of memory");
}

void
clv_watch_free(struct clv_watch **watch)
{
	if (watch == NULL || *watch == NULL)
		return;
	if ((*watch)->inotify >= 0)
		(void)close((*watch)->inotify);
	if ((*watch)->parent != NULL)
		(void)munmap((void *)(uintptr_t)(*watch)->parent, 1);
	for (size_t i = 0; i < POLLED_COUNT; i++)
		free((*watch)->paths[i]);
	free(*watch);
	*watch = NULL;
}

/* ---- what stat(2) tells ---- */

static uint64_t
mix(uint64_t sum, uint64_t value)
{
	sum = (sum ^ value) * UINT64_C(0x9E3779B97F4A7C15);
	return sum ^ sum >> 29;
}

static uint64_t
print_identity(const char *path)
{
	struct stat about;

	if (fstatat(AT_FDCWD, path, &about, 0) != 0)
		return (uint64_t)errno;
	return mix(mix(1, about.st_dev), about.st_ino);
}

static uint64_t
print_times(const char *path)
{
	struct stat about;
	uint64_t sum;

	if (fstatat(AT_FDCWD, path, &about, 0) != 0)
		return (uint64_t)errno;
	sum = mix(mix(1, about.st_dev), about.st_ino);
	sum = mix(sum, (uint64_t)about.st_mtim.tv_sec);
	sum = mix(sum, (uint64_t)about.st_mtim.tv_nsec);
	sum = mix(sum, (uint64_t)about.st_ctim.tv_sec);
	return mix(sum, (uint64_t)about.st_ctim.tv_nsec);
}

/* In polling mode of everything; else only where the path leads. */
static uint64_t
print_all(struct clv_watch *watch, uint64_t prints[POLLED_COUNT])
{
	uint64_t sum = 0;

	if (atomic_load(&watch->exact))
		return print_identity(watch->paths[POLLED_ROOT]);
	for (size_t i = 0; i < POLLED_COUNT; i++) {
		const uint64_t print = print_times(watch->paths[i]);

		if (prints != NULL)
			prints[i] = print;
		sum = mix(sum, print);
	}
	return sum;
}

/* ---- attaching ---- */

static bool
add_target(struct clv_watch *watch, int fd, uint32_t mask, enum what what,
    size_t folder)
{
	char path[32];
	int wd;

	if (fd < 0)
		return true;
	if (watch->target_count == TARGETS_MAX)
		return false;
	/* By descriptor: what is watched is what was judged and pinned. */
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	wd = inotify_add_watch(watch->inotify, path, mask | IN_ONLYDIR);
	if (wd < 0)
		return false;
	watch->targets[watch->target_count++] =
	    (struct target){wd, what, (enum clv_trust_folder)folder};
	return true;
}

/* Every directory above the root, up to "/". An inode that is watched already
 * (the root's own, where a mount loops) would lose its mask: IN_MASK_ADD. */
static bool
watch_above(struct clv_watch *watch, int root)
{
	const uint32_t mask = IN_DELETE_SELF | IN_MOVE_SELF | IN_MASK_ADD;
	struct stat below = {.st_ino = 0};
	bool top = false;
	int fd = dup(root);

	while (fd >= 0 && !top) {
		const int up =
		    openat(fd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		struct stat about;

		(void)close(fd);
		fd = up;
		if (up < 0 || fstat(up, &about) != 0 ||
		    !add_target(watch, up, mask, WHAT_ABOVE, 0))
			break;
		top = about.st_dev == below.st_dev &&
		    about.st_ino == below.st_ino;
		below = about;
	}
	if (fd >= 0)
		(void)close(fd);
	return top;
}

static bool
watch_layout(struct clv_watch *watch, const struct clv_layout *layout)
{
	if (!add_target(
		watch, layout->root, STRUCTURE_MASK, WHAT_STRUCTURE, 0) ||
	    /* Journals come by rename, but anybody might write into one. */
	    !add_target(watch, layout->state, FOLDER_MASK, WHAT_STATE, 0))
		return false;
	for (size_t i = 0; i < 2; i++)
		if (!add_target(watch, layout->lists[i], STRUCTURE_MASK,
			WHAT_STRUCTURE, 0))
			return false;
	for (size_t i = 0; i < CLV_FOLDER_COUNT; i++)
		if (!add_target(
			watch, layout->folders[i], FOLDER_MASK, WHAT_FOLDER, i))
			return false;
	return true;
}

static bool
is_local(const struct clv_layout *layout)
{
	bool local = clv_filesystem_is_local(layout->root);

	for (size_t i = 0; i < CLV_FOLDER_COUNT; i++)
		local = local &&
		    (layout->folders[i] < 0 ||
			clv_filesystem_is_local(layout->folders[i]));
	return local;
}

static void
unwatch(struct clv_watch *watch)
{
	for (size_t i = 0; i < watch->target_count; i++)
		(void)inotify_rm_watch(watch->inotify, watch->targets[i].wd);
	watch->target_count = 0;
}

/* A child of fork() shares its parent's queue and must not empty it: it gets
 * one of its own, under the same number. */
static void
leave_parent(struct clv_watch *watch)
{
	int own;

	if (atomic_load(watch->parent) != 0)
		return;
	atomic_store(watch->parent, 1);
	if (watch->inotify < 0)
		return;
	watch->target_count = 0;
	own = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (own < 0 || dup3(own, watch->inotify, O_CLOEXEC) < 0) {
		(void)close(watch->inotify);
		atomic_store(&watch->inotify, -1);
	}
	if (own >= 0)
		(void)close(own);
}

static bool
is_indirect(const char *path)
{
	char *real = realpath(path, NULL);
	const bool indirect = real == NULL || strcmp(real, path) != 0;

	free(real);
	return indirect;
}

void
clv_watch_attach(struct clv_watch *watch, const struct clv_layout *layout)
{
	const int64_t now = now_ms();
	bool exact;

	leave_parent(watch);
	exact = watch->inotify >= 0;
	if (exact) {
		unwatch(watch);
		exact = is_local(layout) && watch_layout(watch, layout) &&
		    watch_above(watch, layout->root);
	}
	atomic_store(&watch->exact, exact);
	atomic_store(&watch->indirect, is_indirect(watch->paths[POLLED_ROOT]));
	/* The directory that was judged: if the path leads elsewhere by now,
	 * the next question finds out. */
	atomic_store(&watch->fingerprint,
	    exact ? mix(mix(1, layout->device), layout->inode)
		  : print_all(watch, watch->prints));
	for (size_t i = 0; i < POLLED_COUNT; i++)
		watch->changed_at[i] = now;
	atomic_store(&watch->racy_until, now + GRANULARITY_MS);
	atomic_store(&watch->next_scan, now + watch->interval_ms);
}

/* ---- asking ---- */

/* True for the one caller who comes first after the time is up. */
static bool
is_due(_Atomic int64_t *next, int64_t now, int64_t period)
{
	int64_t due = atomic_load_explicit(next, memory_order_relaxed);

	return now >= due &&
	    atomic_compare_exchange_strong(next, &due, now + period);
}

static bool
queue_is_empty(struct clv_watch *watch)
{
	int waiting = 0;

	return ioctl(watch->inotify, FIONREAD, &waiting) == 0 && waiting == 0;
}

static bool
is_unchanged(struct clv_watch *watch, int64_t now)
{
	if (atomic_load(&watch->exact))
		return queue_is_empty(watch) &&
		    (!atomic_load(&watch->indirect) ||
			print_all(watch, NULL) ==
			    atomic_load(&watch->fingerprint));
	return now >= atomic_load(&watch->racy_until) &&
	    now < atomic_load(&watch->next_scan) &&
	    print_all(watch, NULL) == atomic_load(&watch->fingerprint);
}

bool
clv_watch_is_quiet(struct clv_watch *watch)
{
	const int64_t now = now_ms();

	if (is_due(&watch->next_audit, now, AUDIT_MS))
		atomic_store(&watch->audit, true);
	if (atomic_load(watch->parent) == 0 || atomic_load(&watch->audit) ||
	    !is_unchanged(watch, now))
		return false;
	/* Asked for last: it is set before the queue is emptied. */
	return !atomic_load(&watch->pending);
}

/* ---- draining ---- */

/* Names of the layout; what else lies beside them is not ours. */
static bool
is_structure(const char *name)
{
	static const char *const names[] = {
	    "trusted", "issuer", "issuers", "certs", "crl", CLV_STATE_FOLDER};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

struct drain {
	clv_watch_fn *fn;
	void *user;
	unsigned flags;
	/* The last name, told when another one comes: a copy into a folder is
	 * three events and more. */
	enum clv_trust_folder folder;
	char name[NAME_MAX + 1];
};

static void
tell_name(struct drain *drain)
{
	if (drain->name[0] != '\0')
		drain->fn(drain->user, drain->folder, drain->name);
	drain->name[0] = '\0';
}

static void
note_name(struct drain *drain, enum clv_trust_folder folder, const char *name)
{
	if (drain->folder == folder && strcmp(drain->name, name) == 0)
		return;
	tell_name(drain);
	drain->folder = folder;
	(void)snprintf(drain->name, sizeof(drain->name), "%s", name);
}

static const struct target *
find_target(const struct clv_watch *watch, int wd)
{
	for (size_t i = 0; i < watch->target_count; i++)
		if (watch->targets[i].wd == wd)
			return &watch->targets[i];
	return NULL;
}

static void
take_event(struct clv_watch *watch, const struct inotify_event *event,
    struct drain *drain)
{
	const struct target *target = find_target(watch, event->wd);
	const bool self = event->len == 0;

	if ((event->mask & IN_Q_OVERFLOW) != 0)
		drain->flags |= CLV_WATCH_REOPEN | CLV_WATCH_JOURNAL;
	/* IN_IGNORED follows what is told otherwise, or our own doing. */
	if (target == NULL || (event->mask & IN_IGNORED) != 0)
		return;
	if (self || target->what == WHAT_ABOVE)
		drain->flags |= CLV_WATCH_REOPEN;
	else if (target->what == WHAT_FOLDER)
		note_name(drain, target->folder, event->name);
	else if (target->what == WHAT_STATE)
		drain->flags |= strcmp(event->name, CLV_JOURNAL_NAME) == 0
		    ? CLV_WATCH_JOURNAL
		    : 0;
	else if (is_structure(event->name))
		drain->flags |= CLV_WATCH_REOPEN;
}

static void
drain_events(struct clv_watch *watch, struct drain *drain)
{
	_Alignas(struct inotify_event) char buffer[16384];
	ssize_t size;

	while ((size = read(watch->inotify, buffer, sizeof(buffer))) > 0) {
		const char *at = buffer;

		while (at < buffer + size) {
			const struct inotify_event *event =
			    (const struct inotify_event *)(const void *)at;

			take_event(watch, event, drain);
			at += sizeof(*event) + event->len;
		}
	}
	tell_name(drain);
	if (print_all(watch, NULL) != watch->fingerprint)
		drain->flags |= CLV_WATCH_REOPEN;
}

/* Which folder a polled path is; issuer and issuers stand for the same. */
static enum clv_trust_folder
polled_folder(size_t index)
{
	const size_t folder = index - POLLED_FOLDERS;

	return (enum clv_trust_folder)(
	    folder < CLV_FOLDER_COUNT ? folder : folder - 2);
}

static void
drain_polled(struct clv_watch *watch, struct drain *drain)
{
	const int64_t now = now_ms();
	const bool scan = is_due(&watch->next_scan, now, watch->interval_ms);
	uint64_t prints[POLLED_COUNT];
	int64_t racy_until = 0;

	atomic_store(&watch->fingerprint, print_all(watch, prints));
	for (size_t i = 0; i < POLLED_COUNT; i++) {
		if (prints[i] != watch->prints[i])
			watch->changed_at[i] = now;
		watch->prints[i] = prints[i];
		if (watch->changed_at[i] + GRANULARITY_MS > racy_until)
			racy_until = watch->changed_at[i] + GRANULARITY_MS;
		if (watch->changed_at[i] + GRANULARITY_MS <= now && !scan)
			continue;
		if (i >= POLLED_FOLDERS)
			drain->fn(drain->user, polled_folder(i), NULL);
		else if (i == POLLED_STATE)
			drain->flags |= CLV_WATCH_JOURNAL;
		else if (watch->changed_at[i] == now)
			drain->flags |= CLV_WATCH_REOPEN;
	}
	atomic_store(&watch->racy_until, racy_until);
}

unsigned
clv_watch_drain(struct clv_watch *watch, clv_watch_fn *fn, void *user)
{
	struct drain drain = {.fn = fn, .user = user};

	/* Before the queue is emptied: see clv_watch_is_quiet(). */
	atomic_store(&watch->pending, true);
	if (atomic_load(watch->parent) == 0)
		return CLV_WATCH_REOPEN | CLV_WATCH_JOURNAL;
	if (atomic_load(&watch->exact))
		drain_events(watch, &drain);
	else
		drain_polled(watch, &drain);
	if (atomic_exchange(&watch->audit, false))
		drain.flags |= CLV_WATCH_AUDIT;
	return drain.flags;
}

bool
clv_watch_has_more(struct clv_watch *watch)
{
	if (atomic_load(&watch->exact))
		return !queue_is_empty(watch);
	return print_all(watch, NULL) != atomic_load(&watch->fingerprint);
}

void
clv_watch_settle(struct clv_watch *watch)
{
	atomic_store(&watch->pending, false);
}

int
clv_watch_fd(struct clv_watch *watch)
{
	return atomic_load(&watch->exact) ? atomic_load(&watch->inotify) : -1;
}

bool
clv_watch_is_exact(struct clv_watch *watch)
{
	return atomic_load(&watch->exact);
}
