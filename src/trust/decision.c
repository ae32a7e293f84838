/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/decision.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/rand.h>

#define LINE_SIZE (sizeof(CLV_DECISION_HEADER) - 1 + CLV_NONCE_SIZE)

clv_status
clv_nonce_make(char nonce[CLV_NONCE_SIZE], clv_error **err)
{
	uint8_t bytes[(CLV_NONCE_SIZE - 1) / 2];

	nonce[0] = '\0';
	if (RAND_bytes(bytes, sizeof(bytes)) != 1)
		return clv_error_raise(err, CLV_CRYPTO,
		    &(struct clv_error_info){.operation = "begin change"},
		    "no random numbers");
	for (size_t i = 0; i < sizeof(bytes); i++)
		(void)snprintf(nonce + 2 * i, 3, "%02x", bytes[i]);
	return CLV_OK;
}

bool
clv_nonce_is(const char *text)
{
	return strlen(text) == CLV_NONCE_SIZE - 1 &&
	    strspn(text, "0123456789abcdef") == CLV_NONCE_SIZE - 1;
}

void
clv_decision_clear(struct clv_decision *decision)
{
	free(decision->path);
	*decision = (struct clv_decision){.path = NULL};
}

static clv_status
raise_unknown(const struct clv_decision *decision, const char *why,
    const char *remedy, clv_error **err)
{
	return clv_error_raise(err, CLV_CORRUPT,
	    &(struct clv_error_info){
		.operation = "find out whether a change of the TrustList "
			     "counts from",
		.subject = decision->path,
		.remedy = remedy},
	    "%s", why);
}

/* The directory must be there: if it was moved, nobody knows what the record
 * in it says. */
static clv_status
open_directory(const clv_guard *guard, int directory,
    const struct clv_decision *decision, const char *name, int *fd,
    clv_error **err)
{
	clv_error *failure = NULL;
	char *parent = strndup(decision->path, (size_t)(name - decision->path));
	clv_status status;

	*fd = -1;
	if (parent == NULL)
		return clv_error_raise(
		    err, CLV_NO_MEMORY, NULL, "out of memory");
	status = clv_guard_open_directory(
	    guard, CLV_GUARD_CONFIG, directory, parent, fd, NULL, &failure);
	free(parent);
	if (status == CLV_NOT_FOUND) {
		clv_error_free(&failure);
		return raise_unknown(decision,
		    "the directory of the record that decides is gone",
		    "put the application's directory back in its place, or "
		    "remove .claviger/journal to give up the change",
		    err);
	}
	if (status != CLV_OK && err != NULL)
		*err = failure;
	else
		clv_error_free(&failure);
	return status;
}

/* As much of the first line as tells. */
static clv_status
read_line(int fd, const struct clv_decision *decision, char line[LINE_SIZE + 1],
    clv_error **err)
{
	size_t size = 0;

	while (size < LINE_SIZE) {
		const ssize_t got = read(fd, line + size, LINE_SIZE - size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return clv_error_raise(err, CLV_IO,
			    &(struct clv_error_info){.operation = "read",
				.subject = decision->path,
				.domain = CLV_DOMAIN_ERRNO,
				.code = errno},
			    "%s", strerror(errno));
		if (got == 0)
			break;
		size += (size_t)got;
	}
	line[size] = '\0';
	return CLV_OK;
}

static clv_status
judge_line(char line[LINE_SIZE + 1], const struct clv_decision *decision,
    bool *made, clv_error **err)
{
	static const char header[] = CLV_DECISION_HEADER;
	char *nonce = line + sizeof(header) - 1;
	char *end = strchr(line, '\n');

	if (end != NULL)
		*end = '\0';
	if (end != NULL && strcmp(line, CLV_DECISION_OLD_HEADER) == 0)
		return CLV_OK;
	if (end == NULL || strncmp(line, header, sizeof(header) - 1) != 0 ||
	    !clv_nonce_is(nonce))
		return raise_unknown(decision,
		    "the record that decides is damaged",
		    "restore the record from a backup; or look through the "
		    "application and remove both the record and "
		    ".claviger/journal",
		    err);
	*made = strcmp(nonce, decision->nonce) == 0;
	return CLV_OK;
}

clv_status
clv_decision_ask(const clv_guard *guard, int directory,
    const struct clv_decision *decision, bool *made, clv_error **err)
{
	const char *slash = strrchr(decision->path, '/');
	const char *name = slash != NULL ? slash + 1 : decision->path;
	char line[LINE_SIZE + 1];
	clv_error *failure = NULL;
	int parent = -1;
	int fd = -1;
	clv_status status;

	*made = false;
	status = open_directory(guard, directory, decision, name, &parent, err);
	if (status != CLV_OK)
		return status;
	status = clv_guard_open_entry(
	    guard, CLV_GUARD_CONFIG, parent, name, &fd, NULL, &failure);
	if (status == CLV_OK &&
	    (status = read_line(fd, decision, line, &failure)) == CLV_OK)
		status = judge_line(line, decision, made, &failure);
	if (fd >= 0)
		(void)close(fd);
	(void)close(parent);
	if (status == CLV_NOT_FOUND)
		status = CLV_OK;
	if (status != CLV_OK && err != NULL)
		*err = failure;
	else
		clv_error_free(&failure);
	return status;
}
