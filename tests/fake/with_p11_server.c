/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * with-p11-server COMMAND [ARGUMENT]...
 *
 * Runs COMMAND with a network HSM: p11-kit's server with a SoftHSM token behind
 * a unix socket, all in a private directory that is removed afterwards. Server
 * and command end with this program. The exit status is the command's; 125 if
 * it was not run. The command finds in its environment
 *
 *   CLAVIGER_P11_MODULE     the path of p11-kit-client.so
 *   CLAVIGER_P11_LABEL      claviger-lab
 *   CLAVIGER_P11_PIN        123456
 *   CLAVIGER_P11_SERVER     the server's process id
 *   P11_KIT_SERVER_ADDRESS  the socket, for the module
 *   SOFTHSM2_CONF           for those who want to look behind it
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake/token_lab.h"

static char dir[LAB_PATH];
static struct lab_softhsm softhsm;
static struct lab_server server;

static int
start(void)
{
	char pid[16];

	if (lab_dir_make(dir) != 0 || lab_softhsm_start(&softhsm, dir) != 0 ||
	    lab_server_start(&server, dir, softhsm.module) != 0)
		return -1;
	snprintf(pid, sizeof(pid), "%d", server.pid);
	if (setenv("CLAVIGER_P11_MODULE", server.module, 1) != 0 ||
	    setenv("CLAVIGER_P11_LABEL", LAB_LABEL, 1) != 0 ||
	    setenv("CLAVIGER_P11_PIN", LAB_PIN, 1) != 0 ||
	    setenv("CLAVIGER_P11_SERVER", pid, 1) != 0)
		return -1;
	return 0;
}

/* Returns the exit status. */
static int
run(char **command)
{
	int status;
	const pid_t child = fork();

	if (child < 0)
		return 125;
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execvp(command[0], command);
		fprintf(stderr, "with-p11-server: %s: %s\n", command[0],
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
		fputs("usage: with-p11-server COMMAND [ARGUMENT]...\n", stderr);
		return status;
	}
	if (start() == 0)
		status = run(argv + 1);
	lab_server_stop(&server);
	lab_dir_remove(dir);
	return status;
}
