/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#ifndef CLV_APPLICATION_APPLICATION_H
#define CLV_APPLICATION_APPLICATION_H

#include <claviger/application.h>

#include "application/config.h"

struct clv_redo;

struct clv_application {
	clv_context *context;
	clv_guard *guard; /* the context's, with the administrators */
	char *directory;
	int directory_fd;
	struct clv_config config;
	/* What claviger.conf says, with absolute paths. */
	char *trust_lists[CLV_GROUPS_MAX];
	struct clv_slot_paths {
		char *store;
		char *key;
		char *certificate;
	} slots[CLV_SLOTS_MAX];
	/* Committed, but not put in place when this was read; or NULL. */
	struct clv_redo *redo;
	/* Opening it finished what was committed, with so many TrustLists. */
	bool finished;
	size_t finished_lists;
};

/* Takes over an open directory; `*config` is moved in. */
clv_status clv_application_wrap(clv_context *context, const char *directory,
    int fd, struct clv_config *config, clv_application **out, clv_error **err);

/* As clv_application_open(), but carries out nothing that was committed. */
clv_status clv_application_read_only(clv_context *context,
    const char *directory, clv_application **out, clv_error **err);

/* Makes the paths of a slot absolute again after a change of the config. */
clv_status clv_application_refresh(
    clv_application *application, size_t index, clv_error **err);

/* Exchanges the contents of two handles. */
void clv_application_swap(clv_application *left, clv_application *right);

/* Reads everything again. The handle is as before if that fails. */
clv_status clv_application_reload(
    clv_application *application, clv_error **err);

/* Reads a file of the application as committed; `path` is as in claviger.conf.
 * Free `*bytes` with clv_free(). */
clv_status clv_application_read(const clv_application *application,
    const char *path, size_t max, unsigned char **bytes, size_t *size,
    clv_error **err);

/* Writes claviger.conf atomically. */
clv_status clv_application_save(
    const clv_application *application, clv_error **err);

/*
 * A URI as it stands in claviger.conf, made absolute: a relative path starts
 * at `directory`. Free `*out` with clv_free().
 */
clv_status clv_application_resolve(
    const char *directory, const char *text, char **out, clv_error **err);

/* The reverse: a URI as claviger.conf has it, relative if it lies inside. Free
 * `*out` with free(). */
clv_status clv_application_relate(const clv_application *application,
    const char *text, char **out, clv_error **err);

/* What a certificate's file is called, and its path as in claviger.conf. Free
 * `*path` with free(). */
clv_status clv_application_name_certificate(const clv_application *application,
    size_t group, const uint8_t *der, size_t size, char **path,
    clv_error **err);

/* Writes a certificate to own/certs of a TrustList and gives its path
 * relative to the application's directory. Free `*path` with free(). */
clv_status clv_application_store_certificate(const clv_application *application,
    size_t group, const uint8_t *der, size_t size, char **path,
    clv_error **err);

/* "WORDS DIRECTORY", quoted, for a remedy. Free it with free(); NULL: no
 * memory, which costs the reader a hint. */
char *clv_application_command(const char *words, const char *directory);

/* The index of a slot; false if there is none. */
bool clv_application_find(const clv_application *application, const char *group,
    const char *type, size_t *index);

#endif
