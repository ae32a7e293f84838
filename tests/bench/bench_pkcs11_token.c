/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The tokens of bench-pkcs11, made in children: the module is never open in
 * the process that measures. */

#include "bench_pkcs11.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <claviger/context.h>
#include <claviger/key.h>

#include "fake/p11_client.h"

static clv_status
answer(void *user, const struct clv_ask_request *request, clv_secret *secret,
    clv_error **err)
{
	(void)user;
	(void)request;
	return clv_secret_set(secret, LAB_PIN, strlen(LAB_PIN), err);
}

static bool
make_key(clv_store *store, clv_algorithm algorithm, const char *label,
    unsigned char id)
{
	clv_key_options *options = NULL;
	clv_key *key = NULL;
	clv_error *err = NULL;

	if (clv_key_options_new(&options, &err) != CLV_OK ||
	    clv_key_options_set_label(options, label, &err) != CLV_OK ||
	    clv_key_options_set_id(options, &id, 1, &err) != CLV_OK ||
	    clv_key_generate(store, algorithm, options, &key, &err) != CLV_OK)
		fprintf(stderr, "%s\n", clv_error_message(err));
	clv_key_options_free(&options);
	clv_key_free(&key);
	return err == NULL;
}

static double
make_keys(const void *argument)
{
	const bool *both = argument;
	clv_context *context = NULL;
	clv_store *store = NULL;
	char uri[512];
	bool good;

	(void)snprintf(uri, sizeof(uri), "pkcs11:token=%s?module-path=%s",
	    LAB_LABEL, bench.softhsm.module);
	if (clv_context_new(&context, NULL) != CLV_OK)
		return -1;
	clv_context_set_ask(context, answer, NULL);
	if (clv_store_open(context, uri, &store, NULL) != CLV_OK)
		return -1;
	good = make_key(store, CLV_RSA_2048, "rsa", 1) &&
	    (!*both || make_key(store, CLV_EC_P256, "ec", 2));
	clv_store_free(&store);
	clv_context_free(&context);
	return good ? 0 : -1;
}

static bool
make_data(CK_FUNCTION_LIST *p11, CK_SESSION_HANDLE session)
{
	CK_OBJECT_CLASS class = CKO_DATA;
	CK_BBOOL yes = CK_TRUE;
	CK_BYTE value[] = {1, 2, 3, 4, 5, 6, 7, 8};
	CK_ATTRIBUTE data[] = {{CKA_CLASS, &class, sizeof(class)},
	    {CKA_TOKEN, &yes, 1}, {CKA_VALUE, value, sizeof(value)}};
	CK_OBJECT_HANDLE object;

	return p11->C_CreateObject(session, data, 3, &object) == CKR_OK;
}

/* The RSA key alone is one object: its public half goes. Then pairs of others,
 * and one without a key if the number wants it. */
static double
crowd(const void *argument)
{
	const unsigned objects = *(const unsigned *)argument;
	CK_FUNCTION_LIST *p11 = p11_load(bench.softhsm.module);
	CK_SESSION_HANDLE session;
	CK_OBJECT_HANDLE half;
	bool good;

	good = p11 != NULL && p11->C_Initialize(NULL) == CKR_OK &&
	    p11_open(p11, LAB_LABEL, &session) == CKR_OK &&
	    p11_login(p11, session, CKU_USER, LAB_PIN) == CKR_OK &&
	    p11_find_key(p11, session, CKO_PUBLIC_KEY, 1, &half) == CKR_OK &&
	    p11->C_DestroyObject(session, half) == CKR_OK;
	for (unsigned i = 0; good && i < (objects - 1) / 2; i++)
		good =
		    p11_generate_p256(p11, session, (CK_BYTE)(2 + i)) == CKR_OK;
	return good && (objects % 2 == 1 || make_data(p11, session)) ? 0 : -1;
}

static bool
write_pin(void)
{
	char path[LAB_PATH + 16];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/pin", bench.dir);
	file = fopen(path, "w");
	return file != NULL && fputs(LAB_PIN, file) >= 0 && fclose(file) == 0 &&
	    chmod(path, 0600) == 0;
}

bool
bench_start(void)
{
	const bool both = true;
	char script[2 * LAB_PATH];

	if (lab_dir_make(bench.dir) != 0 ||
	    lab_softhsm_start(&bench.softhsm, bench.dir) != 0 || !write_pin())
		return false;
	(void)setenv("XDG_STATE_HOME", bench.dir, 1);
	(void)snprintf(script, sizeof(script), "module %s; %s",
	    bench.softhsm.module, DELAY);
	return setenv("CLAVIGER_P11_PROXY_SCRIPT", script, 1) == 0 &&
	    bench_in_child(make_keys, &both) == 0;
}

bool
bench_start_crowded(const char *name, unsigned objects)
{
	struct lab_softhsm other;
	const bool both = false;
	char dir[LAB_PATH];

	if ((size_t)snprintf(dir, sizeof(dir), "%s/%s", bench.dir, name) >=
		sizeof(dir) ||
	    mkdir(dir, 0700) != 0 || lab_softhsm_start(&other, dir) != 0)
		return false;
	return bench_in_child(make_keys, &both) == 0 &&
	    bench_in_child(crowd, &objects) == 0;
}
