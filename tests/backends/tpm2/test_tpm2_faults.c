/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Every command we send, with everything that can go wrong with it. What must
 * hold: what is passing is mended, the rest is a clear error; nothing wrong is
 * handed out; afterwards all works, and the TPM is as empty as before.
 */

#include "fixture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <claviger/seal.h>

#include "base/pkcs8.h"

#define HANDLE_URI "tpm2:handle=0x81000042"

/* ---- pieces of work ---- */

struct bench {
	struct tpm_lab *lab;
	char *ec_uri;
	char *rsa_uri;
	char sealed_uri[LAB_PATH + 32];
	clv_secret foreign; /* a key to import */
};

typedef clv_status piece(struct bench *bench, clv_error **err);

static clv_status
sign(struct bench *bench, clv_error **err)
{
	clv_key *key = NULL;
	clv_status status =
	    clv_key_open(bench->lab->context, bench->ec_uri, &key, err);

	if (status == CLV_OK)
		status = tpm_lab_sign(key, err);
	clv_key_free(&key);
	return status;
}

static clv_status
decrypt(struct bench *bench, clv_error **err)
{
	clv_key *key = NULL;
	clv_status status =
	    clv_key_open(bench->lab->context, bench->rsa_uri, &key, err);

	if (status == CLV_OK)
		status = tpm_lab_decrypt(key, err);
	clv_key_free(&key);
	return status;
}

/* Uses and deletes a new key. */
static clv_status
finish(struct bench *bench, clv_key *key, clv_error **err)
{
	clv_status status = tpm_lab_sign(key, err);
	clv_status deleted = clv_key_delete(bench->lab->context,
	    clv_key_uri(key), status == CLV_OK ? err : NULL);

	/* a fault may stop that, too */
	if (deleted != CLV_OK)
		(void)clv_key_delete(
		    bench->lab->context, clv_key_uri(key), NULL);
	clv_key_free(&key);
	return status != CLV_OK ? status : deleted;
}

static clv_status
generate_in(struct bench *bench, const char *uri, clv_error **err)
{
	clv_store *store = NULL;
	clv_key *key = NULL;
	clv_status status =
	    clv_store_open(bench->lab->context, uri, &store, err);

	if (status == CLV_OK)
		status = clv_key_generate(store, CLV_EC_P256, NULL, &key, err);
	clv_store_free(&store);
	return status == CLV_OK ? finish(bench, key, err) : status;
}

static clv_status
generate(struct bench *bench, clv_error **err)
{
	return generate_in(bench, bench->lab->store_uri, err);
}

static clv_status
persist(struct bench *bench, clv_error **err)
{
	return generate_in(bench, HANDLE_URI, err);
}

static clv_status
import(struct bench *bench, clv_error **err)
{
	clv_key *key = NULL;
	clv_status status =
	    clv_key_import(bench->lab->store, &bench->foreign, NULL, &key, err);

	return status == CLV_OK ? finish(bench, key, err) : status;
}

static clv_status
change(struct bench *bench, clv_error **err)
{
	return clv_key_change_secret(bench->lab->context, bench->ec_uri, err);
}

/* Seals a secret and opens it again. */
static clv_status
seal(struct bench *bench, clv_error **err)
{
	clv_secret secret = CLV_SECRET_INIT, again = CLV_SECRET_INIT;
	clv_status status = clv_secret_set(&secret, "hunter2", 7, err);

	(void)unlink(bench->sealed_uri + strlen("tpm2:"));
	if (status == CLV_OK)
		status = clv_seal(
		    bench->lab->context, bench->sealed_uri, &secret, err);
	if (status == CLV_OK)
		status = clv_unseal(
		    bench->lab->context, bench->sealed_uri, &again, err);
	if (status == CLV_OK)
		assert_true(clv_secret_equal(&secret, &again));
	else
		assert_null(again.data);
	clv_secret_clear(&secret);
	clv_secret_clear(&again);
	return status;
}

