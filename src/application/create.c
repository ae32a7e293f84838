/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Making a new application. claviger.conf comes last: before it is there, the
 * directory is no application. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "application/application.h"
#include "application/audit.h"
#include "base/file.h"
#include "keys/context.h"
#include "keys/subject.h"

#define PRIVATE_DIRECTORY "pki/own/private"

/* In the order they are made; removed in the reverse. */
static const struct {
	const char *path;
	mode_t mode;
} directories[] = {
    {"state", 0755},
    {"pki", 0755},
    {"pki/own", 0755},
    {"pki/own/certs", 0755},
    {PRIVATE_DIRECTORY, 0700},
    {"pki/trusted", 0755},
    {"pki/trusted/certs", 0755},
    {"pki/trusted/crl", 0755},
    {"pki/issuer", 0755},
    {"pki/issuer/certs", 0755},
    {"pki/issuer/crl", 0755},
    {"pki/rejected", 0755},
    {"pki/rejected/certs", 0755},
};

#define DIRECTORIES (sizeof(directories) / sizeof(directories[0]))

struct creation {
	clv_context *context;
	const char *directory;
	clv_application *application;
	clv_store *store;
	bool made_directory;
	size_t made; /* of `directories` */
	unsigned days;
};

static clv_status
system_failed(const char *path, clv_error **err)
{
	const int code = errno;

	return clv_error_raise(err,
	    code == EACCES || code == EPERM || code == EROFS ? CLV_PERMISSION
							     : CLV_IO,
	    &(struct clv_error_info){.operation = "make application",
		.subject = path,
		.domain = CLV_DOMAIN_ERRNO,
		.code = code},
	    "a directory can't be made");
}

