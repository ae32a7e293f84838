/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * The keys in devices that no slot uses, as state/keys: whatever happens, a
 * key is in a slot or stands here, so that none is forgotten in a device.
 *
 *     claviger-keys 1
 *     making GROUP TYPE STORE-URI LABEL    may have been made, or not
 *     pending GROUP TYPE KEY-URI SHA256    waits for its certificate; the
 *                                          digest is that of the public key
 *     destroy GROUP TYPE KEY-URI -         to be destroyed; the last word
 *                                          does not matter
 *
 * Relative paths in URIs start at the application's directory.
 */
#ifndef CLV_APPLICATION_LEDGER_H
#define CLV_APPLICATION_LEDGER_H

#include <claviger/error.h>

#define CLV_LEDGER_NAME "keys"
#define CLV_LEDGER_PATH "state/" CLV_LEDGER_NAME
#define CLV_LEDGER_MAX 128U

enum clv_ledger_kind { CLV_KEY_MAKING, CLV_KEY_PENDING, CLV_KEY_DESTROY };

struct clv_ledger_entry {
	enum clv_ledger_kind kind;
	char *group;
	char *type;
	char *uri;
	char *mark; /* label or digest */
};

struct clv_ledger {
	struct clv_ledger_entry entries[CLV_LEDGER_MAX];
	size_t count;
};

void clv_ledger_clear(struct clv_ledger *ledger);

/* Appends; copies. CLV_TOO_LARGE if there are too many. */
clv_status clv_ledger_add(struct clv_ledger *ledger, enum clv_ledger_kind kind,
    const char *group, const char *type, const char *uri, const char *mark,
    clv_error **err);
void clv_ledger_remove(struct clv_ledger *ledger, size_t index);

/* The pending key of a slot, NULL if there is none. */
struct clv_ledger_entry *clv_ledger_pending(
    struct clv_ledger *ledger, const char *group, const char *type);

/* Free `*text` with free(). */
clv_status clv_ledger_print(const struct clv_ledger *ledger, char **text,
    size_t *size, clv_error **err);
/* CLV_CORRUPT unless it is what clv_ledger_print() writes. */
clv_status clv_ledger_parse(const uint8_t *text, size_t size,
    struct clv_ledger *ledger, clv_error **err);

#endif
