/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "homes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <claviger/ask.h>

#include "fake/swtpm_lab.h"
#include "fake/token_lab.h"
#include "tree.h"

#define PASSWORD LAB_PIN

static struct swtpm_lab swtpm;

const char *
home_root(void)
{
	return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

static void
must(bool good)
{
	if (!good)
		exit(2);
}

/* ---- files ---- */

static void
start_file(struct lab *lab)
{
	(void)snprintf(lab->store, sizeof(lab->store), "file:");
}

static void
stop_nothing(struct lab *lab)
{
	(void)lab;
}

static size_t
count_files(const struct lab *lab)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/pki/own/private", lab->work);
	return tree_count(path, "");
}

static clv_status
answer(void *user, const struct clv_ask_request *request, clv_secret *secret,
    clv_error **err)
{
	(void)user;
	if (request->attempt > 1)
		return CLV_CANCELLED;
	return clv_secret_set(secret, PASSWORD, strlen(PASSWORD), err);
}

static void
start_pem(struct lab *lab)
{
	clv_context_set_ask(lab->context, answer, NULL);
	(void)snprintf(lab->store, sizeof(lab->store), "pem:");
}

/* ---- a token ---- */

static void
start_pkcs11(struct lab *lab)
{
	static struct lab_softhsm softhsm;
	char path[96];

	clv_context_set_ask(lab->context, answer, NULL);
	must(lab_softhsm_start(&softhsm, lab->base) == 0);
	(void)snprintf(
	    lab->device, sizeof(lab->device), "%s/tokens", lab->base);
	(void)snprintf(path, sizeof(path), "%s/seen", lab->base);
	must(mkdir(path, 0700) == 0 && setenv("XDG_STATE_HOME", path, 1) == 0);
	(void)snprintf(lab->store, sizeof(lab->store),
	    "pkcs11:token=" LAB_LABEL "?module-path=%s", softhsm.module);
}

/* SoftHSM, when it is killed while it makes a key, leaves an object that has
 * neither a label nor a value: that is the token's wreck, and no key. */
static size_t
count_listed(const struct lab *lab)
{
	clv_key_list *list = NULL;
	clv_store *store = NULL;
	size_t count = SIZE_MAX;

	if (clv_store_open(lab->context, lab->store, &store, NULL) == CLV_OK &&
	    clv_key_list_get(store, &list, NULL) == CLV_OK) {
		count = 0;
		for (size_t i = 0; i < clv_key_list_count(list); i++) {
			const char *label = clv_key_list_at(list, i)->label;

			count += label != NULL && *label != '\0' ? 1 : 0;
		}
	}
	clv_key_list_free(&list);
	clv_store_free(&store);
	return count;
}

/* ---- a TPM ---- */

static void
start_tpm2(struct lab *lab)
{
	must(swtpm_lab_start(&swtpm) == 0);
	(void)snprintf(
	    lab->store, sizeof(lab->store), "tpm2:?tcti=%s", swtpm.tcti);
}

struct swtpm_lab *
home_swtpm(void)
{
	return &swtpm;
}

static void
stop_tpm2(struct lab *lab)
{
	(void)lab;
	swtpm_lab_stop(&swtpm);
}

/* ---- all of them ---- */

const struct home home_file = {
    .name = "file",
    .start = start_file,
    .stop = stop_nothing,
    .count_keys = count_files,
};

static const struct home homes[] = {
    {
	.name = "pem",
	.start = start_pem,
	.stop = stop_nothing,
	.count_keys = count_files,
    },
    {
	.name = "pkcs11",
	.apart = true,
	.start = start_pkcs11,
	.stop = stop_nothing,
	.count_keys = count_listed,
    },
    {
	.name = "tpm2",
	.apart = true,
	.start = start_tpm2,
	.stop = stop_tpm2,
	.count_keys = count_files,
    },
};

const struct home *
home_find(const char *name)
{
	if (strcmp(name, home_file.name) == 0)
		return &home_file;
	for (size_t i = 0; i < sizeof(homes) / sizeof(homes[0]); i++)
		if (strcmp(homes[i].name, name) == 0)
			return &homes[i];
	return NULL;
}
