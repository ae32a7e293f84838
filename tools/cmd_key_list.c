/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* key list, show, probe */

#include "commands.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

/* Handles the options of a command that has few; `chosen` gets the value of
 * the last one of its own. -1 means go on. */
static int
only_argument(struct program *program, int argc, char **argv,
    const struct option *options, const char *what, int *chosen)
{
	int option;

	while ((option = program_option(program, argc, argv, options)) != -1) {
		if (option == OPTION_HELP)
			return EXIT_DONE;
		if (option == '?')
			return EXIT_USAGE;
		*chosen = option;
	}
	if (optind != argc - 1)
		return program_usage(program, "one %s is needed", what);
	return -1;
}

static const char *
algorithm_name(clv_algorithm algorithm)
{
	const struct clv_algorithm_info *info =
	    clv_algorithm_describe(algorithm);

	return info != NULL ? info->name : "?";
}

static void
add_id(cJSON *object, const uint8_t *id, size_t size)
{
	char hex[3 * 256 + 1];

	if (size > 0 &&
	    OPENSSL_buf2hexstr_ex(hex, sizeof(hex), NULL, id, size, '\0') == 1)
		cJSON_AddStringToObject(object, "id", hex);
}

static int
print_list(const struct program *program, const clv_key_list *list)
{
	const struct clv_key_entry *entry;
	cJSON *document = program->json ? cJSON_CreateArray() : NULL;

	for (size_t i = 0; (entry = clv_key_list_at(list, i)) != NULL; i++) {
		cJSON *object;

		if (entry->problem != NULL)
			fprintf(stderr, "claviger: %s: %s\n", entry->uri,
			    entry->problem);
		if (!program->json) {
			printf("%s\t%s\t", entry->uri,
			    algorithm_name(entry->algorithm));
			program_print_text(
			    stdout, entry->label != NULL ? entry->label : "");
			printf("\n");
			continue;
		}
		object = cJSON_CreateObject();
		cJSON_AddStringToObject(object, "uri", entry->uri);
		cJSON_AddStringToObject(
		    object, "algorithm", algorithm_name(entry->algorithm));
		if (entry->label != NULL)
			cJSON_AddStringToObject(object, "label", entry->label);
		add_id(object, entry->id, entry->id_size);
		if (entry->problem != NULL)
			cJSON_AddStringToObject(
			    object, "problem", entry->problem);
		cJSON_AddItemToArray(document, object);
	}
	return program->json ? program_print_json(&document) : EXIT_DONE;
}

int
cmd_key_list(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {PROGRAM_OPTIONS};
	clv_key_list *list = NULL;
	clv_store *store = NULL;
	clv_context *context;
	clv_error *err = NULL;
	int chosen = 0;
	int status =
	    only_argument(program, argc, argv, options, "STORE-URI", &chosen);

	if (status != -1)
		return status;
	context = program_context(program);
	if (context == NULL)
		return EXIT_REFUSED;
	if (clv_store_open(context, argv[optind], &store, &err) == CLV_OK)
		(void)clv_key_list_get(store, &list, &err);
	status = list != NULL ? print_list(program, list) : program_fail(&err);
	clv_key_list_free(&list);
	clv_store_free(&store);
	return status;
}

static char *
public_pem(const clv_key *key)
{
	size_t size = 0;
	const uint8_t *der = clv_key_public(key, &size);

	return program_pem("PUBLIC KEY", der, size);
}

static const struct {
	unsigned bit;
	const char *name;
} properties[] = {
    {CLV_KEY_HARDWARE, "hardware"},
    {CLV_KEY_EXTRACTABLE, "extractable"},
    {CLV_KEY_GENERATED_LOCAL, "generated where it lives"},
    {CLV_KEY_WEAK_PROTECTION, "weakly protected"},
    {CLV_KEY_ALWAYS_AUTHENTICATE, "PIN for every operation"},
};

#define PROPERTIES (sizeof(properties) / sizeof(properties[0]))

static void
print_facts(const clv_key *key, const char *pem)
{
	const char *separator = "";
	char hex[3 * 256 + 1];
	size_t size = 0;
	const uint8_t *id = clv_key_id(key, &size);

	printf("uri:        %s\n", clv_key_uri(key));
	printf("label:      ");
	program_print_text(
	    stdout, clv_key_label(key) != NULL ? clv_key_label(key) : "");
	printf("\nalgorithm:  %s (%u bits)\n",
	    algorithm_name(clv_key_algorithm(key)), clv_key_bits(key));
	if (size > 0 &&
	    OPENSSL_buf2hexstr_ex(hex, sizeof(hex), NULL, id, size, '\0') == 1)
		printf("id:         %s\n", hex);
	printf("properties: ");
	for (size_t i = 0; i < PROPERTIES; i++)
		if (clv_key_properties(key) & properties[i].bit) {
			printf("%s%s", separator, properties[i].name);
			separator = ", ";
		}
	printf("\n%s", pem);
}

