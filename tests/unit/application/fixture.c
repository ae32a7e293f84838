/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "fixture.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

char place[64];
char directory[96];
clv_context *context;
clv_application *application;

static clv_subject *
subject_of(const char *uri)
{
	clv_subject *subject = NULL;

	assert_ok(clv_subject_new(&subject, &err));
	assert_ok(clv_subject_set_application_uri(subject, uri, &err));
	assert_ok(clv_subject_set_common_name(subject, "Pump", &err));
	assert_ok(clv_subject_add_dns(subject, "pump.test", &err));
	return subject;
}

int
set_up(void **state)
{
	const clv_algorithm algorithm = CLV_EC_P256;
	clv_subject *subject = subject_of(TEST_URI);

	(void)state;
	workplace_make(place);
	(void)snprintf(directory, sizeof(directory), "%s/app", place);
	assert_ok(clv_context_new(&context, &err));
	assert_ok(clv_application_create(context, directory, subject, NULL,
	    &algorithm, 1, 30, &application, &err));
	clv_subject_free(&subject);
	return 0;
}

int
tear_down(void **state)
{
	(void)state;
	clv_application_free(&application);
	clv_context_free(&context);
	workplace_remove(place);
	return 0;
}

uint8_t *
certificate_for(clv_key *key, const char *uri, size_t *size)
{
	clv_subject *subject = subject_of(uri);
	uint8_t *der = NULL;

	assert_ok(
	    clv_certificate_self_sign(key, subject, 30, &der, size, &err));
	clv_subject_free(&subject);
	return der;
}

int
files(const char *pattern)
{
	char path[256];
	glob_t found;
	int count;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, pattern);
	if (glob(path, GLOB_PERIOD, NULL, &found) != 0)
		return 0;
	count = (int)found.gl_pathc;
	globfree(&found);
	return count;
}

clv_txn *
begin(void)
{
	clv_txn *txn = NULL;

	assert_ok(clv_txn_open(application, &txn, &err));
	return txn;
}

void
commit(clv_txn **txn)
{
	assert_ok(clv_txn_commit(*txn, &err));
	clv_txn_free(txn);
}

void
stage_renewal(clv_txn *txn)
{
	clv_key *key = NULL;
	uint8_t *der;
	size_t size = 0;

	assert_ok(clv_txn_new_key(txn, GROUP, TYPE, CLV_EC_P256, &key, &err));
	der = certificate_for(key, TEST_URI, &size);
	assert_ok(
	    clv_txn_certificate(txn, GROUP, TYPE, der, size, NULL, 0, &err));
	clv_key_free(&key);
	clv_free(der);
}

void
renew(void)
{
	clv_txn *txn = begin();

	stage_renewal(txn);
	commit(&txn);
}

char *
present_key(void)
{
	struct clv_slot slot;

	assert_true(clv_application_slot(application, 0, &slot));
	return strdup(slot.key);
}

char *
present_thumbprint(const clv_application *reader)
{
	clv_certificate *certificate = NULL;
	clv_key *key = NULL;
	char *thumbprint;

	assert_ok(clv_application_certificate(
	    reader, GROUP, TYPE, &certificate, &err));
	assert_ok(clv_application_key(reader, GROUP, TYPE, &key, &err));
	assert_true(clv_certificate_matches(certificate, key));
	thumbprint = strdup(clv_certificate_thumbprint(certificate));
	clv_key_free(&key);
	clv_certificate_free(&certificate);
	return thumbprint;
}
