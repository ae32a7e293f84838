/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* group add; slot add, remove */

#include "commands.h"

#include <claviger/transaction.h>

#include <string.h>

#define TYPES_MAX 16
#define DAYS_DEFAULT 0

enum { TRUST_LIST = 1, TYPE, KEY, ALG, DAYS, EMPTY, YES };

struct slot {
	const char *directory;
	const char *group;
	const char *type;
	const char *store;
	clv_algorithm algorithm; /* NONE: the type's first */
	unsigned long days;
	bool empty;
	bool yes;
};

static clv_application *
open_application(struct program *program, const char *directory)
{
	clv_context *context = program_context(program);
	clv_application *application = NULL;
	clv_error *err = NULL;

	if (context != NULL &&
	    clv_application_open(context, directory, &application, &err))
		(void)program_fail(&err);
	return application;
}

/* ---- groups ---- */

static int
print_group(const struct program *program, const clv_application *application,
    const char *group)
{
	const char *path = clv_application_trust_list(application, group);
	cJSON *document;

	if (!program->json) {
		printf("%s\n", path);
		return program_finish();
	}
	document = cJSON_CreateObject();
	cJSON_AddStringToObject(document, "group", group);
	cJSON_AddStringToObject(document, "trustList", path);
	return program_print_json(&document);
}

int
cmd_group_add(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {
	    {"trust-list", required_argument, NULL, TRUST_LIST},
	    {"type", required_argument, NULL, TYPE}, PROGRAM_OPTIONS};
	const char *types[TYPES_MAX];
	const char *trust_list = NULL;
	clv_application *application;
	clv_error *err = NULL;
	size_t count = 0;
	int status = EXIT_REFUSED;
	int option;

	while ((option = program_option(program, argc, argv, options)) != -1) {
		if (option == '?' || option == OPTION_HELP)
			return option == '?' ? EXIT_USAGE : EXIT_DONE;
		if (option == TRUST_LIST)
			trust_list = optarg;
		else if (count < TYPES_MAX)
			types[count++] = optarg;
		else
			return program_usage(program, "too many types");
	}
	if (optind != argc - 2)
		return program_usage(program, "DIR and GROUP are needed");
	application = open_application(program, argv[optind]);
	if (application == NULL)
		return EXIT_REFUSED;
	if (clv_application_add_group(application, argv[optind + 1], trust_list,
		types, count, &err) == CLV_OK)
		status = print_group(program, application, argv[optind + 1]);
	clv_application_free(&application);
	return err != NULL ? program_fail(&err) : status;
}

/* ---- slots ---- */

static int
read_option(const struct program *program, struct slot *slot, int option)
{
	switch (option) {
	case KEY:
		slot->store = optarg;
		break;
	case ALG:
		slot->algorithm = clv_algorithm_by_name(optarg);
		if (slot->algorithm == CLV_ALGORITHM_NONE ||
		    slot->algorithm == CLV_RSA_OTHER)
			return program_usage(
			    program, "\"%s\" is no algorithm", optarg);
		break;
	case DAYS:
		return program_number(
			   program, "--days", optarg, 1, 36500, &slot->days)
		    ? EXIT_DONE
		    : EXIT_USAGE;
	case EMPTY:
		slot->empty = true;
		break;
	default:
		slot->yes = true;
		break;
	}
	return EXIT_DONE;
}

/* -1: go on. */
static int
read_arguments(struct program *program, int argc, char **argv,
    const struct option *options, struct slot *slot)
{
	int option;

	while ((option = program_option(program, argc, argv, options)) != -1) {
		int status;

		if (option == '?' || option == OPTION_HELP)
			return option == '?' ? EXIT_USAGE : EXIT_DONE;
		status = read_option(program, slot, option);
		if (status != EXIT_DONE)
			return status;
	}
	if (optind != argc - 3)
		return program_usage(program, "DIR, GROUP and TYPE are needed");
	slot->directory = argv[optind];
	slot->group = argv[optind + 1];
	slot->type = argv[optind + 2];
	return -1;
}

/* The smallest key of a CertificateType. */
static clv_algorithm
algorithm_of(const char *type)
{
	for (int i = CLV_RSA_2048; i < CLV_RSA_OTHER; i++)
		if (strcmp(clv_algorithm_describe((clv_algorithm)i)->type_name,
			type) == 0)
			return (clv_algorithm)i;
	return CLV_ALGORITHM_NONE;
}

