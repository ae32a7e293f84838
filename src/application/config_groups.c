/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The CertificateGroups of claviger.conf. */

#include <stdlib.h>
#include <string.h>

#include "application/config_reader.h"

static struct clv_config_slot *
current_slot(struct clv_reader *reader)
{
	return &reader->config->slots[reader->slot];
}

static clv_status
read_store(struct clv_reader *reader, yaml_node_t *value)
{
	return clv_reader_copy(reader, value, &current_slot(reader)->store);
}

static clv_status
read_key(struct clv_reader *reader, yaml_node_t *value)
{
	return clv_reader_copy(reader, value, &current_slot(reader)->key);
}

static clv_status
read_certificate(struct clv_reader *reader, yaml_node_t *value)
{
	return clv_reader_copy(
	    reader, value, &current_slot(reader)->certificate);
}

static clv_status
read_chain(struct clv_reader *reader, yaml_node_t *value)
{
	return clv_reader_copy(reader, value, &current_slot(reader)->chain);
}

bool
clv_config_is_type(const char *name)
{
	for (int i = CLV_RSA_2048; i <= CLV_RSA_OTHER; i++)
		if (strcmp(clv_algorithm_describe((clv_algorithm)i)->type_name,
			name) == 0)
			return true;
	return false;
}

static clv_status
read_slot(struct clv_reader *reader, yaml_node_t *key, yaml_node_t *value,
    const void *user)
{
	static const struct clv_reader_field fields[] = {{"store", read_store},
	    {"key", read_key}, {"certificate", read_certificate},
	    {"chain", read_chain}, {NULL, NULL}};
	struct clv_config *config = reader->config;
	clv_status status;

	(void)user;
	if (!clv_config_is_type(clv_reader_text(key)))
		return clv_reader_complain(reader, key, clv_reader_text(key),
		    "is not a CertificateType, such as RsaSha256 or "
		    "EccNistP256");
	if (config->slot_count == CLV_SLOTS_MAX)
		return clv_reader_complain(reader, key, "", "too many slots");
	reader->slot = config->slot_count++;
	current_slot(reader)->group = reader->group;
	status = clv_reader_copy(reader, key, &current_slot(reader)->type);
	if (status == CLV_OK)
		status = clv_reader_fields(reader, value, fields);
	if (status == CLV_OK && current_slot(reader)->store == NULL)
		status = clv_reader_complain(
		    reader, key, clv_reader_text(key), "has no store");
	return status;
}

static clv_status
read_slots(struct clv_reader *reader, yaml_node_t *value)
{
	return clv_reader_pairs(reader, value, read_slot, NULL);
}

static clv_status
read_trust_list(struct clv_reader *reader, yaml_node_t *value)
{
	return clv_reader_copy(
	    reader, value, &reader->config->groups[reader->group].trust_list);
}

static clv_status
add_type(struct clv_reader *reader, yaml_node_t *value)
{
	struct clv_config_group *group = &reader->config->groups[reader->group];
	const char *text = clv_reader_text(value);

	if (text == NULL || !clv_config_is_type(text))
		return clv_reader_complain(reader, value,
		    text != NULL ? text : "",
		    "is not a CertificateType, such as RsaSha256 or "
		    "EccNistP256");
	for (size_t i = 0; i < group->type_count; i++)
		if (strcmp(group->types[i], text) == 0)
			return clv_reader_complain(
			    reader, value, text, "stands here twice");
	if (group->type_count == CLV_TYPES_MAX)
		return clv_reader_complain(
		    reader, value, "", "too many CertificateTypes");
	return clv_reader_copy(
	    reader, value, &group->types[group->type_count++]);
}

static clv_status
read_types(struct clv_reader *reader, yaml_node_t *value)
{
	return clv_reader_list(reader, value, add_type);
}

static clv_status
add_suppression(struct clv_reader *reader, yaml_node_t *value)
{
	const char *text = clv_reader_text(value);
	const uint32_t bit = text != NULL ? clv_validation_bit(text) : 0;

	if (bit == 0)
		return clv_reader_complain(reader, value,
		    text != NULL ? text : "",
		    "can't be suppressed; expired, hostname, "
		    "revocation-unknown, issuer-expired, "
		    "issuer-revocation-unknown, policy and use can");
	if ((reader->config->groups[reader->group].suppress & bit) != 0)
		return clv_reader_complain(
		    reader, value, text, "stands here twice");
	reader->config->groups[reader->group].suppress |= bit;
	return CLV_OK;
}

static clv_status
read_suppress(struct clv_reader *reader, yaml_node_t *value)
{
	return clv_reader_list(reader, value, add_suppression);
}

bool
clv_config_group_has_type(
    const struct clv_config *config, size_t group, const char *type)
{
	const struct clv_config_group *of = &config->groups[group];

	for (size_t i = 0; i < of->type_count; i++)
		if (strcmp(of->types[i], type) == 0)
			return true;
	return of->type_count == 0;
}

/* Its slots are of the types it is meant to have. */
static clv_status
check_types(struct clv_reader *reader, const yaml_node_t *key)
{
	const struct clv_config *config = reader->config;

	for (size_t i = 0; i < config->slot_count; i++)
		if (config->slots[i].group == reader->group &&
		    !clv_config_group_has_type(
			config, reader->group, config->slots[i].type))
			return clv_reader_complain(reader, key,
			    config->slots[i].type,
			    "has a slot, but is not among the "
			    "certificate-types");
	return CLV_OK;
}

static clv_status
read_group(struct clv_reader *reader, yaml_node_t *key, yaml_node_t *value,
    const void *user)
{
	static const struct clv_reader_field fields[] = {
	    {"trust-list", read_trust_list}, {"certificate-types", read_types},
	    {"suppress", read_suppress}, {"slots", read_slots}, {NULL, NULL}};
	struct clv_config *config = reader->config;
	clv_status status;

	(void)user;
	if (config->group_count == CLV_GROUPS_MAX)
		return clv_reader_complain(reader, key, "", "too many groups");
	reader->group = config->group_count++;
	status =
	    clv_reader_copy(reader, key, &config->groups[reader->group].name);
	if (status == CLV_OK)
		status = clv_reader_fields(reader, value, fields);
	if (status == CLV_OK &&
	    config->groups[reader->group].trust_list == NULL)
		status = clv_reader_complain(
		    reader, key, clv_reader_text(key), "has no trust-list");
	if (status == CLV_OK)
		status = check_types(reader, key);
	return status;
}

clv_status
clv_reader_groups(struct clv_reader *reader, yaml_node_t *value)
{
	return clv_reader_pairs(reader, value, read_group, NULL);
}
