/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/check.h"
#include "trust/security_policy.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define OPERATION "set up verification"

/* DNS names are at most 253 characters (RFC 1035), an address is shorter. */
#define HOSTNAME_MAX 253U

#define DEFAULTS                                          \
	{                                                 \
		.role = CLV_VERIFY_APPLICATION,           \
		.validation = CLV_VALIDATION_DEFAULT,     \
		.limits = {                               \
		    [CLV_LIMIT_CERTIFICATE_SIZE] = 16384, \
		    [CLV_LIMIT_MESSAGE_SIZE] = 65536,     \
		    [CLV_LIMIT_CHAIN_LENGTH] = 10,        \
		    [CLV_LIMIT_SIGNATURES] = 32,          \
		    [CLV_LIMIT_CHAINS] = 16,              \
		},                                        \
	}

const struct clv_verify_options clv_verify_defaults = DEFAULTS;

static const size_t limit_most[] = {
    [CLV_LIMIT_CERTIFICATE_SIZE] = CLV_TRUST_CERT_MAX,
    [CLV_LIMIT_MESSAGE_SIZE] = 1U << 20,
    [CLV_LIMIT_CHAIN_LENGTH] = CLV_CHAIN_MAX,
    [CLV_LIMIT_SIGNATURES] = 1024,
    [CLV_LIMIT_CHAINS] = 256,
};

static clv_status
refuse(clv_error **err, clv_status status, const char *reason)
{
	const struct clv_error_info info = {.operation = OPERATION};

	return clv_error_raise(err, status, &info, "%s", reason);
}

clv_status
clv_verify_options_new(clv_verify_options **out, clv_error **err)
{
	*out = malloc(sizeof(**out));
	if (*out == NULL)
		return refuse(err, CLV_NO_MEMORY, "out of memory");
	**out = clv_verify_defaults;
	return CLV_OK;
}

void
clv_verify_options_free(clv_verify_options **options)
{
	if (options == NULL || *options == NULL)
		return;
	free((*options)->hostname);
	free((*options)->uri);
	free(*options);
	*options = NULL;
}

clv_status
clv_verify_options_set_role(
    clv_verify_options *options, clv_verify_role role, clv_error **err)
{
	if (role < CLV_VERIFY_SERVER || role > CLV_VERIFY_APPLICATION)
		return refuse(err, CLV_INVALID, "there is no such role");
	options->role = role;
	return CLV_OK;
}

/* A copy of the host without brackets, final dot and ".local" (OPC 10000-4,
 * 5.6.2: LDS-ME's domain is not part of a name). */
static char *
plain_host(const char *hostname)
{
	size_t length = strlen(hostname);

	if (length >= 2 && hostname[0] == '[' && hostname[length - 1] == ']') {
		hostname++;
		length -= 2;
	}
	if (length > 1 && hostname[length - 1] == '.')
		length--;
	if (length > 6 && strncasecmp(hostname + length - 6, ".local", 6) == 0)
		length -= 6;
	return strndup(hostname, length);
}

static bool
can_be_host(const char *hostname)
{
	const size_t length = strlen(hostname);

	if (length == 0 || length > HOSTNAME_MAX)
		return false;
	for (const char *at = hostname; *at != '\0'; at++)
		if (*at <= ' ' || *at > '~' || strchr("/\\?#@[]%", *at) != NULL)
			return false;
	return true;
}

clv_status
clv_verify_options_set_hostname(
    clv_verify_options *options, const char *hostname, clv_error **err)
{
	char *host = NULL;
	size_t address_size = 0;
	uint8_t address[16] = {0};

	if (hostname != NULL) {
		host = plain_host(hostname);
		if (host == NULL)
			return refuse(err, CLV_NO_MEMORY, "out of memory");
		if (!can_be_host(host)) {
			free(host);
			return refuse(err, CLV_INVALID, "it can't be a host");
		}
		if (inet_pton(AF_INET, host, address) == 1)
			address_size = 4;
		else if (inet_pton(AF_INET6, host, address) == 1)
			address_size = 16;
	}
	free(options->hostname);
	options->hostname = host;
	options->address_size = address_size;
	memcpy(options->address, address, address_size);
	return CLV_OK;
}

