/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* trust add, remove, accept */

#include "commands.h"

#include "trust_options.h"

#define FILE_MAX (1024U * 1024U)

enum { ISSUER = 1 };

static void
record_file(struct program *program, const char *directory, const char *file,
    clv_trust_mask list)
{
	char detail[1024];

	(void)snprintf(detail, sizeof(detail), "added to %s: %s",
	    list == CLV_TRUST_ISSUER_CERTIFICATES ? "issuer" : "trusted", file);
	trust_record(program, directory, NULL, detail);
}

static int
add_file(struct program *program, const char *directory, clv_trust *trust,
    const char *file, clv_trust_mask list)
{
	clv_trust_change change = {0};
	clv_secret bytes = CLV_SECRET_INIT;
	clv_error *err = NULL;
	int status = EXIT_REFUSED;

	if (!program_read(file, FILE_MAX, &bytes))
		goto out;
	if (clv_trust_add(trust, list, bytes.data, bytes.size, &change, &err)) {
		fprintf(stderr, "claviger: in ");
		program_print_text(stderr, file);
		fprintf(stderr, "\n");
		status = program_fail(&err);
		goto out;
	}
	trust_tell_change(&change);
	if (change.added + change.removed > 0)
		record_file(program, directory, file, list);
	status = EXIT_DONE;
out:
	clv_secret_clear(&bytes);
	return status;
}

int
cmd_trust_add(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {
	    {"issuer", no_argument, NULL, ISSUER}, PROGRAM_OPTIONS};
	clv_trust_mask list = CLV_TRUST_TRUSTED_CERTIFICATES;
	const char *directory;
	clv_trust *trust;
	int status = EXIT_DONE;
	int option;

	while ((option = program_option(program, argc, argv, options)) != -1) {
		if (option == '?' || option == OPTION_HELP)
			return option == '?' ? EXIT_USAGE : EXIT_DONE;
		list = CLV_TRUST_ISSUER_CERTIFICATES;
	}
	directory = trust_argument(argc, argv);
	if (directory == NULL || optind == argc)
		return program_usage(program, "DIR and FILE are needed");
	trust = trust_open(program, directory);
	if (trust == NULL)
		return EXIT_REFUSED;
	while (status == EXIT_DONE && optind < argc)
		status = add_file(program, directory, trust,
		    trust_argument(argc, argv), list);
	clv_trust_free(&trust);
	return status;
}

/* A command that takes DIR and THUMBPRINT. */
static int
with_thumbprint(struct program *program, int argc, char **argv,
    clv_status (*change)(clv_trust *, const char *, clv_error **),
    const char *done)
{
	const int shown = trust_no_options(program, argc, argv);
	const char *directory;
	const char *thumbprint;
	clv_error *err = NULL;
	clv_trust *trust;
	clv_status status;

	if (shown != -1)
		return shown;
	directory = trust_argument(argc, argv);
	thumbprint = trust_argument(argc, argv);
	if (thumbprint == NULL || optind != argc)
		return program_usage(
		    program, "DIR and one THUMBPRINT are needed");
	trust = trust_open(program, directory);
	if (trust == NULL)
		return EXIT_REFUSED;
	status = change(trust, thumbprint, &err);
	clv_trust_free(&trust);
	if (status != CLV_OK)
		return program_fail(&err);
	trust_record(program, directory, thumbprint, done);
	fprintf(stderr, "claviger: %s\n", done);
	return EXIT_DONE;
}

static clv_status
remove_everywhere(clv_trust *trust, const char *thumbprint, clv_error **err)
{
	return clv_trust_remove(
	    trust, CLV_TRUST_ALL_LISTS, thumbprint, NULL, err);
}

int
cmd_trust_remove(struct program *program, int argc, char **argv)
{
	return with_thumbprint(
	    program, argc, argv, remove_everywhere, "removed");
}

int
cmd_trust_accept(struct program *program, int argc, char **argv)
{
	return with_thumbprint(
	    program, argc, argv, clv_trust_accept, "trusted from now on");
}
