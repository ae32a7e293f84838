/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* A card's memory: records by kind and number, kept in one private file. */
#ifndef CLV_FAKE_CARD_STORE_H
#define CLV_FAKE_CARD_STORE_H

#include "tlv.h"

/* Loads PATH; *is_new says that there was none. False: see errno. */
bool store_open(const char *path, bool *is_new);

/* The bytes stay until the record changes. */
bool store_get(unsigned kind, unsigned number, struct bytes *value);

/* Like a real card's: on disk before the command is answered. The program
 * ends if that is impossible. */
void store_put(unsigned kind, unsigned number, struct bytes value);
void store_delete(unsigned kind, unsigned number);

/* The next record of the kind with a number of at least *number. */
bool store_next(unsigned kind, unsigned *number, struct bytes *value);

/* Several changes at once: only the last end writes. */
void store_begin(void);
void store_end(void);

#endif
