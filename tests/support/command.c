/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "support/command.h"

#include "testing.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

void
workplace_make(char path[64])
{
	(void)snprintf(path, 64, "/tmp/claviger-test-XXXXXX");
	if (mkdtemp(path) == NULL)
		fail_msg("mkdtemp failed");
}

void
workplace_remove(const char *path)
{
	char text[128];

	assert_true(strncmp(path, "/tmp/claviger-test-", 19) == 0);
	(void)snprintf(text, sizeof(text), "rm -rf '%s'", path);
	assert_int_equal(system(text), 0);
}

static int run(const char *directory, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static int
run(const char *directory, const char *format, va_list arguments)
{
	char wanted[4096];
	char whole[5120];
	int status;

	(void)vsnprintf(wanted, sizeof(wanted), format, arguments);
	(void)snprintf(whole, sizeof(whole),
	    "cd '%s' && { %s\n} >.output 2>&1 </dev/null || "
	    "{ s=$?; cat .output >&2; exit $s; }",
	    directory, wanted);
	status = system(whole);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 127)
		fail_msg("a program is missing: apt-get install openssl");
	return WEXITSTATUS(status);
}

int
command(const char *directory, const char *format, ...)
{
	va_list arguments;
	int status;

	va_start(arguments, format);
	status = run(directory, format, arguments);
	va_end(arguments);
	return status;
}

void
command_ok(const char *directory, const char *format, ...)
{
	va_list arguments;
	int status;

	va_start(arguments, format);
	status = run(directory, format, arguments);
	va_end(arguments);
	if (status != 0)
		fail_msg("%s: exit status %d", format, status);
}

static void
join(char *path, size_t size, const char *directory, const char *name)
{
	const int length = snprintf(path, size, "%s/%s", directory, name);

	assert_true(length > 0 && (size_t)length < size);
}

void
file_get(const char *directory, const char *name, clv_secret *out)
{
	char path[512];
	ssize_t count;
	int fd;

	join(path, sizeof(path), directory, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fail_msg("%s: not there", path);
	assert_ok(clv_secret_alloc(out, CLV_SECRET_MAX - 1, &err));
	count = read(fd, out->data, out->capacity);
	assert_true(count >= 0);
	out->size = (size_t)count;
	(void)close(fd);
}

void
file_put(
    const char *directory, const char *name, const void *bytes, size_t size)
{
	char path[512];
	int fd;

	join(path, sizeof(path), directory, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	(void)close(fd);
}
