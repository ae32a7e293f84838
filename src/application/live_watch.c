/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "application/live_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "trust/filesystem.h"

#define LOOK_MS 1000
#define MASK                                                               \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | \
	    IN_MODIFY | IN_CLOSE_WRITE | IN_DELETE_SELF | IN_MOVE_SELF |   \
	    IN_ONLYDIR)

struct clv_live_watch {
	/* Read by everybody. The descriptor keeps its number for life. */
	_Atomic int inotify;
	_Atomic bool exact;   /* inotify is in force */
	_Atomic bool pending; /* something was drained and not yet settled */
	_Atomic int64_t next_look; /* CLOCK_MONOTONIC_COARSE, ms */
	_Atomic uint64_t print;    /* of all files */
	/* Wiped in a forked child, which must not empty its parent's queue. */
	_Atomic unsigned char *parent;

	/* For whoever looks at the files. */
	pthread_mutex_t lock;
	struct clv_live_files files;

	/* For the one thread that drains and attaches. */
	int directories[CLV_LIVE_FILES_MAX]; /* watch of each file's */
};

static int64_t
now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
clv_live_files_clear(struct clv_live_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->paths[i]);
	files->count = 0;
}

/* ---- what stat(2) tells ---- */

static uint64_t
mix(uint64_t sum, uint64_t value)
{
	sum = (sum ^ value) * UINT64_C(0x9E3779B97F4A7C15);
	return sum ^ sum >> 29;
}

uint64_t
clv_live_print(const char *path)
{
	struct stat about;
	uint64_t sum = 1;

	if (fstatat(AT_FDCWD, path, &about, 0) != 0)
		return mix(2, (uint64_t)errno) | 1;
	sum = mix(mix(sum, about.st_dev), about.st_ino);
	sum = mix(mix(sum, about.st_mode), about.st_uid);
	sum = mix(mix(sum, about.st_gid), (uint64_t)about.st_size);
	sum = mix(sum, (uint64_t)about.st_mtim.tv_sec);
	sum = mix(sum, (uint64_t)about.st_mtim.tv_nsec);
	sum = mix(sum, (uint64_t)about.st_ctim.tv_sec);
	return mix(sum, (uint64_t)about.st_ctim.tv_nsec) | 1;
}

static uint64_t
print_all(struct clv_live_watch *watch)
{
	uint64_t sum = 1;

	(void)pthread_mutex_lock(&watch->lock);
	for (size_t i = 0; i < watch->files.count; i++)
		sum = mix(sum, clv_live_print(watch->files.paths[i]));
	(void)pthread_mutex_unlock(&watch->lock);
	return sum;
}

/* ---- making ---- */

