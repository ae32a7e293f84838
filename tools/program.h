/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * The claviger program: a table of commands (commands.c), one file per
 * command (cmd_*.c), and what they share.
 */
#ifndef CLV_PROGRAM_H
#define CLV_PROGRAM_H

#include <claviger/certificate.h>
#include <claviger/key.h>

#include <cjson/cJSON.h>
#include <getopt.h>
#include <stdio.h>

/* Exit status: scripts depend on it. */
enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2 };

struct program;

struct command {
	const char *name;    /* one or two words: "status", "key list" */
	const char *usage;   /* arguments, as in the manual */
	const char *summary; /* one line */
	int (*run)(struct program *program, int argc, char **argv);
};

/* Ended by a command without name. */
extern const struct command commands[];

#define PROGRAM_SOURCES_MAX 8

/* What a command finds when it runs. */
struct program {
	const struct command *command;
	clv_context *context; /* made by program_context() */
	bool json;
	const char *sources[PROGRAM_SOURCES_MAX];
	size_t source_count;
	const char *new_sources[PROGRAM_SOURCES_MAX];
	size_t new_source_count;
	/* Who runs the application. program_option() becomes that account at
	 * the end of the options, unless the command judges it from outside. */
	const char *application;
	bool stays_itself;
	/* The exit status, whatever the command makes of it; 0: as it says. */
	int settled;
};

/*
 * Options. A command passes its long options, which end with PROGRAM_OPTIONS,
 * to program_option(); that handles the shared ones itself and returns the
 * others' values, -1 at the end, '?' after a complaint (return EXIT_USAGE
 * then) and OPTION_HELP after having shown the help (return EXIT_DONE).
 * Options and arguments may be mixed.
 */
enum {
	OPTION_JSON = 1000,
	OPTION_PIN_SOURCE,
	OPTION_NEW_PIN_SOURCE,
	OPTION_APPLICATION,
	OPTION_HELP
};

/* clang-format off */
#define PROGRAM_OPTIONS \
	{"json", no_argument, NULL, OPTION_JSON}, \
	{"pin-source", required_argument, NULL, OPTION_PIN_SOURCE}, \
	{"new-pin-source", required_argument, NULL, OPTION_NEW_PIN_SOURCE}, \
	{"application", required_argument, NULL, OPTION_APPLICATION}, \
	{"help", no_argument, NULL, OPTION_HELP}, \
	{NULL, 0, NULL, 0}
/* clang-format on */

int program_option(struct program *program, int argc, char **argv,
    const struct option *options);

/* The context, made at the first call with what the options say; NULL after
 * a complaint. */
clv_context *program_context(struct program *program);

/*
 * Complaints, all on stderr.
 */

/* "claviger: WHAT: WHY" and "  fix: COMMAND"; frees the error. Returns
 * EXIT_REFUSED. */
int program_fail(clv_error **err);
/* The same for what is wrong with an option's value, and the usage. Returns
 * EXIT_USAGE; EXIT_REFUSED if memory ran out. */
int program_misused(const struct program *program, clv_error **err);
/* As program_fail(), for a failure that is no clv_error. */
int program_refuse(const char *remedy, const char *format, ...)
    CLV_PRINTF(2, 3);
/* What is wrong with the command line, and the usage. Returns EXIT_USAGE. */
int program_usage(const struct program *program, const char *format, ...)
    CLV_PRINTF(2, 3);

/*
 * Output.
 */

/* Prints and frees a JSON document; what is not UTF-8 in its strings becomes
 * U+FFFD. Returns EXIT_DONE, or EXIT_REFUSED if it can't be written. */
int program_print_json(cJSON **document);
/* Flushes stdout; a full disk or closed pipe is EXIT_REFUSED. */
int program_finish(void);
/* RFC 3339, UTC, into a buffer of 32 bytes; returns it. */
const char *program_time(int64_t seconds, char *buffer);
/* Text for a terminal: control characters become '?'. */
void program_print_text(FILE *stream, const char *text);

/*
 * Files. `path` NULL or "-" is standard input or output. Errors are reported;
 * false then.
 */
bool program_read(const char *path, size_t max, clv_secret *out);
/* The same piece by piece, of any size; `take` says false to end it, after a
 * complaint. */
typedef bool program_piece_fn(void *user, const void *piece, size_t size);
bool program_read_pieces(const char *path, program_piece_fn *take, void *user);
/* Written through a temporary file beside it, with mode 0644 less the umask. A
 * file that is there keeps its owner and who may read and write it; a link is
 * followed. */
bool program_write(const char *path, const void *bytes, size_t size);
/* The same for what is a secret: a new file has mode 0600. */
bool program_write_private(const char *path, const void *bytes, size_t size);

/* PEM text, which the caller frees; NULL if memory runs out. */
char *program_pem(const char *label, const uint8_t *der, size_t size);
/* Prints PEM text or writes it into a file; with --json prints it as `name`,
 * and the file beside it. An exit status; text NULL is out of memory. */
int program_give_pem(const struct program *program, const char *path,
    const char *name, const char *pem);

/* Numbers and names on the command line; false after a complaint. */
bool program_number(const struct program *program, const char *option,
    const char *text, unsigned long least, unsigned long most,
    unsigned long *out);

/* On a terminal, shows after a second that work goes on, except while a
 * question is open. */
void progress_start(const char *what);
void progress_stop(void);
/* Before writing to stderr in between: takes it off the screen until the next
 * second. */
void progress_clear(void);

#endif
