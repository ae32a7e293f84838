/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "fake/swtpm_lab.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static int
complain(const char *what)
{
	(void)fprintf(stderr, "swtpm lab: %s\n", what);
	return -1;
}

static void
become_swtpm(const struct swtpm_lab *lab, pid_t parent, const char *flags)
{
	char state[LAB_PATH + 32], server[LAB_PATH + 64];
	char control[LAB_PATH + 64], log[LAB_PATH + 32];

	(void)snprintf(state, sizeof(state), "dir=%s", lab->dir);
	(void)snprintf(
	    server, sizeof(server), "type=unixio,path=%s/socket", lab->dir);
	(void)snprintf(control, sizeof(control),
	    "type=unixio,path=%s/socket.ctrl", lab->dir);
	(void)snprintf(log, sizeof(log), "file=%s/log", lab->dir);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	(void)execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", state,
	    "--server", server, "--ctrl", control, "--flags", flags, "--log",
	    log, (char *)NULL);
	_exit(127);
}

/* Whether it listens. */
static int
answers(const struct swtpm_lab *lab)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc;

	if (fd < 0)
		return 0;
	(void)snprintf(address.sun_path, sizeof(address.sun_path),
	    "%.90s/socket", lab->dir);
	rc = connect(fd, (struct sockaddr *)&address, sizeof(address));
	(void)close(fd);
	return rc == 0;
}

static int
start_with(struct swtpm_lab *lab, const char *flags)
{
	const pid_t parent = getpid();
	int status;

	lab->pid = fork();
	if (lab->pid == 0)
		become_swtpm(lab, parent, flags);
	for (int tries = 0; lab->pid > 0 && tries < 2000; tries++) {
		if (answers(lab))
			return 0;
		if (waitpid(lab->pid, &status, WNOHANG) == lab->pid) {
			lab->pid = 0;
			return complain("swtpm does not start; if it is "
					"missing: apt-get install swtpm");
		}
		(void)usleep(5000);
	}
	return complain("swtpm does not answer");
}

int
swtpm_lab_restart(struct swtpm_lab *lab)
{
	return start_with(lab, "not-need-init,startup-clear");
}

int
swtpm_lab_sleep_and_wake(struct swtpm_lab *lab)
{
	/* TPM2_Shutdown(STATE), as a kernel does it */
	if (swtpm_lab_run(lab, (const char *const[]){"tpm2_shutdown", NULL},
		NULL, 0) != 0)
		return complain("tpm2_shutdown failed");
	swtpm_lab_kill(lab);
	return start_with(lab, "not-need-init,startup-state");
}

int
swtpm_lab_start(struct swtpm_lab *lab)
{
	char runtime[LAB_PATH + 32];

	memset(lab, 0, sizeof(*lab));
	if (lab_dir_make(lab->dir) != 0)
		return -1;
	(void)snprintf(
	    lab->tcti, sizeof(lab->tcti), "swtpm:path=%s/socket", lab->dir);
	(void)snprintf(runtime, sizeof(runtime), "%s/run", lab->dir);
	(void)snprintf(lab->keys, sizeof(lab->keys), "%s/keys", lab->dir);
	if (mkdir(lab->keys, 0700) != 0)
		return complain("no directory for keys");
	if (setenv("CLAVIGER_RUNTIME_DIR", runtime, 1) != 0 ||
	    setenv("TSS2_LOG", "all+NONE", 0) != 0)
		return complain("no memory");
	return swtpm_lab_restart(lab);
}

void
swtpm_lab_kill(struct swtpm_lab *lab)
{
	int status;

	if (lab->pid <= 0)
		return;
	(void)kill(lab->pid, SIGKILL);
	while (waitpid(lab->pid, &status, 0) < 0 && errno == EINTR)
		;
	lab->pid = 0;
}

void
swtpm_lab_stop(struct swtpm_lab *lab)
{
	swtpm_lab_kill(lab);
	lab_dir_remove(lab->dir);
	lab->dir[0] = '\0';
}

/* ---- programs that use it ---- */

static void
become_program(
    const struct swtpm_lab *lab, const char *const *arguments, int output)
{
	union {
		const char *const *from;
		char *const *to;
	} argv = {.from = arguments};

	(void)setenv("TPM2TOOLS_TCTI", lab->tcti, 1);
	(void)setenv("TPM2OPENSSL_TCTI", lab->tcti, 1);
	if (output >= 0)
		(void)dup2(output, STDOUT_FILENO);
	(void)execvp(arguments[0], argv.to);
	(void)fprintf(stderr,
	    "swtpm lab: %s: %s; apt-get install tpm2-tools tpm2-openssl "
	    "openssl\n",
	    arguments[0], strerror(errno));
	_exit(127);
}

static void
read_all(int fd, char *output, size_t room)
{
	size_t size = 0;
	ssize_t got;

	while (size + 1 < room &&
	    ((got = read(fd, output + size, room - 1 - size)) > 0 ||
		(got < 0 && errno == EINTR)))
		size += got > 0 ? (size_t)got : 0;
	output[size] = '\0';
}

int
swtpm_lab_run(const struct swtpm_lab *lab, const char *const *arguments,
    char *output, size_t room)
{
	int ends[2] = {-1, -1};
	int status;
	pid_t pid;

	if (output != NULL && pipe2(ends, O_CLOEXEC) != 0)
		return complain("no pipe");
	pid = fork();
	if (pid == 0)
		become_program(lab, arguments, ends[1]);
	if (output != NULL) {
		(void)close(ends[1]);
		read_all(ends[0], output, room);
		(void)close(ends[0]);
	}
	if (pid < 0)
		return complain("no process");
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return complain("lost the process");
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
