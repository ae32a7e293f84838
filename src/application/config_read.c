/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "application/config_reader.h"

#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "keys/subject.h"

/* Wraps a complaint of clv_subject_*() with the line. */
static clv_status
subject_status(
    struct clv_reader *reader, const yaml_node_t *value, clv_error *problem)
{
	clv_status status = CLV_OK;

	if (problem != NULL)
		status = clv_reader_complain(
		    reader, value, "", clv_error_reason(problem));
	clv_error_free(&problem);
	return status;
}

static clv_status
set_subject(struct clv_reader *reader, yaml_node_t *value,
    clv_status (*set)(clv_subject *, const char *, clv_error **))
{
	const char *text = clv_reader_text(value);
	clv_error *problem = NULL;

	if (text == NULL)
		return clv_reader_complain(
		    reader, value, "", "a text is needed here");
	(void)set(reader->config->subject, text, &problem);
	return subject_status(reader, value, problem);
}

static clv_status
read_application_uri(struct clv_reader *reader, yaml_node_t *value)
{
	return set_subject(reader, value, clv_subject_set_application_uri);
}

static clv_status
read_subject(struct clv_reader *reader, yaml_node_t *value)
{
	return set_subject(reader, value, clv_subject_set_name);
}

static clv_status
read_product_uri(struct clv_reader *reader, yaml_node_t *value)
{
	return clv_reader_copy(reader, value, &reader->config->product_uri);
}

static clv_status
read_application_type(struct clv_reader *reader, yaml_node_t *value)
{
	const char *text = clv_reader_text(value);

	for (int i = 0; text != NULL && i < CLV_APPLICATION_TYPES; i++)
		if (strcmp(text, clv_application_type_names[i]) == 0) {
			clv_subject_set_type(
			    reader->config->subject, (clv_application_type)i);
			return CLV_OK;
		}
	return clv_reader_complain(reader, value, "application-type",
	    "is server, client, both or discovery");
}

static clv_status
add_dns(struct clv_reader *reader, yaml_node_t *value)
{
	return set_subject(reader, value, clv_subject_add_dns);
}

static clv_status
add_ip(struct clv_reader *reader, yaml_node_t *value)
{
	return set_subject(reader, value, clv_subject_add_ip);
}

static clv_status
read_dns_names(struct clv_reader *reader, yaml_node_t *value)
{
	return clv_reader_list(reader, value, add_dns);
}

static clv_status
read_ip_addresses(struct clv_reader *reader, yaml_node_t *value)
{
	return clv_reader_list(reader, value, add_ip);
}

static clv_status
add_account(
    struct clv_reader *reader, yaml_node_t *value, char **list, size_t *count)
{
	clv_status status;

	if (*count == CLV_ADMINISTRATORS_MAX)
		return clv_reader_complain(
		    reader, value, "", "too many accounts");
	status = clv_reader_copy(reader, value, &list[*count]);
	if (status == CLV_OK)
		(*count)++;
	return status;
}

static clv_status
add_user(struct clv_reader *reader, yaml_node_t *value)
{
	return add_account(
	    reader, value, reader->config->users, &reader->config->user_count);
}

static clv_status
add_user_group(struct clv_reader *reader, yaml_node_t *value)
{
	return add_account(reader, value, reader->config->user_groups,
	    &reader->config->user_group_count);
}

static clv_status
read_users(struct clv_reader *reader, yaml_node_t *value)
{
	return clv_reader_list(reader, value, add_user);
}

static clv_status
read_user_groups(struct clv_reader *reader, yaml_node_t *value)
{
	return clv_reader_list(reader, value, add_user_group);
}

static clv_status
read_administrators(struct clv_reader *reader, yaml_node_t *value)
{
	static const struct clv_reader_field fields[] = {
	    {"users", read_users}, {"groups", read_user_groups}, {NULL, NULL}};

	return clv_reader_fields(reader, value, fields);
}

