/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What an application says of itself. */

#include <string.h>

#include "application/state.h"

const char *
clv_application_product_uri(const clv_application *application)
{
	return application->config.product_uri;
}

bool
clv_application_localized_name(const clv_application *application, size_t index,
    const char **locale, const char **text)
{
	const struct clv_config *config = &application->config;

	*locale = NULL;
	*text = NULL;
	if (index >= config->name_count)
		return false;
	*locale = config->names[index].locale;
	*text = config->names[index].text;
	return true;
}

const char *
clv_application_group(const clv_application *application, size_t index)
{
	return index < application->config.group_count
	    ? application->config.groups[index].name
	    : NULL;
}

const char *
clv_application_certificate_type(
    const clv_application *application, const char *group, size_t index)
{
	const struct clv_config *config = &application->config;

	for (size_t i = 0; i < config->group_count; i++) {
		const struct clv_config_group *of = &config->groups[i];

		if (strcmp(of->name, group) != 0)
			continue;
		if (of->type_count > 0)
			return index < of->type_count ? of->types[index] : NULL;
		for (size_t j = 0; j < config->slot_count; j++)
			if (config->slots[j].group == i && index-- == 0)
				return config->slots[j].type;
	}
	return NULL;
}

clv_status
clv_application_last(const clv_application *application, int64_t *time,
    clv_application_change_fn *fn, void *user, clv_error **err)
{
	struct clv_generation last = {.count = 0};
	clv_status status = clv_state_read_generation(
	    application->guard, application->directory_fd, &last, err);

	*time = last.time;
	if (status == CLV_OK && last.nonce[0] == '\0')
		status = clv_error_raise(err, CLV_NOT_FOUND,
		    &(struct clv_error_info){.operation = "read application",
			.subject = application->directory},
		    "nothing was ever committed");
	for (size_t i = 0; status == CLV_OK && fn != NULL && i < last.count;
	     i++)
		fn(user, last.changes[i].group, last.changes[i].type);
	clv_generation_clear(&last);
	return status;
}
