/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What the program needs of the process it starts in, and leaves behind. */

#include "surroundings.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <termios.h>
#include <unistd.h>

static struct {
	int fd;
	struct termios settings;
} terminal = {.fd = -1};

/* Async-signal-safe. A question may have turned the echo off. */
static void
restore_terminal(int signal_number)
{
	(void)tcsetattr(terminal.fd, TCSANOW, &terminal.settings);
	(void)raise(signal_number); /* its default action: SA_RESETHAND */
}

void
surroundings_keep_terminal(void)
{
	static const int ending[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
	struct sigaction action = {
	    .sa_handler = restore_terminal, .sa_flags = (int)SA_RESETHAND};
	struct sigaction before;

	if (terminal.fd >= 0)
		return;
	terminal.fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (terminal.fd < 0)
		return;
	if (tcgetattr(terminal.fd, &terminal.settings) != 0) {
		(void)close(terminal.fd);
		terminal.fd = -1;
		return;
	}
	(void)sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		/* What nohup(1) ignores stays ignored. */
		if (sigaction(ending[i], NULL, &before) == 0 &&
		    before.sa_handler == SIG_DFL)
			(void)sigaction(ending[i], &action, NULL);
}

/*
 * The next file that is opened gets the lowest free number: with standard
 * error closed that may be a private key, and a warning would be written into
 * it. What takes the place can't be written, so that closed output still is
 * an error.
 */
void
surroundings_keep_standard_descriptors(void)
{
	int fd = 0;

	while (fd >= 0 && fd <= STDERR_FILENO)
		fd = open("/dev/null", O_RDONLY);
	if (fd > STDERR_FILENO)
		(void)close(fd);
}
