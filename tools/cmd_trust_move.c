/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* trust import, export */

#include "commands.h"

#include <claviger/uri.h>

#include <stdlib.h>
#include <string.h>

#include "trust_options.h"

enum { GROUP = 1, PEM };

static void
record(struct program *program, const char *directory, const char *from,
    const clv_trust_change *change)
{
	char *detail = NULL;

	if (asprintf(&detail, "imported %zu from %s", change->added, from) < 0)
		detail = NULL;
	trust_record(program, directory, NULL,
	    detail != NULL ? detail : "imported a directory");
	free(detail);
}

int
cmd_trust_import(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {
	    {"group", required_argument, NULL, GROUP}, PROGRAM_OPTIONS};
	clv_trust_change change = {0};
	const char *directory, *from, *group = NULL;
	clv_error *err = NULL;
	clv_trust *trust;
	clv_status status;
	int option;

	while ((option = program_option(program, argc, argv, options)) != -1) {
		if (option == '?' || option == OPTION_HELP)
			return option == '?' ? EXIT_USAGE : EXIT_DONE;
		group = optarg;
	}
	directory = trust_argument(argc, argv);
	from = trust_argument(argc, argv);
	if (from == NULL || optind != argc)
		return program_usage(program, "DIR and FROM are needed");
	trust = trust_open(program, directory);
	if (trust == NULL)
		return EXIT_REFUSED;
	status = clv_trust_import(trust, from, group, &change, &err);
	/* Its rejected ones are written by now, or never. */
	clv_trust_free(&trust);
	if (status != CLV_OK)
		return program_fail(&err);
	trust_tell_change(&change);
	if (change.added > 0)
		record(program, directory, from, &change);
	if (change.skipped > 0)
		fprintf(stderr,
		    "claviger: %zu files are no certificates or CRLs\n",
		    change.skipped);
	return EXIT_DONE;
}

static int
print_pem(const struct program *program, clv_trust *trust)
{
	clv_error *err = NULL;
	char *pem = NULL;
	size_t size = 0;
	int status;

	if (clv_trust_export_pem(trust, CLV_TRUST_ALL_LISTS, &pem, &size, &err))
		return program_fail(&err);
	status = program_give_pem(program, NULL, "pem", pem);
	clv_free(pem);
	return status;
}

int
cmd_trust_export(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {
	    {"pem", no_argument, NULL, PEM}, PROGRAM_OPTIONS};
	const char *directory, *to;
	clv_error *err = NULL;
	bool pem = false;
	clv_trust *trust;
	int status = EXIT_DONE;
	int option;

	while ((option = program_option(program, argc, argv, options)) != -1) {
		if (option == '?' || option == OPTION_HELP)
			return option == '?' ? EXIT_USAGE : EXIT_DONE;
		pem = true;
	}
	directory = trust_argument(argc, argv);
	to = trust_argument(argc, argv);
	if (directory == NULL || pem == (to != NULL) || optind != argc)
		return program_usage(
		    program, "DIR and either TO or --pem are needed");
	trust = trust_open(program, directory);
	if (trust == NULL)
		return EXIT_REFUSED;
	if (pem)
		status = print_pem(program, trust);
	else if (clv_trust_export_files(trust, CLV_TRUST_ALL_LISTS, to, &err))
		status = program_fail(&err);
	else
		fprintf(stderr, "claviger: written to %s\n", to);
	clv_trust_free(&trust);
	return status;
}
