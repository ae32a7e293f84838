/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Asking a person on the terminal, without echo and without buffers. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/secret_source.h"

#define ANSWER_MAX 1024U

enum { KEY_INTERRUPT = 3, KEY_END = 4, KEY_KILL = 21, KEY_DELETE = 127 };

static const struct clv_error_info operation = {
    .operation = "ask on the terminal"};

static bool
is_new(const struct clv_ask_request *request)
{
	return request->purpose == CLV_ASK_NEW_PASSWORD ||
	    request->purpose == CLV_ASK_NEW_KEY_AUTH;
}

static const char *
what_for(clv_ask_purpose purpose)
{
	switch (purpose) {
	case CLV_ASK_PIN:
		return "PIN";
	case CLV_ASK_CONTEXT_PIN:
		return "PIN (again, for this operation)";
	case CLV_ASK_NEW_PASSWORD:
		return "New password";
	case CLV_ASK_KEY_AUTH:
		return "Password of the TPM key";
	case CLV_ASK_NEW_KEY_AUTH:
		return "New password of the TPM key";
	case CLV_ASK_OWNER_AUTH:
		return "TPM owner password";
	case CLV_ASK_PASSWORD:
	default:
		return "Password";
	}
}

static void
put(int terminal, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		const ssize_t put = write(terminal, text, left);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return; /* nobody to show it to */
		text += put;
		left -= (size_t)put;
	}
}

static void
put_question(int terminal, const struct clv_ask_request *request, bool again)
{
	char line[512];
	char tries[64] = "";
	const char *name =
	    request->label != NULL ? request->label : request->uri;

	if (request->flags & CLV_ASK_RETRY && !again)
		put(terminal, "That was wrong.\n");
	if (request->flags & CLV_ASK_FINAL_TRY && request->tries_left < 0)
		put(terminal,
		    "An earlier try may have counted: a wrong answer may lock "
		    "the device. "
		    "Press Ctrl-C to leave it.\n");
	else if (request->flags & CLV_ASK_FINAL_TRY)
		put(terminal,
		    "LAST TRY: a wrong answer locks the device. "
		    "Press Ctrl-C to leave it.\n");
	else if (request->tries_left >= 0)
		(void)snprintf(tries, sizeof(tries), " (%d tries left)",
		    request->tries_left);
	(void)snprintf(line, sizeof(line),
	    "%s%s%s%s%s: ", again ? "Repeat: " : "", what_for(request->purpose),
	    name != NULL ? " for " : "", name != NULL ? name : "", tries);
	put(terminal, line);
}

/* Removes the last character: a byte and, in UTF-8, what belongs to it. */
static void
rub_out(clv_secret *answer)
{
	while (answer->size > 0) {
		const unsigned char last = answer->data[--answer->size];

		answer->data[answer->size] = 0;
		if ((last & 0xc0) != 0x80)
			return;
	}
}

/* One line, edited by us since the terminal is in raw mode. */
static clv_status
read_answer(int terminal, clv_secret *answer, clv_error **err)
{
	unsigned char key;

	for (;;) {
		const ssize_t got = read(terminal, &key, 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0 || key == KEY_INTERRUPT ||
		    (key == KEY_END && answer->size == 0))
			return clv_error_raise(
			    err, CLV_CANCELLED, &operation, "cancelled");
		if (key == '\n' || key == '\r' || key == KEY_END)
			return CLV_OK;
		if (key == KEY_DELETE || key == '\b')
			rub_out(answer);
		else if (key == KEY_KILL)
			while (answer->size > 0)
				rub_out(answer);
		else if (answer->size < ANSWER_MAX)
			answer->data[answer->size++] = key;
	}
}

static clv_status
ask_once(int terminal, const struct clv_ask_request *request, bool again,
    clv_secret *answer, clv_error **err)
{
	clv_status status = clv_secret_alloc(answer, ANSWER_MAX, err);

	if (status != CLV_OK)
		return status;
	put_question(terminal, request, again);
	status = read_answer(terminal, answer, err);
	put(terminal, "\n");
	answer->data[answer->size] = '\0';
	if (status == CLV_OK && answer->size == 0 &&
	    !(request->flags & CLV_ASK_OPTIONAL))
		status = clv_error_raise(
		    err, CLV_CANCELLED, &operation, "nothing was entered");
	return status;
}

static clv_status
ask_in_raw_mode(int terminal, const struct clv_ask_request *request,
    clv_secret *answer, clv_error **err)
{
	clv_secret again = CLV_SECRET_INIT;
	clv_status status;

	status = ask_once(terminal, request, false, answer, err);
	if (status == CLV_OK && is_new(request)) {
		status = ask_once(terminal, request, true, &again, err);
		if (status == CLV_OK && !clv_secret_equal(answer, &again))
			status = clv_error_raise(err, CLV_CANCELLED, &operation,
			    "the two passwords differ");
	}
	clv_secret_clear(&again);
	return status;
}

clv_status
clv_prompt(
    const struct clv_ask_request *request, clv_secret *answer, clv_error **err)
{
	const int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	struct termios before;
	struct termios raw;
	clv_status status;

	if (terminal < 0 || tcgetattr(terminal, &before) != 0) {
		if (terminal >= 0)
			(void)close(terminal);
		return clv_error_raise(err, CLV_NOT_FOUND,
		    &(struct clv_error_info){.operation = operation.operation,
			.remedy = "name another source with --pin-source"},
		    "there is no terminal");
	}
	raw = before;
	raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	(void)tcsetattr(terminal, TCSAFLUSH, &raw);
	status = ask_in_raw_mode(terminal, request, answer, err);
	(void)tcsetattr(terminal, TCSAFLUSH, &before);
	(void)close(terminal);
	if (status != CLV_OK)
		clv_secret_clear(answer);
	return status;
}
