/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "application/config_reader.h"

#include <stdlib.h>
#include <string.h>

#include "application/words.h"

clv_status
clv_reader_complain(const struct clv_reader *reader, const yaml_node_t *node,
    const char *name, const char *why)
{
	return clv_error_raise(reader->err, CLV_CORRUPT,
	    &(struct clv_error_info){
		.operation = "read", .subject = reader->path},
	    "line %zu: %s%s%s", node->start_mark.line + 1, name,
	    *name != '\0' ? " " : "", why);
}

clv_status
clv_reader_no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "read configuration"},
	    "out of memory");
}

const char *
clv_reader_text(const yaml_node_t *node)
{
	const char *text;

	if (node == NULL || node->type != YAML_SCALAR_NODE)
		return NULL;
	text = (const char *)node->data.scalar.value;
	return strlen(text) == node->data.scalar.length ? text : NULL;
}

clv_status
clv_reader_copy(struct clv_reader *reader, const yaml_node_t *value, char **out)
{
	const char *text = clv_reader_text(value);

	if (text == NULL || *text == '\0')
		return clv_reader_complain(
		    reader, value, "", "a text is needed here");
	*out = strdup(text);
	return *out != NULL ? CLV_OK : clv_reader_no_memory(reader->err);
}

static bool
seen_before(struct clv_reader *reader, const yaml_node_t *map,
    const yaml_node_pair_t *pair)
{
	const char *name = clv_reader_text(
	    yaml_document_get_node(reader->document, pair->key));

	for (const yaml_node_pair_t *p = map->data.mapping.pairs.start;
	     p < pair; p++) {
		const char *other = clv_reader_text(
		    yaml_document_get_node(reader->document, p->key));

		if (other != NULL && strcmp(other, name) == 0)
			return true;
	}
	return false;
}

clv_status
clv_reader_pairs(struct clv_reader *reader, yaml_node_t *map,
    clv_status (*read)(struct clv_reader *reader, yaml_node_t *key,
	yaml_node_t *value, const void *user),
    const void *user)
{
	if (map->type != YAML_MAPPING_NODE)
		return clv_reader_complain(
		    reader, map, "", "names with values are needed here");
	for (yaml_node_pair_t *pair = map->data.mapping.pairs.start;
	     pair < map->data.mapping.pairs.top; pair++) {
		yaml_node_t *key =
		    yaml_document_get_node(reader->document, pair->key);
		yaml_node_t *value =
		    yaml_document_get_node(reader->document, pair->value);
		clv_status status;

		if (clv_reader_text(key) == NULL)
			return clv_reader_complain(
			    reader, key, "", "a name is needed");
		if (seen_before(reader, map, pair))
			return clv_reader_complain(reader, key,
			    clv_reader_text(key), "stands here twice");
		status = read(reader, key, value, user);
		if (status != CLV_OK)
			return status;
	}
	return CLV_OK;
}

static clv_status
read_field(struct clv_reader *reader, yaml_node_t *key, yaml_node_t *value,
    const void *user)
{
	for (const struct clv_reader_field *field = user; field->name != NULL;
	     field++)
		if (strcmp(field->name, clv_reader_text(key)) == 0)
			return field->read(reader, value);
	return clv_reader_complain(
	    reader, key, clv_reader_text(key), "is not a known name");
}

clv_status
clv_reader_fields(struct clv_reader *reader, yaml_node_t *map,
    const struct clv_reader_field *fields)
{
	return clv_reader_pairs(reader, map, read_field, fields);
}

clv_status
clv_reader_list(struct clv_reader *reader, yaml_node_t *list,
    clv_status (*add)(struct clv_reader *, yaml_node_t *))
{
	if (list->type != YAML_SEQUENCE_NODE)
		return clv_reader_complain(
		    reader, list, "", "a list is needed here");
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

clv_status
clv_reader_number(struct clv_reader *reader, const yaml_node_t *value,
    size_t least, size_t most, size_t *out)
{
	const char *text = clv_reader_text(value);
	char why[64];

	if (text != NULL && clv_words_number(text, most, out) && *out >= least)
		return CLV_OK;
	(void)snprintf(
	    why, sizeof(why), "a number from %zu to %zu", least, most);
	return clv_reader_complain(reader, value, why, "is needed here");
}
