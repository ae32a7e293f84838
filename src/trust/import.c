/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Taking over what other products keep in their directories. */

#include "trust/change.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

enum role { ROLE_TRUSTED, ROLE_ISSUER, ROLE_REJECTED };

/* Where products keep what. CRLs are told from certificates by content, so
 * that a folder has one role only. */
static const struct place {
	const char *path; /* %s is the group */
	enum role role;
} places[] = {
    /* Part 12, F.1; UA-.NETStandard with User and Https behind the name */
    {"trusted%s/certs", ROLE_TRUSTED},
    {"trusted%s/crl", ROLE_TRUSTED},
    {"issuer%s/certs", ROLE_ISSUER},
    {"issuer%s/crl", ROLE_ISSUER},
    /* node-opcua, Milo 0 */
    {"issuers%s/certs", ROLE_ISSUER},
    {"issuers%s/crl", ROLE_ISSUER},
    {"rejected%s/certs", ROLE_REJECTED},
    {"rejected%s", ROLE_REJECTED},
};

/* For the application's own list only. */
static const struct place unified_places[] = {
    {"PKI/CA/certs", ROLE_TRUSTED},
    {"PKI/CA/crl", ROLE_TRUSTED},
    {"PKI/issuers/certs", ROLE_ISSUER},
    {"PKI/issuers/crl", ROLE_ISSUER},
    {"PKI/rejected", ROLE_REJECTED},
    {"CA/certs", ROLE_TRUSTED},
    {"CA/crl", ROLE_TRUSTED},
};

/* open62541 1.5 has a whole layout for each group. */
static const struct wrapper {
	const char *group;
	const char *directory;
} wrappers[] = {
    {"", "ApplCerts"},
    {"Https", "HttpCerts"},
    {"User", "UserTokenCerts"},
};

struct import {
	struct clv_change *change;
	const char *group;
	size_t max_size;
	size_t places; /* that were there */
	clv_error **err;
};

static clv_status
raise_errno(clv_error **err, const char *operation, const char *subject)
{
	const int code = errno;

	return clv_error_raise(err,
	    code == ENOENT       ? CLV_NOT_FOUND
		: code == EACCES ? CLV_PERMISSION
				 : CLV_IO,
	    &(struct clv_error_info){.operation = operation,
		.subject = subject,
		.domain = CLV_DOMAIN_ERRNO,
		.code = code},
	    "%s", strerror(code));
}

/* ---- one file ---- */

static void
reject_all(clv_trust *trust, const uint8_t *bytes, size_t size)
{
	struct clv_content content;

	if (clv_content_parse(bytes, size, "", &content, NULL) != CLV_OK)
		return;
	for (size_t i = 0; i < content.count; i++)
		if (content.items[i].kind == CLV_CONTENT_CERTIFICATE)
			clv_trust_reject(
			    trust, content.items[i].der, content.items[i].size);
	clv_content_clear(&content);
}

/* What is neither certificate nor CRL is passed over, and told. */
static clv_status
take_bytes(struct import *import, const char *name, enum role role,
    const uint8_t *bytes, size_t size)
{
	struct clv_change *change = import->change;
	clv_error *failure = NULL;
	clv_status status;

	if (role == ROLE_REJECTED) {
		reject_all(change->trust, bytes, size);
		return CLV_OK;
	}
	status = clv_change_put_bytes(change,
	    role == ROLE_TRUSTED ? CLV_TRUST_TRUSTED : CLV_TRUST_ISSUER, bytes,
	    size, name, &failure);
	if (status == CLV_CORRUPT || status == CLV_POLICY ||
	    status == CLV_TOO_LARGE || status == CLV_UNSUPPORTED) {
		change->result.skipped++;
		clv_log_line(&change->trust->logger, CLV_LOG_WARNING,
		    "not imported: %s", clv_error_message(failure));
		status = CLV_OK;
	}
	if (status != CLV_OK && import->err != NULL)
		*import->err = failure;
	else
		clv_error_free(&failure);
	return status;
}

/* A file that no certificate can be: told, and passed over. */
static clv_status
skip_file(struct import *import, clv_error *failure)
{
	import->change->result.skipped++;
	clv_log_line(&import->change->trust->logger, CLV_LOG_WARNING,
	    "not imported: %s", clv_error_message(failure));
	clv_error_free(&failure);
	return CLV_OK;
}

