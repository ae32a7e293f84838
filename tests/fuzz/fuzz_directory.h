/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What the bytes of an input do to a directory of a TrustList. */
#ifndef CLV_FUZZ_DIRECTORY_H
#define CLV_FUZZ_DIRECTORY_H

#include "fuzz_verify_world.h"

struct script {
	const uint8_t *at;
	const uint8_t *end;
};

/* 0 at the end. */
unsigned script_byte(struct script *script);

/* Certificates and CRLs of the world, whole, cut, changed, in PEM, or several;
 * or bytes of the input. Borrowed until the next call. */
struct script_content {
	const uint8_t *bytes;
	size_t size;
};
void script_content(struct script *script, struct script_content *content);
/* Of one of the world's certificates and CRLs. */
const char *script_thumbprint(unsigned which);

/* Writes, overwrites, deletes, renames, links or chmods a file, makes a
 * directory or a FIFO, commits a journal, or moves a folder; `what` < 12. What
 * can't be done is not. */
void script_do(struct script *script, unsigned what);

/* The directory: private, empty but for its layout, and the same path for
 * each input. */
const char *script_directory(void);
void script_directory_make(void);
void script_directory_clear(void);

#endif
