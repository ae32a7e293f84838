/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * rejected/certs on disk. The application writes here, so that nothing in it
 * is believed: directories and files are opened without following links,
 * only regular files count, and a certificate is found by what it is.
 */
#ifndef CLV_TRUST_REJECTED_FOLDER_H
#define CLV_TRUST_REJECTED_FOLDER_H

#include "trust/rejected.h"

struct clv_rejected_folder;

struct clv_rejected_item {
	const uint8_t *der;
	size_t size;
};

clv_status clv_rejected_folder_new(const char *root,
    const struct clv_rejected_limits *limits, struct clv_rejected_folder **out,
    clv_error **err);
void clv_rejected_folder_free(struct clv_rejected_folder **folder);

/* Writes the items, oldest first; those that are there already become the
 * newest. Then removes the oldest files until the limits hold. What is no
 * certificate is left out. */
clv_status clv_rejected_folder_write(struct clv_rejected_folder *folder,
    const struct clv_rejected_item *items, size_t count, clv_error **err);

/* The name of a certificate's file; false if it is no certificate. */
bool clv_rejected_folder_name(
    const struct clv_rejected_item *item, char name[CLV_TRUST_NAME_SIZE]);

/* Every file that holds a certificate, newest first. */
clv_status clv_rejected_folder_visit(struct clv_rejected_folder *folder,
    clv_rejected_fn *fn, void *user, clv_error **err);
/* CLV_NOT_FOUND if there is none. */
clv_status clv_rejected_folder_remove(
    struct clv_rejected_folder *folder, const char *name, clv_error **err);

#endif
