/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#ifndef CLV_SURROUNDINGS_H
#define CLV_SURROUNDINGS_H

/* Makes a signal that ends the program give the terminal back as it was. */
void surroundings_keep_terminal(void);

/* Makes sure that no file gets the number of a standard descriptor. */
void surroundings_keep_standard_descriptors(void);

#endif
