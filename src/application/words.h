/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Lines of words, as the files in state/ have them: words are separated by one
 * blank, and what is not plain in them is percent-encoded. */
#ifndef CLV_APPLICATION_WORDS_H
#define CLV_APPLICATION_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* An empty word and "-" come out as "%2d" and "-". */
void clv_words_print(FILE *out, const char *word);

/* Splits a line in place into exactly `count` words; false unless it is what
 * clv_words_print() writes. */
bool clv_words_split(char *line, char **words, size_t count);

/* A decimal number of at most `most`, without sign or leading zeros. */
bool clv_words_number(const char *word, size_t most, size_t *number);

#endif
