/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "base/secret_source.h"

#include <errno.h>
#include <fcntl.h>
#include <keyutils.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Longer than any PIN or password that a person or service has. */
#define SOURCE_MAX 4096U

static clv_status
fail(clv_error **err, clv_status status, const char *source, int code,
    const char *reason)
{
	return clv_error_raise(err, status,
	    &(struct clv_error_info){.operation = "get secret from",
		.subject = source,
		.domain = code != 0 ? CLV_DOMAIN_ERRNO : CLV_DOMAIN_NONE,
		.code = code},
	    "%s", reason);
}

static clv_status
nothing_there(clv_error **err, const char *source)
{
	return fail(err, CLV_NOT_FOUND, source, 0, "it is empty");
}

/* One newline at the end is how editors and echo end a file. */
static void
drop_newline(clv_secret *secret)
{
	if (secret->size > 0 && secret->data[secret->size - 1] == '\n')
		secret->data[--secret->size] = '\0';
}

/* Byte by byte: what follows the line belongs to the next question. */
static clv_status
read_line(int fd, const char *source, clv_secret *answer, clv_error **err)
{
	clv_status status = clv_secret_alloc(answer, SOURCE_MAX, err);

	while (status == CLV_OK) {
		unsigned char *at = answer->data + answer->size;
		const ssize_t got = read(fd, at, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail(err,
			    errno == EBADF ? CLV_NOT_FOUND : CLV_IO, source,
			    errno, "it can't be read");
		if (got == 0 && answer->size == 0)
			return nothing_there(err, source);
		if (got == 0 || *at == '\n')
			break;
		if (++answer->size == SOURCE_MAX)
			status = fail(err, CLV_TOO_LARGE, source, 0,
			    "longer than 4095 bytes");
	}
	if (status == CLV_OK)
		answer->data[answer->size] = '\0';
	return status;
}

static clv_status
read_fd(
    const char *source, const char *number, clv_secret *answer, clv_error **err)
{
	char *end = NULL;
	long fd;

	errno = 0;
	fd = strtol(number, &end, 10);
	if (*number < '0' || *number > '9' || *end != '\0' || errno != 0 ||
	    fd > 1048576)
		return fail(err, CLV_INVALID, source, 0,
		    "\"fd:\" takes the number of a descriptor");
	return read_line((int)fd, source, answer, err);
}

/* systemd.exec(5), "Credentials". The directory is the service manager's: it
 * may carry an ACL for the service's account, so the guard is not asked. */
static clv_status
read_credential(
    const char *source, const char *name, clv_secret *answer, clv_error **err)
{
	const char *directory = secure_getenv("CREDENTIALS_DIRECTORY");
	clv_status status;
	int at;
	int fd;

	if (*name == '\0' || *name == '.' || strchr(name, '/') != NULL)
		return fail(err, CLV_INVALID, source, 0,
		    "\"cred:\" takes the name of a credential");
	if (directory == NULL || *directory != '/')
		return clv_error_raise(err, CLV_NOT_FOUND,
		    &(struct clv_error_info){.operation = "get secret from",
			.subject = source,
			.remedy = "add LoadCredentialEncrypted= to the "
				  "service unit"},
		    "this service has no credentials");
	at = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = at < 0
	    ? -1
	    : openat(at, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		status =
		    fail(err, errno == ENOENT ? CLV_NOT_FOUND : CLV_PERMISSION,
			source, errno, "it can't be opened");
	else
		status = read_line(fd, source, answer, err);
	if (fd >= 0)
		(void)close(fd);
	if (at >= 0)
		(void)close(at);
	return status;
}

static long
find_kernel_key(const char *name)
{
	static const key_serial_t rings[] = {KEY_SPEC_THREAD_KEYRING,
	    KEY_SPEC_PROCESS_KEYRING, KEY_SPEC_SESSION_KEYRING,
	    KEY_SPEC_USER_KEYRING};
	long id = -1;

	for (size_t i = 0; id < 0 && i < sizeof(rings) / sizeof(rings[0]); i++)
		id = keyctl_search(rings[i], "user", name, 0);
	return id;
}

static clv_status
read_keyring(
    const char *source, const char *name, clv_secret *answer, clv_error **err)
{
	clv_status status;
	long id;
	long size;

	if (*name == '\0')
		return fail(err, CLV_INVALID, source, 0,
		    "\"keyring:\" takes the description of a key");
	id = find_kernel_key(name);
	if (id < 0)
		return clv_error_raise(err, CLV_NOT_FOUND,
		    &(struct clv_error_info){.operation = "get secret from",
			.subject = source,
			.domain = CLV_DOMAIN_ERRNO,
			.code = errno,
			.remedy = "keyctl padd user NAME @u"},
		    "no such key in the thread, process, session or user "
		    "keyring");
	status = clv_secret_alloc(answer, SOURCE_MAX, err);
	if (status != CLV_OK)
		return status;
	size = keyctl_read((key_serial_t)id, (char *)answer->data, SOURCE_MAX);
	if (size < 0)
		return fail(err, CLV_PERMISSION, source, errno,
		    "the key can't be read");
	if ((unsigned long)size > SOURCE_MAX - 1)
		return fail(
		    err, CLV_TOO_LARGE, source, 0, "longer than 4095 bytes");
	answer->size = (size_t)size;
	drop_newline(answer);
	answer->data[answer->size] = '\0';
	return answer->size > 0 ? CLV_OK : nothing_there(err, source);
}

static clv_status
read_file(const struct clv_source_environment *environment, const char *source,
    const char *path, clv_secret *answer, clv_error **err)
{
	const clv_status status = clv_guard_read_secret(environment->guard,
	    CLV_GUARD_KEY, AT_FDCWD, path, SOURCE_MAX, answer, err);

	if (status != CLV_OK)
		return status;
	drop_newline(answer);
	if (answer->size == 0)
		return nothing_there(err, source);
	clv_log_line(environment->logger, CLV_LOG_WARNING,
	    "%s keeps a secret in a file: prefer cred:, keyring: or tpm2:",
	    source);
	return CLV_OK;
}

static const char *
after(const char *source, const char *prefix)
{
	const size_t size = strlen(prefix);

	return strncmp(source, prefix, size) == 0 ? source + size : NULL;
}

bool
clv_source_known(const char *source)
{
	return strcmp(source, "prompt") == 0 || after(source, "fd:") ||
	    after(source, "cred:") || after(source, "keyring:") ||
	    after(source, "file:");
}

clv_status
clv_source_read(const struct clv_source_environment *environment,
    const char *source, const struct clv_ask_request *request,
    clv_secret *answer, clv_error **err)
{
	const char *rest;

	if (strcmp(source, "prompt") == 0)
		return clv_prompt(request, answer, err);
	if ((rest = after(source, "fd:")) != NULL)
		return read_fd(source, rest, answer, err);
	if ((rest = after(source, "cred:")) != NULL)
		return read_credential(source, rest, answer, err);
	if ((rest = after(source, "keyring:")) != NULL)
		return read_keyring(source, rest, answer, err);
	if ((rest = after(source, "file:")) != NULL)
		return read_file(environment, source, rest, answer, err);
	return fail(
	    err, CLV_INVALID, source, 0, "no such kind of secret source");
}
