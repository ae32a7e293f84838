/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Handing a list out, as files or as one text. */

#include "trust/item.h"
#include "trust/list.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/file.h"

#define FILE_MODE 0644
#define LINE 48 /* bytes that make 64 characters of base64 */

/* ---- as files ---- */

struct files_export {
	int folders[CLV_FOLDER_COUNT];
	unsigned lists;
	clv_error **err;
};

static clv_status
raise_errno(clv_error **err, const char *subject)
{
	const int code = errno;

	return clv_error_raise(err, CLV_IO,
	    &(struct clv_error_info){.operation = "export to",
		.subject = subject,
		.domain = CLV_DOMAIN_ERRNO,
		.code = code},
	    "%s", strerror(code));
}

static clv_status
open_folders(
    struct files_export *export, const char *directory, clv_error **err)
{
	static const char *const names[CLV_FOLDER_COUNT] = {
	    "trusted/certs", "trusted/crl", "issuer/certs", "issuer/crl"};
	const int root = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	clv_status status = CLV_OK;

	if (root < 0)
		return raise_errno(err, directory);
	for (size_t i = 0; i < CLV_FOLDER_COUNT && status == CLV_OK; i++) {
		export->folders[i] =
		    openat(root, names[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (export->folders[i] < 0)
			status = raise_errno(err, names[i]);
	}
	(void)close(root);
	return status;
}

/* Each is a file of its own, named anew: what it came from may have held
 * several, or have a name that other systems do not take. */
static clv_status
write_file(struct files_export *export, clv_trust_mask list, const char *name,
    const uint8_t *der, size_t size)
{
	clv_error *failure = NULL;
	size_t folder = 0;
	clv_status status;

	if ((export->lists & list) == 0)
		return CLV_OK;
	while (1U << folder != (unsigned)list)
		folder++;
	status = clv_file_write_atomic(export->folders[folder], name, der, size,
	    FILE_MODE, CLV_FILE_CREATE_NEW, &failure);
	if (status == CLV_EXISTS)
		status = CLV_OK;
	if (status != CLV_OK && export->err != NULL)
		*export->err = failure;
	else
		clv_error_free(&failure);
	return status;
}

static clv_status
write_all(struct files_export *export, const clv_trust_snapshot *snapshot)
{
	const struct clv_trust_member *member;
	const struct clv_trust_crl_member *crl;
	char name[CLV_TRUST_NAME_SIZE];
	clv_status status = CLV_OK;
	size_t position = 0;

	while (status == CLV_OK &&
	    (member = clv_trust_snapshot_next_cert(snapshot, &position)) !=
		NULL) {
		clv_trust_name_cert(member->cert, name);
		status =
		    write_file(export, clv_trust_mask_of(false, member->where),
			name, member->cert->der, member->cert->size);
	}
	position = 0;
	while (status == CLV_OK &&
	    (crl = clv_trust_snapshot_next_crl(snapshot, &position)) != NULL) {
		clv_trust_name_crl(crl->crl, name);
		status = write_file(export, clv_trust_mask_of(true, crl->where),
		    name, crl->crl->der, crl->crl->size);
	}
	return status;
}

clv_status
clv_trust_export_files(
    clv_trust *trust, unsigned lists, const char *directory, clv_error **err)
{
	struct files_export export = {
	    .folders = {-1, -1, -1, -1}, .lists = lists, .err = err};
	clv_trust_snapshot *snapshot = NULL;
	char *absolute = NULL;
	bool made = false;
	clv_status status;

	if ((status = clv_layout_absolute(directory, &absolute, err)) !=
		CLV_OK ||
	    (status = clv_trust_get_snapshot(trust, &snapshot, err)) !=
		CLV_OK ||
	    (status = clv_layout_create(absolute, &made, err)) != CLV_OK ||
	    (status = open_folders(&export, absolute, err)) != CLV_OK)
		goto out;
	status = write_all(&export, snapshot);
out:
	for (size_t i = 0; i < CLV_FOLDER_COUNT; i++)
		if (export.folders[i] >= 0)
			(void)close(export.folders[i]);
	clv_trust_snapshot_unref(snapshot);
	free(absolute);
	return status;
}

/* ---- as one text ---- */

static void
print_base64(FILE *out, const uint8_t *der, size_t size)
{
	unsigned char line[LINE / 3 * 4 + 1];

	for (size_t at = 0; at < size; at += LINE) {
		const size_t left = size - at;

		(void)EVP_EncodeBlock(
		    line, der + at, (int)(left < LINE ? left : LINE));
		(void)fprintf(out, "%s\n", (const char *)line);
	}
}

static bool
print_item(void *user, const clv_trust_item *item)
{
	static const char *const names[CLV_FOLDER_COUNT] = {
	    "trusted certificate", "CRL of a trusted list",
	    "issuer certificate", "CRL of an issuer list"};
	const char *label = item->is_crl ? "X509 CRL" : "CERTIFICATE";
	FILE *out = user;
	size_t index = 0;

	while (1U << index != (unsigned)item->list)
		index++;
	(void)fprintf(out, "# %s: %s\n-----BEGIN %s-----\n", names[index],
	    item->subject, label);
	print_base64(out, item->der, item->size);
	(void)fprintf(out, "-----END %s-----\n", label);
	return ferror(out) == 0;
}

clv_status
clv_trust_export_pem(
    clv_trust *trust, unsigned lists, char **pem, size_t *size, clv_error **err)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, size);
	clv_status status = CLV_NO_MEMORY;

	*pem = NULL;
	if (out != NULL) {
		status = clv_trust_visit(trust, lists, print_item, out, err);
		/* The only thing that stops the visitor. */
		if (ferror(out) != 0)
			status = CLV_NO_MEMORY;
		if (fclose(out) != 0 || text == NULL)
			status = CLV_NO_MEMORY;
	}
	if (status == CLV_NO_MEMORY)
		(void)clv_error_raise(err, CLV_NO_MEMORY,
		    &(struct clv_error_info){.operation = "export TrustList"},
		    "out of memory");
	if (status != CLV_OK) {
		free(text);
		return status;
	}
	*pem = text;
	return CLV_OK;
}