static clv_status
take_file(
    struct import *import, int directory, const char *name, enum role role)
{
	const int fd = openat(
	    directory, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	unsigned char *bytes = NULL;
	clv_error *failure = NULL;
	struct stat about;
	size_t size = 0;
	clv_status status = CLV_OK;

	/* A link that leads nowhere, or in a circle. */
	if (fd < 0 && (errno == ENOENT || errno == ELOOP)) {
		(void)raise_errno(&failure, "import", name);
		return skip_file(import, failure);
	}
	if (fd < 0)
		return raise_errno(import->err, "import", name);
	if (fstat(fd, &about) != 0 || !S_ISREG(about.st_mode)) {
		(void)close(fd);
		return CLV_OK;
	}
	if ((uintmax_t)about.st_size > import->max_size) {
		(void)close(fd);
		(void)clv_error_raise(&failure, CLV_TOO_LARGE,
		    &(struct clv_error_info){
			.operation = "import", .subject = name},
		    "it has more than %zu bytes", import->max_size);
		return skip_file(import, failure);
	}
	status = clv_file_read(
	    fd, name, import->max_size, &bytes, &size, import->err);
	(void)close(fd);
	if (status == CLV_OK)
		status = take_bytes(import, name, role, bytes, size);
	free(bytes);
	return status;
}

/* ---- a folder ---- */

static clv_status
take_folder(struct import *import, int root, const char *path, enum role role)
{
	const int fd = openat(root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd >= 0 ? fdopendir(fd) : NULL;
	clv_status status = CLV_OK;
	struct dirent *entry;

	if (entries == NULL) {
		const bool missing = errno == ENOENT || errno == ENOTDIR;

		if (fd >= 0)
			(void)close(fd);
		return missing ? CLV_OK
			       : raise_errno(import->err, "import", path);
	}
	import->places++;
	while (status == CLV_OK && (entry = readdir(entries)) != NULL)
		if (entry->d_name[0] != '.')
			status = take_file(
			    import, dirfd(entries), entry->d_name, role);
	(void)closedir(entries);
	return status;
}

static clv_status
take_places(struct import *import, int root, const char *group)
{
	char path[128];
	clv_status status = CLV_OK;

	for (size_t i = 0;
	     i < sizeof(places) / sizeof(places[0]) && status == CLV_OK; i++) {
		const char *slot = strstr(places[i].path, "%s");
		const int before = (int)(slot - places[i].path);

		(void)snprintf(path, sizeof(path), "%.*s%s%s", before,
		    places[i].path, group, slot + 2);
		status = take_folder(import, root, path, places[i].role);
	}
	for (size_t i = 0; *group == '\0' && status == CLV_OK &&
	     i < sizeof(unified_places) / sizeof(unified_places[0]);
	     i++)
		status = take_folder(import, root, unified_places[i].path,
		    unified_places[i].role);
	return status;
}

/* The group is part of the names, or of the directory around them. */
static clv_status
take_layout(struct import *import, int root)
{
	clv_status status = take_places(import, root, import->group);

	for (size_t i = 0;
	     i < sizeof(wrappers) / sizeof(wrappers[0]) && status == CLV_OK;
	     i++) {
		int fd;

		if (strcmp(wrappers[i].group, import->group) != 0)
			continue;
		fd = openat(root, wrappers[i].directory,
		    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0)
			continue;
		status = take_places(import, fd, "");
		(void)close(fd);
	}
	return status;
}

static clv_status
import_all(struct import *import, const char *directory)
{
	const int root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	clv_status status;

	if (root < 0)
		return raise_errno(import->err, "import", directory);
	status = take_layout(import, root);
	(void)close(root);
	if (status == CLV_OK && import->places == 0)
		status = clv_error_raise(import->err, CLV_NOT_FOUND,
		    &(struct clv_error_info){.operation = "import",
			.subject = directory,
			.remedy =
			    "name the directory that holds trusted/certs"},
		    "no layout of certificates is there that is known");
	return status;
}

static bool
is_group(const char *group)
{
	for (size_t i = 0; i < sizeof(wrappers) / sizeof(wrappers[0]); i++)
		if (strcmp(wrappers[i].group, group) == 0)
			return true;
	return false;
}

clv_status
clv_trust_import(clv_trust *trust, const char *directory, const char *group,
    clv_trust_change *result, clv_error **err)
{
	struct clv_change change;
	struct import import = {.change = &change,
	    .group = group != NULL ? group : "",
	    .max_size = trust->loader.max_size,
	    .err = err};
	clv_status status;

	if (result != NULL)
		*result = (clv_trust_change){.added = 0};
	if (!is_group(import.group))
		return clv_error_raise(err, CLV_INVALID,
		    &(struct clv_error_info){.operation = "import",
			.subject = group,
			.remedy = "use User or Https, or none"},
		    "no such group is known");
	if ((status = clv_change_begin(&change, trust, err)) == CLV_OK)
		status = import_all(&import, directory);
	if (status == CLV_OK)
		status = clv_change_commit(&change, err);
	if (status == CLV_OK && result != NULL)
		*result = change.result;
	clv_change_end(&change);
	return status;
}
