/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The card's ISO 7816-4 file system: directories, transparent files, and who
 * may do what with them. */
#ifndef CLV_FAKE_ISOCARD_FILES_H
#define CLV_FAKE_ISOCARD_FILES_H

#include "fake/card/apdu.h"

/* The kind of the store's records that are files, by a number of their own. */
#define ISO_FILES 2U

/* What a file's eight security attributes say of these. */
enum file_right {
	RIGHT_DELETE_SELF = 1,
	RIGHT_CREATE_DIRECTORY = 5,
	RIGHT_CREATE_FILE = 6, /* in a directory */
	RIGHT_UPDATE = 6,      /* of a file */
	RIGHT_DELETE_CHILD = 7,
	RIGHT_READ = 7,
};

/* Reads the files from the store; makes the root of a new card. */
void files_start(bool is_new);
/* Selects the root. */
void files_power(void);

/* All take the command's data and return a status word; `verified` says
 * whether the user is logged in. */
unsigned files_select(const struct apdu *apdu, struct buffer *response);
unsigned files_create(const struct apdu *apdu, bool verified);
unsigned files_delete(const struct apdu *apdu, bool verified);
unsigned files_read(
    const struct apdu *apdu, bool verified, struct buffer *response);
unsigned files_update(const struct apdu *apdu, bool verified);
unsigned files_erase(bool verified);

#endif
