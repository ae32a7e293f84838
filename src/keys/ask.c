/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Where a backend's secrets come from: sources in turn, then a person. */

#include "keys/context.h"

#include <stdio.h>
#include <string.h>

#include "base/secret_source.h"

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
 * One question. Turn 0 is the URI's own source, then come the context's. A
 * backend counts the values it was given, not the sources that were asked for
 * them: the host remembers which of them had nothing.
 */
struct asking {
	clv_host *host;
	struct clv_ask_request request;
	const char *own; /* may be NULL */
	const struct clv_sources *sources;
	bool asked;       /* a source had something, or failed */
	unsigned nothing; /* sources that had nothing, this time */
	char why[400];
};

static const char *
source_of(const struct asking *asking, size_t turn)
{
	return turn == 0 ? asking->own : asking->sources->text[turn - 1];
}

static bool
gave_nothing(const struct asking *asking, size_t turn)
{
	return source_of(asking, turn) == NULL ||
	    (atomic_load(&asking->host->nothing) & 1U << turn) != 0;
}

/* The turn after those that gave the values before this one. */
static size_t
first_turn(const struct asking *asking)
{
	unsigned given =
	    asking->request.attempt > 0 ? asking->request.attempt - 1 : 0;
	size_t turn = 0;

	for (; given > 0 && turn <= asking->sources->count; turn++)
		if (!gave_nothing(asking, turn))
			given--;
	return turn;
}

/* A source without anything does not end the asking, but who set it up will
 * want to know. */
static void
note_nothing(
    struct asking *asking, size_t turn, const char *source, clv_error **failure)
{
	const size_t size = strlen(asking->why);

	(void)atomic_fetch_or(&asking->host->nothing, 1U << turn);
	asking->nothing++;
	(void)snprintf(asking->why + size, sizeof(asking->why) - size,
	    "%s%s: %s", size > 0 ? "; " : "", source,
	    clv_error_reason(*failure));
	clv_host_log(asking->host, CLV_LOG_INFO, "no secret from %s: %s",
	    source, clv_error_reason(*failure));
	clv_error_free(failure);
}

static clv_status
ask_source(
    struct asking *asking, size_t turn, clv_secret *answer, clv_error **err)
{
	const char *source = source_of(asking, turn);
	clv_error *failure = NULL;
	clv_status status;

	if (source == NULL)
		return CLV_OK;
	status = read_source(
	    asking->host, source, &asking->request, answer, &failure);
	if (status == CLV_NOT_FOUND) {
		note_nothing(asking, turn, source, &failure);
		return CLV_OK;
	}
	(void)atomic_fetch_and(&asking->host->nothing, ~(1U << turn));
	asking->asked = true;
	if (status == CLV_OK || err == NULL) {
		clv_error_free(&failure);
		return status;
	}
	clv_error_free(err);
	*err = failure;
	return status;
}

static bool
is_person(const char *source)
{
	return strcmp(source, "prompt") == 0;
}

/*
 * The sources in turn until one has something. A stored value is offered
 * once, and must not be what locks a device; a person at the terminal, who
 * comes last, may be asked again.
 */
static clv_status
ask_sources(struct asking *asking, clv_secret *answer, clv_error **err)
{
	const size_t last = asking->sources->count;
	const bool person = source_of(asking, last) != NULL &&
	    is_person(source_of(asking, last));
	size_t turn = first_turn(asking);
	clv_status status = CLV_OK;

	if ((asking->request.flags & CLV_ASK_FINAL_TRY) != 0 && !person)
		return CLV_OK;
	if ((asking->request.flags & CLV_ASK_FINAL_TRY) != 0 ||
	    (turn > last && person))
		turn = last;
	for (; turn <= last && status == CLV_OK && !asking->asked; turn++)
		status = ask_source(asking, turn, answer, err);
	return status;
}

static const char *
what(const struct clv_ask_request *request)
{
	return request->purpose == CLV_ASK_PIN ||
		request->purpose == CLV_ASK_CONTEXT_PIN
	    ? "PIN"
	    : "password";
}

/* CLV_AUTH if no source was named or a value was refused: a named source that
 * has nothing must not pass for "no password is wanted". */
static clv_status
nobody_knows(const struct asking *asking, clv_error **err)
{
	const struct clv_ask_request *request = &asking->request;
	const struct clv_error_info info = {.operation = "get secret",
	    .subject = request->uri,
	    .remedy = "name a source with --pin-source, such as prompt or "
		      "cred:NAME"};

	if (request->attempt > 1)
		return clv_error_raise(err, CLV_AUTH, &info,
		    "the %s is wrong, and there is no other source to ask",
		    what(request));
	if (asking->nothing == 0 || (request->flags & CLV_ASK_FINAL_TRY) != 0)
		return clv_error_raise(err, CLV_AUTH, &info,
		    "a %s is needed, and there is no source to ask",
		    what(request));
	return clv_error_raise(err, CLV_NOT_FOUND, &info,
	    "a %s is needed, and no source has one: %s", what(request),
	    asking->why);
}

static clv_status
ask_person(struct asking *asking, clv_secret *answer, clv_error **err)
{
	const clv_context *context = asking->host->context;
	clv_status status;

	if (context->ask == NULL)
		return nobody_knows(asking, err);
	status = context->ask(context->ask_user, &asking->request, answer, err);
	if (status != CLV_OK && err != NULL && *err == NULL)
		status = clv_error_raise(err, status,
		    &(struct clv_error_info){.operation = "get secret",
			.subject = asking->request.uri},
		    status == CLV_DEFERRED ? "the answer will come later"
					   : "the question was not answered");
	return status;
}

clv_status
clv_host_ask(clv_host *host, const char *pin_source,
    const struct clv_ask_request *request, clv_secret *answer, clv_error **err)
{
	struct asking asking = {.host = host,
	    .request = *request,
	    .own = pin_source,
	    .sources = sources_for(host->context, request->purpose)};
	clv_status status;

	asking.request.struct_size = sizeof(asking.request);
	clv_secret_clear(answer);
	status = ask_sources(&asking, answer, err);
	if (status == CLV_OK && !asking.asked)
		status = ask_person(&asking, answer, err);
	if (status != CLV_OK)
		clv_secret_clear(answer);
	else
		tell_if_unlocked(host, answer);
	return status;
}
