/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Whole pieces of work with a hostile TPM: opening keys, signing, decrypting,
 * making and deleting keys, unsealing, with all that goes on below, among it
 * what recovers from faults. The first byte says how to begin; then come bytes
 * that choose pieces of work and bytes that spoil single answers, in the order
 * in which they are wanted. A TPM that spoils nothing must be good for all.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <claviger/context.h>

#include "../../backends/tpm2/auth.h"
#include "../../backends/tpm2/commands.h"
#include "../../backends/tpm2/key.h"
#include "hostile_tpm.h"
#include "keys/context.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* ---- what is there for all inputs ---- */

/* Two ways to the TPM: with a resource manager in between, and without. */
struct way {
	clv_uri *directory_uri;
	clv_uri *handle_uri;
	clv_uri *sealed_uri;
	clv_uri *file_uri;
	void *directory;
	void *handle;
	struct clv_tpm_link *link;
};

static struct way ways[2];
static clv_context *context;
static struct clv_host host;
static char place[64];
static const char *auth;

static clv_status
answer_question(void *user, const struct clv_ask_request *request,
    clv_secret *answer, clv_error **err)
{
	(void)user;
	if (request->purpose == CLV_ASK_OWNER_AUTH || request->attempt > 2)
		return CLV_CANCELLED;
	return clv_secret_set(
	    answer, auth != NULL ? auth : "", auth != NULL ? 6 : 0, err);
}

static void
must(bool good, const char *what)
{
	if (good)
		return;
	(void)fprintf(stderr, "fuzz-tpm2-use: %s\n", what);
	abort();
}

static void
clean_up(void)
{
	char command[96];

	(void)snprintf(command, sizeof(command), "rm -rf %s", place);
	(void)!system(command);
}

static TSS2_RC
find_link(struct clv_tpm_link *link, void *job)
{
	*(struct clv_tpm_link **)job = link;
	return TSS2_RC_SUCCESS;
}

static clv_uri *
uri_of(const char *where, const char *name, const char *tcti)
{
	char text[256];
	clv_uri *uri = NULL;

	(void)snprintf(
	    text, sizeof(text), "tpm2:%s%s?tcti=%s", where, name, tcti);
	must(clv_uri_parse(text, &uri, NULL) == CLV_OK, text);
	return uri;
}

static void
make_file(const char *name, enum clv_tpm_keyfile_kind kind)
{
	struct clv_tpm_keyfile file = {.kind = kind,
	    .empty_auth = true,
	    .parent = TPM2_RH_OWNER,
	    .public_area =
		kind == CLV_TPM_SEALED ? clv_tpm_seal_template : hostile_ec,
	    .private_area.size = 100};

	must(clv_tpm_name_of(&hostile_srk, &file.parent_name) == 0, "name");
	must(clv_tpm_file_write(&host, place, name, false, &file, NULL) ==
		CLV_OK,
	    name);
}

static void
set_up_way(struct way *way, const char *tcti)
{
	struct clv_tpm_use use = {.host = &host, .subject = "tpm2:fuzz"};

	way->directory_uri = uri_of(place, "", tcti);
	way->file_uri = uri_of(place, "/key.tss", tcti);
	way->sealed_uri = uri_of(place, "/sealed.tss", tcti);
	way->handle_uri = uri_of("handle=", "0x81000010", tcti);
	must(clv_tpm_store_open(&host, way->directory_uri, false,
		 &way->directory, NULL) == CLV_OK &&
		clv_tpm_store_open(&host, way->handle_uri, false, &way->handle,
		    NULL) == CLV_OK,
	    "stores");
	use.tpm = ((struct clv_tpm_store *)way->directory)->use.tpm;
	must(clv_tpm_run(&use, NULL, find_link, &way->link, "set up", NULL) ==
		CLV_OK,
	    "link");
}

static void
set_up_once(void)
{
	struct clv_tpm_crypto *crypto = clv_tpm_crypto_new();

	if (context != NULL) {
		clv_tpm_crypto_free(&crypto);
		return;
	}
	(void)setenv("TSS2_LOG", "all+NONE", 1);
	(void)snprintf(place, sizeof(place), "/dev/shm/fuzz-tpm2-XXXXXX");
	must(mkdtemp(place) != NULL, place);
	(void)atexit(clean_up);
	(void)setenv("CLAVIGER_RUNTIME_DIR", place, 1);
	must(clv_context_new(&context, NULL) == CLV_OK, "context");
	clv_context_set_ask(context, answer_question, NULL);
	host.context = context;
	hostile_tpm_reset(crypto, (struct clv_span){NULL, 0});
	make_file("key.tss", CLV_TPM_LOADABLE);
	make_file("sealed.tss", CLV_TPM_SEALED);
	set_up_way(&ways[0], "tabrmd:x");
	set_up_way(&ways[1], "hostile:x");
	clv_tpm_crypto_free(&crypto);
}

