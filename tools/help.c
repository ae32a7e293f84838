/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "help.h"

#include <string.h>

static const char shared_options[] =
    "Every command:\n"
    "  --pin-source SRC      where a PIN or password comes from: prompt, "
    "fd:N,\n"
    "                        cred:NAME, keyring:NAME, file:PATH, tpm2:FILE;\n"
    "                        may be repeated\n"
    "  --new-pin-source SRC  the same for one that is being set\n"
    "  --application USER    act as the account that runs the application "
    "(root only)\n"
    "  --json                print one JSON document\n"
    "  --help                show this help\n";

void
help_overview(FILE *stream)
{
	fprintf(stream,
	    "usage: claviger COMMAND [ARGUMENT]...\n\n"
	    "Keeps the private keys and trust lists of OPC UA "
	    "applications.\n\n");
	for (const struct command *c = commands; c->name != NULL; c++)
		fprintf(stream, "  %-18s %s\n", c->name, c->summary);
	fprintf(stream,
	    "\nclaviger help COMMAND tells more; the manual is claviger(1).\n"
	    "Exit status: 0 done or yes, 1 refused or no, 2 usage.\n");
}

void
help_usage(FILE *stream, const struct command *command)
{
	fprintf(
	    stream, "usage: claviger %s %s\n", command->name, command->usage);
}

/* Whether the command begins with these words. */
static bool
begins_with(const struct command *command, int count, char **words)
{
	const char *name = command->name;

	for (int i = 0; i < count; i++) {
		const size_t size = strlen(words[i]);

		if (strncmp(name, words[i], size) != 0 ||
		    (name[size] != ' ' && name[size] != '\0'))
			return false;
		name += size;
		if (*name == ' ')
			name++;
		else if (i + 1 < count)
			return false;
	}
	return true;
}

int
help_command(int count, char **words)
{
	size_t found = 0;

	if (count == 0) {
		help_overview(stdout);
		return program_finish();
	}
	for (const struct command *c = commands; c->name != NULL; c++) {
		if (!begins_with(c, count, words))
			continue;
		help_usage(stdout, c);
		printf("       %s\n\n", c->summary);
		found++;
	}
	if (found == 0)
		return help_unknown(count, words);
	printf("%s", shared_options);
	return program_finish();
}

int
help_unknown(int count, char **words)
{
	bool group = false;

	for (const struct command *c = commands; c->name != NULL; c++)
		group = group || begins_with(c, 1, words);
	fprintf(stderr, "claviger: %s%s%s: no such command\n", words[0],
	    group && count > 1 ? " " : "", group && count > 1 ? words[1] : "");
	for (const struct command *c = commands; c->name != NULL; c++)
		if (group && begins_with(c, 1, words))
			help_usage(stderr, c);
	if (!group)
		fprintf(stderr, "  fix: claviger help\n");
	return EXIT_USAGE;
}
