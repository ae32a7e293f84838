/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "hostile_token.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <dlfcn.h>

#include <claviger/ask.h>
#include <claviger/context.h>

#include "fake/hostile_module.h"

/* More calls than an honest module would ever see. */
#define CALLS_MAX 200000U

static struct {
	void (*set_input)(const uint8_t *data, size_t size);
	size_t (*calls)(void);
} hostile;

static clv_status
answer(void *user, const struct clv_ask_request *request, clv_secret *secret,
    clv_error **err)
{
	/* A new one each time: refused ones are not tried again. */
	static unsigned count;
	char pin[16];

	(void)user;
	if (request->attempt > 2)
		return CLV_CANCELLED;
	(void)snprintf(pin, sizeof(pin), "%06u", ++count);
	return clv_secret_set(secret, pin, strlen(pin), err);
}

static void
find(void *module, const char *name, void *function)
{
	void *symbol = dlsym(module, name);

	if (symbol == NULL)
		abort();
	memcpy(function, &symbol, sizeof(symbol));
}

static clv_context *
start(void)
{
	static char dir[] = "/tmp/clv-fuzz-p11-XXXXXX";
	void *module = dlopen(HOSTILE_PATH, RTLD_NOW | RTLD_LOCAL);
	clv_context *context = NULL;

	if (module == NULL || mkdtemp(dir) == NULL)
		abort();
	find(module, "hostile_module_set_input", &hostile.set_input);
	find(module, "hostile_module_calls", &hostile.calls);
	/* No file is written for each input: this process remembers. */
	(void)rmdir(dir);
	(void)setenv("XDG_STATE_HOME", dir, 1);
	if (clv_context_new(&context, NULL) != CLV_OK)
		abort();
	clv_context_set_ask(context, answer, NULL);
	return context;
}

clv_context *
hostile_token_context(void)
{
	static clv_context *context;

	if (context == NULL)
		context = start();
	return context;
}

void
hostile_token_answers(const uint8_t *bytes, size_t size)
{
	(void)hostile_token_context();
	hostile.set_input(bytes, size);
}

void
hostile_token_check(void)
{
	if (hostile.calls() > CALLS_MAX)
		abort();
}

clv_status
hostile_token_open(const char *attribute, clv_key **key)
{
	char uri[PATH_MAX + 128];

	(void)snprintf(uri, sizeof(uri),
	    "pkcs11:%s?module-path=%s&verify=always&insecure-extractable=yes",
	    attribute, HOSTILE_PATH);
	return clv_key_open(hostile_token_context(), uri, key, NULL);
}
