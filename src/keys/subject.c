/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Who a certificate is for. */

#include "keys/subject.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

#define URI_MAX 2048U
#define DNS_MAX 253U

static const struct clv_error_info operation = {.operation = "set subject"};

/* OPC 10000-12, 7.10.8, with the sizes of RFC 5280, appendix A. */
static const struct {
	const char *type;
	size_t most;
} types[] = {{"CN", 64}, {"O", 64}, {"OU", 64}, {"DC", 63}, {"L", 128},
    {"S", 128}, {"C", 2}};

const char *const clv_application_type_names[CLV_APPLICATION_TYPES] = {
    [CLV_APPLICATION_SERVER] = "server",
    [CLV_APPLICATION_CLIENT] = "client",
    [CLV_APPLICATION_CLIENT_AND_SERVER] = "both",
    [CLV_APPLICATION_DISCOVERY_SERVER] = "discovery"};

static clv_status
invalid(clv_error **err, const char *what, const char *why)
{
	return clv_error_raise(
	    err, CLV_INVALID, &operation, "%s %s", what, why);
}

static clv_status
no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY, &operation, "out of memory");
}

clv_status
clv_subject_new(clv_subject **out, clv_error **err)
{
	*out = calloc(1, sizeof(**out));
	if (*out == NULL)
		return no_memory(err);
	(*out)->type = CLV_APPLICATION_CLIENT_AND_SERVER;
	return CLV_OK;
}

static void
clear_names(clv_subject *subject)
{
	for (size_t i = 0; i < subject->name_count; i++)
		free(subject->names[i].value);
	subject->name_count = 0;
}

void
clv_subject_free(clv_subject **subject)
{
	if (subject == NULL || *subject == NULL)
		return;
	free((*subject)->application_uri);
	clear_names(*subject);
	for (size_t i = 0; i < (*subject)->dns_count; i++)
		free((*subject)->dns[i]);
	free(*subject);
	*subject = NULL;
}

/* RFC 3986: a scheme, a colon, and something that is printable ASCII. */
clv_status
clv_subject_set_application_uri(
    clv_subject *subject, const char *uri, clv_error **err)
{
	const char *colon = strchr(uri, ':');
	const size_t size = strlen(uri);
	char *copy;

	if (size > URI_MAX || colon == NULL || colon == uri ||
	    colon[1] == '\0' || !isalpha((unsigned char)uri[0]))
		return invalid(err, "the ApplicationUri",
		    "must be a URI such as \"urn:plant:pump7\", at most 2048 "
		    "bytes");
	for (const char *c = uri; *c != '\0'; c++)
		if (*c <= 0x20 || *c == 0x7f || strchr("\"<>\\^`{|}", *c))
			return invalid(err, "the ApplicationUri",
			    "has a character that a URI does not have");
	copy = strdup(uri);
	if (copy == NULL)
		return no_memory(err);
	free(subject->application_uri);
	subject->application_uri = copy;
	return CLV_OK;
}

static const char *
problem_with(const char *type, const char *value, size_t size)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (strcmp(types[i].type, type) != 0)
			continue;
		if (!clv_utf8_is_printable(value, size))
			return "must be UTF-8 without control characters";
		if (memchr(value, '"', size) != NULL)
			return "must not contain '\"'";
		if (size == 0 || clv_utf8_length(value, size) > types[i].most)
			return "is empty or too long";
		if (strcmp(type, "C") == 0 &&
		    (size != 2 || !isupper((unsigned char)value[0]) ||
			!isupper((unsigned char)value[1])))
			return "must be two capital letters";
		return NULL;
	}
	return "is not one of CN O OU DC L S C";
}

static const char *
known_type(const char *type)
{
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (strcmp(types[i].type, type) == 0)
			return types[i].type;
	return NULL;
}

static clv_status
add_name(clv_subject *subject, const char *type, const char *value, size_t size,
    clv_error **err)
{
	const char *problem = problem_with(type, value, size);
	char *copy;

	if (problem != NULL)
		return invalid(err, type, problem);
	if (subject->name_count == CLV_SUBJECT_NAMES_MAX)
		return invalid(err, "the subject", "has too many parts");
	copy = strndup(value, size);
	if (copy == NULL)
		return no_memory(err);
	subject->names[subject->name_count].type = known_type(type);
	subject->names[subject->name_count].value = copy;
	subject->name_count++;
	return CLV_OK;
}

const char *
clv_subject_get(const clv_subject *subject, const char *type)
{
	for (size_t i = 0; i < subject->name_count; i++)
		if (strcmp(subject->names[i].type, type) == 0)
			return subject->names[i].value;
	return NULL;
}

/* Replaces the first part of a type, or adds it. */
static clv_status
set_name(
    clv_subject *subject, const char *type, const char *value, clv_error **err)
{
	const char *problem = problem_with(type, value, strlen(value));
	char *copy;

	if (problem != NULL)
		return invalid(err, type, problem);
	for (size_t i = 0; i < subject->name_count; i++) {
		if (strcmp(subject->names[i].type, type) != 0)
			continue;
		copy = strdup(value);
		if (copy == NULL)
			return no_memory(err);
		free(subject->names[i].value);
		subject->names[i].value = copy;
		return CLV_OK;
	}
	return add_name(subject, type, value, strlen(value), err);
}

clv_status
clv_subject_set_common_name(
    clv_subject *subject, const char *name, clv_error **err)
{
	return set_name(subject, "CN", name, err);
}

clv_status
clv_subject_set_organization(
    clv_subject *subject, const char *organization, clv_error **err)
{
	return set_name(subject, "O", organization, err);
}