/* The commands, and the piece of work that sends them. */
static const struct target {
	TPM2_CC code;
	const char *name;
	piece *run;
	const char *run_name;
} targets[] = {
    {TPM2_CC_ReadClock, "ReadClock", sign, "sign"},
    {TPM2_CC_GetCapability, "GetCapability", sign, "sign"},
    {TPM2_CC_ReadPublic, "ReadPublic", sign, "sign"},
    {TPM2_CC_CreatePrimary, "CreatePrimary", sign, "sign"},
    {TPM2_CC_StartAuthSession, "StartAuthSession", sign, "sign"},
    {TPM2_CC_Load, "Load", sign, "sign"},
    {TPM2_CC_Sign, "Sign", sign, "sign"},
    {TPM2_CC_FlushContext, "FlushContext", sign, "sign"},
    {TPM2_CC_RSA_Decrypt, "RSA_Decrypt", decrypt, "decrypt"},
    {TPM2_CC_Create, "Create", generate, "generate"},
    {TPM2_CC_EvictControl, "EvictControl", persist, "persist"},
    {TPM2_CC_ReadPublic, "ReadPublic", persist, "persist"},
    {TPM2_CC_Load, "Load", persist, "persist"},
    {TPM2_CC_Import, "Import", import, "import"},
    {TPM2_CC_ObjectChangeAuth, "ObjectChangeAuth", change, "change"},
    {TPM2_CC_Unseal, "Unseal", seal, "seal"},
};

/* ---- faults ---- */

static void
reset_tpm(void *user)
{
	struct swtpm_lab *swtpm = user;

	swtpm_lab_kill(swtpm);
	if (swtpm_lab_restart(swtpm) != 0)
		abort();
}

enum outcome { MENDED, EITHER, REFUSED };

