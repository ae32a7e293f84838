/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "application/config.h"

#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "keys/subject.h"

/* What a reader of one name gets. */
struct reader {
	const char *path;
	yaml_document_t *document;
	struct clv_config *config;
	size_t group; /* the one being read */
	size_t slot;
	clv_error **err;
};

typedef clv_status read_fn(struct reader *reader, yaml_node_t *value);

/* A name and what reads its value; ended by NULL. */
struct field {
	const char *name;
	read_fn *read;
};

static clv_status
complain(const struct reader *reader, const yaml_node_t *node, const char *name,
    const char *why)
{
	return clv_error_raise(reader->err, CLV_CORRUPT,
	    &(struct clv_error_info){
		.operation = "read", .subject = reader->path},
	    "line %zu: %s%s%s", node->start_mark.line + 1, name,
	    *name != '\0' ? " " : "", why);
}

static clv_status
no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "read configuration"},
	    "out of memory");
}

/* The text of a scalar; NULL if it is none or has a 0 byte. */
static const char *
text_of(const yaml_node_t *node)
{
	const char *text;

	if (node == NULL || node->type != YAML_SCALAR_NODE)
		return NULL;
	text = (const char *)node->data.scalar.value;
	return strlen(text) == node->data.scalar.length ? text : NULL;
}

static clv_status
copy_text(struct reader *reader, const yaml_node_t *value, char **out)
{
	const char *text = text_of(value);

	if (text == NULL || *text == '\0')
		return complain(reader, value, "", "a text is needed here");
	*out = strdup(text);
	return *out != NULL ? CLV_OK : no_memory(reader->err);
}

static bool
seen_before(
    struct reader *reader, const yaml_node_t *map, const yaml_node_pair_t *pair)
{
	const char *name =
	    text_of(yaml_document_get_node(reader->document, pair->key));

	for (const yaml_node_pair_t *p = map->data.mapping.pairs.start;
	     p < pair; p++) {
		const char *other =
		    text_of(yaml_document_get_node(reader->document, p->key));

		if (other != NULL && strcmp(other, name) == 0)
			return true;
	}
	return false;
}

/* Calls `read` for every pair of a mapping, whose names must differ. */
static clv_status
for_each_pair(struct reader *reader, yaml_node_t *map,
    clv_status (*read)(struct reader *reader, yaml_node_t *key,
	yaml_node_t *value, const void *user),
    const void *user)
{
	if (map->type != YAML_MAPPING_NODE)
		return complain(
		    reader, map, "", "names with values are needed here");
	for (yaml_node_pair_t *pair = map->data.mapping.pairs.start;
	     pair < map->data.mapping.pairs.top; pair++) {
		yaml_node_t *key =
		    yaml_document_get_node(reader->document, pair->key);
		yaml_node_t *value =
		    yaml_document_get_node(reader->document, pair->value);
		clv_status status;

		if (text_of(key) == NULL)
			return complain(reader, key, "", "a name is needed");
		if (seen_before(reader, map, pair))
			return complain(
			    reader, key, text_of(key), "stands here twice");
		status = read(reader, key, value, user);
		if (status != CLV_OK)
			return status;
	}
	return CLV_OK;
}

static clv_status
read_field(struct reader *reader, yaml_node_t *key, yaml_node_t *value,
    const void *user)
{
	for (const struct field *field = user; field->name != NULL; field++)
		if (strcmp(field->name, text_of(key)) == 0)
			return field->read(reader, value);
	return complain(reader, key, text_of(key), "is not a known name");
}

static clv_status
read_fields(struct reader *reader, yaml_node_t *map, const struct field *fields)
{
	return for_each_pair(reader, map, read_field, fields);
}

/* Wraps a complaint of clv_subject_*() with the line. */
static clv_status
subject_status(
    struct reader *reader, const yaml_node_t *value, clv_error *problem)
{
	clv_status status = CLV_OK;

	if (problem != NULL)
		status = complain(reader, value, "", clv_error_reason(problem));
	clv_error_free(&problem);
	return status;
}

static clv_status
set_subject(struct reader *reader, yaml_node_t *value,
    clv_status (*set)(clv_subject *, const char *, clv_error **))
{
	const char *text = text_of(value);
	clv_error *problem = NULL;

	if (text == NULL)
		return complain(reader, value, "", "a text is needed here");
	(void)set(reader->config->subject, text, &problem);
	return subject_status(reader, value, problem);
}

static clv_status
read_application_uri(struct reader *reader, yaml_node_t *value)
{
	return set_subject(reader, value, clv_subject_set_application_uri);
}

static clv_status
read_subject(struct reader *reader, yaml_node_t *value)
{
	return set_subject(reader, value, clv_subject_set_name);
}

static clv_status
read_product_uri(struct reader *reader, yaml_node_t *value)
{
	return copy_text(reader, value, &reader->config->product_uri);
}

