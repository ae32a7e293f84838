/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#ifndef CLV_HELP_H
#define CLV_HELP_H

#include "program.h"

/* All commands, a line each. */
void help_overview(FILE *stream);
/* One command's usage. */
void help_usage(FILE *stream, const struct command *command);
/* `claviger help [COMMAND]`: words of a command. Returns an exit status. */
int help_command(int count, char **words);
/* Complains about words that are no command. Returns EXIT_USAGE. */
int help_unknown(int count, char **words);

#endif
