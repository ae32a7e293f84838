/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What the progress leaves on a terminal on which others write, too. */

#include <poll.h>
#include <pty.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <cmocka.h>

#include "program.h"

#define ERASE "\033[A\r\033[K"

static struct {
	int master;
	int stderr_before;
	char seen[1024];
	size_t size;
} terminal;

static int
setup(void **state)
{
	int slave;

	(void)state;
	if (openpty(&terminal.master, &slave, NULL, NULL, NULL) != 0)
		return -1;
	terminal.stderr_before = dup(STDERR_FILENO);
	(void)dup2(slave, STDERR_FILENO);
	(void)close(slave);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	progress_stop();
	(void)dup2(terminal.stderr_before, STDERR_FILENO);
	(void)close(terminal.stderr_before);
	(void)close(terminal.master);
	return 0;
}

/* What is written until there is `text` at the end, or nothing for `patience`
 * milliseconds. */
static const char *
screen(const char *text, int patience)
{
	const size_t size = strlen(text);
	struct pollfd ready = {.fd = terminal.master, .events = POLLIN};

	terminal.size = 0;
	while ((size == 0 || terminal.size < size ||
		   memcmp(terminal.seen + terminal.size - size, text, size) !=
		       0) &&
	    poll(&ready, 1, patience) == 1) {
		const ssize_t got =
		    read(terminal.master, terminal.seen + terminal.size,
			sizeof(terminal.seen) - terminal.size - 1);

		assert_true(got > 0);
		terminal.size += (size_t)got;
	}
	terminal.seen[terminal.size] = '\0';
	return terminal.seen;
}

static void
set_echo(bool on)
{
	struct termios settings;

	assert_int_equal(tcgetattr(STDERR_FILENO, &settings), 0);
	settings.c_lflag &= ~(tcflag_t)ECHO;
	settings.c_lflag |= on ? ECHO : 0;
	assert_int_equal(tcsetattr(STDERR_FILENO, TCSANOW, &settings), 0);
}

static void
test_progress__counts_and_leaves_nothing(void **state)
{
	(void)state;
	progress_start("working");
	assert_string_equal(screen("1 s\r\n", 5000), "working ... 1 s\r\n");
	assert_string_equal(
	    screen("2 s\r\n", 5000), ERASE "working ... 2 s\r\n");
	progress_stop();
	assert_string_equal(screen("", 100), ERASE);
}

static void
test_progress__leaves_an_open_question_alone(void **state)
{
	(void)state;
	progress_start("working");
	assert_string_equal(screen("1 s\r\n", 5000), "working ... 1 s\r\n");
	set_echo(false);
	assert_string_equal(screen("", 2200), "");
	/* Answered: it counts from the start, on a new line. */
	set_echo(true);
	assert_string_equal(screen("1 s\r\n", 5000), "working ... 1 s\r\n");
	progress_stop();
	assert_string_equal(screen("", 100), ERASE);
}

static void
test_progress_clear__makes_room_for_a_line(void **state)
{
	(void)state;
	progress_start("working");
	assert_string_equal(screen("1 s\r\n", 5000), "working ... 1 s\r\n");
	progress_clear();
	assert_string_equal(screen("", 100), ERASE);
	assert_string_equal(screen("2 s\r\n", 5000), "working ... 2 s\r\n");
	progress_clear();
	progress_stop();
	assert_string_equal(screen("", 100), ERASE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		test_progress__counts_and_leaves_nothing, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_progress__leaves_an_open_question_alone, setup, teardown),
	    cmocka_unit_test_setup_teardown(
		test_progress_clear__makes_room_for_a_line, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
