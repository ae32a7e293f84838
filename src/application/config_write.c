/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "application/config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "keys/subject.h"

/* libyaml's emitter, with a flag instead of a check after every event. */
struct writer {
	yaml_emitter_t emitter;
	bool good;
};

static void
emit(struct writer *writer, yaml_event_t *event, int made)
{
	writer->good = writer->good && made != 0 &&
	    yaml_emitter_emit(&writer->emitter, event) != 0;
}

static void
text(struct writer *writer, const char *value)
{
	yaml_event_t event;

	emit(writer, &event,
	    yaml_scalar_event_initialize(&event, NULL, NULL,
		(const yaml_char_t *)value, (int)strlen(value), 1, 1,
		YAML_PLAIN_SCALAR_STYLE));
}

static void
pair(struct writer *writer, const char *name, const char *value)
{
	if (value == NULL)
		return;
	text(writer, name);
	text(writer, value);
}

static void
map_start(struct writer *writer, const char *name)
{
	yaml_event_t event;

	if (name != NULL)
		text(writer, name);
	emit(writer, &event,
	    yaml_mapping_start_event_initialize(
		&event, NULL, NULL, 1, YAML_BLOCK_MAPPING_STYLE));
}

static void
map_end(struct writer *writer)
{
	yaml_event_t event;

	emit(writer, &event, yaml_mapping_end_event_initialize(&event));
}

static void
list(struct writer *writer, const char *name, char *const *values, size_t count)
{
	yaml_event_t event;

	if (count == 0)
		return;
	text(writer, name);
	emit(writer, &event,
	    yaml_sequence_start_event_initialize(
		&event, NULL, NULL, 1, YAML_FLOW_SEQUENCE_STYLE));
	for (size_t i = 0; i < count; i++)
		text(writer, values[i]);
	emit(writer, &event, yaml_sequence_end_event_initialize(&event));
}

static void
write_addresses(struct writer *writer, const clv_subject *subject)
{
	char room[CLV_SUBJECT_HOSTS_MAX][INET6_ADDRSTRLEN];
	char *texts[CLV_SUBJECT_HOSTS_MAX];

	for (size_t i = 0; i < subject->ip_count; i++) {
		(void)inet_ntop(subject->ips[i].size == 4 ? AF_INET : AF_INET6,
		    subject->ips[i].bytes, room[i], sizeof(room[i]));
		texts[i] = room[i];
	}
	list(writer, "ip-addresses", texts, subject->ip_count);
}

static void
write_names(struct writer *writer, const struct clv_config *config)
{
	if (config->name_count == 0)
		return;
	map_start(writer, "application-names");
	for (size_t i = 0; i < config->name_count; i++)
		pair(writer, config->names[i].locale, config->names[i].text);
	map_end(writer);
}

static void
number(struct writer *writer, const char *name, size_t value)
{
	char digits[24];

	(void)snprintf(digits, sizeof(digits), "%zu", value);
	pair(writer, name, digits);
}

static void
write_audit(struct writer *writer, const struct clv_config *config)
{
	const bool size = config->audit_size != CLV_AUDIT_SIZE_DEFAULT;
	const bool files = config->audit_files != CLV_AUDIT_COUNT_DEFAULT;

	if (config->audit_begun)
		pair(writer, "audit-begun", "true");
	if (!size && !files)
		return;
	map_start(writer, "audit");
	if (size)
		number(writer, "file-size", config->audit_size);
	if (files)
		number(writer, "files", config->audit_files);
	map_end(writer);
}

static void
write_identity(struct writer *writer, const struct clv_config *config)
{
	const clv_subject *subject = config->subject;
	char *name = NULL;

	writer->good =
	    writer->good && clv_subject_name(subject, &name, NULL) == CLV_OK;
	pair(writer, "application-uri", subject->application_uri);
	pair(writer, "product-uri", config->product_uri);
	write_names(writer, config);
	pair(writer, "subject", name);
	pair(writer, "application-type",
	    clv_application_type_names[subject->type]);
	list(writer, "dns-names", subject->dns, subject->dns_count);
	write_addresses(writer, subject);
	free(name);
}