static int
print_facts_json(const clv_key *key, const char *pem)
{
	cJSON *document = cJSON_CreateObject();
	cJSON *list = cJSON_AddArrayToObject(document, "properties");
	size_t size = 0;
	const uint8_t *id = clv_key_id(key, &size);

	cJSON_AddStringToObject(document, "uri", clv_key_uri(key));
	if (clv_key_label(key) != NULL)
		cJSON_AddStringToObject(document, "label", clv_key_label(key));
	cJSON_AddStringToObject(
	    document, "algorithm", algorithm_name(clv_key_algorithm(key)));
	cJSON_AddNumberToObject(document, "bits", clv_key_bits(key));
	add_id(document, id, size);
	for (size_t i = 0; i < PROPERTIES; i++)
		if (clv_key_properties(key) & properties[i].bit)
			cJSON_AddItemToArray(
			    list, cJSON_CreateString(properties[i].name));
	cJSON_AddStringToObject(document, "public", pem);
	return program_print_json(&document);
}

/* Opens the key of the only argument; EXIT_REFUSED after a complaint. */
static int
open_key(struct program *program, const char *uri, clv_key **key)
{
	clv_context *context = program_context(program);
	clv_error *err = NULL;

	if (context == NULL)
		return EXIT_REFUSED;
	progress_start("opening the key");
	(void)clv_key_open(context, uri, key, &err);
	progress_stop();
	return *key != NULL ? EXIT_DONE : program_fail(&err);
}

/* The file for programs that know PEM only; see <claviger/openssl.h>. */
static char *
reference_pem(const clv_key *key)
{
	char *uri = NULL, *pem = NULL;

	if (asprintf(&uri, "claviger:%s", clv_key_uri(key)) < 0)
		return NULL;
	pem =
	    program_pem("CLAVIGER KEY URI", (const uint8_t *)uri, strlen(uri));
	free(uri);
	return pem;
}

int
cmd_key_show(struct program *program, int argc, char **argv)
{
	enum { ALL, PEM, REFERENCE };
	static const struct option options[] = {{"pem", no_argument, NULL, PEM},
	    {"reference", no_argument, NULL, REFERENCE}, PROGRAM_OPTIONS};
	clv_key *key = NULL;
	int chosen = ALL;
	char *pem;
	int status =
	    only_argument(program, argc, argv, options, "KEY-URI", &chosen);

	if (status != -1)
		return status;
	status = open_key(program, argv[optind], &key);
	if (status != EXIT_DONE)
		return status;
	pem = chosen == REFERENCE && !program->json ? reference_pem(key)
						    : public_pem(key);
	if (pem == NULL)
		status = program_refuse(NULL, "out of memory");
	else if (program->json)
		status = print_facts_json(key, pem);
	else if (chosen != ALL)
		printf("%s", pem);
	else
		print_facts(key, pem);
	free(pem);
	clv_key_free(&key);
	return status;
}

static const char *
path_name(clv_key_path path)
{
	static const char *const names[] = {"-", "native", "padded here"};

	return names[path];
}

static int
print_probe(const struct program *program,
    const struct clv_probe_entry *entries, size_t count)
{
	cJSON *document = program->json ? cJSON_CreateArray() : NULL;
	size_t serves = 0;

	if (!program->json)
		printf("%-32s %-4s %-12s %-12s %s\n", "POLICY", "", "SIGN",
		    "DECRYPT", "");
	for (size_t i = 0; i < count; i++) {
		const struct clv_probe_entry *entry = &entries[i];
		cJSON *object;

		serves += entry->serves;
		if (!program->json) {
			printf("%-32s %-4s %-12s %-12s %s\n", entry->policy,
			    entry->serves ? "yes" : "no",
			    path_name(entry->sign), path_name(entry->decrypt),
			    entry->reason != NULL   ? entry->reason
				: entry->deprecated ? "deprecated"
						    : "");
			continue;
		}
		object = cJSON_CreateObject();
		cJSON_AddStringToObject(object, "policy", entry->policy);
		cJSON_AddBoolToObject(object, "serves", entry->serves);
		cJSON_AddBoolToObject(object, "deprecated", entry->deprecated);
		cJSON_AddStringToObject(object, "sign", path_name(entry->sign));
		cJSON_AddStringToObject(
		    object, "decrypt", path_name(entry->decrypt));
		if (entry->reason != NULL)
			cJSON_AddStringToObject(
			    object, "reason", entry->reason);
		cJSON_AddItemToArray(document, object);
	}
	if (program->json && program_print_json(&document) != EXIT_DONE)
		return EXIT_REFUSED;
	return serves > 0 ? EXIT_DONE : EXIT_REFUSED;
}

int
cmd_key_probe(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {PROGRAM_OPTIONS};
	struct clv_probe_entry entries[CLV_PROBE_MAX];
	clv_error *err = NULL;
	clv_key *key = NULL;
	size_t count = 0;
	int chosen = 0;
	int status =
	    only_argument(program, argc, argv, options, "KEY-URI", &chosen);

	if (status != -1)
		return status;
	status = open_key(program, argv[optind], &key);
	if (status != EXIT_DONE)
		return status;
	progress_start("probing the key");
	status = clv_key_probe(key, entries, &count, &err) == CLV_OK
	    ? EXIT_DONE
	    : EXIT_REFUSED;
	progress_stop();
	status = status == EXIT_DONE ? print_probe(program, entries, count)
				     : program_fail(&err);
	clv_key_free(&key);
	return status;
}
