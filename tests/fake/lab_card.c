/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "token_lab.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_MS 10000

static int
complain(const char *what, const char *why)
{
	fprintf(stderr, "token lab: %s: %s\n", what, why);
	return -1;
}

int
lab_card_open(struct lab_card *card)
{
	card->kind = getenv("CLAVIGER_CARD_KIND");
	card->module = getenv("CLAVIGER_CARD_MODULE");
	card->pin = getenv("CLAVIGER_CARD_PIN");
	card->dir = getenv("CLAVIGER_CARD_DIR");
	if (card->kind == NULL || card->module == NULL || card->pin == NULL ||
	    card->dir == NULL)
		return complain("no card",
		    "run this program with tests/fake/with-card PIV|ISO");
	return 0;
}

static int
open_fifo(const char *variable, int flags)
{
	const char *path = getenv(variable);
	int fd;

	if (path == NULL)
		return complain(variable, "not set: use with-card");
	fd = open(path, flags | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? complain(path, strerror(errno)) : fd;
}

static int
read_answer(int fd, char *answer, size_t size)
{
	struct pollfd event = {.fd = fd, .events = POLLIN};
	ssize_t got;

	if (poll(&event, 1, ANSWER_MS) != 1)
		return complain("card", "no answer");
	if ((got = read(fd, answer, size - 1)) <= 0)
		return complain("card", strerror(errno));
	answer[got] = '\0';
	return 0;
}

static int
ask(const char *command, char *answer, size_t size)
{
	const int control = open_fifo("CLAVIGER_CARD_CONTROL", O_WRONLY);
	const int replies = open_fifo("CLAVIGER_CARD_REPLY", O_RDONLY);
	char line[64], old[256];
	int result = -1;
	const int length = snprintf(line, sizeof(line), "%s\n", command);

	if (control < 0 || replies < 0)
		goto out;
	/* Answers that nobody has read. */
	while (read(replies, old, sizeof(old)) > 0)
		;
	if (write(control, line, (size_t)length) != length)
		result = complain("card", strerror(errno));
	else
		result = read_answer(replies, answer, size);
out:
	if (control >= 0)
		close(control);
	if (replies >= 0)
		close(replies);
	return result;
}

int
lab_card_command(const char *command)
{
	char answer[256];

	if (ask(command, answer, sizeof(answer)) != 0)
		return -1;
	return strcmp(answer, "ok\n") == 0 ? 0 : complain(command, answer);
}

int
lab_card_stat(struct lab_card_stat *stat)
{
	char answer[256];

	if (ask("stat", answer, sizeof(answer)) != 0)
		return -1;
	return sscanf(answer, "commands %ld operations %ld tries %d card %7s",
		   &stat->commands, &stat->operations, &stat->tries,
		   stat->where) == 4
	    ? 0
	    : complain("stat", answer);
}