clv_status
clv_verify_options_set_application_uri(
    clv_verify_options *options, const char *uri, clv_error **err)
{
	char *copy = NULL;

	if (uri != NULL) {
		if (*uri == '\0')
			return refuse(
			    err, CLV_INVALID, "the ApplicationUri is empty");
		copy = strdup(uri);
		if (copy == NULL)
			return refuse(err, CLV_NO_MEMORY, "out of memory");
	}
	free(options->uri);
	options->uri = copy;
	return CLV_OK;
}

clv_status
clv_verify_options_set_security_policy(
    clv_verify_options *options, const char *policy, clv_error **err)
{
	const struct clv_security_policy *found = NULL;

	if (policy != NULL && !clv_security_policy_is_none(policy)) {
		found = clv_security_policy_find(policy);
		if (found == NULL)
			return refuse(err, CLV_UNSUPPORTED,
			    "the SecurityPolicy is not known");
	}
	options->policy = found;
	return CLV_OK;
}

void
clv_verify_options_set_time(clv_verify_options *options, int64_t seconds)
{
	options->time = seconds;
	options->has_time = true;
}

static const struct {
	const char *word;
	uint32_t bit;
} suppressions[] = {
    {"expired", CLV_SUPPRESS_EXPIRED},
    {"hostname", CLV_SUPPRESS_HOSTNAME},
    {"revocation-unknown", CLV_SUPPRESS_REVOCATION_UNKNOWN},
    {"issuer-expired", CLV_SUPPRESS_ISSUER_EXPIRED},
    {"issuer-revocation-unknown", CLV_SUPPRESS_ISSUER_REVOCATION_UNKNOWN},
    {"policy", CLV_SUPPRESS_POLICY},
    {"use", CLV_SUPPRESS_USE},
};

#define SUPPRESSIONS (sizeof(suppressions) / sizeof(suppressions[0]))

uint32_t
clv_validation_bit(const char *word)
{
	for (size_t i = 0; i < SUPPRESSIONS; i++)
		if (strcmp(suppressions[i].word, word) == 0)
			return suppressions[i].bit;
	return 0;
}

const char *
clv_validation_word(uint32_t bit)
{
	for (size_t i = 0; i < SUPPRESSIONS; i++)
		if (suppressions[i].bit == bit)
			return suppressions[i].word;
	return NULL;
}

clv_status
clv_verify_options_set_validation(
    clv_verify_options *options, uint32_t bits, clv_error **err)
{
	const uint32_t known = CLV_SUPPRESS_EXPIRED | CLV_SUPPRESS_HOSTNAME |
	    CLV_SUPPRESS_REVOCATION_UNKNOWN | CLV_SUPPRESS_ISSUER_EXPIRED |
	    CLV_SUPPRESS_ISSUER_REVOCATION_UNKNOWN |
	    CLV_CHECK_REVOCATION_OFFLINE | CLV_SUPPRESS_POLICY |
	    CLV_SUPPRESS_USE;

	if ((bits & CLV_CHECK_REVOCATION_ONLINE) != 0)
		return refuse(err, CLV_UNSUPPORTED,
		    "revocation can't be checked online (OCSP)");
	if ((bits & ~known) != 0)
		return refuse(
		    err, CLV_INVALID, "an unknown validation option is set");
	options->validation = bits;
	return CLV_OK;
}

void
clv_verify_options_set_ca_application(
    clv_verify_options *options, clv_verify_ca choice)
{
	options->ca = choice;
}

clv_status
clv_verify_options_set_limit(clv_verify_options *options,
    clv_verify_limit limit, size_t value, clv_error **err)
{
	if (limit < CLV_LIMIT_CERTIFICATE_SIZE || limit > CLV_LIMIT_CHAINS)
		return refuse(err, CLV_INVALID, "there is no such limit");
	if (value == 0 || value > limit_most[limit])
		return refuse(err, CLV_INVALID, "the limit can't be that");
	options->limits[limit] = value;
	return CLV_OK;
}

void
clv_verify_options_set_ask(
    clv_verify_options *options, clv_verify_ask_fn *ask, void *user)
{
	options->ask = ask;
	options->ask_user = user;
}
