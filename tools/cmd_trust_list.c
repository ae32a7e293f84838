/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* trust list */

#include "commands.h"

#include <string.h>
#include <time.h>

#include "trust_options.h"

enum { WHAT = 1 };

struct listing {
	cJSON *document; /* NULL: as text */
	int64_t now;
	size_t problems;
};

static const struct {
	const char *name;
	unsigned lists; /* 0: the RejectedList */
} whats[] = {
    {"trusted", CLV_TRUST_TRUSTED_CERTIFICATES},
    {"issuer", CLV_TRUST_ISSUER_CERTIFICATES},
    {"crl", CLV_TRUST_TRUSTED_CRLS | CLV_TRUST_ISSUER_CRLS},
    {"rejected", 0},
};

#define WHATS (sizeof(whats) / sizeof(whats[0]))

/* Validity at a glance. */
static const char *
state_of(const struct listing *listing, const clv_trust_item *item)
{
	if (listing->now < item->not_before)
		return "not yet";
	if (listing->now > item->not_after)
		return item->is_crl ? "overdue" : "EXPIRED";
	if (item->not_after - listing->now < 30 * 86400)
		return "ends soon";
	return "valid";
}

static bool
print_item(void *user, const clv_trust_item *item)
{
	struct listing *listing = user;
	char until[32];
	cJSON *object;

	(void)program_time(item->not_after, until);
	if (listing->document == NULL) {
		printf("%s  %-9s %.10s  %s%s\n", item->thumbprint,
		    state_of(listing, item), until,
		    item->is_crl      ? "CRL of "
			: item->is_ca ? "CA "
				      : "",
		    item->subject);
		return true;
	}
	object = cJSON_CreateObject();
	cJSON_AddStringToObject(object, "thumbprint", item->thumbprint);
	cJSON_AddStringToObject(
	    object, "kind", item->is_crl ? "crl" : "certificate");
	cJSON_AddStringToObject(object, "subject", item->subject);
	cJSON_AddStringToObject(object, "issuer", item->issuer);
	cJSON_AddStringToObject(object, "file", item->file);
	cJSON_AddStringToObject(object, "until", until);
	cJSON_AddStringToObject(object, "state", state_of(listing, item));
	cJSON_AddBoolToObject(object, "ca", item->is_ca);
	if (item->is_crl)
		cJSON_AddNumberToObject(
		    object, "revoked", (double)item->revoked);
	cJSON_AddItemToArray(listing->document, object);
	return true;
}

static bool
print_problem(void *user, const char *file, const clv_error *problem)
{
	struct listing *listing = user;

	(void)file;
	listing->problems++;
	fprintf(stderr, "claviger: does not count: ");
	program_print_text(stderr, clv_error_message(problem));
	fprintf(stderr, "\n");
	return true;
}

static int
run(struct program *program, const char *directory, size_t what)
{
	struct listing listing = {
	    .document = program->json ? cJSON_CreateArray() : NULL,
	    .now = (int64_t)time(NULL)};
	clv_trust *trust = trust_open(program, directory);
	clv_error *err = NULL;
	clv_status status;

	if (trust == NULL) {
		cJSON_Delete(listing.document);
		return EXIT_REFUSED;
	}
	status = whats[what].lists == 0
	    ? clv_trust_visit_rejected(trust, print_item, &listing, &err)
	    : clv_trust_visit(
		  trust, whats[what].lists, print_item, &listing, &err);
	if (status == CLV_OK && whats[what].lists != 0)
		status = clv_trust_visit_problems(
		    trust, print_problem, &listing, &err);
	clv_trust_free(&trust);
	if (status != CLV_OK) {
		cJSON_Delete(listing.document);
		return program_fail(&err);
	}
	return program->json ? program_print_json(&listing.document)
			     : EXIT_DONE;
}

int
cmd_trust_list(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {
	    {"what", required_argument, NULL, WHAT}, PROGRAM_OPTIONS};
	const char *directory;
	size_t what = 0;
	int option;

	while ((option = program_option(program, argc, argv, options)) != -1) {
		if (option == '?' || option == OPTION_HELP)
			return option == '?' ? EXIT_USAGE : EXIT_DONE;
		for (what = 0; what < WHATS; what++)
			if (strcmp(whats[what].name, optarg) == 0)
				break;
		if (what == WHATS)
			return program_usage(program,
			    "--what takes trusted, issuer, rejected or crl, "
			    "not \"%s\"",
			    optarg);
	}
	directory = trust_argument(argc, argv);
	if (directory == NULL || optind != argc)
		return program_usage(program, "one DIR is needed");
	return run(program, directory, what);
}
