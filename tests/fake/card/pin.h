/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* A PIN with tries that run out, in the card's memory. */
#ifndef CLV_FAKE_CARD_PIN_H
#define CLV_FAKE_CARD_PIN_H

#include "tlv.h"

/* The kind of the store's records that are PINs. */
#define CARD_PINS 3U

#define PIN_SIZE 16U
#define PIN_TRIES 3U

enum { PIN_USER = 1, PIN_UNBLOCK = 2 };

bool pin_exists(unsigned number);
/* `value` is compared as it is: padding is the card's affair. */
void pin_set(unsigned number, struct bytes value);
/* Returns SW_OK; SW_TRIES | n or SW_BLOCKED, after which one try is gone; or
 * why it could not be compared. */
unsigned pin_check(unsigned number, struct bytes value);
unsigned pin_tries(unsigned number);
void pin_reset_tries(unsigned number);
/* What VERIFY without data says to somebody not logged in. */
unsigned pin_status(unsigned number);

#endif
