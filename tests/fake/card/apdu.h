/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* ISO 7816-4 commands and responses, with chaining and GET RESPONSE. */
#ifndef CLV_FAKE_CARD_APDU_H
#define CLV_FAKE_CARD_APDU_H

#include "tlv.h"

enum {
	SW_OK = 0x9000,
	SW_TRIES = 0x63c0, /* | tries left */
	SW_WRONG_LENGTH = 0x6700,
	SW_SECURITY = 0x6982,
	SW_BLOCKED = 0x6983,
	SW_CONDITIONS = 0x6985,
	SW_NO_FILE_SELECTED = 0x6986,
	SW_WRONG_DATA = 0x6a80,
	SW_NOT_SUPPORTED = 0x6a81,
	SW_NOT_FOUND = 0x6a82,
	SW_NO_SPACE = 0x6a84,
	SW_WRONG_P1P2 = 0x6a86,
	SW_NO_REFERENCE = 0x6a88,
	SW_EXISTS = 0x6a89,
	SW_WRONG_OFFSET = 0x6b00,
	SW_UNKNOWN_INS = 0x6d00,
	SW_UNKNOWN_CLA = 0x6e00,
};

struct apdu {
	uint8_t cla, ins, p1, p2;
	struct bytes data; /* of the whole chain */
	size_t le;         /* 0: as much as there is */
};

/* A card. There is one per program, so its state is static. */
struct card {
	const char *name;
	/* What the ATR says besides the name of 8 letters is fixed. */
	const char *atr_name;

	/* After store_open(): makes what a new card holds. */
	void (*start)(bool is_new);
	/* Power or reset: logins and selections are gone. */
	void (*power)(void);
	/* Returns the status word; the response is empty on entry. */
	unsigned (*command)(const struct apdu *apdu, struct buffer *response);
	/* Whether this uses a private key: for `pullduring`. */
	bool (*is_operation)(const uint8_t *raw, size_t size);

	int (*tries_left)(void);
	void (*reset_tries)(void);
};

void apdu_power(const struct card *card);

/* Answers one raw command; returns the size of what is in `answer`. */
size_t apdu_answer(const struct card *card, const uint8_t *raw, size_t size,
    uint8_t answer[258]);

#endif
