/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Putting certificates into slots. */

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

static clv_status
refuse(const clv_application *application, const char *why, clv_error **err)
{
	return clv_error_raise(err, CLV_INVALID,
	    &(struct clv_error_info){.operation = "install certificate in",
		.subject = application->directory},
	    "%s", why);
}

/* Whether the certificate is for this slot's key. */
static clv_status
is_for_slot(const clv_application *application, size_t index,
    const clv_certificate *certificate, bool *yes, clv_error **err)
{
	struct clv_slot slot;
	clv_key *key = NULL;
	clv_status status;

	*yes = false;
	if (!clv_application_slot(application, index, &slot) ||
	    slot.key == NULL ||
	    strcmp(slot.type,
		clv_algorithm_describe(clv_certificate_algorithm(certificate))
		    ->type_name) != 0)
		return CLV_OK;
	status =
	    clv_application_key(application, slot.group, slot.type, &key, err);
	if (status == CLV_OK)
		*yes = clv_certificate_matches(certificate, key);
	clv_key_free(&key);
	return status;
}

static clv_status
find_slot(const clv_application *application, const char *group,
    const char *type, const clv_certificate *certificate, size_t *index,
    clv_error **err)
{
	bool found = false;
	clv_status status = CLV_OK;

	if (clv_certificate_algorithm(certificate) == CLV_ALGORITHM_NONE)
		return refuse(
		    application, "OPC UA has no use for its kind of key", err);
	if (group != NULL && type != NULL) {
		if (!clv_application_find(application, group, type, index))
			return refuse(
			    application, "there is no such slot", err);
		status =
		    is_for_slot(application, *index, certificate, &found, err);
	} else {
		const size_t count = application->config.slot_count;

		for (*index = 0; status == CLV_OK && *index < count;
		     (*index)++) {
			status = is_for_slot(
			    application, *index, certificate, &found, err);
			if (found)
				break;
		}
	}
	if (status == CLV_OK && !found)
		status = refuse(application,
		    "its public key is not that of the application's key", err);
	return status;
}

static clv_status
check_uri(const clv_application *application,
    const clv_certificate *certificate, clv_error **err)
{
	const char *uri = clv_certificate_application_uri(certificate);

	if (uri != NULL && strcmp(uri, clv_application_uri(application)) == 0)
		return CLV_OK;
	return refuse(application,
	    uri == NULL ? "it has no ApplicationUri in its subjectAltName"
			: "its ApplicationUri is not the application's",
	    err);
}

clv_status
clv_application_install(clv_application *application, const char *group,
    const char *type, const uint8_t *der, size_t size, clv_error **err)
{
	clv_certificate *certificate = NULL;
	struct clv_config_slot *slot;
	char *path = NULL;
	char *before;
	size_t index = 0;
	clv_status status;

	if ((status = clv_certificate_parse(application->context, der, size,
		 &certificate, err)) != CLV_OK ||
	    (status = check_uri(application, certificate, err)) != CLV_OK ||
	    (status = find_slot(
		 application, group, type, certificate, &index, err)) != CLV_OK)
		goto out;
	der = clv_certificate_der(certificate, &size);
	slot = &application->config.slots[index];
	status = clv_application_store_certificate(
	    application, slot->group, der, size, &path, err);
	if (status != CLV_OK)
		goto out;
	before = slot->certificate;
	slot->certificate = path;
	status = clv_application_save(application, err);
	if (status == CLV_OK) {
		free(before);
		status = clv_application_refresh(application, index, err);
	} else {
		slot->certificate = before;
		free(path);
	}
out:
	clv_certificate_free(&certificate);
	return status;
}