/* Finds where a value ends: at '/', or at the closing quote. */
static const char *
value_end(const char *value)
{
	const char *end;

	if (*value != '"')
		return value + strcspn(value, "/=\"");
	end = strchr(value + 1, '"');
	return end != NULL ? end + 1 : NULL;
}

static clv_status
parse_part(clv_subject *subject, const char **text, clv_error **err)
{
	const char *equals = strchr(*text, '=');
	const char *value;
	const char *end;
	char type[4] = "";
	bool quoted;

	if (equals == NULL || equals == *text || equals - *text > 3)
		return invalid(
		    err, "the subject", "must look like \"CN=Name/O=Plant\"");
	memcpy(type, *text, (size_t)(equals - *text));
	value = equals + 1;
	end = value_end(value);
	if (end == NULL || (*end != '\0' && *end != '/'))
		return invalid(err, "the subject",
		    "has a '/', '=' or '\"' outside double quotes");
	quoted = *value == '"';
	*text = *end == '/' ? end + 1 : end;
	if (*end == '/' && **text == '\0')
		return invalid(err, "the subject", "ends with '/'");
	return add_name(subject, type, value + quoted,
	    (size_t)(end - value) - 2 * (size_t)quoted, err);
}

clv_status
clv_subject_set_name(clv_subject *subject, const char *name, clv_error **err)
{
	clv_subject parsed = {0};
	clv_status status = CLV_OK;

	if (*name == '\0')
		return invalid(err, "the subject", "is empty");
	while (status == CLV_OK && *name != '\0')
		status = parse_part(&parsed, &name, err);
	if (status != CLV_OK) {
		clear_names(&parsed);
		return status;
	}
	clear_names(subject);
	memcpy(subject->names, parsed.names, sizeof(parsed.names));
	subject->name_count = parsed.name_count;
	return CLV_OK;
}

/* RFC 1123, 2.1. */
static bool
is_host_name(const char *name)
{
	size_t label = 0;

	if (strlen(name) > DNS_MAX || *name == '\0')
		return false;
	for (const char *c = name; *c != '\0'; c++) {
		if (*c == '.') {
			if (label == 0 || c[-1] == '-')
				return false;
			label = 0;
			continue;
		}
		if (!isalnum((unsigned char)*c) && *c != '_' &&
		    (*c != '-' || label == 0))
			return false;
		if (++label > 63)
			return false;
	}
	return label > 0 && name[strlen(name) - 1] != '-';
}

clv_status
clv_subject_add_dns(clv_subject *subject, const char *name, clv_error **err)
{
	struct in_addr v4;

	if (!is_host_name(name))
		return invalid(err, "a DNS name",
		    "must have letters, digits, '-' and '.', as in "
		    "\"pump7.plant.example\"");
	if (inet_pton(AF_INET, name, &v4) == 1)
		return invalid(
		    err, "a DNS name", "is not an address: add that as one");
	if (subject->dns_count == CLV_SUBJECT_HOSTS_MAX)
		return invalid(err, "the subject", "has too many DNS names");
	subject->dns[subject->dns_count] = strdup(name);
	if (subject->dns[subject->dns_count] == NULL)
		return no_memory(err);
	subject->dns_count++;
	return CLV_OK;
}

clv_status
clv_subject_add_ip(clv_subject *subject, const char *address, clv_error **err)
{
	const size_t at = subject->ip_count;

	if (at == CLV_SUBJECT_HOSTS_MAX)
		return invalid(err, "the subject", "has too many addresses");
	if (inet_pton(AF_INET, address, subject->ips[at].bytes) == 1)
		subject->ips[at].size = 4;
	else if (inet_pton(AF_INET6, address, subject->ips[at].bytes) == 1)
		subject->ips[at].size = 16;
	else
		return invalid(err, "an address", "must be IPv4 or IPv6");
	subject->ip_count++;
	return CLV_OK;
}

void
clv_subject_set_type(clv_subject *subject, clv_application_type type)
{
	subject->type = type;
}

static bool
copy_text(char **to, const char *from)
{
	*to = from != NULL ? strdup(from) : NULL;
	return from == NULL || *to != NULL;
}

clv_subject *
clv_subject_copy(const clv_subject *subject)
{
	clv_subject *copy = calloc(1, sizeof(*copy));
	bool good = copy != NULL &&
	    copy_text(&copy->application_uri, subject->application_uri);

	for (size_t i = 0; good && i < subject->name_count; i++) {
		copy->names[i].type = subject->names[i].type;
		good =
		    copy_text(&copy->names[i].value, subject->names[i].value);
		copy->name_count++;
	}
	for (size_t i = 0; good && i < subject->dns_count; i++) {
		good = copy_text(&copy->dns[i], subject->dns[i]);
		copy->dns_count++;
	}
	if (!good) {
		clv_subject_free(&copy);
		return NULL;
	}
	memcpy(copy->ips, subject->ips, sizeof(copy->ips));
	copy->ip_count = subject->ip_count;
	copy->type = subject->type;
	return copy;
}

clv_status
clv_subject_name(const clv_subject *subject, char **out, clv_error **err)
{
	size_t size = 0;
	FILE *stream = open_memstream(out, &size);

	for (size_t i = 0; stream != NULL && i < subject->name_count; i++) {
		const char *value = subject->names[i].value;
		const char *quote = strpbrk(value, "/=") != NULL ? "\"" : "";

		(void)fprintf(stream, "%s%s=%s%s%s", i > 0 ? "/" : "",
		    subject->names[i].type, quote, value, quote);
	}
	if (stream != NULL && fclose(stream) == 0)
		return CLV_OK;
	return no_memory(err);
}