static bool
is_empty(int fd)
{
	const int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = copy >= 0 ? fdopendir(copy) : NULL;
	const struct dirent *entry;
	bool empty = stream != NULL;

	while (empty && (entry = readdir(stream)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 ||
		    strcmp(entry->d_name, "..") == 0;
	if (stream != NULL)
		(void)closedir(stream);
	else if (copy >= 0)
		(void)close(copy);
	return empty;
}

static clv_status
make_root(struct creation *creation, int *fd, clv_error **err)
{
	creation->made_directory = mkdir(creation->directory, 0755) == 0;
	if (!creation->made_directory && errno != EEXIST)
		return system_failed(creation->directory, err);
	*fd = open(creation->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0)
		return system_failed(creation->directory, err);
	if (!is_empty(*fd))
		return clv_error_raise(err, CLV_EXISTS,
		    &(struct clv_error_info){.operation = "make application",
			.subject = creation->directory},
		    "the directory is not empty");
	/* Whatever the umask: nobody else writes here. */
	if (creation->made_directory && fchmod(*fd, 0755) != 0)
		return system_failed(creation->directory, err);
	return CLV_OK;
}

static clv_status
make_directories(struct creation *creation, int fd, clv_error **err)
{
	for (; creation->made < DIRECTORIES; creation->made++) {
		const char *path = directories[creation->made].path;

		if (mkdirat(fd, path, directories[creation->made].mode) != 0 ||
		    fchmodat(fd, path, directories[creation->made].mode, 0) !=
			0)
			return system_failed(path, err);
	}
	return CLV_OK;
}

/* "pem:" and "tpm2:?tcti=..." have no path: they get one inside. */
static clv_status
complete_store(const char *given, char **store, clv_error **err)
{
	const char *colon = strchr(given, ':');
	int made = -1;

	*store = NULL;
	if (colon != NULL && strncmp(given, "pkcs11:", 7) != 0 &&
	    (colon[1] == '\0' || colon[1] == '?'))
		made = asprintf(store, "%.*s:" PRIVATE_DIRECTORY "%s",
		    (int)(colon - given), given, colon + 1);
	else
		made = asprintf(store, "%s", given);
	if (made >= 0)
		return CLV_OK;
	return clv_error_raise(err, CLV_NO_MEMORY, NULL, "out of memory");
}

static clv_status
make_config(
    const clv_subject *subject, struct clv_config *config, clv_error **err)
{
	config->subject = clv_subject_copy(subject);
	config->audit_size = CLV_AUDIT_SIZE_DEFAULT;
	config->audit_files = CLV_AUDIT_COUNT_DEFAULT;
	config->group_count = 1;
	config->groups[0].name = strdup(CLV_DEFAULT_APPLICATION_GROUP);
	config->groups[0].trust_list = strdup("pki");
	if (config->subject != NULL && config->groups[0].name != NULL &&
	    config->groups[0].trust_list != NULL)
		return CLV_OK;
	return clv_error_raise(err, CLV_NO_MEMORY, NULL, "out of memory");
}

static clv_status
fill_slot(struct creation *creation, struct clv_config_slot *slot,
    clv_algorithm algorithm, clv_error **err)
{
	clv_application *application = creation->application;
	uint8_t *der = NULL;
	clv_key *key = NULL;
	size_t size = 0;
	clv_status status;

	status = clv_key_generate(creation->store, algorithm, NULL, &key, err);
	if (status != CLV_OK)
		return status;
	/* Known from here on, so that a failure removes it. */
	status = clv_application_relate(
	    application, clv_key_uri(key), &slot->key, err);
	if (status == CLV_OK)
		status =
		    clv_certificate_self_sign(key, application->config.subject,
			creation->days, &der, &size, err);
	if (status == CLV_OK)
		status = clv_application_store_certificate(
		    application, 0, der, size, &slot->certificate, err);
	if (status == CLV_OK)
		status = clv_application_refresh(application,
		    (size_t)(slot - application->config.slots), err);
	clv_free(der);
	clv_key_free(&key);
	return status;
}

static clv_status
make_slots(struct creation *creation, const char *store,
    const clv_algorithm *algorithms, size_t count, clv_error **err)
{
	struct clv_config *config = &creation->application->config;
	clv_status status = CLV_OK;

	for (size_t i = 0; status == CLV_OK && i < count; i++) {
		const struct clv_algorithm_info *info =
		    clv_algorithm_describe(algorithms[i]);
		struct clv_config_slot *slot =
		    &config->slots[config->slot_count++];

		slot->type = strdup(info->type_name);
		slot->store = strdup(store);
		if (slot->type == NULL || slot->store == NULL)
			status = clv_error_raise(
			    err, CLV_NO_MEMORY, NULL, "out of memory");
		else
			status = fill_slot(creation, slot, algorithms[i], err);
	}
	return status;
}

static clv_status
check_arguments(const clv_subject *subject, const clv_algorithm *algorithms,
    size_t count, clv_error **err)
{
	static const struct clv_error_info operation = {
	    .operation = "make application"};

	if (subject->application_uri == NULL ||
	    clv_subject_get(subject, "CN") == NULL)
		return clv_error_raise(err, CLV_INVALID, &operation,
		    "ApplicationUri and common name are needed");
	if (count == 0 || count > CLV_SLOTS_MAX)
		return clv_error_raise(err, CLV_INVALID, &operation,
		    "at least one algorithm is needed");
	for (size_t i = 0; i < count; i++) {
		const struct clv_algorithm_info *info =
		    clv_algorithm_describe(algorithms[i]);

		if (info == NULL || algorithms[i] == CLV_RSA_OTHER)
			return clv_error_raise(
			    err, CLV_INVALID, &operation, "unknown algorithm");
		for (size_t j = 0; j < i; j++)
			if (strcmp(clv_algorithm_describe(algorithms[j])
				       ->type_name,
				info->type_name) == 0)
				return clv_error_raise(err, CLV_INVALID,
				    &operation, "%s and %s are both of type %s",
				    clv_algorithm_describe(algorithms[j])->name,
				    info->name, info->type_name);
	}
	return CLV_OK;
}

static void
remove_keys(struct creation *creation)
{
	const struct clv_config *config = &creation->application->config;

	for (size_t i = 0; i < config->slot_count; i++) {
		char *uri = NULL;

		if (config->slots[i].key != NULL &&
		    clv_application_resolve(creation->application->directory,
			config->slots[i].key, &uri, NULL) == CLV_OK)
			(void)clv_key_delete(creation->context, uri, NULL);
		clv_free(uri);
		if (config->slots[i].certificate != NULL)
			(void)unlinkat(creation->application->directory_fd,
			    config->slots[i].certificate, 0);
	}
}

static void
undo(struct creation *creation, int fd)
{
	if (creation->application != NULL) {
		remove_keys(creation);
		fd = creation->application->directory_fd;
		(void)unlinkat(fd, CLV_CONFIG_NAME, 0);
	}
	while (creation->made-- > 0)
		(void)unlinkat(
		    fd, directories[creation->made].path, AT_REMOVEDIR);
	if (creation->made_directory)
		(void)rmdir(creation->directory);
}

static clv_status
create(struct creation *creation, const clv_subject *subject, const char *given,
    const clv_algorithm *algorithms, size_t count, int fd, clv_error **err)
{
	struct clv_config config = {0};
	char *resolved = NULL;
	char *store = NULL;
	clv_status status;

	if ((status = make_directories(creation, fd, err)) != CLV_OK ||
	    (status = complete_store(given, &store, err)) != CLV_OK ||
	    (status = make_config(subject, &config, err)) != CLV_OK) {
		clv_config_clear(&config);
		free(store);
		return status;
	}
	status = clv_application_wrap(creation->context, creation->directory,
	    dup(fd), &config, &creation->application, err);
	if (status == CLV_OK)
		status = clv_application_resolve(
		    creation->application->directory, store, &resolved, err);
	if (status == CLV_OK)
		status = clv_store_open(
		    creation->context, resolved, &creation->store, err);
	if (status == CLV_OK)
		status = make_slots(creation, store, algorithms, count, err);
	if (status == CLV_OK)
		status = clv_application_save(creation->application, err);
	clv_free(resolved);
	free(store);
	return status;
}

/* From here on, the log is missed. Only what is durable is claimed; that the
 * application was made stands without. */
static void
begin_audit(clv_application *application)
{
	const struct clv_audit_event event = {.event = "application-created",
	    .detail = clv_application_uri(application)};

	if (clv_audit_append(application, &event, NULL) != CLV_OK)
		return;
	application->config.audit_begun = true;
	if (clv_application_save(application, NULL) != CLV_OK)
		application->config.audit_begun = false;
}

clv_status
clv_application_create(clv_context *context, const char *directory,
    const clv_subject *subject, const char *store,
    const clv_algorithm *algorithms, size_t count, unsigned days,
    clv_application **out, clv_error **err)
{
	struct creation creation = {
	    .context = context, .directory = directory, .days = days};
	int fd = -1;
	clv_status status;

	*out = NULL;
	status = check_arguments(subject, algorithms, count, err);
	if (status != CLV_OK)
		return status;
	status = make_root(&creation, &fd, err);
	if (status == CLV_OK)
		status = create(&creation, subject,
		    store != NULL ? store : "file:", algorithms, count, fd,
		    err);
	if (status == CLV_OK) {
		begin_audit(creation.application);
		*out = creation.application;
		creation.application = NULL; /* transferred */
	} else {
		undo(&creation, fd);
	}
	clv_store_free(&creation.store);
	clv_application_free(&creation.application);
	if (fd >= 0)
		(void)close(fd);
	return status;
}
