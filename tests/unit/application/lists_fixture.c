/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "lists_fixture.h"

#include <stdio.h>
#include <string.h>

struct pki_identity ca;
struct pki_identity peer;
struct pki_identity user;
struct blob crl;
clv_trust *readers[2];

int
lists_set_up_pki(void **state)
{
	(void)state;
	pki_make(&ca, "CA", true, NULL);
	pki_make(&peer, "Peer", false, &ca);
	pki_make(&user, "User", false, NULL);
	crl = pki_crl(&ca, 1, NULL, -60);
	return 0;
}

int
lists_tear_down_pki(void **state)
{
	(void)state;
	pki_drop(&user);
	pki_drop(&peer);
	pki_drop(&ca);
	blob_drop(&crl);
	return 0;
}

clv_trust *
open_list(const char *name)
{
	clv_trust *trust = NULL;
	char path[160];

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	assert_ok(clv_trust_open(path, NULL, &trust, &err));
	return trust;
}

int
lists_set_up(void **state)
{
	(void)set_up(state);
	command_ok(directory,
	    "printf '  " USERS ":\n    trust-list: users\n  " SHARED
	    ":\n    trust-list: shared\n' >>claviger.conf && mkdir -p "
	    "users/trusted/certs && ln -s users shared");
	clv_application_free(&application);
	assert_ok(clv_application_open(context, directory, &application, &err));
	readers[0] = open_list("pki");
	readers[1] = open_list("users");
	return 0;
}

int
lists_tear_down(void **state)
{
	/* Whatever was done, nothing unfinished stays. */
	assert_int_equal(files("pki/.claviger/journal"), 0);
	assert_int_equal(files("users/.claviger/journal"), 0);
	assert_int_equal(files("state/redo"), 0);
	clv_trust_free(&readers[0]);
	clv_trust_free(&readers[1]);
	return tear_down(state);
}

struct search {
	const struct blob *der;
	bool found;
};

static bool
search_item(void *user_data, const clv_trust_item *item)
{
	struct search *search = user_data;

	search->found = item->size == search->der->size &&
	    memcmp(item->der, search->der->bytes, item->size) == 0;
	return !search->found;
}

bool
list_has(clv_trust *trust, unsigned lists, const struct blob *der)
{
	struct search search = {der, false};

	(void)clv_trust_visit(trust, lists, search_item, &search, NULL);
	return search.found;
}

void
stage_add(clv_txn *txn, const char *group, clv_trust_mask list,
    const struct blob *blob)
{
	assert_ok(
	    clv_txn_trust_add(txn, group, list, blob->bytes, blob->size, &err));
}

void
stage_both(clv_txn *txn)
{
	stage_add(txn, GROUP, TRUSTED, &peer.der);
	stage_add(txn, USERS, TRUSTED, &user.der);
}

int
changed(clv_trust *const lists[2])
{
	return (list_has(lists[0], TRUSTED, &peer.der) ? 1 : 0) +
	    (list_has(lists[1], TRUSTED, &user.der) ? 1 : 0);
}

int
changed_afresh(void)
{
	clv_trust *lists[2] = {open_list("pki"), open_list("users")};
	const int count = changed(lists);

	clv_trust_free(&lists[0]);
	clv_trust_free(&lists[1]);
	return count;
}
