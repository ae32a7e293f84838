/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Where TPM keys are kept: a directory of key files, or a persistent handle.
 *
 *     tpm2:DIRECTORY               files named LABEL.tss
 *     tpm2:DIRECTORY/LABEL.tss     one of them
 *     tpm2:handle=0x81000010       a slot in the TPM, and the key in it
 *     tpm2:handle=0x81000010;parent-name=000b...
 *
 * with the query attributes `tcti`, `parent` (a persistent handle of the
 * storage key to use) and `pin-source`. `parent-name` is the name of the
 * storage key that sessions for a persistent key are salted to.
 */
#ifndef CLV_TPM2_STORE_H
#define CLV_TPM2_STORE_H

#include "keyfile.h"
#include "transport.h"

struct clv_tpm_store {
	struct clv_tpm_use use;
	clv_uri *uri;    /* a copy */
	char *directory; /* NULL: a persistent handle */
	TPM2_HANDLE handle;
	TPM2_HANDLE parent;
	bool parent_given;
	TPM2B_NAME parent_name;
	const char *pin_source; /* in uri; or NULL */
};

/* One key's place, taken out of a URI. */
struct clv_tpm_place {
	char *directory;  /* NULL: a persistent handle */
	const char *name; /* of the file, in the URI's path */
	TPM2_HANDLE handle;
	TPM2_HANDLE parent;
	bool parent_given;
	TPM2B_NAME parent_name;
	const char *pin_source;
};

clv_status clv_tpm_store_open(clv_host *host, const clv_uri *uri, bool of_key,
    void **store, clv_error **err);
void clv_tpm_store_close(void *store);
clv_status clv_tpm_key_list(
    void *store, clv_list_fn *fn, void *user, clv_error **err);

/* Finds the place of a key in this store. CLV_INVALID if it is another's. */
clv_status clv_tpm_place_find(const struct clv_tpm_store *store,
    const clv_uri *uri, struct clv_tpm_place *place, clv_error **err);
void clv_tpm_place_clear(struct clv_tpm_place *place);

/* Reads and guards a key file. `uri` is for errors. */
clv_status clv_tpm_file_read(clv_host *host, const char *path,
    const char *subject, struct clv_tpm_keyfile *file, clv_error **err);
/* Writes one durably into a guarded directory. */
clv_status clv_tpm_file_write(clv_host *host, const char *directory,
    const char *name, bool replace, const struct clv_tpm_keyfile *file,
    clv_error **err);
clv_status clv_tpm_file_remove(
    clv_host *host, const char *directory, const char *name, clv_error **err);

/* What files are named with, and what people call the key in one. */
#define CLV_TPM_SUFFIX ".tss"
bool clv_tpm_has_suffix(const char *name);
char *clv_tpm_label_of(const char *name);

#endif