clv_status
clv_live_watch_new(struct clv_live_watch **out, clv_error **err)
{
	struct clv_live_watch *watch = calloc(1, sizeof(*watch));
	void *page = mmap(NULL, 1, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*out = NULL;
	if (watch == NULL || page == MAP_FAILED) {
		free(watch);
		if (page != MAP_FAILED)
			(void)munmap(page, 1);
		return clv_error_raise(err, CLV_NO_MEMORY,
		    &(struct clv_error_info){.operation = "watch"},
		    "out of memory");
	}
	(void)pthread_mutex_init(&watch->lock, NULL);
	watch->parent = page;
	/* Before Linux 4.14 a child is not told apart. */
	(void)madvise(page, 1, MADV_WIPEONFORK);
	atomic_store(watch->parent, 1);
	atomic_store(&watch->pending, true);
	/* No instance left (max_user_instances) is no reason to fail. */
	atomic_store(&watch->inotify, inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
	*out = watch;
	return CLV_OK;
}

void
clv_live_watch_free(struct clv_live_watch **watch)
{
	if (watch == NULL || *watch == NULL)
		return;
	if ((*watch)->inotify >= 0)
		(void)close((*watch)->inotify);
	(void)munmap((void *)(uintptr_t)(*watch)->parent, 1);
	clv_live_files_clear(&(*watch)->files);
	(void)pthread_mutex_destroy(&(*watch)->lock);
	free(*watch);
	*watch = NULL;
}

int
clv_live_watch_fd(struct clv_live_watch *watch)
{
	return atomic_load(&watch->inotify);
}

/* ---- attaching ---- */

/* A child of fork() gets a queue of its own, under the same number. */
static bool
leave_parent(struct clv_live_watch *watch)
{
	int own;

	if (atomic_load(watch->parent) != 0)
		return false;
	atomic_store(watch->parent, 1);
	if (watch->inotify < 0)
		return true;
	own = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (own < 0 || dup3(own, watch->inotify, O_CLOEXEC) < 0) {
		(void)close(watch->inotify);
		atomic_store(&watch->inotify, -1);
	}
	if (own >= 0)
		(void)close(own);
	return true;
}

static bool
is_same(const struct clv_live_files *left, const struct clv_live_files *right)
{
	if (left->count != right->count)
		return false;
	for (size_t i = 0; i < left->count; i++)
		if (strcmp(left->paths[i], right->paths[i]) != 0)
			return false;
	return true;
}

/* Watches the directory of a file; of several files in one it is the same
 * watch. */
static int
watch_directory(struct clv_live_watch *watch, const char *path)
{
	const char *slash = strrchr(path, '/');
	char directory[PATH_MAX];
	int fd;
	bool local;

	if (slash == NULL || (size_t)(slash - path) >= sizeof(directory) - 1)
		return -1;
	memcpy(directory, path, (size_t)(slash - path));
	directory[slash - path] = '\0';
	if (slash == path)
		(void)strcpy(directory, "/");
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	local = fd >= 0 && clv_filesystem_is_local(fd);
	if (fd >= 0)
		(void)close(fd);
	return local ? inotify_add_watch(watch->inotify, directory, MASK) : -1;
}

static void
unwatch(struct clv_live_watch *watch)
{
	for (size_t i = 0; i < watch->files.count; i++)
		if (watch->directories[i] >= 0)
			(void)inotify_rm_watch(
			    watch->inotify, watch->directories[i]);
}

bool
clv_live_watch_attach(
    struct clv_live_watch *watch, struct clv_live_files *files)
{
	const bool moved = leave_parent(watch);
	const bool same = !moved && is_same(&watch->files, files);
	bool exact = watch->inotify >= 0;

	/* Without the kernel's word, try again to get it. */
	if (same && atomic_load(&watch->exact)) {
		clv_live_files_clear(files);
		return false;
	}
	if (exact && !moved)
		unwatch(watch);
	(void)pthread_mutex_lock(&watch->lock);
	clv_live_files_clear(&watch->files);
	watch->files = *files;
	files->count = 0; /* transferred */
	(void)pthread_mutex_unlock(&watch->lock);
	for (size_t i = 0; i < watch->files.count; i++) {
		watch->directories[i] =
		    exact ? watch_directory(watch, watch->files.paths[i]) : -1;
		exact = exact && watch->directories[i] >= 0;
	}
	atomic_store(&watch->exact, exact);
	return !same;
}

/* ---- asking ---- */

/* True for the one caller who comes first after the time is up. */
static bool
is_time(struct clv_live_watch *watch)
{
	const int64_t now = now_ms();
	int64_t next = atomic_load(&watch->next_look);

	return now >= next &&
	    atomic_compare_exchange_strong(
		&watch->next_look, &next, now + LOOK_MS);
}

bool
clv_live_watch_is_quiet(struct clv_live_watch *watch)
{
	int waiting = 0;

	if (atomic_load(&watch->pending) || atomic_load(watch->parent) == 0)
		return false;
	if (!atomic_load(&watch->exact))
		return print_all(watch) == atomic_load(&watch->print);
	if (ioctl(atomic_load(&watch->inotify), FIONREAD, &waiting) != 0 ||
	    waiting > 0)
		return false;
	return !is_time(watch) ||
	    print_all(watch) == atomic_load(&watch->print);
}

/* ---- draining ---- */

static bool
concerns(const struct clv_live_watch *watch, const struct inotify_event *event)
{
	if ((event->mask & IN_Q_OVERFLOW) != 0)
		return true;
	for (size_t i = 0; i < watch->files.count; i++) {
		const char *path = watch->files.paths[i];

		/* What happens to the directory itself has no name. */
		if (watch->directories[i] == event->wd &&
		    (event->len == 0 ||
			strcmp(strrchr(path, '/') + 1, event->name) == 0))
			return true;
	}
	return false;
}

bool
clv_live_watch_drain(struct clv_live_watch *watch)
{
	_Alignas(struct inotify_event) char room[8192];
	uint64_t print;
	bool changed = false;
	ssize_t got;

	atomic_store(&watch->pending, true);
	while (atomic_load(watch->parent) != 0 && watch->inotify >= 0 &&
	    (got = read(watch->inotify, room, sizeof(room))) > 0)
		for (const char *at = room; at < room + got;) {
			const struct inotify_event *event =
			    (const struct inotify_event *)(const void *)at;

			changed = concerns(watch, event) || changed;
			at += sizeof(*event) + event->len;
		}
	print = print_all(watch);
	changed = print != atomic_load(&watch->print) || changed;
	atomic_store(&watch->print, print);
	return changed;
}

void
clv_live_watch_settle(struct clv_live_watch *watch)
{
	atomic_store(&watch->pending, false);
}
