/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "pin.h"

#include <string.h>

#include "apdu.h"
#include "store.h"

/* The record: tries left, then the value padded with 0. */
static bool
load(unsigned number, uint8_t record[1 + PIN_SIZE])
{
	struct bytes value;

	if (!store_get(CARD_PINS, number, &value) || value.size != 1 + PIN_SIZE)
		return false;
	memcpy(record, value.data, value.size);
	return true;
}

static void
save_tries(unsigned number, uint8_t record[1 + PIN_SIZE], unsigned tries)
{
	if (record[0] == tries)
		return;
	record[0] = (uint8_t)tries;
	store_put(CARD_PINS, number, (struct bytes){record, 1 + PIN_SIZE});
}

bool
pin_exists(unsigned number)
{
	uint8_t record[1 + PIN_SIZE];

	return load(number, record);
}

void
pin_set(unsigned number, struct bytes value)
{
	uint8_t record[1 + PIN_SIZE] = {PIN_TRIES};
	const size_t size = value.size < PIN_SIZE ? value.size : PIN_SIZE;

	if (size > 0)
		memcpy(record + 1, value.data, size);
	store_put(CARD_PINS, number, (struct bytes){record, sizeof(record)});
}

unsigned
pin_status(unsigned number)
{
	const unsigned tries = pin_tries(number);

	return tries > 0 ? SW_TRIES | tries : SW_BLOCKED;
}

unsigned
pin_check(unsigned number, struct bytes value)
{
	uint8_t record[1 + PIN_SIZE], padded[PIN_SIZE] = {0};

	if (!load(number, record))
		return SW_NO_REFERENCE;
	if (record[0] == 0)
		return SW_BLOCKED;
	if (value.size > PIN_SIZE)
		return SW_WRONG_LENGTH;
	if (value.size > 0)
		memcpy(padded, value.data, value.size);
	if (memcmp(padded, record + 1, PIN_SIZE) != 0) {
		save_tries(number, record, record[0] - 1U);
		return pin_status(number);
	}
	save_tries(number, record, PIN_TRIES);
	return SW_OK;
}

unsigned
pin_tries(unsigned number)
{
	uint8_t record[1 + PIN_SIZE];

	return load(number, record) ? record[0] : PIN_TRIES;
}

void
pin_reset_tries(unsigned number)
{
	uint8_t record[1 + PIN_SIZE];

	if (load(number, record))
		save_tries(number, record, PIN_TRIES);
}
