/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Reading YAML strictly: what the readers of claviger.conf share. */
#ifndef CLV_APPLICATION_CONFIG_READER_H
#define CLV_APPLICATION_CONFIG_READER_H

#include "application/config.h"

#include <yaml.h>

/* What a reader of one name gets. */
struct clv_reader {
	const char *path;
	yaml_document_t *document;
	struct clv_config *config;
	size_t group; /* the one being read */
	size_t slot;
	clv_error **err;
};

typedef clv_status clv_reader_fn(struct clv_reader *reader, yaml_node_t *value);

/* A name and what reads its value; ended by NULL. */
struct clv_reader_field {
	const char *name;
	clv_reader_fn *read;
};

/* CLV_CORRUPT with the line. */
clv_status clv_reader_complain(const struct clv_reader *reader,
    const yaml_node_t *node, const char *name, const char *why);
clv_status clv_reader_no_memory(clv_error **err);

/* The text of a scalar; NULL if it is none or has a 0 byte. */
const char *clv_reader_text(const yaml_node_t *node);
/* A text that is not empty; free it with free(). */
clv_status clv_reader_copy(
    struct clv_reader *reader, const yaml_node_t *value, char **out);
/* A decimal number from `least` to `most`. */
clv_status clv_reader_number(struct clv_reader *reader,
    const yaml_node_t *value, size_t least, size_t most, size_t *out);

/* Calls `read` for every pair of a mapping, whose names must differ. */
clv_status clv_reader_pairs(struct clv_reader *reader, yaml_node_t *map,
    clv_status (*read)(struct clv_reader *reader, yaml_node_t *key,
	yaml_node_t *value, const void *user),
    const void *user);
/* Reads a mapping whose names are all in `fields`. */
clv_status clv_reader_fields(struct clv_reader *reader, yaml_node_t *map,
    const struct clv_reader_field *fields);
/* Calls `add` for each text of a list. */
clv_status clv_reader_list(struct clv_reader *reader, yaml_node_t *list,
    clv_status (*add)(struct clv_reader *, yaml_node_t *));

/* What stands under "groups" (config_groups.c). */
clv_reader_fn clv_reader_groups;

#endif
