/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include <claviger/error.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "base/utf8.h"

struct clv_error {
	clv_status status;
	clv_error_domain domain;
	int64_t code;
	bool retryable;
	char *operation;
	char *subject;
	char *reason;
	char *remedy;
	char *code_name;
	char *message;
};

/* Stands in where an error could not be allocated; never freed or changed. */
static char out_of_memory_text[] = "out of memory";
static struct clv_error out_of_memory = {
    .status = CLV_NO_MEMORY,
    .reason = out_of_memory_text,
    .message = out_of_memory_text,
};

static const char *const status_names[] = {
    [0] = "OK",
    [-CLV_INVALID] = "INVALID",
    [-CLV_NOT_FOUND] = "NOT_FOUND",
    [-CLV_AMBIGUOUS] = "AMBIGUOUS",
    [-CLV_EXISTS] = "EXISTS",
    [-CLV_AUTH] = "AUTH",
    [-CLV_AUTH_LAST_TRY] = "AUTH_LAST_TRY",
    [-CLV_LOCKED] = "LOCKED",
    [-CLV_BUSY] = "BUSY",
    [-CLV_DEVICE_GONE] = "DEVICE_GONE",
    [-CLV_PERMISSION] = "PERMISSION",
    [-CLV_POLICY] = "POLICY",
    [-CLV_UNSUPPORTED] = "UNSUPPORTED",
    [-CLV_CHANGED] = "CHANGED",
    [-CLV_CORRUPT] = "CORRUPT",
    [-CLV_IO] = "IO",
    [-CLV_TIMEOUT] = "TIMEOUT",
    [-CLV_CANCELLED] = "CANCELLED",
    [-CLV_NO_MEMORY] = "NO_MEMORY",
    [-CLV_TOO_LARGE] = "TOO_LARGE",
    [-CLV_DEFERRED] = "DEFERRED",
    [-CLV_CRYPTO] = "CRYPTO",
    [-CLV_UNTRUSTED] = "UNTRUSTED",
    [-CLV_INTERNAL] = "INTERNAL",
};

const char *
clv_status_name(clv_status status)
{
	const size_t count = sizeof(status_names) / sizeof(status_names[0]);
	const long index = -(long)status;

	if (index < 0 || (size_t)index >= count)
		return "UNKNOWN";
	return status_names[index];
}

static bool
copy_string(char **to, const char *from)
{
	if (from == NULL)
		return true;
	*to = strdup(from);
	return *to != NULL;
}

/* errno names come from the C library, OpenSSL's reasons from its tables;
 * the other domains belong to backends, which pass the name. */
static bool
name_code(struct clv_error *error, const struct clv_error_info *info)
{
	if (info->code_name != NULL)
		return copy_string(&error->code_name, info->code_name);
	if (info->domain == CLV_DOMAIN_ERRNO)
		return copy_string(
		    &error->code_name, strerrorname_np((int)info->code));
	if (info->domain == CLV_DOMAIN_OPENSSL && info->code != 0)
		return copy_string(&error->code_name,
		    ERR_reason_error_string((unsigned long)info->code));
	return true;
}

/* Names of files come from anybody: they shall not forge a line of a log, nor
 * command a terminal. */
static bool
make_printable(struct clv_error *error)
{
	char *escaped;

	if (clv_utf8_is_printable(error->message, strlen(error->message)))
		return true;
	escaped = clv_utf8_escape(error->message);
	free(error->message);
	error->message = escaped;
	return escaped != NULL;
}

static bool
compose_message(struct clv_error *error)
{
	const char *operation = error->operation ? error->operation : "";
	const char *subject = error->subject ? error->subject : "";
	const char *code = error->code_name ? error->code_name : "";
	const bool head = *operation != '\0' || *subject != '\0';

	if (asprintf(&error->message, "%s%s%s%s%s%s%s%s", operation,
		*operation && *subject ? " " : "", subject, head ? ": " : "",
		error->reason, *code ? " (" : "", code, *code ? ")" : "") < 0) {
		error->message = NULL;
		return false;
	}
	return make_printable(error);
}

static void
error_destroy(struct clv_error *error)
{
	if (error == NULL || error == &out_of_memory)
		return;
	free(error->operation);
	free(error->subject);
	free(error->reason);
	free(error->remedy);
	free(error->code_name);
	free(error->message);
	free(error);
}

CLV_PRINTF(3, 0)
static struct clv_error *
error_new(clv_status status, const struct clv_error_info *info,
    const char *reason, va_list arguments)
{
	static const struct clv_error_info nothing;
	struct clv_error *error = calloc(1, sizeof(*error));

	if (info == NULL)
		info = &nothing;
	if (error == NULL)
		return &out_of_memory;

	error->status = status;
	error->domain = info->domain;
	error->code = info->code;
	error->retryable = info->retryable;
	if (vasprintf(&error->reason, reason, arguments) < 0) {
		error->reason = NULL;
		goto fail;
	}
	if (!copy_string(&error->operation, info->operation) ||
	    !copy_string(&error->subject, info->subject) ||
	    !copy_string(&error->remedy, info->remedy) ||
	    !name_code(error, info))
		goto fail;
	if (!compose_message(error))
		goto fail;
	return error;
fail:
	error_destroy(error);
	return &out_of_memory;
}

clv_status
clv_error_raise(clv_error **err, clv_status status,
    const struct clv_error_info *info, const char *reason, ...)
{
	const int saved_errno = errno;
	va_list arguments;

	if (err != NULL) {
		error_destroy(*err);
		va_start(arguments, reason);
		*err = error_new(status, info, reason, arguments);
		va_end(arguments);
	}
	errno = saved_errno;
	return status;
}

void
clv_error_free(clv_error **err)
{
	if (err == NULL)
		return;
	error_destroy(*err);
	*err = NULL;
}

clv_status
clv_error_status(const clv_error *err)
{
	return err != NULL ? err->status : CLV_OK;
}

const char *
clv_error_message(const clv_error *err)
{
	return err != NULL ? err->message : "no error";
}

const char *
clv_error_operation(const clv_error *err)
{
	return err != NULL ? err->operation : NULL;
}

const char *
clv_error_subject(const clv_error *err)
{
	return err != NULL ? err->subject : NULL;
}

const char *
clv_error_reason(const clv_error *err)
{
	return err != NULL ? err->reason : NULL;
}

const char *
clv_error_remedy(const clv_error *err)
{
	return err != NULL ? err->remedy : NULL;
}

clv_error_domain
clv_error_get_domain(const clv_error *err)
{
	return err != NULL ? err->domain : CLV_DOMAIN_NONE;
}

int64_t
clv_error_code(const clv_error *err)
{
	return err != NULL ? err->code : 0;
}

const char *
clv_error_code_name(const clv_error *err)
{
	return err != NULL ? err->code_name : NULL;
}

bool
clv_error_retryable(const clv_error *err)
{
	return err != NULL && err->retryable;
}
