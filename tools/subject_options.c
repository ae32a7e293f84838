/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "subject_options.h"

#include <string.h>

static int
set_type(const struct program *program, clv_subject *subject, const char *value)
{
	static const char *const names[] = {[CLV_APPLICATION_SERVER] = "server",
	    [CLV_APPLICATION_CLIENT] = "client",
	    [CLV_APPLICATION_CLIENT_AND_SERVER] = "both",
	    [CLV_APPLICATION_DISCOVERY_SERVER] = "discovery"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], value) == 0) {
			clv_subject_set_type(subject, (clv_application_type)i);
			return EXIT_DONE;
		}
	return program_usage(program,
	    "--type takes server, client, both or discovery, not \"%s\"",
	    value);
}

int
subject_option(const struct program *program, clv_subject *subject, int option,
    const char *value)
{
	clv_error *err = NULL;

	switch (option) {
	case SUBJECT_URI:
		(void)clv_subject_set_application_uri(subject, value, &err);
		break;
	case SUBJECT_CN:
		(void)clv_subject_set_common_name(subject, value, &err);
		break;
	case SUBJECT_ORG:
		(void)clv_subject_set_organization(subject, value, &err);
		break;
	case SUBJECT_DNS:
		(void)clv_subject_add_dns(subject, value, &err);
		break;
	case SUBJECT_IP:
		(void)clv_subject_add_ip(subject, value, &err);
		break;
	case SUBJECT_TYPE:
		return set_type(program, subject, value);
	default:
		return -1;
	}
	return err == NULL ? EXIT_DONE : program_misused(program, &err);
}
