/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "program.h"

#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "help.h"
#include "surroundings.h"

/* While a software key is in use, OpenSSL holds parts of it in ordinary
 * memory: keep them out of cores and away from debuggers. */
static void
forbid_dumps(void)
{
	const struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* How many words of the command line name this command; 0 for none. */
static int
matches(const struct command *command, int argc, char **argv)
{
	const char *space = strchr(command->name, ' ');
	size_t first;

	if (argc < 2)
		return 0;
	if (space == NULL)
		return strcmp(command->name, argv[1]) == 0 ? 1 : 0;
	first = (size_t)(space - command->name);
	if (argc < 3 || strlen(argv[1]) != first ||
	    strncmp(command->name, argv[1], first) != 0)
		return 0;
	return strcmp(space + 1, argv[2]) == 0 ? 2 : 0;
}

static int
run(const struct command *command, int words, int argc, char **argv)
{
	struct program program = {.command = command};
	int status;

	/* getopt skips the first word, and names it when it complains. */
	argv[words] = (char *)(uintptr_t) "claviger";
	status = command->run(&program, argc - words, argv + words);
	clv_context_free(&program.context);
	if (program.settled != EXIT_DONE)
		return program.settled;
	if (status == EXIT_DONE)
		status = program_finish();
	return status;
}

static bool
is_one_of(const char *word, const char *a, const char *b)
{
	return strcmp(word, a) == 0 || strcmp(word, b) == 0;
}

int
main(int argc, char **argv)
{
	(void)signal(SIGPIPE, SIG_IGN);
	forbid_dumps();
	surroundings_keep_standard_descriptors();
	surroundings_keep_terminal();
	if (argc < 2) {
		help_overview(stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--version") == 0) {
		printf("claviger %s\n", clv_version());
		return program_finish();
	}
	if (is_one_of(argv[1], "help", "--help"))
		return help_command(argc - 2, argv + 2);
	for (const struct command *c = commands; c->name != NULL; c++) {
		const int words = matches(c, argc, argv);

		if (words > 0)
			return run(c, words, argc, argv);
	}
	return help_unknown(argc - 1, argv + 1);
}
