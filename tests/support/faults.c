/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "support/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/vfs.h>

static struct {
	unsigned kinds;
	long left; /* calls until it strikes */
	int error;
	bool struck;
	const char *name;
} fault;

void
faults_arm(unsigned kinds, long nth, int error)
{
	fault.kinds = kinds;
	fault.left = nth;
	fault.error = error;
	fault.struck = false;
	fault.name = "";
}

bool
faults_disarm(void)
{
	fault.kinds = 0;
	return fault.struck;
}

const char *
faults_struck(void)
{
	return fault.name;
}

static bool
strikes(enum fault_kind kind, const char *name)
{
	if (!(fault.kinds & kind) || fault.left <= 0 || --fault.left > 0)
		return false;
	fault.struck = true;
	fault.name = name;
	errno = kind == FAULT_MEMORY ? ENOMEM : fault.error;
	return true;
}

/* A wrapper for each call: the linker leads the library's calls here. */
#define CALL(type, name, parameters, arguments)                              \
	type __real_##name parameters;                                       \
	type __wrap_##name parameters;                                       \
	type __wrap_##name parameters                                        \
	{                                                                    \
		return strikes(FAULT_CALL, #name) ? (type)-1                 \
						  : __real_##name arguments; \
	}

#define ALLOCATION(type, name, parameters, arguments)                          \
	type __real_##name parameters;                                         \
	type __wrap_##name parameters;                                         \
	type __wrap_##name parameters                                          \
	{                                                                      \
		return strikes(FAULT_MEMORY, #name) ? NULL                     \
						    : __real_##name arguments; \
	}

CALL(int, statx,
    (int at, const char *path, int flags, unsigned mask, struct statx *out),
    (at, path, flags, mask, out))
CALL(int, fstat, (int fd, struct stat *out), (fd, out))
CALL(int, fstatat, (int at, const char *path, struct stat *out, int flags),
    (at, path, out, flags))
CALL(int, statfs, (const char *path, struct statfs *out), (path, out))
CALL(int, fstatfs, (int fd, struct statfs *out), (fd, out))
CALL(ssize_t, readlink, (const char *path, char *out, size_t size),
    (path, out, size))
CALL(ssize_t, readlinkat, (int at, const char *path, char *out, size_t size),
    (at, path, out, size))
CALL(ssize_t, listxattr, (const char *path, char *out, size_t size),
    (path, out, size))
CALL(ssize_t, flistxattr, (int fd, char *out, size_t size), (fd, out, size))
CALL(ssize_t, getxattr,
    (const char *path, const char *name, void *out, size_t size),
    (path, name, out, size))
CALL(int, setxattr,
    (const char *path, const char *name, const void *value, size_t size,
	int flags),
    (path, name, value, size, flags))
CALL(int, fremovexattr, (int fd, const char *name), (fd, name))
CALL(int, chmod, (const char *path, mode_t mode), (path, mode))
CALL(int, fchmod, (int fd, mode_t mode), (fd, mode))
CALL(int, fchown, (int fd, uid_t user, gid_t group), (fd, user, group))
CALL(ssize_t, read, (int fd, void *out, size_t size), (fd, out, size))
CALL(
    ssize_t, write, (int fd, const void *bytes, size_t size), (fd, bytes, size))
CALL(int, fsync, (int fd), (fd))
CALL(int, renameat, (int from, const char *old, int to, const char *name),
    (from, old, to, name))
CALL(int, renameat2,
    (int from, const char *old, int to, const char *name, unsigned flags),
    (from, old, to, name, flags))
CALL(int, linkat,
    (int from, const char *old, int to, const char *name, int flags),
    (from, old, to, name, flags))

ALLOCATION(void *, malloc, (size_t size), (size))
ALLOCATION(void *, calloc, (size_t count, size_t size), (count, size))
ALLOCATION(void *, reallocarray, (void *old, size_t count, size_t size),
    (old, count, size))
ALLOCATION(char *, strdup, (const char *text), (text))

int __real_open(const char *path, int flags, mode_t mode);
int __wrap_open(const char *path, int flags, ...);
int __real_openat(int at, const char *path, int flags, mode_t mode);
int __wrap_openat(int at, const char *path, int flags, ...);
int __real_fcntl(int fd, int command, intptr_t argument);
int __wrap_fcntl(int fd, int command, ...);

static bool
takes_mode(int flags)
{
	return (flags & O_CREAT) != 0 || (flags & O_TMPFILE) == O_TMPFILE;
}

int
__wrap_open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list list;

	va_start(list, flags);
	if (takes_mode(flags))
		mode = va_arg(list, mode_t);
	va_end(list);
	return strikes(FAULT_CALL, "open") ? -1
					   : __real_open(path, flags, mode);
}

int
__wrap_openat(int at, const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list list;

	va_start(list, flags);
	if (takes_mode(flags))
		mode = va_arg(list, mode_t);
	va_end(list);
	return strikes(FAULT_CALL, "openat")
	    ? -1
	    : __real_openat(at, path, flags, mode);
}

int
__wrap_fcntl(int fd, int command, ...)
{
	intptr_t argument;
	va_list list;

	va_start(list, command);
	argument = va_arg(list, intptr_t);
	va_end(list);
	return strikes(FAULT_CALL, "fcntl")
	    ? -1
	    : __real_fcntl(fd, command, argument);
}
