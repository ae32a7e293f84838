/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * "still at it" on a terminal, for what takes longer than a second.
 *
 * The cursor stays at the start of the line below, so that a question or a
 * warning begins on a line of its own. While a question is open nothing is
 * written, and then it counts from the start.
 */

#include "program.h"

#include <pthread.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define BEATS 10U /* a second: a quick answer should be noticed, too */
#define BEAT (1000000000L / (long)BEATS)
#define ERASE "\033[A\r\033[K"

static struct {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t stopped;
	const char *what;
	unsigned beats;
	bool running;
	bool shown; /* on the line above the cursor */
} progress = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Whoever asks for a secret turns the echo off first; also when it is not the
 * library that asks, but a module of a token's vendor. */
static bool
question_is_open(void)
{
	struct termios settings;

	return tcgetattr(STDERR_FILENO, &settings) == 0 &&
	    (settings.c_lflag & ECHO) == 0;
}

static void
erase(void)
{
	if (progress.shown)
		fprintf(stderr, ERASE);
	progress.shown = false;
}

static void
beat(void)
{
	if (question_is_open()) {
		progress.beats = 0;
		progress.shown = false; /* stays, above the question */
		return;
	}
	if (++progress.beats % BEATS != 0)
		return;
	fprintf(stderr, "%s%s ... %u s\n", progress.shown ? ERASE : "",
	    progress.what, progress.beats / BEATS);
	progress.shown = true;
}

static void *
show(void *user)
{
	struct timespec next;

	(void)user;
	(void)pthread_mutex_lock(&progress.lock);
	(void)clock_gettime(CLOCK_MONOTONIC, &next);
	while (progress.running) {
		next.tv_nsec += BEAT;
		next.tv_sec += next.tv_nsec / 1000000000L;
		next.tv_nsec %= 1000000000L;
		(void)pthread_cond_timedwait(
		    &progress.stopped, &progress.lock, &next);
		if (progress.running)
			beat();
	}
	erase();
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
	progress.beats = 0;
	progress.shown = false;
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

void
progress_clear(void)
{
	(void)pthread_mutex_lock(&progress.lock);
	erase();
	(void)pthread_mutex_unlock(&progress.lock);
}
