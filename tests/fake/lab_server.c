/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "token_lab.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define START_MS 10000

static int
complain(const char *what, const char *why)
{
	fprintf(stderr, "token lab: %s: %s\n", what, why);
	return -1;
}

static _Noreturn void
become_server(const struct lab_server *server, pid_t parent)
{
	const int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent) /* died before that */
		_exit(126);
	/* It prints its address, which is known. */
	if (null >= 0)
		dup2(null, STDOUT_FILENO);
	execlp("p11-kit", "p11-kit", "server", "--foreground", "--provider",
	    server->provider, "--name", server->socket,
	    "pkcs11:token=" LAB_LABEL, (char *)NULL);
	_exit(127);
}

/* Whether somebody listens at the socket. */
static int
listens(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int result;

	if (fd < 0 || strlen(path) >= sizeof(address.sun_path))
		return 0;
	memcpy(address.sun_path, path, strlen(path) + 1);
	result = connect(fd, (const struct sockaddr *)&address,
		     sizeof(address)) == 0;
	close(fd);
	return result;
}

static int
wait_for_server(struct lab_server *server)
{
	int status;

	for (int i = 0; i < START_MS / 5; i++) {
		if (waitpid(server->pid, &status, WNOHANG) == server->pid) {
			server->pid = 0;
			return WEXITSTATUS(status) == 127
			    ? complain("p11-kit is missing",
				  "apt-get install p11-kit")
			    : complain("p11-kit server", "ended at once");
		}
		if (listens(server->socket))
			return 0;
		usleep(5000);
	}
	lab_server_stop(server);
	return complain("p11-kit server", "does not listen");
}

int
lab_server_restart(struct lab_server *server)
{
	const pid_t parent = getpid();

	lab_server_stop(server);
	unlink(server->socket);
	if ((server->pid = fork()) < 0)
		return complain("fork", strerror(errno));
	if (server->pid == 0)
		become_server(server, parent);
	return wait_for_server(server);
}

int
lab_server_start(
    struct lab_server *server, const char *dir, const char *provider)
{
	static const char *const modules[] = {
	    "/usr/lib/x86_64-linux-gnu/pkcs11/p11-kit-client.so",
	    "/usr/lib/aarch64-linux-gnu/pkcs11/p11-kit-client.so",
	    "/usr/lib64/pkcs11/p11-kit-client.so",
	    "/usr/lib/pkcs11/p11-kit-client.so",
	    NULL,
	};
	char address[LAB_PATH + 16];

	memset(server, 0, sizeof(*server));
	if (lab_find_file(server->module, modules, "p11-kit-modules") != 0)
		return -1;
	if (snprintf(server->dir, LAB_PATH, "%s", dir) >= LAB_PATH ||
	    snprintf(server->provider, LAB_PATH, "%s", provider) >= LAB_PATH ||
	    snprintf(server->socket, LAB_PATH, "%s/p11-server", dir) >=
		LAB_PATH)
		return complain(dir, "path too long");
	snprintf(address, sizeof(address), "unix:path=%s", server->socket);
	if (setenv("P11_KIT_SERVER_ADDRESS", address, 1) != 0)
		return complain("setenv", strerror(errno));
	return lab_server_restart(server);
}

/* The parent of a process that still runs, from /proc/PID/stat: it stands
 * behind the name in brackets, which may hold anything. */
static pid_t
parent_of(const char *pid)
{
	char path[64], text[512];
	const char *end;
	char state;
	ssize_t size;
	int fd, parent;

	snprintf(path, sizeof(path), "/proc/%.20s/stat", pid);
	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return 0;
	size = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[size < 0 ? 0 : size] = '\0';
	end = strrchr(text, ')');
	if (end == NULL || sscanf(end, ") %c %d", &state, &parent) != 2)
		return 0;
	return state == 'Z' ? 0 : parent;
}

int
lab_server_kill_workers(struct lab_server *server)
{
	DIR *proc = server->pid > 0 ? opendir("/proc") : NULL;
	const struct dirent *entry;
	int killed = 0;

	while (proc != NULL && (entry = readdir(proc)) != NULL)
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    parent_of(entry->d_name) == server->pid &&
		    kill((pid_t)atoi(entry->d_name), SIGKILL) == 0)
			killed++;
	if (proc != NULL)
		closedir(proc);
	return killed;
}

void
lab_server_stop(struct lab_server *server)
{
	if (server->pid <= 0)
		return;
	/* No new ones while the workers are killed. */
	kill(server->pid, SIGSTOP);
	lab_server_kill_workers(server);
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
	server->pid = 0;
}
