/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The keys and certificates of a live application. */

#include <string.h>

#include <openssl/evp.h>

#include "application/audit.h"
#include "application/live.h"

/* A slot while it is read. */
struct reading {
	const struct clv_live_state *state;
	const struct clv_live_state *before; /* may be NULL */
	struct clv_slot about;
	struct clv_live_key *slot;
	const struct clv_live_key *old; /* NULL if there was none */
	/* Neither a transaction nor claviger.conf has changed it. */
	bool untouched;
	bool same_uri;
	bool check;
};

static bool
is_equal(const char *left, const char *right)
{
	return left == right ||
	    (left != NULL && right != NULL && strcmp(left, right) == 0);
}

static void
find_old(struct reading *reading)
{
	const struct clv_live_state *before = reading->before;
	struct clv_slot about;
	size_t index;

	if (before == NULL ||
	    !clv_application_find(before->application, reading->about.group,
		reading->about.type, &index) ||
	    !clv_application_slot(before->application, index, &about))
		return;
	reading->old = &before->slots[index];
	reading->same_uri = is_equal(about.key, reading->about.key);
	reading->untouched = reading->same_uri &&
	    is_equal(about.certificate, reading->about.certificate) &&
	    strcmp(before->nonce, reading->state->nonce) == 0;
}

/* What stat(2) tells of the file that a key is in; 0 if it is in none. */
static uint64_t
print_key(const char *text)
{
	clv_uri *uri = NULL;
	uint64_t print = 0;

	if (clv_uri_parse(text, &uri, NULL) == CLV_OK &&
	    clv_uri_path(uri) != NULL)
		print = clv_live_print(clv_uri_path(uri));
	clv_uri_free(&uri);
	return print;
}

static bool
is_same_key(const clv_key *left, const clv_key *right)
{
	size_t left_size = 0;
	size_t right_size = 0;
	const uint8_t *a = clv_key_public(left, &left_size);
	const uint8_t *b = clv_key_public(right, &right_size);

	return left_size == right_size && memcmp(a, b, left_size) == 0;
}

/*
 * The old handle serves as long as the key is the same: it has what the device
 * gave it. If the key's file was not touched, the device is not asked; else
 * what is there now is opened, and compared.
 */
static clv_status
open_key(struct reading *reading)
{
	struct clv_live_key *slot = reading->slot;
	clv_key *old = reading->old != NULL && reading->same_uri
	    ? reading->old->key
	    : NULL;
	clv_status status;

	/* Before it is opened, so that no later change is missed. */
	slot->print = print_key(reading->about.key);
	if (old != NULL && slot->print != 0 &&
	    slot->print == reading->old->print && !reading->check) {
		slot->key = clv_key_ref(old);
		return CLV_OK;
	}
	status = clv_key_open(reading->state->application->context,
	    reading->about.key, &slot->key, &slot->problem);
	if (status == CLV_OK && old != NULL && is_same_key(slot->key, old)) {
		clv_key_free(&slot->key);
		slot->key = clv_key_ref(old);
	}
	return status;
}

static clv_status
changed(struct reading *reading, const char *why)
{
	return clv_error_raise(&reading->slot->problem, CLV_CHANGED,
	    &(struct clv_error_info){.operation = "open key",
		.subject = clv_key_uri(reading->slot->key),
		.remedy = "find out who exchanged the key; restore it, or "
			  "install a certificate for this one"},
	    "slot %s/%s: %s", reading->about.group, reading->about.type, why);
}

static clv_status
compare(struct reading *reading)
{
	struct clv_live_key *slot = reading->slot;
	uint8_t digest[EVP_MAX_MD_SIZE] = {0};
	size_t size = 0;
	const uint8_t *public = clv_key_public(slot->key, &size);

	if (!clv_certificate_matches(slot->certificate, slot->key))
		return changed(reading, "it is not the certificate's key");
	if (EVP_Digest(public, size, digest, NULL, EVP_sha256(), NULL) != 1)
		return clv_error_raise(&slot->problem, CLV_NO_MEMORY, NULL,
		    "no digest can be made");
	if (reading->untouched && reading->old->has_seen) {
		memcpy(slot->seen, reading->old->seen, sizeof(slot->seen));
		slot->has_seen = true;
		if (memcmp(slot->seen, digest, sizeof(slot->seen)) != 0)
			return changed(reading,
			    "it is another key than before, and no "
			    "transaction changed it");
	}
	memcpy(slot->seen, digest, sizeof(slot->seen));
	slot->has_seen = true;
	return CLV_OK;
}

static clv_status
read_chain(struct reading *reading)
{
	struct clv_live_key *slot = reading->slot;
	clv_status status = clv_application_chain(reading->state->application,
	    reading->about.group, reading->about.type, &slot->chain,
	    &slot->chain_size, &slot->problem);

	if (status == CLV_NOT_FOUND) {
		clv_error_free(&slot->problem);
		status = CLV_OK;
	}
	return status;
}

static clv_status
no_key(struct reading *reading)
{
	return clv_error_raise(&reading->slot->problem, CLV_NOT_FOUND,
	    &(struct clv_error_info){.operation = "open key",
		.subject = reading->state->application->directory},
	    "slot %s/%s has no key", reading->about.group, reading->about.type);
}

static void
read_slot(struct reading *reading)
{
	const clv_application *application = reading->state->application;
	struct clv_live_key *slot = reading->slot;
	clv_status status;

	find_old(reading);
	/* Kept also while the slot can't be used: see compare(). */
	if (reading->untouched && reading->old->has_seen) {
		memcpy(slot->seen, reading->old->seen, sizeof(slot->seen));
		slot->has_seen = true;
	}
	if ((status = reading->about.key != NULL ? CLV_OK : no_key(reading)) ==
		CLV_OK &&
	    (status = clv_application_certificate(application,
		 reading->about.group, reading->about.type, &slot->certificate,
		 &slot->problem)) == CLV_OK &&
	    (status = read_chain(reading)) == CLV_OK &&
	    (status = open_key(reading)) == CLV_OK)
		status = compare(reading);
	if (status == CLV_OK)
		return;
	clv_audit_tell_refusal(application, reading->about.group,
	    reading->about.type, status, slot->problem);
	/* Never used. */
	clv_key_free(&slot->key);
	slot->print = 0;
}

void
clv_live_state_read_slots(struct clv_live_state *state,
    const struct clv_live_state *before, bool check)
{
	struct clv_slot about;

	for (size_t i = 0; clv_application_slot(state->application, i, &about);
	     i++) {
		struct reading reading = {.state = state,
		    .before = before,
		    .about = about,
		    .slot = &state->slots[i],
		    .check = check};

		read_slot(&reading);
		state->count = i + 1;
	}
}
