/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "fixture.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

const struct kind kinds[KIND_COUNT] = {
    {CLV_RSA_2048, "rsa2048",
	"openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048"},
    {CLV_RSA_3072, "rsa3072",
	"openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:3072"},
    {CLV_RSA_4096, "rsa4096",
	"openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:4096"},
    {CLV_EC_P256, "p256",
	"openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256"},
    {CLV_EC_P384, "p384",
	"openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-384"},
    {CLV_EC_BRAINPOOL256, "brainpool256",
	"openssl genpkey -algorithm ec "
	"-pkeyopt ec_paramgen_curve:brainpoolP256r1"},
    {CLV_EC_BRAINPOOL384, "brainpool384",
	"openssl genpkey -algorithm ec "
	"-pkeyopt ec_paramgen_curve:brainpoolP384r1"},
    {CLV_ED25519, "ed25519", "openssl genpkey -algorithm ed25519"},
    {CLV_ED448, "ed448", "openssl genpkey -algorithm ed448"},
};

struct asker asker;
char logged[4096];
char place[64];
clv_context *context;

static clv_status
answer(void *user, const struct clv_ask_request *request, clv_secret *secret,
    clv_error **err)
{
	const char *password;

	(void)user;
	asker.flags = request->flags;
	asker.attempt = request->attempt;
	if (request->purpose == CLV_ASK_NEW_PASSWORD) {
		asker.asked_new++;
		password = asker.new_password;
	} else {
		password = asker.passwords[asker.asked++];
	}
	if (password == NULL)
		return CLV_CANCELLED;
	return clv_secret_set(secret, password, strlen(password), err);
}

void
remember(void *user, clv_log_level level, const char *line)
{
	(void)user;
	(void)level;
	(void)strncat(logged, line, sizeof(logged) - strlen(logged) - 1);
}

int
set_up(void **state)
{
	(void)state;
	workplace_make(place);
	memset(&asker, 0, sizeof(asker));
	logged[0] = '\0';
	assert_ok(clv_context_new(&context, &err));
	clv_context_set_ask(context, answer, NULL);
	clv_context_set_log(context, CLV_LOG_DEBUG, remember, NULL);
	return 0;
}

int
tear_down(void **state)
{
	(void)state;
	clv_context_free(&context);
	workplace_remove(place);
	return 0;
}

const char *
uri_of(const char *scheme, const char *name)
{
	static char texts[4][256];
	static unsigned turn;
	char *text = texts[turn++ % 4];

	(void)snprintf(text, 256, "%s:%s/%s", scheme, place, name);
	return text;
}

clv_status
open_key(const char *uri, clv_key **key, clv_error **err)
{
	return clv_key_open(context, uri, key, err);
}

clv_status
make_key(const char *scheme, clv_algorithm algorithm, const char *label,
    const char *option, const char *value, clv_key **key, clv_error **err)
{
	clv_key_options *options = NULL;
	clv_store *store = NULL;
	clv_status status;
	char uri[128];

	*key = NULL;
	(void)snprintf(uri, sizeof(uri), "%s:%s", scheme, place);
	assert_ok(clv_key_options_new(&options, &err));
	assert_ok(clv_key_options_set_label(options, label, &err));
	if (option != NULL)
		assert_ok(clv_key_options_set(options, option, value, &err));
	assert_ok(clv_store_open(context, uri, &store, &err));
	status = clv_key_generate(store, algorithm, options, key, err);
	clv_store_free(&store);
	clv_key_options_free(&options);
	return status;
}

static void
verify(const struct clv_algorithm_info *info)
{
	switch (info->family) {
	case CLV_FAMILY_RSA:
		command_ok(place,
		    "openssl dgst -sha256 -verify pub.pem "
		    "-signature signature message");
		break;
	case CLV_FAMILY_EC:
		command_ok(place,
		    "openssl dgst -%s -verify pub.pem -signature signature "
		    "message",
		    info->scheme == CLV_ECDSA_SHA384 ? "sha384" : "sha256");
		break;
	default:
		command_ok(place,
		    "openssl pkeyutl -verify -rawin -pubin -inkey pub.pem "
		    "-sigfile signature -in message");
	}
}

void
assert_signs(clv_key *key, const char *extract)
{
	static const char message[] = "the message";
	const struct clv_algorithm_info *info =
	    clv_algorithm_describe(clv_key_algorithm(key));
	uint8_t signature[CLV_SIGNATURE_MAX];
	uint8_t der[CLV_SIGNATURE_MAX];
	size_t size = sizeof(signature);
	size_t der_size = sizeof(der);

	assert_ok(clv_key_sign(key, info->scheme, message, sizeof(message) - 1,
	    signature, &size, &err));
	if (info->family == CLV_FAMILY_EC) {
		assert_ok(
		    clv_ecdsa_to_der(signature, size, der, &der_size, &err));
		file_put(place, "signature", der, der_size);
	} else {
		file_put(place, "signature", signature, size);
	}
	file_put(place, "message", message, sizeof(message) - 1);
	command_ok(place, "%s", extract);
	verify(info);
	command_ok(place, "rm signature message pub.pem");
}

void
assert_same_file(const char *name, const clv_secret *before)
{
	clv_secret now = CLV_SECRET_INIT;

	file_get(place, name, &now);
	assert_true(clv_secret_equal(&now, before));
	clv_secret_clear(&now);
}

double
seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void
assert_all_refused(
    const char *scheme, const struct bad_file *files, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		clv_key *key = NULL;
		clv_error *err = NULL;
		clv_status status;
		double best = 1e9;

		command_ok(place, "%s", files[i].command);
		command_ok(place,
		    "stat -c '%%i %%s %%f %%u %%g %%Y %%Z' '%s' >was",
		    files[i].name);
		/* The best of three: the machine may be busy. */
		for (unsigned turn = 0; turn < 3; turn++) {
			const double start = seconds();

			clv_error_free(&err);
			memset(&asker, 0, sizeof(asker));
			asker.passwords[0] = "correct horse";
			status =
			    open_key(uri_of(scheme, files[i].name), &key, &err);
			if (seconds() - start < best)
				best = seconds() - start;
			if (status != files[i].status)
				fail_msg("%s: %s instead of %s: %s",
				    files[i].command, clv_status_name(status),
				    clv_status_name(files[i].status),
				    clv_error_message(err));
		}
		assert_null(key);
		if (best > 0.1)
			fail_msg("%s: took %.3f s", files[i].command, best);
		if (*clv_error_reason(err) == '\0')
			fail_msg("%s: no reason", files[i].command);
		clv_error_free(&err);
		command_ok(place,
		    "stat -c '%%i %%s %%f %%u %%g %%Y %%Z' '%s' | cmp - was",
		    files[i].name);
		command_ok(place, "rm -rf '%s' was", files[i].name);
	}
}

void
use_password(const char *password)
{
	memset(&asker, 0, sizeof(asker));
	asker.passwords[0] = asker.passwords[1] = asker.passwords[2] = password;
	asker.new_password = password;
}

void
make_foreign(const char *name)
{
	command_ok(place,
	    "umask 077; openssl genpkey -algorithm ed25519 | openssl pkcs8 "
	    "-topk8 -v2 aes-256-cbc -passout 'pass:%s' -out %s",
	    PASSWORD, name);
}
