/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "account.h"
#include "help.h"

/* All options are known: what follows is done as the application's account. */
static int
end_options(struct program *program)
{
	if (program->application == NULL || program->stays_itself ||
	    account_become(program->application))
		return -1;
	program->settled = EXIT_REFUSED;
	return '?';
}

/* One more source than there is room for must not be passed over. */
static bool
add_option(const struct program *program, const char *name,
    const char **sources, size_t *count)
{
	if (*count == PROGRAM_SOURCES_MAX) {
		(void)program_usage(program, "--%s is given more than %d times",
		    name, PROGRAM_SOURCES_MAX);
		return false;
	}
	sources[(*count)++] = optarg;
	return true;
}

int
program_option(struct program *program, int argc, char **argv,
    const struct option *options)
{
	for (;;) {
		const int option = getopt_long(argc, argv, "", options, NULL);

		switch (option) {
		case OPTION_JSON:
			program->json = true;
			break;
		case OPTION_PIN_SOURCE:
			if (!add_option(program, "pin-source", program->sources,
				&program->source_count))
				return '?';
			break;
		case OPTION_NEW_PIN_SOURCE:
			if (!add_option(program, "new-pin-source",
				program->new_sources,
				&program->new_source_count))
				return '?';
			break;
		case OPTION_APPLICATION:
			program->application = optarg;
			break;
		case OPTION_HELP:
			help_usage(stdout, program->command);
			printf("       %s\n", program->command->summary);
			return OPTION_HELP;
		case '?':
			help_usage(stderr, program->command);
			return '?';
		case -1:
			return end_options(program);
		default:
			return option;
		}
	}
}

static void
show_log(void *user, clv_log_level level, const char *line)
{
	(void)user;
	progress_clear();
	fprintf(stderr, "claviger: %s%s\n",
	    level <= CLV_LOG_WARNING ? "warning: " : "", line);
}

static bool
has_terminal(void)
{
	const int terminal = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (terminal < 0)
		return false;
	(void)close(terminal);
	return true;
}

static clv_status
add_sources(struct program *program, clv_error **err)
{
	clv_status status = CLV_OK;

	for (size_t i = 0; status == CLV_OK && i < program->source_count; i++)
		status = clv_context_add_secret_source(
		    program->context, program->sources[i], err);
	for (size_t i = 0; status == CLV_OK && i < program->new_source_count;
	     i++)
		status = clv_context_add_new_secret_source(
		    program->context, program->new_sources[i], err);
	if (status == CLV_OK && program->source_count == 0 && has_terminal())
		status = clv_context_add_secret_source(
		    program->context, "prompt", err);
	return status;
}

clv_context *
program_context(struct program *program)
{
	clv_error *err = NULL;
	clv_status status;

	if (program->context != NULL)
		return program->context;
	status = clv_context_new(&program->context, &err);
	if (status == CLV_OK) {
		clv_context_set_log(
		    program->context, CLV_LOG_NOTICE, show_log, NULL);
		status = add_sources(program, &err);
	}
	if (status == CLV_OK)
		return program->context;
	if (status == CLV_INVALID)
		program->settled = program_misused(program, &err);
	else
		(void)program_fail(&err);
	clv_context_free(&program->context);
	return NULL;
}

static void
print_error(const clv_error *err)
{
	fprintf(stderr, "claviger: ");
	program_print_text(stderr, clv_error_message(err));
	fprintf(stderr, "\n");
	if (clv_error_remedy(err) != NULL) {
		fprintf(stderr, "  fix: ");
		program_print_text(stderr, clv_error_remedy(err));
		fprintf(stderr, "\n");
	}
}

int
program_fail(clv_error **err)
{
	print_error(*err);
	clv_error_free(err);
	return EXIT_REFUSED;
}

int
program_misused(const struct program *program, clv_error **err)
{
	if (clv_error_status(*err) == CLV_NO_MEMORY)
		return program_fail(err);
	print_error(*err);
	help_usage(stderr, program->command);
	clv_error_free(err);
	return EXIT_USAGE;
}

/* Names of files are in it, which others may have chosen. */
static void complain(const char *format, va_list arguments)
    __attribute__((format(printf, 1, 0)));

static void
complain(const char *format, va_list arguments)
{
	char *text = NULL;

	fprintf(stderr, "claviger: ");
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	program_print_text(stderr, text != NULL ? text : "out of memory");
	fprintf(stderr, "\n");
	free(text);
}

int
program_refuse(const char *remedy, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain(format, arguments);
	va_end(arguments);
	if (remedy != NULL)
		fprintf(stderr, "  fix: %s\n", remedy);
	return EXIT_REFUSED;
}

int
program_usage(const struct program *program, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	complain(format, arguments);
	va_end(arguments);
	help_usage(stderr, program->command);
	return EXIT_USAGE;
}

int
program_finish(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return EXIT_DONE;
	return program_refuse(
	    NULL, "write to standard output: %s", strerror(errno));
}

const char *
program_time(int64_t seconds, char *buffer)
{
	const time_t when = (time_t)seconds;
	struct tm utc;

	if (gmtime_r(&when, &utc) == NULL ||
	    strftime(buffer, 32, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
		(void)snprintf(buffer, 32, "?");
	return buffer;
}

void
program_print_text(FILE *stream, const char *text)
{
	for (; *text != '\0'; text++) {
		const unsigned char byte = (unsigned char)*text;
		const unsigned char next = (unsigned char)text[1];

		/* U+0080 to U+009F are control characters, too. */
		if (byte == 0xc2 && next >= 0x80 && next < 0xa0)
			text++;
		else if (byte >= 0x20 && byte != 0x7f) {
			(void)putc(byte, stream);
			continue;
		}
		(void)putc('?', stream);
	}
}

bool
program_number(const struct program *program, const char *option,
    const char *text, unsigned long least, unsigned long most,
    unsigned long *out)
{
	char *end = NULL;

	errno = 0;
	*out = strtoul(text, &end, 10);
	if (*text >= '0' && *text <= '9' && *end == '\0' && errno == 0 &&
	    *out >= least && *out <= most)
		return true;
	(void)program_usage(program,
	    "%s takes a number from %lu to %lu, not "
	    "\"%s\"",
	    option, least, most, text);
	return false;
}