static const struct trouble {
	const char *name;
	struct fault fault;
	enum outcome outcome;
} troubles[] = {
    {"RETRY 3 times", {FAULT_ANSWER, 0, 0, 3, TPM2_RC_RETRY}, MENDED},
    {"YIELDED 3 times", {FAULT_ANSWER, 0, 0, 3, TPM2_RC_YIELDED}, MENDED},
    {"TESTING 3 times", {FAULT_ANSWER, 0, 0, 3, TPM2_RC_TESTING}, MENDED},
    {"NV_RATE twice", {FAULT_ANSWER, 0, 0, 2, TPM2_RC_NV_RATE}, MENDED},
    {"a resource manager's RETRY",
	{FAULT_ANSWER, 0, 0, 2, TSS2_RESMGR_TPM_RC_LAYER | TPM2_RC_RETRY},
	MENDED},
    {"0x902 twice", {FAULT_ANSWER, 0, 0, 2, TPM2_RC_OBJECT_MEMORY}, MENDED},
    {"0x903 twice", {FAULT_ANSWER, 0, 0, 2, TPM2_RC_SESSION_MEMORY}, MENDED},
    {"0x905 twice", {FAULT_ANSWER, 0, 0, 2, TPM2_RC_SESSION_HANDLES}, MENDED},
    {"LOCKOUT", {FAULT_ANSWER, 0, 0, 0, TPM2_RC_LOCKOUT}, EITHER},
    {"FAILURE", {FAULT_ANSWER, 0, 0, 1, TPM2_RC_FAILURE}, EITHER},
    {"BAD_AUTH",
	{FAULT_ANSWER, 0, 0, 1, TPM2_RC_BAD_AUTH | TPM2_RC_S | TPM2_RC_1},
	EITHER},
    {"VALUE for ever",
	{FAULT_ANSWER, 0, 0, 0, TPM2_RC_VALUE | TPM2_RC_P | TPM2_RC_1}, EITHER},
    {"session gone", {FAULT_ANSWER, 0, 0, 1, TPM2_RC_REFERENCE_S0}, EITHER},
    {"object gone", {FAULT_ANSWER, 0, 0, 1, TPM2_RC_REFERENCE_H0}, EITHER},
    {"unknown code", {FAULT_ANSWER, 0, 0, 0, 0xdeadbeef}, EITHER},
    {"lost before", {FAULT_LOST, 0, 0, 1, 0}, MENDED},
    {"lost after", {FAULT_LOST_AFTER, 0, 0, 1, 0}, EITHER},
    {"lost before, twice", {FAULT_LOST, 0, 0, 2, 0}, MENDED},
    {"lost for ever", {FAULT_LOST, 0, 0, 0, 0}, EITHER},
    {"1 byte short", {FAULT_SHORT, 0, 0, 1, 1}, EITHER},
    {"9 bytes short", {FAULT_SHORT, 0, 0, 1, 9}, EITHER},
    {"empty", {FAULT_SHORT, 0, 0, 1, 8192}, EITHER},
    {"1 byte long", {FAULT_LONG, 0, 0, 1, 1}, EITHER},
    {"4000 bytes long", {FAULT_LONG, 0, 0, 1, 4000}, EITHER},
    {"size one more", {FAULT_LIE_SIZE, 0, 0, 1, 1}, EITHER},
    {"size one less", {FAULT_LIE_SIZE, 0, 0, 1, 0xffffffff}, EITHER},
    {"size huge", {FAULT_LIE_SIZE, 0, 0, 1, 0xfffffff0}, EITHER},
    {"parameters one more", {FAULT_LIE_PARAMETERS, 0, 0, 1, 1}, EITHER},
    {"parameters one less", {FAULT_LIE_PARAMETERS, 0, 0, 1, 0xffffffff},
	EITHER},
    {"parameters huge", {FAULT_LIE_PARAMETERS, 0, 0, 1, 0x7fffffff}, EITHER},
    {"short for ever", {FAULT_SHORT, 0, 0, 0, 3}, EITHER},
    {"bit 0 of the tag", {FAULT_FLIP, 0, 0, 1, 1}, EITHER},
    {"bit of byte 17", {FAULT_FLIP, 0, 0, 1, 17}, EITHER},
    {"bit of byte 20", {FAULT_FLIP, 0, 0, 1, 20}, EITHER},
    {"bit of byte 40", {FAULT_FLIP, 0, 0, 1, 40}, EITHER},
    {"bit of byte 60 for ever", {FAULT_FLIP, 0, 0, 0, 60}, EITHER},
    {"TPM reset before", {FAULT_HOOK, 0, 0, 1, 0}, MENDED},
};
#define TROUBLES (sizeof(troubles) / sizeof(troubles[0]))
#define TARGETS (sizeof(targets) / sizeof(targets[0]))

/* ---- the matrix ---- */

static unsigned tried, mended, refused;
static bool all; /* and not just a sample */

/* What was made persistent by a command whose answer was lost. */
static void
remove_persistent(struct bench *bench)
{
	(void)clv_key_delete(bench->lab->context, HANDLE_URI, NULL);
}

static void
must_work(struct bench *bench, const struct target *target,
    const struct trouble *trouble)
{
	clv_error *err = NULL;

	if (target->run(bench, &err) != CLV_OK)
		fail_msg("%s of %s with %s: afterwards %s", target->name,
		    target->run_name, trouble->name, clv_error_message(err));
}

static void
check_outcome(const struct target *target, const struct trouble *trouble,
    clv_status status, clv_error *err)
{
	tried++;
	*(status == CLV_OK ? &mended : &refused) += 1;
	if (status != CLV_OK &&
	    (err == NULL || clv_error_status(err) != status ||
		*clv_error_reason(err) == '\0'))
		fail_msg("%s of %s with %s: no good error: %s", target->name,
		    target->run_name, trouble->name, clv_error_message(err));
	if (trouble->outcome == MENDED && status != CLV_OK)
		fail_msg("%s of %s with %s: not mended: %s", target->name,
		    target->run_name, trouble->name, clv_error_message(err));
}

/* Sent when all is done: whether it fails is seen in what is left. */
static bool
is_flush(const struct target *target)
{
	return target->code == TPM2_CC_FlushContext;
}