/* ---- before each input ---- */

static void
forget_slots(struct clv_tpm_link *link)
{
	struct clv_tpm_slot slot;
	clv_tpm_claim claim;

	while (clv_tpm_slots_orphan(link->slots, true, &claim, &slot))
		clv_tpm_slots_remove(link->slots, claim);
}

static clv_tpm_claim
claim(struct clv_tpm_link *link, enum clv_tpm_slot_kind kind,
    TPM2_HANDLE handle, const TPM2B_NAME *name)
{
	const struct clv_tpm_slot slot = {.kind = kind, .epoch = link->epoch};
	const clv_tpm_claim claim = clv_tpm_slots_intend(link->slots, &slot);

	clv_tpm_slots_settle(link->slots, claim, handle, name);
	return claim;
}

/* As if all had gone well so far. */
static void
warm_up(struct clv_tpm_link *link)
{
	struct clv_tpm_primary *primary = &link->primary;

	link->transport = hostile_tpm_tcti();
	link->was_connected = true;
	link->capacity = HOSTILE_SLOTS;
	link->epoch = hostile_tpm_epoch();
	hostile_tpm_warm_up(&link->session->handle, &primary->handle);
	primary->parent = TPM2_RH_OWNER;
	primary->transient = true;
	primary->public_area = hostile_srk;
	(void)clv_tpm_name_of(&hostile_srk, &primary->name);
	link->session_target = primary->name;
	link->session_recorded = primary->recorded = true;
	if (link->managed)
		return;
	link->session_slot =
	    claim(link, CLV_TPM_SLOT_SESSION, link->session->handle, NULL);
	primary->slot =
	    claim(link, CLV_TPM_SLOT_OBJECT, primary->handle, &primary->name);
}

static void
begin_anew(struct clv_tpm_link *link)
{
	clv_tpm_link_forget(link);
	forget_slots(link);
	link->transport = NULL;
	link->was_connected = link->used_lockable = false;
	link->session_recorded = false;
	link->session_target.size = 0;
	link->epoch = (struct clv_tpm_epoch){0, 0};
	link->capacity = link->events = 0;
	link->uses = link->commands = 0;
}

/* ---- pieces of work ---- */

/* Of the piece under way: errors are made for hostile answers, too. */
static clv_error *problem;

static struct clv_tpm_key *
make_key(struct way *way, bool rsa, bool lockable, bool has_auth)
{
	struct clv_tpm_object object = {
	    .public_area = rsa ? hostile_rsa : hostile_ec,
	    .private_area.size = 100,
	    .parent = TPM2_RH_OWNER};
	struct clv_tpm_key *key = NULL;
	clv_secret secret = CLV_SECRET_INIT;

	if (lockable)
		object.public_area.publicArea.objectAttributes &=
		    ~TPMA_OBJECT_NODA;
	(void)clv_tpm_name_of(&hostile_srk, &object.parent_name);
	(void)clv_tpm_name_of(&object.public_area, &object.name);
	if (has_auth && auth != NULL)
		(void)clv_secret_set(&secret, auth, 6, NULL);
	must(clv_tpm_key_new(way->directory, "key.tss", &object, &secret, &key,
		 NULL) == CLV_OK,
	    "key");
	clv_secret_clear(&secret);
	return key;
}

static const uint8_t zeros[CLV_SIGNATURE_MAX];

static clv_status
sign_with(struct clv_tpm_key *key, bool rsa)
{
	const struct clv_mechanism mechanism = {
	    .family = rsa ? CLV_FAMILY_RSA : CLV_FAMILY_EC,
	    .padding = rsa ? CLV_PADDING_PKCS1 : CLV_PADDING_NONE,
	    .hash = CLV_HASH_SHA256};
	uint8_t signature[CLV_SIGNATURE_MAX];

	return clv_tpm_key_sign(
	    key, &mechanism, zeros, 32, signature, &problem);
}

