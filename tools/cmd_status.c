/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* status */

#include "commands.h"

#include <claviger/transaction.h>

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Files in one directory of a TrustList; -1 if it can't be read. */
static long
count_files(const char *trust_list, const char *name)
{
	const struct dirent *entry;
	char *path = NULL;
	DIR *stream = NULL;
	long count = -1;

	if (asprintf(&path, "%s/%s", trust_list, name) >= 0)
		stream = opendir(path);
	if (stream != NULL) {
		count = 0;
		while ((entry = readdir(stream)) != NULL)
			count += entry->d_name[0] != '.';
		(void)closedir(stream);
	}
	free(path);
	return count;
}

static const struct {
	const char *name;
	const char *directory;
} lists[] = {{"trusted", "trusted/certs"}, {"trusted CRLs", "trusted/crl"},
    {"issuers", "issuer/certs"}, {"issuer CRLs", "issuer/crl"},
    {"rejected", "rejected/certs"}};

#define LISTS (sizeof(lists) / sizeof(lists[0]))

static long long
days_left(const clv_certificate *certificate)
{
	const int64_t left =
	    clv_certificate_not_after(certificate) - (int64_t)time(NULL);

	return (long long)(left / 86400);
}

/* The key that waits for its certificate; NULL if there is none. */
static char *
pending_key(const clv_application *application, const struct clv_slot *slot)
{
	char *uri = NULL;

	(void)clv_application_pending_uri(
	    application, slot->group, slot->type, &uri, NULL);
	return uri;
}

static void
print_pending(const clv_application *application, const struct clv_slot *slot)
{
	char *uri = pending_key(application, slot);

	if (uri != NULL)
		printf("  pending key  %s\n", uri);
	clv_free(uri);
}

/* Returns whether the slot is fit for use. */
static bool
print_slot(const clv_application *application, const struct clv_slot *slot)
{
	clv_certificate *certificate = NULL;
	clv_error *err = NULL;
	char until[32];
	bool good = false;

	printf("%s/%s\n", slot->group, slot->type);
	printf("  key          %s\n", slot->key != NULL ? slot->key : "none");
	print_pending(application, slot);
	if (clv_application_certificate(
		application, slot->group, slot->type, &certificate, &err)) {
		printf("  certificate  %s\n", clv_error_message(err));
		clv_error_free(&err);
		return false;
	}
	good = days_left(certificate) >= 0 && slot->key != NULL;
	printf("  certificate  %s\n", slot->certificate);
	printf("  issuer       %s\n",
	    clv_certificate_is_self_signed(certificate)
		? "itself"
		: clv_certificate_issuer(certificate));
	printf("  valid until  %s, %lld days left\n",
	    program_time(clv_certificate_not_after(certificate), until),
	    days_left(certificate));
	printf("  thumbprint   %s\n", clv_certificate_thumbprint(certificate));
	clv_certificate_free(&certificate);
	return good;
}

static int
print(const clv_application *application)
{
	const char *trust_list = clv_application_trust_list(
	    application, CLV_DEFAULT_APPLICATION_GROUP);
	struct clv_slot slot;
	bool good = true;

	printf("%s\n", clv_application_uri(application));
	for (size_t i = 0; clv_application_slot(application, i, &slot); i++)
		good = print_slot(application, &slot) && good;
	if (trust_list != NULL)
		printf("TrustList %s\n", trust_list);
	for (size_t i = 0; trust_list != NULL && i < LISTS; i++)
		printf("  %-12s %ld\n", lists[i].name,
		    count_files(trust_list, lists[i].directory));
	return good ? EXIT_DONE : EXIT_REFUSED;
}

static cJSON *
slot_json(
    const clv_application *application, const struct clv_slot *slot, bool *good)
{
	cJSON *object = cJSON_CreateObject();
	clv_certificate *certificate = NULL;
	clv_error *err = NULL;
	char until[32];
	char *pending;

	cJSON_AddStringToObject(object, "group", slot->group);
	cJSON_AddStringToObject(object, "type", slot->type);
	if (slot->key != NULL)
		cJSON_AddStringToObject(object, "key", slot->key);
	pending = pending_key(application, slot);
	if (pending != NULL)
		cJSON_AddStringToObject(object, "pendingKey", pending);
	clv_free(pending);
	if (clv_application_certificate(
		application, slot->group, slot->type, &certificate, &err)) {
		cJSON_AddStringToObject(
		    object, "problem", clv_error_message(err));
		clv_error_free(&err);
		*good = false;
		return object;
	}
	*good = *good && days_left(certificate) >= 0 && slot->key != NULL;
	cJSON_AddStringToObject(object, "certificate", slot->certificate);
	cJSON_AddStringToObject(
	    object, "thumbprint", clv_certificate_thumbprint(certificate));
	cJSON_AddStringToObject(object, "validUntil",
	    program_time(clv_certificate_not_after(certificate), until));
	cJSON_AddNumberToObject(
	    object, "daysLeft", (double)days_left(certificate));
	cJSON_AddBoolToObject(
	    object, "selfSigned", clv_certificate_is_self_signed(certificate));
	clv_certificate_free(&certificate);
	return object;
}

static int
print_json(const clv_application *application)
{
	cJSON *document = cJSON_CreateObject();
	cJSON *slots = cJSON_AddArrayToObject(document, "slots");
	cJSON *counts = cJSON_AddObjectToObject(document, "trustList");
	const char *trust_list = clv_application_trust_list(
	    application, CLV_DEFAULT_APPLICATION_GROUP);
	struct clv_slot slot;
	bool good = true;

	cJSON_AddStringToObject(
	    document, "applicationUri", clv_application_uri(application));
	cJSON_AddStringToObject(
	    document, "directory", clv_application_directory(application));
	for (size_t i = 0; clv_application_slot(application, i, &slot); i++)
		cJSON_AddItemToArray(
		    slots, slot_json(application, &slot, &good));
	for (size_t i = 0; trust_list != NULL && i < LISTS; i++)
		cJSON_AddNumberToObject(counts, lists[i].name,
		    (double)count_files(trust_list, lists[i].directory));
	if (program_print_json(&document) != EXIT_DONE)
		return EXIT_REFUSED;
	return good ? EXIT_DONE : EXIT_REFUSED;
}

int
cmd_status(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {PROGRAM_OPTIONS};
	clv_application *application = NULL;
	clv_error *err = NULL;
	clv_context *context;
	int status;
	int option;

	while ((option = program_option(program, argc, argv, options)) != -1)
		if (option == '?' || option == OPTION_HELP)
			return option == '?' ? EXIT_USAGE : EXIT_DONE;
	if (optind != argc - 1)
		return program_usage(program, "one DIR is needed");
	context = program_context(program);
	if (context == NULL)
		return EXIT_REFUSED;
	if (clv_application_open(context, argv[optind], &application, &err))
		return program_fail(&err);
	status = program->json ? print_json(application) : print(application);
	clv_application_free(&application);
	return status;
}