static void
must_be_empty(struct bench *bench, const struct target *target,
    const struct trouble *trouble)
{
	const unsigned left = tpm_lab_left(bench->lab);

	if (left != 0)
		fail_msg("%s of %s with %s (%u): %u left", target->name,
		    target->run_name, trouble->name, trouble->fault.value,
		    left);
}

/* Afterwards all is used again at once, or let go of first. False if the
 * command was not sent so often. */
static bool
try_one(struct bench *bench, const struct target *target,
    const struct trouble *trouble, unsigned skip, bool let_go)
{
	struct fault fault = trouble->fault;
	clv_error *err = NULL;
	bool hit = false;
	clv_status status;

	fault.code = target->code;
	fault.skip = skip;
	fault.hook = reset_tpm;
	fault.user = &bench->lab->swtpm;
	tpm_lab_reopen(bench->lab);
	fault_tcti_reset();
	fault_tcti_add(&fault);
	status = target->run(bench, &err);
	hit = fault_tcti_hits() > 0;
	if (hit || skip == 0)
		check_outcome(target, trouble, status, err);
	clv_error_free(&err);
	if (!hit && skip == 0 && !is_flush(target))
		fail_msg(
		    "%s of %s was never sent", target->name, target->run_name);
	fault_tcti_reset();
	if (let_go) {
		tpm_lab_close(bench->lab);
		must_be_empty(bench, target, trouble);
		tpm_lab_reopen(bench->lab);
	}
	remove_persistent(bench);
	must_work(bench, target, trouble);
	tpm_lab_close(bench->lab);
	must_be_empty(bench, target, trouble);
	return hit;
}

/* Each byte of the first answer, used again or let go of, and every trouble
 * with the second, third ... time that the command is sent. */
static void
try_all(struct bench *bench, const struct target *target)
{
	for (size_t i = 0; i < TROUBLES; i++)
		for (unsigned skip = 1; skip < 8; skip++)
			if (!try_one(bench, target, &troubles[i], skip, false))
				break;
	for (size_t i = 0; i < TROUBLES; i++)
		(void)try_one(bench, target, &troubles[i], 0, true);
	for (uint32_t at = 0; at < 200; at++) {
		const struct trouble flip = {
		    "a byte changed", {FAULT_FLIP, 0, 0, 1, at}, EITHER};

		(void)try_one(bench, target, &flip, 0, false);
		(void)try_one(bench, target, &flip, 0, true);
	}
}

static void
test_faults__are_mended_or_told(void **state)
{
	struct bench bench = {.lab = *state, .foreign = CLV_SECRET_INIT};

	bench.lab->new_auth = "a word";
	bench.ec_uri = tpm_lab_key_uri(bench.lab, CLV_EC_P256, "ec");
	bench.rsa_uri = tpm_lab_key_uri(bench.lab, CLV_RSA_2048, "rsa");
	EVP_PKEY_free(tpm_lab_foreign_key(&bench.foreign));
	(void)snprintf(bench.sealed_uri, sizeof(bench.sealed_uri),
	    "tpm2:%s/sealed", bench.lab->swtpm.keys);
	tpm_lab_close(bench.lab);
	for (size_t i = 0; i < TARGETS; i++)
		for (size_t j = 0; j < TROUBLES; j++)
			(void)try_one(
			    &bench, &targets[i], &troubles[j], 0, false);
	for (size_t i = 0; all && i < TARGETS; i++)
		try_all(&bench, &targets[i]);
	print_message("%u faults: %u mended, %u refused clearly\n", tried,
	    mended, refused);
	tpm_lab_reopen(bench.lab);
	clv_secret_clear(&bench.foreign);
	free(bench.ec_uri);
	free(bench.rsa_uri);
}

/* With --all: thousands, which take minutes. */
int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_faults__are_mended_or_told,
		tpm_lab_setup, tpm_lab_teardown),
	};

	all = argc > 1 && strcmp(argv[1], "--all") == 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
