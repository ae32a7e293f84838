/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Where the certificates of slots are kept. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "application/application.h"
#include "base/file.h"
#include "keys/context.h"
#include "keys/subject.h"
#include "trust/names.h"

static clv_status
no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "install certificate"},
	    "out of memory");
}

static clv_status
open_certificates(const clv_application *application, const char *path, int *fd,
    clv_error **err)
{
	return clv_guard_open_directory(application->guard, CLV_GUARD_TRUST,
	    application->directory_fd, path, fd, NULL, err);
}

static bool
name_file(const clv_application *application, const uint8_t *der, size_t size,
    char *name)
{
	const char *common_name =
	    clv_subject_get(application->config.subject, "CN");
	uint8_t digest[CLV_THUMBPRINT_SIZE];

	if (EVP_Digest(der, size, digest, NULL,
		application->context->digests[CLV_HASH_SHA1], NULL) != 1)
		return false;
	clv_trust_name_print((const uint8_t *)common_name, strlen(common_name),
	    digest, "der", name);
	return true;
}

clv_status
clv_application_name_certificate(const clv_application *application,
    size_t group, const uint8_t *der, size_t size, char **path, clv_error **err)
{
	char name[CLV_TRUST_NAME_SIZE];

	*path = NULL;
	if (!name_file(application, der, size, name) ||
	    asprintf(path, "%s/own/certs/%s",
		application->config.groups[group].trust_list, name) < 0)
		return no_memory(err);
	return CLV_OK;
}

clv_status
clv_application_store_certificate(const clv_application *application,
    size_t group, const uint8_t *der, size_t size, char **path, clv_error **err)
{
	char name[CLV_TRUST_NAME_SIZE];
	char *directory = NULL;
	int fd = -1;
	clv_status status;

	*path = NULL;
	if (!name_file(application, der, size, name) ||
	    asprintf(&directory, "%s/own/certs",
		application->config.groups[group].trust_list) < 0)
		return no_memory(err);
	status = open_certificates(application, directory, &fd, err);
	if (status == CLV_OK)
		status = clv_file_write_atomic(
		    fd, name, der, size, 0644, CLV_FILE_REPLACE, err);
	if (fd >= 0)
		(void)close(fd);
	if (status == CLV_OK && asprintf(path, "%s/%s", directory, name) < 0)
		status = no_memory(err);
	free(directory);
	return status;
}