static clv_status
decrypt_with(struct clv_tpm_key *key)
{
	uint8_t output[CLV_PLAINTEXT_MAX];

	return clv_tpm_key_rsa_raw(key, zeros, output, &problem);
}

static clv_status
use_keys(struct way *way, uint8_t choice)
{
	const bool rsa = (choice & 1) != 0;
	struct clv_tpm_key *key =
	    make_key(way, rsa, (choice & 2) != 0, (choice & 4) != 0);
	struct clv_tpm_key *other =
	    (choice & 8) != 0 ? make_key(way, !rsa, false, true) : NULL;
	clv_status status = sign_with(key, rsa);

	if (other != NULL && status == CLV_OK)
		status = sign_with(other, !rsa);
	if (rsa && status == CLV_OK)
		status = decrypt_with(key);
	else if (status == CLV_OK)
		status = sign_with(key, rsa);
	if (other != NULL)
		clv_tpm_key_close(other);
	clv_tpm_key_close(key);
	return status;
}

static clv_status
close_opened(clv_status status, void *key)
{
	if (status == CLV_OK)
		status = sign_with(key,
		    ((struct clv_tpm_key *)key)
			    ->object.public_area.publicArea.type ==
			TPM2_ALG_RSA);
	if (key != NULL)
		clv_tpm_key_close(key);
	return status;
}

static clv_status
open_persistent(struct way *way)
{
	void *key = NULL;
	clv_status status =
	    clv_tpm_key_open(way->handle, way->handle_uri, &key, &problem);

	return close_opened(status, key);
}

static clv_status
open_file(struct way *way)
{
	void *key = NULL;
	clv_status status =
	    clv_tpm_key_open(way->directory, way->file_uri, &key, &problem);

	return close_opened(status, key);
}

static clv_status
generate(struct way *way, bool rsa)
{
	const struct clv_key_spec spec = {
	    .algorithm = rsa ? CLV_RSA_2048 : CLV_EC_P256, .label = "x"};
	void *key = NULL;
	clv_status status =
	    clv_tpm_key_generate(way->handle, &spec, &key, &problem);

	return close_opened(status, key);
}

static clv_status list(struct way *way);

static clv_status
unseal(struct way *way)
{
	clv_secret secret = CLV_SECRET_INIT;
	const clv_status status =
	    clv_tpm_unseal_file(&host, way->sealed_uri, &secret, &problem);

	clv_secret_clear(&secret);
	return status;
}

static clv_status
count_entry(void *user, const struct clv_key_entry *entry, clv_error **err)
{
	(void)entry;
	(void)err;
	++*(unsigned *)user;
	return CLV_OK;
}

static clv_status
list(struct way *way)
{
	unsigned count = 0;

	return clv_tpm_key_list(way->handle, count_entry, &count, &problem);
}

static clv_status
read_lockout(struct way *way)
{
	struct clv_tpm_lockout lockout;

	return clv_tpm_lockout_read(
	    &((struct clv_tpm_store *)way->handle)->use, &lockout, &problem);
}

static clv_status
work(struct way *way)
{
	const uint8_t choice = hostile_tpm_take();

	switch (choice % 16) {
	case 0:
		return open_persistent(way);
	case 1:
		return open_file(way);
	case 2:
		return generate(way, (choice & 16) != 0);
	case 3:
		return clv_tpm_key_delete(
		    way->handle, way->handle_uri, &problem);
	case 4:
		return unseal(way);
	case 5:
		return list(way);
	case 6:
		return read_lockout(way);
	case 7:
		clv_tpm_flush_all(way->link);
		return CLV_OK;
	default:
		return use_keys(way, choice >> 4);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct way *way;
	uint8_t how;

	set_up_once();
	hostile_tpm_reset(ways[0].link->crypto, (struct clv_span){bytes, size});
	how = hostile_tpm_take();
	way = &ways[how & 1];
	auth = (how & 2) != 0 ? "a word" : NULL;
	hostile_tpm_set_auth(auth);
	begin_anew(way->link);
	if ((how & 12) != 0)
		warm_up(way->link);
	for (int i = 0; i < 4 && (i == 0 || hostile_tpm_has_input()); i++) {
		const clv_status status = work(way);

		/* what was evicted is not there any more */
		if (!hostile_tpm_was_hostile() && status != CLV_NOT_FOUND)
			must(status == CLV_OK, clv_error_message(problem));
		clv_error_free(&problem);
	}
	clv_tpm_flush_all(way->link);
	return 0;
}
