/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What the library offers to a backend: secrets, log, guard. */

#include "keys/context.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/secret_source.h"

void
clv_host_log(clv_host *host, clv_log_level level, const char *format, ...)
{
	char line[1024];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	clv_log_line(&host->context->logger, level, "%s", line);
}

const clv_guard *
clv_host_guard(const clv_host *host)
{
	return host->context->guard;
}

/* SCHEME:PATH, where the backend of SCHEME can unseal. */
static clv_status
unseal(clv_host *host, const char *source, clv_secret *answer, clv_error **err)
{
	const struct clv_backend *backend = NULL;
	clv_uri *uri = NULL;
	clv_status status = clv_uri_parse(source, &uri, err);

	if (status != CLV_OK)
		return status;
	backend = clv_context_backend(host->context, clv_uri_scheme(uri));
	if (backend == NULL || backend->unseal == NULL)
		status = clv_error_raise(err, CLV_INVALID,
		    &(struct clv_error_info){.operation = "get secret",
			.subject = clv_uri_redacted(uri)},
		    "no such kind of secret source");
	else
		status = backend->unseal(host, uri, answer, err);
	clv_uri_free(&uri);
	return status;
}

static clv_status
read_source(clv_host *host, const char *source,
    const struct clv_ask_request *request, clv_secret *answer, clv_error **err)
{
	const struct clv_source_environment environment = {
	    .guard = host->context->guard, .logger = &host->context->logger};

	if (clv_source_known(source))
		return clv_source_read(
		    &environment, source, request, answer, err);
	return unseal(host, source, answer, err);
}

static clv_status
nobody_knows(const struct clv_ask_request *request, clv_error **err)
{
	const char *what = request->purpose == CLV_ASK_PIN ||
		request->purpose == CLV_ASK_CONTEXT_PIN
	    ? "PIN"
	    : "password";

	return clv_error_raise(err, CLV_AUTH,
	    &(struct clv_error_info){.operation = "get secret",
		.subject = request->uri,
		.remedy = "name a source with --pin-source, such as prompt or "
			  "cred:NAME"},
	    request->attempt > 1
		? "the %s is wrong, and there is no other source to ask"
		: "a %s is needed, and there is no source to ask",
	    what);
}

static void
tell_if_unlocked(clv_host *host, const clv_secret *secret)
{
	const unsigned protection = clv_secret_protection(secret);

	if (protection == CLV_SECRET_FULLY_PROTECTED ||
	    atomic_flag_test_and_set(&host->context->told_unlocked))
		return;
	clv_host_log(host, CLV_LOG_WARNING,
	    "secrets can't be fully protected:%s%s%s",
	    protection & CLV_SECRET_LOCKED
		? ""
		: " they may be swapped out (raise RLIMIT_MEMLOCK, or "
		  "LimitMEMLOCK= in the service unit)",
	    protection & CLV_SECRET_UNDUMPED ? "" : " they may be dumped",
	    protection & CLV_SECRET_FORK_WIPED
		? ""
		: " child processes may inherit them");
}

static clv_status
ask_person(clv_host *host, const struct clv_ask_request *request,
    clv_secret *answer, clv_error **err)
{
	clv_context *context = host->context;
	clv_status status;

	if (context->ask == NULL)
		return nobody_knows(request, err);
	status = context->ask(context->ask_user, request, answer, err);
	if (status != CLV_OK && err != NULL && *err == NULL)
		status = clv_error_raise(err, status,
		    &(struct clv_error_info){
			.operation = "get secret", .subject = request->uri},
		    status == CLV_DEFERRED ? "the answer will come later"
					   : "the question was not answered");
	return status;
}

static bool
is_person(const char *source)
{
	return strcmp(source, "prompt") == 0;
}

static const struct clv_sources *
sources_for(const clv_context *context, clv_ask_purpose purpose)
{
	if (context->new_sources.count > 0 &&
	    (purpose == CLV_ASK_NEW_PASSWORD ||
		purpose == CLV_ASK_NEW_KEY_AUTH))
		return &context->new_sources;
	return &context->sources;
}

/*
 * The source for one turn; NULL for the callback. A stored value is offered
 * once, a person at the terminal may be asked again.
 */
static const char *
choose_source(
    const struct clv_sources *sources, const char *pin_source, unsigned attempt)
{
	const size_t own = pin_source != NULL ? 1 : 0;
	const size_t count = own + sources->count;
	const size_t turn = attempt > 0 ? attempt - 1 : 0;
	const char *last;

	if (count == 0)
		return NULL;
	last =
	    sources->count > 0 ? sources->text[sources->count - 1] : pin_source;
	if (turn >= count)
		return is_person(last) ? last : NULL;
	return turn < own ? pin_source : sources->text[turn - own];
}

clv_status
clv_host_ask(clv_host *host, const char *pin_source,
    const struct clv_ask_request *given, clv_secret *answer, clv_error **err)
{
	const char *source =
	    choose_source(sources_for(host->context, given->purpose),
		pin_source, given->attempt);
	struct clv_ask_request request = *given;
	clv_status status;

	request.struct_size = sizeof(request);
	clv_secret_clear(answer);
	/* A stored value must not be what locks a device. */
	if (source != NULL &&
	    ((given->flags & CLV_ASK_FINAL_TRY) == 0 || is_person(source)))
		status = read_source(host, source, &request, answer, err);
	else
		status = ask_person(host, &request, answer, err);
	if (status != CLV_OK)
		clv_secret_clear(answer);
	else
		tell_if_unlocked(host, answer);
	return status;
}
