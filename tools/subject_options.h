/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The options that say who a certificate is for; several commands have them. */
#ifndef CLV_SUBJECT_OPTIONS_H
#define CLV_SUBJECT_OPTIONS_H

#include "program.h"

enum {
	SUBJECT_URI = 500,
	SUBJECT_CN,
	SUBJECT_ORG,
	SUBJECT_DNS,
	SUBJECT_IP,
	SUBJECT_TYPE
};

/* clang-format off */
#define SUBJECT_OPTIONS \
	{"uri", required_argument, NULL, SUBJECT_URI}, \
	{"cn", required_argument, NULL, SUBJECT_CN}, \
	{"org", required_argument, NULL, SUBJECT_ORG}, \
	{"dns", required_argument, NULL, SUBJECT_DNS}, \
	{"ip", required_argument, NULL, SUBJECT_IP}, \
	{"type", required_argument, NULL, SUBJECT_TYPE}
/* clang-format on */

#define SUBJECT_USAGE                                                  \
	"--uri APPLICATION-URI --cn NAME [--org ORG] [--dns NAME]... " \
	"[--ip ADDR]... [--type server|client|both|discovery]"

/* Handles one of these options. EXIT_DONE, or an exit status after a
 * complaint; -1 if it is another option. */
int subject_option(const struct program *program, clv_subject *subject,
    int option, const char *value);

#endif
