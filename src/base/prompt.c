/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Asking a person on the terminal, without echo and without buffers. */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/secret_source.h"

#define ANSWER_MAX 1024U

/* How long a signal that another thread took may go unnoticed. */
#define LOOK_MS 200

enum {
	KEY_INTERRUPT = 3,
	KEY_END = 4,
	KEY_KILL = 21,
	KEY_SUSPEND = 26,
	KEY_QUIT = 28,
	KEY_SPACE = 32,
	KEY_DELETE = 127
};

struct prompt {
	int terminal;
	struct termios before;
	struct sigaction old; /* what SIGTSTP does */
	bool again;           /* the answer is not one: ask once more */
};

/* Somebody else wants the process to stop; it has one terminal. */
static volatile sig_atomic_t told_to_stop;

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

static void
set_raw(struct prompt *prompt)
{
	struct termios raw = prompt->before;

	raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG);
	raw.c_cc[VMIN] = 1;
	raw.c_cc[VTIME] = 0;
	(void)tcsetattr(prompt->terminal, TCSAFLUSH, &raw);
}

static void
note_stop(int number)
{
	(void)number;
	told_to_stop = 1;
}

static void
set_signal(void (*handler)(int))
{
	struct sigaction action = {.sa_handler = handler};

	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(SIGTSTP, &action, NULL);
}

/* What an application does with the signal by itself is left to it. */
static bool
is_ours(const struct prompt *prompt)
{
	return (prompt->old.sa_flags & SA_SIGINFO) == 0 &&
	    prompt->old.sa_handler == SIG_DFL;
}

/* Stops, with the terminal as it was, and goes on when told to. The others in
 * the foreground stop with us, as the terminal would have it. */
static void
suspend(struct prompt *prompt, bool others)
{
	(void)tcsetattr(prompt->terminal, TCSAFLUSH, &prompt->before);
	if (is_ours(prompt) && others) {
		set_signal(SIG_IGN);
		(void)kill(0, SIGTSTP);
	}
	if (is_ours(prompt))
		set_signal(SIG_DFL);
	(void)raise(SIGTSTP);
	told_to_stop = 0;
	if (is_ours(prompt))
		set_signal(note_stop);
	(void)tcgetattr(prompt->terminal, &prompt->before);
	set_raw(prompt);
	prompt->again = true;
}

static void
clear_answer(clv_secret *answer)
{
	while (answer->size > 0)
		rub_out(answer);
}

/* The next byte; false at the end, and when stopped in between. */
static bool
read_key(struct prompt *prompt, unsigned char *key)
{
	struct pollfd look = {.fd = prompt->terminal, .events = POLLIN};

	for (;;) {
		const int ready = poll(&look, 1, LOOK_MS);
		ssize_t got;

		if (told_to_stop) {
			suspend(prompt, false);
			return false;
		}
		if (ready == 0 || (ready < 0 && errno == EINTR))
			continue;
		got = read(prompt->terminal, key, 1);
		if (got < 0 && errno == EINTR)
			continue;
		return got == 1;
	}
}

/*
 * One line, edited by us since the terminal is in raw mode. What other keys
 * give, such as the arrows, is not part of an answer: it is dropped as a whole,
 * since nobody can see what it has become.
 */
static clv_status
read_answer(struct prompt *prompt, clv_secret *answer, clv_error **err)
{
	bool spoilt = false;
	unsigned char key;

	prompt->again = false;
	while (read_key(prompt, &key)) {
		if (key == KEY_INTERRUPT || key == KEY_QUIT ||
		    (key == KEY_END && answer->size == 0 && !spoilt))
			break;
		if (key == '\n' || key == '\r' || key == KEY_END) {
			prompt->again = spoilt;
			return CLV_OK;
		}
		if (key == KEY_SUSPEND) {
			suspend(prompt, true);
			return CLV_OK;
		}
		if (key == KEY_DELETE || key == '\b')
			rub_out(answer);
		else if (key == KEY_KILL)
			clear_answer(answer);
		else if (key < KEY_SPACE)
			spoilt = true;
		else if (answer->size < ANSWER_MAX)
			answer->data[answer->size++] = key;
	}
	if (prompt->again)
		return CLV_OK;
	return clv_error_raise(err, CLV_CANCELLED, &operation, "cancelled");
}

static clv_status
ask_once(struct prompt *prompt, const struct clv_ask_request *request,
    bool again, clv_secret *answer, clv_error **err)
{
	struct clv_ask_request question = *request;
	clv_status status = clv_secret_alloc(answer, ANSWER_MAX, err);

	if (status != CLV_OK)
		return status;
	do {
		clear_answer(answer);
		put_question(prompt->terminal, &question, again);
		status = read_answer(prompt, answer, err);
		put(prompt->terminal, "\n");
		question.flags &= ~(unsigned)CLV_ASK_RETRY;
		if (prompt->again)
			put(prompt->terminal,
			    "Not taken: it was interrupted, or had other "
			    "keys in it than letters.\n");
	} while (prompt->again);
	answer->data[answer->size] = '\0';
	if (status == CLV_OK && answer->size == 0 &&
	    !(request->flags & CLV_ASK_OPTIONAL))
		status = clv_error_raise(
		    err, CLV_CANCELLED, &operation, "nothing was entered");
	return status;
}

static clv_status
ask_in_raw_mode(struct prompt *prompt, const struct clv_ask_request *request,
    clv_secret *answer, clv_error **err)
{
	clv_secret again = CLV_SECRET_INIT;
	clv_status status;

	status = ask_once(prompt, request, false, answer, err);
	if (status == CLV_OK && is_new(request)) {
		status = ask_once(prompt, request, true, &again, err);
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
	struct prompt prompt = {
	    .terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC)};
	clv_status status;

	if (prompt.terminal < 0 ||
	    tcgetattr(prompt.terminal, &prompt.before) != 0) {
		if (prompt.terminal >= 0)
			(void)close(prompt.terminal);
		return clv_error_raise(err, CLV_NOT_FOUND,
		    &(struct clv_error_info){.operation = operation.operation,
			.remedy = "name another source with --pin-source"},
		    "there is no terminal");
	}
	(void)sigaction(SIGTSTP, NULL, &prompt.old);
	if (is_ours(&prompt))
		set_signal(note_stop);
	set_raw(&prompt);
	status = ask_in_raw_mode(&prompt, request, answer, err);
	(void)tcsetattr(prompt.terminal, TCSAFLUSH, &prompt.before);
	if (is_ours(&prompt))
		(void)sigaction(SIGTSTP, &prompt.old, NULL);
	/* It came too late to be noticed above, and must not be lost. */
	if (told_to_stop) {
		told_to_stop = 0;
		(void)raise(SIGTSTP);
	}
	(void)close(prompt.terminal);
	if (status != CLV_OK)
		clv_secret_clear(answer);
	return status;
}
