/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Real token parts, started by the tests themselves in private directories.
 * All functions return 0, or -1 after saying on stderr what is wrong and, for
 * a missing program, which package has it. They need no test framework, so
 * benchmarks and fuzz targets use them as well.
 */
#ifndef CLV_TOKEN_LAB_H
#define CLV_TOKEN_LAB_H

#include <stddef.h>

#define LAB_PATH 256

/* A private directory under $TMPDIR or /tmp, mode 0700. */
int lab_dir_make(char dir[LAB_PATH]);
/* Removes it with all that is in it; NULL and "" are fine. */
void lab_dir_remove(const char *dir);

/* SoftHSM */
#define LAB_LABEL "claviger-lab"
#define LAB_PIN "123456"
#define LAB_SO_PIN "12345678"

struct lab_softhsm {
	char dir[LAB_PATH];
	char module[LAB_PATH]; /* the path of libsofthsm2.so */
	char conf[LAB_PATH];   /* what SOFTHSM2_CONF was set to */
};

/*
 * Makes DIR/tokens and DIR/softhsm2.conf, sets SOFTHSM2_CONF for this process
 * and its children, and makes a token LAB_LABEL with LAB_PIN. The module is
 * not loaded into this process.
 */
int lab_softhsm_start(struct lab_softhsm *lab, const char *dir);

/* One more token in the same directory. */
int lab_softhsm_add(
    struct lab_softhsm *lab, const char *label, const char *pin);

/* The first of the paths where the file is, for modules and drivers; the
 * package is named if there is none. The list ends with NULL. */
int lab_find_file(
    char found[LAB_PATH], const char *const paths[], const char *package);

#endif
