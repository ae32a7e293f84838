/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What the trust commands share: finding and opening a TrustList. */
#ifndef CLV_TRUST_OPTIONS_H
#define CLV_TRUST_OPTIONS_H

#include "program.h"

#include <claviger/trust.h>

/*
 * Opens the TrustList that a command's DIR means: an application's directory
 * (the list of its DefaultApplicationGroup), or the list itself. NULL after a
 * complaint.
 */
clv_trust *trust_open(struct program *program, const char *directory);

/* What the list's group overlooks, as claviger.conf says; the defaults if DIR
 * is the list itself. */
uint32_t trust_validation(struct program *program, const char *directory);

/* Tells the audit log, if the directory is an application's: what was done,
 * and to which certificate (may be NULL). */
void trust_record(struct program *program, const char *directory,
    const char *certificate, const char *detail);

/* The next argument after the options; NULL at the end. */
const char *trust_argument(int argc, char **argv);

/* Handles a command's options when only the shared ones exist: -1 go on. */
int trust_no_options(struct program *program, int argc, char **argv);

/* "3 added, 1 removed" on stderr. */
void trust_tell_change(const clv_trust_change *change);

#endif
