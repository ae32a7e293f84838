/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * with-swtpm COMMAND [ARGUMENT]...
 *
 * Runs COMMAND with a TPM 2.0 in software that was never used before, in a
 * private directory that is removed afterwards. TPM and command end with this
 * program. The exit status is the command's; 125 if it was not run. "@" at
 * the beginning of an argument stands for the private directory, which has an
 * empty subdirectory keys. The command finds in its environment
 *
 *   CLAVIGER_TCTI, TPM2TOOLS_TCTI, TPM2OPENSSL_TCTI  the way to the TPM
 *   CLAVIGER_RUNTIME_DIR                             a directory of its own
 *   SWTPM_LAB                                        the private directory
 */

#include "fake/swtpm_lab.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static struct swtpm_lab lab;

static int
start(void)
{
	if (swtpm_lab_start(&lab) != 0 ||
	    setenv("CLAVIGER_TCTI", lab.tcti, 1) != 0 ||
	    setenv("TPM2TOOLS_TCTI", lab.tcti, 1) != 0 ||
	    setenv("TPM2OPENSSL_TCTI", lab.tcti, 1) != 0 ||
	    setenv("SWTPM_LAB", lab.dir, 1) != 0)
		return -1;
	return 0;
}

/* Each "SCHEME:@REST" and "@REST" gets the directory. */
static int
expand(char **arguments)
{
	for (; *arguments != NULL; arguments++) {
		char *at = strchr(*arguments, '@');

		if (at == NULL || (at != *arguments && at[-1] != ':'))
			continue;
		if (asprintf(arguments, "%.*s%s%s", (int)(at - *arguments),
			*arguments, lab.dir, at + 1) < 0)
			return -1;
	}
	return 0;
}

static int
run(char **command)
{
	int status;
	const pid_t child = fork();

	if (child < 0)
		return 125;
	if (child == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)execvp(command[0], command);
		(void)fprintf(stderr, "with-swtpm: %s: %s\n", command[0],
		    strerror(errno));
		_exit(125);
	}
	if (waitpid(child, &status, 0) != child)
		return 125;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int
main(int argc, char **argv)
{
	int status = 125;

	if (argc < 2) {
		(void)fputs(
		    "usage: with-swtpm COMMAND [ARGUMENT]...\n", stderr);
		return status;
	}
	if (start() == 0 && expand(argv + 1) == 0)
		status = run(argv + 1);
	swtpm_lab_stop(&lab);
	return status;
}