static clv_status
read_application_type(struct reader *reader, yaml_node_t *value)
{
	const char *text = text_of(value);

	for (int i = 0; text != NULL && i < CLV_APPLICATION_TYPES; i++)
		if (strcmp(text, clv_application_type_names[i]) == 0) {
			clv_subject_set_type(
			    reader->config->subject, (clv_application_type)i);
			return CLV_OK;
		}
	return complain(reader, value, "application-type",
	    "is server, client, both or discovery");
}

/* Calls `add` for each text of a list. */
static clv_status
read_list(struct reader *reader, yaml_node_t *list,
    clv_status (*add)(struct reader *, yaml_node_t *))
{
	if (list->type != YAML_SEQUENCE_NODE)
		return complain(reader, list, "", "a list is needed here");
	for (yaml_node_item_t *item = list->data.sequence.items.start;
	     item < list->data.sequence.items.top; item++) {
		yaml_node_t *value =
		    yaml_document_get_node(reader->document, *item);
		const clv_status status = add(reader, value);

		if (status != CLV_OK)
			return status;
	}
	return CLV_OK;
}

static clv_status
add_dns(struct reader *reader, yaml_node_t *value)
{
	return set_subject(reader, value, clv_subject_add_dns);
}

static clv_status
add_ip(struct reader *reader, yaml_node_t *value)
{
	return set_subject(reader, value, clv_subject_add_ip);
}

static clv_status
read_dns_names(struct reader *reader, yaml_node_t *value)
{
	return read_list(reader, value, add_dns);
}

static clv_status
read_ip_addresses(struct reader *reader, yaml_node_t *value)
{
	return read_list(reader, value, add_ip);
}

static clv_status
add_account(
    struct reader *reader, yaml_node_t *value, char **list, size_t *count)
{
	clv_status status;

	if (*count == CLV_ADMINISTRATORS_MAX)
		return complain(reader, value, "", "too many accounts");
	status = copy_text(reader, value, &list[*count]);
	if (status == CLV_OK)
		(*count)++;
	return status;
}

static clv_status
add_user(struct reader *reader, yaml_node_t *value)
{
	return add_account(
	    reader, value, reader->config->users, &reader->config->user_count);
}

static clv_status
add_user_group(struct reader *reader, yaml_node_t *value)
{
	return add_account(reader, value, reader->config->user_groups,
	    &reader->config->user_group_count);
}

static clv_status
read_users(struct reader *reader, yaml_node_t *value)
{
	return read_list(reader, value, add_user);
}

static clv_status
read_user_groups(struct reader *reader, yaml_node_t *value)
{
	return read_list(reader, value, add_user_group);
}

static clv_status
read_administrators(struct reader *reader, yaml_node_t *value)
{
	static const struct field fields[] = {
	    {"users", read_users}, {"groups", read_user_groups}, {NULL, NULL}};

	return read_fields(reader, value, fields);
}

static struct clv_config_slot *
current_slot(struct reader *reader)
{
	return &reader->config->slots[reader->slot];
}

static clv_status
read_store(struct reader *reader, yaml_node_t *value)
{
	return copy_text(reader, value, &current_slot(reader)->store);
}

static clv_status
read_key(struct reader *reader, yaml_node_t *value)
{
	return copy_text(reader, value, &current_slot(reader)->key);
}

static clv_status
read_certificate(struct reader *reader, yaml_node_t *value)
{
	return copy_text(reader, value, &current_slot(reader)->certificate);
}

static clv_status
read_chain(struct reader *reader, yaml_node_t *value)
{
	return copy_text(reader, value, &current_slot(reader)->chain);
}

static bool
is_certificate_type(const char *name)
{
	for (int i = CLV_RSA_2048; i <= CLV_RSA_OTHER; i++)
		if (strcmp(clv_algorithm_describe((clv_algorithm)i)->type_name,
			name) == 0)
			return true;
	return false;
}

static clv_status
read_slot(struct reader *reader, yaml_node_t *key, yaml_node_t *value,
    const void *user)
{
	static const struct field fields[] = {{"store", read_store},
	    {"key", read_key}, {"certificate", read_certificate},
	    {"chain", read_chain}, {NULL, NULL}};
	struct clv_config *config = reader->config;
	clv_status status;

	(void)user;
	if (!is_certificate_type(text_of(key)))
		return complain(reader, key, text_of(key),
		    "is not a CertificateType, such as RsaSha256 or "
		    "EccNistP256");
	if (config->slot_count == CLV_SLOTS_MAX)
		return complain(reader, key, "", "too many slots");
	reader->slot = config->slot_count++;
	current_slot(reader)->group = reader->group;
	status = copy_text(reader, key, &current_slot(reader)->type);
	if (status == CLV_OK)
		status = read_fields(reader, value, fields);
	if (status == CLV_OK && current_slot(reader)->store == NULL)
		status = complain(reader, key, text_of(key), "has no store");
	return status;
}

