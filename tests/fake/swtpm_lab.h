/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * A TPM 2.0 in software, started by the test itself on a socket in a private
 * directory. It dies with the process that started it. All functions return
 * 0, or -1 after saying on stderr what is wrong and, for a missing program,
 * which package has it.
 */
#ifndef CLV_SWTPM_LAB_H
#define CLV_SWTPM_LAB_H

#include "fake/token_lab.h"

#include <sys/types.h>

struct swtpm_lab {
	char dir[LAB_PATH];       /* of socket and state; private */
	char keys[LAB_PATH + 8];  /* an empty one in it */
	char tcti[LAB_PATH + 64]; /* "swtpm:path=DIR/socket" */
	pid_t pid;                /* 0 while it does not run */
};

/* Makes the directory and starts a TPM that was never used. Sets
 * CLAVIGER_RUNTIME_DIR to a directory in it and silences tpm2-tss. */
int swtpm_lab_start(struct swtpm_lab *lab);
/* Starts it again with the state it had: what a reboot does. */
int swtpm_lab_restart(struct swtpm_lab *lab);
/* Suspends to memory and resumes: the TPM loses power in between, and what was
 * loaded, but is told before. */
int swtpm_lab_sleep_and_wake(struct swtpm_lab *lab);
/* Ends it without a word to it, as a power cut does. */
void swtpm_lab_kill(struct swtpm_lab *lab);
/* Ends it and removes the directory. */
void swtpm_lab_stop(struct swtpm_lab *lab);

/* Runs a program that talks to this TPM: TPM2TOOLS_TCTI and TPM2OPENSSL_TCTI
 * are set for it. What it prints goes to `output` (may be NULL). Returns its
 * exit status, or -1. */
int swtpm_lab_run(const struct swtpm_lab *lab, const char *const *arguments,
    char *output, size_t room);

#endif