static clv_status
read_name(struct clv_reader *reader, yaml_node_t *key, yaml_node_t *value,
    const void *user)
{
	struct clv_config *config = reader->config;
	struct clv_config_name *name = &config->names[config->name_count];
	const char *locale = clv_reader_text(key);
	const char *text = clv_reader_text(value);
	clv_status status;

	(void)user;
	if (config->name_count == CLV_NAMES_MAX)
		return clv_reader_complain(reader, key, "", "too many names");
	/* A LocaleId (OPC 10000-3, 8.4): "en", "de-AT". */
	if (*locale == '\0' || strlen(locale) > 64 ||
	    strspn(locale,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789-") != strlen(locale))
		return clv_reader_complain(reader, key, locale,
		    "is not a locale, such as en or de-AT");
	if (text == NULL || !clv_utf8_is_printable(text, strlen(text)))
		return clv_reader_complain(
		    reader, value, "", "a printable text is needed here");
	config->name_count++;
	status = clv_reader_copy(reader, key, &name->locale);
	return status == CLV_OK ? clv_reader_copy(reader, value, &name->text)
				: status;
}

static clv_status
read_names(struct clv_reader *reader, yaml_node_t *value)
{
	return clv_reader_pairs(reader, value, read_name, NULL);
}

static clv_status
read_audit_size(struct clv_reader *reader, yaml_node_t *value)
{
	return clv_reader_number(reader, value, CLV_AUDIT_SIZE_LEAST,
	    CLV_AUDIT_SIZE_MOST, &reader->config->audit_size);
}

static clv_status
read_audit_files(struct clv_reader *reader, yaml_node_t *value)
{
	return clv_reader_number(reader, value, 2, CLV_AUDIT_COUNT_MOST,
	    &reader->config->audit_files);
}

static clv_status
read_audit(struct clv_reader *reader, yaml_node_t *value)
{
	static const struct clv_reader_field fields[] = {
	    {"file-size", read_audit_size}, {"files", read_audit_files},
	    {NULL, NULL}};

	return clv_reader_fields(reader, value, fields);
}

/* Written by the library, so that a log that is gone is missed; whoever takes
 * it out says that there is none. */
static clv_status
read_audit_begun(struct clv_reader *reader, yaml_node_t *value)
{
	const char *text = clv_reader_text(value);

	if (text == NULL || strcmp(text, "true") != 0)
		return clv_reader_complain(
		    reader, value, "audit-begun", "is true or not there");
	reader->config->audit_begun = true;
	return CLV_OK;
}

static clv_status
read_root(struct clv_reader *reader, yaml_node_t *root)
{
	static const struct clv_reader_field fields[] = {
	    {"application-uri", read_application_uri},
	    {"product-uri", read_product_uri},
	    {"application-names", read_names},
	    {"subject", read_subject},
	    {"application-type", read_application_type},
	    {"dns-names", read_dns_names},
	    {"ip-addresses", read_ip_addresses},
	    {"administrators", read_administrators},
	    {"audit", read_audit},
	    {"audit-begun", read_audit_begun},
	    {"groups", clv_reader_groups},
	    {NULL, NULL},
	};
	const clv_subject *subject = reader->config->subject;
	clv_status status = clv_reader_fields(reader, root, fields);

	if (status != CLV_OK)
		return status;
	if (subject->application_uri == NULL)
		return clv_reader_complain(
		    reader, root, "application-uri", "is missing");
	if (clv_subject_get(subject, "CN") == NULL)
		return clv_reader_complain(
		    reader, root, "subject", "with a CN is missing");
	if (reader->config->group_count == 0)
		return clv_reader_complain(
		    reader, root, "groups", "is missing");
	return CLV_OK;
}

static clv_status
read_document(const struct clv_reader *outer, yaml_parser_t *parser)
{
	yaml_document_t document;
	struct clv_reader inner = *outer;
	struct clv_reader *reader = &inner;
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
	struct clv_reader reader = {.path = path, .config = config, .err = err};
	yaml_parser_t parser;
	clv_status status;

	memset(config, 0, sizeof(*config));
	config->audit_size = CLV_AUDIT_SIZE_DEFAULT;
	config->audit_files = CLV_AUDIT_COUNT_DEFAULT;
	status = clv_subject_new(&config->subject, err);
	if (status != CLV_OK)
		return status;
	if (!yaml_parser_initialize(&parser)) {
		clv_config_clear(config);
		return clv_reader_no_memory(err);
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
	for (size_t i = 0; i < CLV_NAMES_MAX; i++) {
		free(config->names[i].locale);
		free(config->names[i].text);
	}
	for (size_t i = 0; i < CLV_GROUPS_MAX; i++) {
		free(config->groups[i].name);
		free(config->groups[i].trust_list);
		for (size_t j = 0; j < CLV_TYPES_MAX; j++)
			free(config->groups[i].types[j]);
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
