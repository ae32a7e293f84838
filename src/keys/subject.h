/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#ifndef CLV_KEYS_SUBJECT_H
#define CLV_KEYS_SUBJECT_H

#include <claviger/certificate.h>

#define CLV_SUBJECT_NAMES_MAX 32U
#define CLV_SUBJECT_HOSTS_MAX 64U

struct clv_subject {
	char *application_uri;
	/* The distinguished name in order: "CN", value, "O", value, ... */
	struct {
		const char *type;
		char *value;
	} names[CLV_SUBJECT_NAMES_MAX];
	size_t name_count;
	char *dns[CLV_SUBJECT_HOSTS_MAX];
	size_t dns_count;
	struct {
		uint8_t bytes[16];
		size_t size;
	} ips[CLV_SUBJECT_HOSTS_MAX];
	size_t ip_count;
	clv_application_type type;
};

/* "server", "client", "both", "discovery": by clv_application_type. */
#define CLV_APPLICATION_TYPES 4
extern const char *const clv_application_type_names[CLV_APPLICATION_TYPES];

/* A copy; NULL if memory runs out. */
clv_subject *clv_subject_copy(const clv_subject *subject);

/* The distinguished name as clv_subject_set_name() reads it; free() it. */
clv_status clv_subject_name(
    const clv_subject *subject, char **out, clv_error **err);

/* The value of the first part of a type; NULL if there is none. */
const char *clv_subject_get(const clv_subject *subject, const char *type);

#endif
