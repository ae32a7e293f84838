/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "live_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

clv_live *live;

int
live_set_up(void **state)
{
	clv_error *err = NULL;

	if (set_up(state) != 0)
		return 1;
	return clv_live_open(context, directory, &live, &err) != CLV_OK;
}

int
live_tear_down(void **state)
{
	clv_live_free(&live);
	return tear_down(state);
}

clv_live_view *
view_now(void)
{
	clv_live_view *view = NULL;

	assert_ok(clv_live_get_view(live, &view, &err));
	assert_non_null(view);
	return view;
}

struct clv_live_slot
slot_of(const clv_live_view *view)
{
	struct clv_live_slot slot;

	assert_true(clv_live_view_find(view, GROUP, TYPE, &slot));
	return slot;
}

void
assert_usable(const clv_live_view *view)
{
	const struct clv_live_slot slot = slot_of(view);
	uint8_t signature[CLV_SIGNATURE_MAX];
	size_t size = sizeof(signature);

	assert_null(slot.problem);
	assert_non_null(slot.key);
	assert_true(clv_certificate_matches(slot.certificate, slot.key));
	assert_ok(clv_key_sign(slot.key, CLV_ECDSA_SHA256, DIGEST_TEXT, 10,
	    signature, &size, &err));
}

uint8_t *
peer(size_t *size)
{
	clv_secret bytes = CLV_SECRET_INIT;
	uint8_t *copy;

	command_ok(place,
	    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 "
	    "-nodes -keyout peer.key -outform DER -out peer.der -subj "
	    "/CN=Peer/O=Plant -addext subjectAltName=URI:urn:peer -days 5 "
	    "-addext keyUsage=critical,digitalSignature,keyCertSign 2>&1");
	file_get(place, "peer.der", &bytes);
	copy = malloc(bytes.size);
	memcpy(copy, bytes.data, bytes.size);
	*size = bytes.size;
	clv_secret_clear(&bytes);
	return copy;
}

clv_status
verify(const clv_live_view *view, const uint8_t *der, size_t size)
{
	return clv_live_view_verify(view, GROUP, der, size, NULL, NULL, NULL);
}

int
commit_elsewhere(void *unused)
{
	clv_trust_data *none = NULL;
	clv_txn *txn = NULL;
	bool good;

	(void)unused;
	good = clv_trust_data_new(&none, NULL) == CLV_OK &&
	    clv_trust_data_specify(
		none, CLV_TRUST_TRUSTED_CERTIFICATES, NULL) == CLV_OK &&
	    clv_txn_open(application, &txn, NULL) == CLV_OK &&
	    clv_txn_self_sign(txn, GROUP, TYPE, CLV_EC_P256, NULL, 30, NULL) ==
		CLV_OK &&
	    clv_txn_trust_replace(txn, GROUP, none, NULL) == CLV_OK &&
	    clv_txn_commit(txn, NULL) == CLV_OK;
	clv_txn_free(&txn);
	clv_trust_data_free(&none);
	return good ? 0 : 1;
}

void
in_another_process(int (*run)(void *), void *user)
{
	const pid_t child = fork();
	int status = 0;

	if (child == 0)
		_exit(run(user));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}
