/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "shared.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct p11_proxy_shared *_Atomic own;
static pthread_once_t own_once = PTHREAD_ONCE_INIT;

static struct p11_proxy_shared *
map(int fd)
{
	void *memory =
	    mmap(NULL, sizeof(struct p11_proxy_shared), PROT_READ | PROT_WRITE,
		MAP_SHARED | (fd < 0 ? MAP_ANONYMOUS : 0), fd, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

static void
prepare(struct p11_proxy_shared *shared)
{
	shared->magic = P11_PROXY_MAGIC;
	shared->size = sizeof(*shared);
	shared->tries_left = INT32_MAX;
}

static struct p11_proxy_shared *
map_file(int fd)
{
	struct p11_proxy_shared *shared;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return NULL;
	if (st.st_size == 0 && ftruncate(fd, sizeof(*shared)) != 0)
		return NULL;
	if (st.st_size != 0 && st.st_size != sizeof(*shared)) {
		errno = EINVAL;
		return NULL;
	}
	if ((shared = map(fd)) != NULL && st.st_size == 0)
		prepare(shared);
	if (shared != NULL && shared->magic != P11_PROXY_MAGIC) {
		munmap(shared, sizeof(*shared));
		errno = EINVAL;
		return NULL;
	}
	return shared;
}

struct p11_proxy_shared *
shared_open(const char *path)
{
	struct p11_proxy_shared *shared = NULL;
	int saved;
	const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0)
		return NULL;
	/* Two processes may start at the same time. */
	if (flock(fd, LOCK_EX) == 0)
		shared = map_file(fd);
	saved = errno;
	/* The mapping keeps the description, and with it the lock, alive. */
	flock(fd, LOCK_UN);
	close(fd);
	errno = saved;
	return shared;
}

static void
make_own(void)
{
	struct p11_proxy_shared *shared = map(-1);

	if (shared == NULL) {
		perror("claviger-p11-proxy: mmap");
		abort();
	}
	prepare(shared);
	own = shared;
}

struct p11_proxy_shared *
shared_state(void)
{
	struct p11_proxy_shared *shared = own;

	if (shared == NULL) {
		pthread_once(&own_once, make_own);
		shared = own;
	}
	return shared;
}

const char *
shared_use(const char *path)
{
	struct p11_proxy_shared *shared;

	shared_state();
	if ((shared = shared_open(path)) == NULL)
		return errno == EINVAL ? "not a state file of this proxy"
				       : strerror(errno);
	/* The former one stays mapped: a call may be using it. */
	own = shared;
	return NULL;
}

void
shared_clear_counters(struct p11_proxy_shared *shared)
{
	for (int i = 0; i < P11_PROXY_FUNCTIONS; i++) {
		shared->calls[i] = 0;
		shared->faults[i] = 0;
	}
	shared->most_under_way = 0;
	shared->logins = 0;
	shared->failed_logins = 0;
	shared->repeated_failures = 0;
	for (int i = 0; i < P11_PROXY_VALUES; i++)
		shared->failed_values[i] = 0;
}
