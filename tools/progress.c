/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* "still at it" on a terminal, for what takes longer than a second. */

#include "program.h"

#include <pthread.h>
#include <time.h>
#include <unistd.h>

static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t stopped;
	const char *what;
	bool running;
} progress = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void *
show(void *user)
{
	struct timespec next;
	unsigned seconds = 0;

	(void)user;
	(void)pthread_mutex_lock(&progress.lock);
	(void)clock_gettime(CLOCK_MONOTONIC, &next);
	while (progress.running) {
		next.tv_sec++;
		(void)pthread_cond_timedwait(
		    &progress.stopped, &progress.lock, &next);
		if (progress.running)
			fprintf(
			    stderr, "\r%s ... %u s", progress.what, ++seconds);
	}
	if (seconds > 0)
		fprintf(stderr, "\r\033[K");
	(void)pthread_mutex_unlock(&progress.lock);
	return NULL;
}

void
progress_start(const char *what)
{
	pthread_condattr_t monotonic;

	if (!isatty(STDERR_FILENO) || progress.running)
		return;
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&progress.stopped, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	progress.what = what;
	progress.running = true;
	if (pthread_create(&progress.thread, NULL, show, NULL) != 0)
		progress.running = false;
}

void
progress_stop(void)
{
	if (!progress.running)
		return;
	(void)pthread_mutex_lock(&progress.lock);
	progress.running = false;
	(void)pthread_cond_signal(&progress.stopped);
	(void)pthread_mutex_unlock(&progress.lock);
	(void)pthread_join(progress.thread, NULL);
	(void)pthread_cond_destroy(&progress.stopped);
}