static clv_status
read_slots(struct reader *reader, yaml_node_t *value)
{
	return for_each_pair(reader, value, read_slot, NULL);
}

static clv_status
read_trust_list(struct reader *reader, yaml_node_t *value)
{
	return copy_text(
	    reader, value, &reader->config->groups[reader->group].trust_list);
}

static clv_status
read_group(struct reader *reader, yaml_node_t *key, yaml_node_t *value,
    const void *user)
{
	static const struct field fields[] = {{"trust-list", read_trust_list},
	    {"slots", read_slots}, {NULL, NULL}};
	struct clv_config *config = reader->config;
	clv_status status;

	(void)user;
	if (config->group_count == CLV_GROUPS_MAX)
		return complain(reader, key, "", "too many groups");
	reader->group = config->group_count++;
	status = copy_text(reader, key, &config->groups[reader->group].name);
	if (status == CLV_OK)
		status = read_fields(reader, value, fields);
	if (status == CLV_OK &&
	    config->groups[reader->group].trust_list == NULL)
		status =
		    complain(reader, key, text_of(key), "has no trust-list");
	return status;
}

static clv_status
read_groups(struct reader *reader, yaml_node_t *value)
{
	return for_each_pair(reader, value, read_group, NULL);
}

static clv_status
read_root(struct reader *reader, yaml_node_t *root)
{
	static const struct field fields[] = {
	    {"application-uri", read_application_uri},
	    {"product-uri", read_product_uri},
	    {"subject", read_subject},
	    {"application-type", read_application_type},
	    {"dns-names", read_dns_names},
	    {"ip-addresses", read_ip_addresses},
	    {"administrators", read_administrators},
	    {"groups", read_groups},
	    {NULL, NULL},
	};
	const clv_subject *subject = reader->config->subject;
	clv_status status = read_fields(reader, root, fields);

	if (status != CLV_OK)
		return status;
	if (subject->application_uri == NULL)
		return complain(reader, root, "application-uri", "is missing");
	if (clv_subject_get(subject, "CN") == NULL)
		return complain(
		    reader, root, "subject", "with a CN is missing");
	if (reader->config->group_count == 0)
		return complain(reader, root, "groups", "is missing");
	return CLV_OK;
}

static clv_status
read_document(const struct reader *outer, yaml_parser_t *parser)
{
	yaml_document_t document;
	struct reader inner = *outer;
	struct reader *reader = &inner;
	clv_status status;

	if (!yaml_parser_load(parser, &document))
		return clv_error_raise(reader->err, CLV_CORRUPT,
		    &(struct clv_error_info){
			.operation = "read", .subject = reader->path},
		    "line %zu: %s", parser->problem_mark.line + 1,
		    parser->problem != NULL ? parser->problem
					    : "it is not YAML");
	reader->document = &document;
	if (yaml_document_get_root_node(&document) == NULL)
		status = clv_error_raise(reader->err, CLV_CORRUPT,
		    &(struct clv_error_info){
			.operation = "read", .subject = reader->path},
		    "it is empty");
	else
		status =
		    read_root(reader, yaml_document_get_root_node(&document));
	yaml_document_delete(&document);
	return status;
}

clv_status
clv_config_parse(const char *path, const void *text, size_t size,
    struct clv_config *config, clv_error **err)
{
	struct reader reader = {.path = path, .config = config, .err = err};
	yaml_parser_t parser;
	clv_status status;

	memset(config, 0, sizeof(*config));
	status = clv_subject_new(&config->subject, err);
	if (status != CLV_OK)
		return status;
	if (!yaml_parser_initialize(&parser)) {
		clv_config_clear(config);
		return no_memory(err);
	}
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, text, size);
	status = read_document(&reader, &parser);
	yaml_parser_delete(&parser);
	if (status != CLV_OK)
		clv_config_clear(config);
	return status;
}

void
clv_config_clear(struct clv_config *config)
{
	clv_subject_free(&config->subject);
	free(config->product_uri);
	for (size_t i = 0; i < CLV_GROUPS_MAX; i++) {
		free(config->groups[i].name);
		free(config->groups[i].trust_list);
	}
	for (size_t i = 0; i < CLV_SLOTS_MAX; i++) {
		free(config->slots[i].type);
		free(config->slots[i].store);
		free(config->slots[i].key);
		free(config->slots[i].certificate);
		free(config->slots[i].chain);
	}
	for (size_t i = 0; i < CLV_ADMINISTRATORS_MAX; i++) {
		free(config->users[i]);
		free(config->user_groups[i]);
	}
	memset(config, 0, sizeof(*config));
}
