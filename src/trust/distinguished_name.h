/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Distinguished names, RFC 5280, 4.1.2.4, and their text, RFC 4514. */
#ifndef CLV_TRUST_DISTINGUISHED_NAME_H
#define CLV_TRUST_DISTINGUISHED_NAME_H

#include "trust/der.h"

/* Whether the contents of a Name are well-formed: attributes with strings
 * that are what their tags say, none with a 0 character in it. */
bool clv_name_check(struct clv_der contents);

/* A hash of a whole Name, for tables; the same in every process. */
uint64_t clv_name_hash(const void *bytes, size_t size);

/*
 * The text of a Name's contents as in clv_trust_cert_subject_text(). Returns
 * its length; `text` is cut at `size` - 1 bytes where a character ends, and
 * closed.
 */
size_t clv_name_text(struct clv_der contents, char *text, size_t size);

/* The last commonName alone; "" if there is none. */
size_t clv_name_common_name(struct clv_der contents, char *text, size_t size);

#endif
