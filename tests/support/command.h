/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Tests that run other programs in a directory of their own. */
#ifndef CLV_TESTS_COMMAND_H
#define CLV_TESTS_COMMAND_H

#include <claviger/secret.h>

/* Makes a private directory under /tmp; the test ends if that fails. */
void workplace_make(char path[64]);
/* Removes it with everything in it. */
void workplace_remove(const char *path);

/*
 * Runs a shell command in `directory` and returns its exit status. What it
 * prints is shown only if it fails. A program that is missing ends the test
 * with the command that installs it.
 */
int command(const char *directory, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The same; the test ends unless the exit status is 0. */
void command_ok(const char *directory, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Whole files, up to 1 MiB. */
void file_get(const char *directory, const char *name, clv_secret *out);
void file_put(
    const char *directory, const char *name, const void *bytes, size_t size);

#endif
