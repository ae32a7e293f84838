/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * TSS2 PRIVATE KEY files (draft "ASN.1 Specification for TPM 2.0 Key Files"),
 * as tpm2-openssl and others read and write them.
 *
 * Before the PEM text we write a line that others skip (RFC 7468, 5.2),
 *
 *     Parent-Name: 000b...
 *
 * with the name of the storage key that the key was made under, so that
 * later nobody between processor and TPM can put his own in its place.
 */
#ifndef CLV_TPM2_KEYFILE_H
#define CLV_TPM2_KEYFILE_H

#include "tpm.h"

/* No such file is larger: a 4096-bit key takes 2.5 KiB. */
#define CLV_TPM_KEYFILE_MAX 16384U

enum clv_tpm_keyfile_kind {
	CLV_TPM_LOADABLE, /* a key: OID 2.23.133.10.1.3 */
	CLV_TPM_SEALED    /* a secret: 2.23.133.10.1.5 */
};

struct clv_tpm_keyfile {
	enum clv_tpm_keyfile_kind kind;
	bool empty_auth;
	TPM2_HANDLE parent;
	TPM2B_NAME parent_name; /* size 0: not recorded */
	TPM2B_PUBLIC public_area;
	TPM2B_PRIVATE private_area;
};

/*
 * Strict: DER, one key, nothing after it.
 * @return CLV_CORRUPT, or CLV_UNSUPPORTED for what the format has and we don't
 */
clv_status clv_tpm_keyfile_parse(const void *text, size_t size,
    const char *subject, struct clv_tpm_keyfile *out, clv_error **err);

/* `*text` is to be freed; nothing in it is secret. */
clv_status clv_tpm_keyfile_format(const struct clv_tpm_keyfile *file,
    char **text, size_t *size, clv_error **err);

/* Whether it looks like one: for listing a directory. */
bool clv_tpm_keyfile_recognise(const void *text, size_t size);

#endif
