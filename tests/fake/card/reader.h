/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * The card's side of the vpcd reader driver, and the hand that puts the card
 * in and pulls it out. A card's program is main() calling reader_run():
 *
 *   CARD --state FILE [--connect HOST:PORT] [--control FIFO --reply FIFO]
 *        [--verbose]
 *
 * Commands, one a line on the FIFO or else on standard input; each is answered
 * by one line on the reply FIFO or else on standard output:
 *
 *   pull           take the card out
 *   insert         put it back in
 *   pullafter N    take it out before the N-th command from now is answered
 *   pullduring N   the same, but only uses of a private key count
 *   delay MS       let each use of a private key take that much longer
 *   resetpin       give all PIN tries back
 *   stat           count commands, uses of keys, tries left
 *   quit           end
 */
#ifndef CLV_FAKE_CARD_READER_H
#define CLV_FAKE_CARD_READER_H

#include "apdu.h"

int reader_run(const struct card *card, int argc, char **argv);

#endif