static void
write_administrators(struct writer *writer, const struct clv_config *config)
{
	if (config->user_count + config->user_group_count == 0)
		return;
	map_start(writer, "administrators");
	list(writer, "users", config->users, config->user_count);
	list(writer, "groups", config->user_groups, config->user_group_count);
	map_end(writer);
}

static void
write_slot(struct writer *writer, const struct clv_config_slot *slot)
{
	map_start(writer, slot->type);
	pair(writer, "store", slot->store);
	pair(writer, "key", slot->key);
	pair(writer, "certificate", slot->certificate);
	pair(writer, "chain", slot->chain);
	map_end(writer);
}

static void
write_suppress(struct writer *writer, uint32_t bits)
{
	yaml_event_t event;

	if (bits == 0)
		return;
	text(writer, "suppress");
	emit(writer, &event,
	    yaml_sequence_start_event_initialize(
		&event, NULL, NULL, 1, YAML_FLOW_SEQUENCE_STYLE));
	for (uint32_t bit = 1; bit != 0; bit <<= 1)
		if ((bits & bit) != 0)
			text(writer, clv_validation_word(bit));
	emit(writer, &event, yaml_sequence_end_event_initialize(&event));
}

static void
write_groups(struct writer *writer, const struct clv_config *config)
{
	map_start(writer, "groups");
	for (size_t i = 0; i < config->group_count; i++) {
		map_start(writer, config->groups[i].name);
		pair(writer, "trust-list", config->groups[i].trust_list);
		list(writer, "certificate-types", config->groups[i].types,
		    config->groups[i].type_count);
		write_suppress(writer, config->groups[i].suppress);
		map_start(writer, "slots");
		for (size_t j = 0; j < config->slot_count; j++)
			if (config->slots[j].group == i)
				write_slot(writer, &config->slots[j]);
		map_end(writer);
		map_end(writer);
	}
	map_end(writer);
}

static void
write_document(struct writer *writer, const struct clv_config *config)
{
	yaml_event_t event;

	emit(writer, &event,
	    yaml_stream_start_event_initialize(&event, YAML_UTF8_ENCODING));
	emit(writer, &event,
	    yaml_document_start_event_initialize(&event, NULL, NULL, NULL, 1));
	map_start(writer, NULL);
	write_identity(writer, config);
	write_administrators(writer, config);
	write_audit(writer, config);
	write_groups(writer, config);
	map_end(writer);
	emit(writer, &event, yaml_document_end_event_initialize(&event, 1));
	emit(writer, &event, yaml_stream_end_event_initialize(&event));
}

clv_status
clv_config_print(
    const struct clv_config *config, char **out, size_t *size, clv_error **err)
{
	static const char head[] =
	    "# Who this application is, and where its keys live. Relative "
	    "paths start here.\n"
	    "# Whoever can write this file decides which key is used: keep "
	    "it guarded\n"
	    "# (claviger doctor).\n";
	struct writer writer = {.good = true};
	FILE *stream = open_memstream(out, size);

	if (stream != NULL && yaml_emitter_initialize(&writer.emitter)) {
		writer.good = fputs(head, stream) >= 0;
		yaml_emitter_set_output_file(&writer.emitter, stream);
		yaml_emitter_set_unicode(&writer.emitter, 1);
		yaml_emitter_set_width(&writer.emitter, -1);
		write_document(&writer, config);
		yaml_emitter_delete(&writer.emitter);
	} else {
		writer.good = false;
	}
	if (stream != NULL && (fclose(stream) != 0 || *out == NULL))
		writer.good = false;
	if (writer.good)
		return CLV_OK;
	free(*out);
	*out = NULL;
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "write configuration"},
	    "out of memory");
}