static clv_status
fill(clv_application *application, const struct slot *slot, clv_error **err)
{
	clv_txn *txn = NULL;
	clv_status status;

	if ((status = clv_txn_open(application, &txn, err)) == CLV_OK &&
	    (status = clv_txn_self_sign(txn, slot->group, slot->type,
		 slot->algorithm, NULL, (unsigned)slot->days, err)) == CLV_OK)
		status = clv_txn_commit(txn, err);
	if (status != CLV_OK && txn != NULL)
		(void)clv_txn_cancel(txn, NULL);
	clv_txn_free(&txn);
	return status;
}

static int
print_slot(const struct program *program, const clv_application *application,
    const struct slot *wanted)
{
	cJSON *document;
	struct clv_slot slot;
	size_t i = 0;

	while (clv_application_slot(application, i, &slot) &&
	    (strcmp(slot.group, wanted->group) != 0 ||
		strcmp(slot.type, wanted->type) != 0))
		i++;
	if (!program->json) {
		printf("%s\n", slot.key != NULL ? slot.key : slot.store);
		return program_finish();
	}
	document = cJSON_CreateObject();
	cJSON_AddStringToObject(document, "group", slot.group);
	cJSON_AddStringToObject(document, "type", slot.type);
	cJSON_AddStringToObject(document, "store", slot.store);
	if (slot.key != NULL)
		cJSON_AddStringToObject(document, "key", slot.key);
	if (slot.certificate != NULL)
		cJSON_AddStringToObject(
		    document, "certificate", slot.certificate);
	return program_print_json(&document);
}

int
cmd_slot_add(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {
	    {"key", required_argument, NULL, KEY},
	    {"alg", required_argument, NULL, ALG},
	    {"days", required_argument, NULL, DAYS},
	    {"empty", no_argument, NULL, EMPTY}, PROGRAM_OPTIONS};
	struct slot slot = {.days = DAYS_DEFAULT};
	int status = read_arguments(program, argc, argv, options, &slot);
	clv_application *application;
	clv_error *err = NULL;

	if (status != -1)
		return status;
	if (slot.algorithm == CLV_ALGORITHM_NONE)
		slot.algorithm = algorithm_of(slot.type);
	application = open_application(program, slot.directory);
	if (application == NULL)
		return EXIT_REFUSED;
	progress_start("making the slot");
	if (clv_application_add_slot(application, slot.group, slot.type,
		slot.store, &err) == CLV_OK &&
	    !slot.empty && fill(application, &slot, &err) != CLV_OK)
		/* As it was before. */
		(void)clv_application_remove_slot(
		    application, slot.group, slot.type, NULL);
	progress_stop();
	status = err != NULL ? program_fail(&err)
			     : print_slot(program, application, &slot);
	clv_application_free(&application);
	return status;
}

static clv_status
empty(clv_application *application, const struct slot *slot, clv_error **err)
{
	clv_txn *txn = NULL;
	clv_status status = clv_txn_open(application, &txn, err);

	if (status == CLV_OK) {
		status = clv_txn_delete(txn, slot->group, slot->type, err);
		if (status == CLV_NOT_FOUND)
			clv_error_free(err);
		else if (status == CLV_OK)
			status = clv_txn_commit(txn, err);
		if (status == CLV_NOT_FOUND)
			status = CLV_OK;
	}
	clv_txn_free(&txn);
	return status;
}

int
cmd_slot_remove(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {
	    {"yes", no_argument, NULL, YES}, PROGRAM_OPTIONS};
	struct slot slot = {.days = 0};
	const int shown = read_arguments(program, argc, argv, options, &slot);
	clv_application *application;
	clv_error *err = NULL;

	if (shown != -1)
		return shown;
	if (!slot.yes)
		return program_usage(
		    program, "it destroys the slot's key: say --yes");
	application = open_application(program, slot.directory);
	if (application == NULL)
		return EXIT_REFUSED;
	if (empty(application, &slot, &err) == CLV_OK)
		(void)clv_application_remove_slot(
		    application, slot.group, slot.type, &err);
	clv_application_free(&application);
	if (err != NULL)
		return program_fail(&err);
	fprintf(stderr, "claviger: removed %s/%s\n", slot.group, slot.type);
	return EXIT_DONE;
}
