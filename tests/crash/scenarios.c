/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "scenarios.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "homes.h"
#include "must.h"
#include "support/issue.h"
#include "tree.h"

#define GROUP CLV_DEFAULT_APPLICATION_GROUP
#define USERS "DefaultUserTokenGroup"
#define TYPE "EccNistP256"

static const char *const list_names[LISTS] = {"pki", "users"};

/* Readers that live while the writer is interrupted. */
static clv_trust *live[LISTS];

/* ---- what is interrupted ---- */

static int
install(const struct lab *lab, const uint8_t *der, size_t size)
{
	clv_application *application = NULL;
	clv_status status =
	    clv_application_open(lab->context, lab->work, &application, NULL);

	if (status == CLV_OK)
		status = clv_application_install(
		    application, GROUP, TYPE, der, size, NULL);
	clv_application_free(&application);
	return status == CLV_OK ? 0 : 1;
}

static int
run_install(void *user)
{
	const struct lab *lab = user;

	return install(lab, lab->renewal, lab->renewal_size);
}

static int
run_commit(void *user)
{
	const struct lab *lab = user;

	return install(lab, lab->next, lab->next_size);
}

static int
make_key(const struct lab *lab, bool cancel)
{
	clv_application *application = NULL;
	clv_txn *txn = NULL;
	clv_status status;

	if ((status = clv_application_open(
		 lab->context, lab->work, &application, NULL)) == CLV_OK &&
	    (status = clv_txn_open(application, &txn, NULL)) == CLV_OK)
		status =
		    clv_txn_new_key(txn, GROUP, TYPE, CLV_EC_P256, NULL, NULL);
	if (status == CLV_OK && cancel)
		status = clv_txn_cancel(txn, NULL);
	clv_txn_free(&txn);
	clv_application_free(&application);
	return status == CLV_OK ? 0 : 1;
}

static int
run_new_key(void *user)
{
	return make_key(user, false);
}

static int
run_cancel(void *user)
{
	return make_key(user, true);
}

int
run_recover(void *user)
{
	const struct lab *lab = user;
	struct clv_recovery recovery;
	clv_application *application = NULL;
	clv_status status =
	    clv_application_open(lab->context, lab->work, &application, NULL);

	if (status == CLV_OK)
		status = clv_application_recover(application, &recovery, NULL);
	clv_application_free(&application);
	return status == CLV_OK ? 0 : 1;
}

static clv_status
replace_list(clv_txn *txn, const struct lab *lab, const char *group)
{
	const clv_trust_mask list = CLV_TRUST_TRUSTED_CERTIFICATES;
	clv_trust_data *data = NULL;
	clv_status status;

	if ((status = clv_trust_data_new(&data, NULL)) == CLV_OK &&
	    (status = clv_trust_data_specify(data, list, NULL)) == CLV_OK &&
	    (status = clv_trust_data_add(
		 data, list, lab->next, lab->next_size, NULL)) == CLV_OK)
		status = clv_txn_trust_replace(txn, group, data, NULL);
	clv_trust_data_free(&data);
	return status;
}

/* The same, in two calls. */
static clv_status
exchange_in_list(clv_txn *txn, const struct lab *lab, const char *group)
{
	const clv_trust_mask list = CLV_TRUST_TRUSTED_CERTIFICATES;
	clv_status status = clv_txn_trust_add(
	    txn, group, list, lab->next, lab->next_size, NULL);

	if (status == CLV_OK)
		status = clv_txn_trust_remove(
		    txn, group, list, lab->renewal_print, NULL);
	return status;
}

static int
change_lists(const struct lab *lab, const uint8_t *der, size_t size)
{
	clv_application *application = NULL;
	clv_txn *txn = NULL;
	clv_status status;

	if ((status = clv_application_open(
		 lab->context, lab->work, &application, NULL)) == CLV_OK &&
	    (status = clv_txn_open(application, &txn, NULL)) == CLV_OK &&
	    (status = replace_list(txn, lab, GROUP)) == CLV_OK &&
	    (status = exchange_in_list(txn, lab, USERS)) == CLV_OK &&
	    der != NULL)
		status = clv_txn_certificate(txn, GROUP, TYPE, der, size,
		    lab->issuer, lab->issuer_size, NULL);
	if (status == CLV_OK)
		status = clv_txn_commit(txn, NULL);
	clv_txn_free(&txn);
	clv_application_free(&application);
	return status == CLV_OK ? 0 : 1;
}

/* The pending key, its certificate and chain, and both lists. */
static int
run_all(void *user)
{
	const struct lab *lab = user;

	return change_lists(lab, lab->next, lab->next_size);
}

static int
run_lists(void *user)
{
	return change_lists(user, NULL, 0);
}

static const char *
print_old(const struct lab *lab)
{
	return lab->old;
}

const char *
print_renewal(const struct lab *lab)
{
	return lab->renewal_print;
}

const char *
print_next(const struct lab *lab)
{
	return lab->next_print;
}

const struct scenario scenarios[] = {
    {"install", false, run_install, print_renewal, false, false, false},
    {"commit", true, run_commit, print_next, false, false, false},
    {"new-key", false, run_new_key, print_old, true, false, false},
    {"new-key-again", true, run_new_key, print_old, true, false, false},
    {"cancel", false, run_cancel, print_old, false, false, false},
    {"lists", false, run_lists, print_old, false, true, false},
    {"key-certificate-lists", true, run_all, print_next, false, true, true},
};
const size_t scenario_count = sizeof(scenarios) / sizeof(scenarios[0]);

/* ---- the lab ---- */

static size_t
certificate_for(clv_key *key, unsigned days, uint8_t out[CERTIFICATE_ROOM])
{
	clv_subject *subject = NULL;
	uint8_t *der = NULL;
	size_t size = 0;

	MUST(clv_subject_new(&subject, &err));
	MUST(clv_subject_set_application_uri(subject, "urn:test", &err));
	MUST(clv_subject_set_common_name(subject, "Pump", &err));
	MUST(clv_subject_add_dns(subject, "pump.test", &err));
	MUST(clv_certificate_self_sign(key, subject, days, &der, &size, &err));
	clv_subject_free(&subject);
	if (size > CERTIFICATE_ROOM)
		exit(2);
	memcpy(out, der, size);
	clv_free(der);
	return size;
}

/* Makes `next` a certificate that another has signed. */
static void
make_issuer(struct lab *lab)
{
	clv_store *store = NULL;
	clv_key *key = NULL;
	uint8_t *der;
	char uri[96];

	(void)snprintf(uri, sizeof(uri), "file:%s", lab->base);
	MUST(clv_store_open(lab->context, uri, &store, &err));
	MUST(clv_key_generate(store, CLV_EC_P256, NULL, &key, &err));
	lab->issuer_size = certificate_for(key, 90, lab->issuer);
	der = issue_again(lab->next, lab->next_size, key, lab->issuer,
	    lab->issuer_size, &lab->next_size);
	if (lab->next_size > CERTIFICATE_ROOM)
		exit(2);
	memcpy(lab->next, der, lab->next_size);
	free(der);
	clv_key_free(&key);
	clv_store_free(&store);
}

static void
print_of(const struct lab *lab, const uint8_t *der, size_t size, char *print)
{
	clv_certificate *certificate = NULL;

	MUST(
	    clv_certificate_parse(lab->context, der, size, &certificate, &err));
	(void)snprintf(
	    print, THUMBPRINT, "%s", clv_certificate_thumbprint(certificate));
	clv_certificate_free(&certificate);
}

static clv_trust *
open_list(const struct lab *lab, size_t index, bool create)
{
	clv_trust_options *options = NULL;
	clv_trust *trust = NULL;
	char path[128];

	(void)snprintf(
	    path, sizeof(path), "%s/%s", lab->work, list_names[index]);
	MUST(clv_trust_options_new(&options, &err));
	clv_trust_options_set_create(options, create);
	MUST(clv_trust_open(path, options, &trust, &err));
	clv_trust_options_free(&options);
	return trust;
}

static void
fill_lists(const struct lab *lab)
{
	for (size_t i = 0; i < LISTS; i++) {
		clv_trust *trust = open_list(lab, i, true);

		MUST(clv_trust_add(trust, CLV_TRUST_TRUSTED_CERTIFICATES,
		    lab->renewal, lab->renewal_size, NULL, &err));
		clv_trust_free(&trust);
	}
}

/* claviger.conf ends with its groups. */
static void
add_group(const struct lab *lab)
{
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/claviger.conf", lab->work);
	file = fopen(path, "a");
	if (file == NULL ||
	    fprintf(file, "  " USERS ":\n    trust-list: %s\n", list_names[1]) <
		0 ||
	    fclose(file) != 0)
		exit(2);
}

static void
make_templates(struct lab *lab, clv_application *application)
{
	clv_certificate *certificate = NULL;
	clv_txn *txn = NULL;
	clv_key *key = NULL;

	MUST(clv_application_certificate(
	    application, GROUP, TYPE, &certificate, &err));
	(void)snprintf(lab->old, THUMBPRINT, "%s",
	    clv_certificate_thumbprint(certificate));
	clv_certificate_free(&certificate);
	MUST(clv_application_key(application, GROUP, TYPE, &key, &err));
	lab->renewal_size = certificate_for(key, 60, lab->renewal);
	clv_key_free(&key);
	fill_lists(lab);
	lab_keep(lab, lab->fresh);
	MUST(clv_txn_open(application, &txn, &err));
	MUST(clv_txn_new_key(txn, GROUP, TYPE, CLV_EC_P256, &key, &err));
	lab->next_size = certificate_for(key, 90, lab->next);
	make_issuer(lab);
	clv_key_free(&key);
	clv_txn_free(&txn);
	lab_keep(lab, lab->pending);
	print_of(lab, lab->renewal, lab->renewal_size, lab->renewal_print);
	print_of(lab, lab->next, lab->next_size, lab->next_print);
}

static void
make_application(struct lab *lab)
{
	const clv_algorithm algorithm = CLV_EC_P256;
	clv_application *application = NULL;
	clv_subject *subject = NULL;

	MUST(clv_subject_new(&subject, &err));
	MUST(clv_subject_set_application_uri(subject, "urn:test", &err));
	MUST(clv_subject_set_common_name(subject, "Pump", &err));
	MUST(clv_application_create(lab->context, lab->work, subject,
	    lab->store, &algorithm, 1, 30, &application, &err));
	clv_application_free(&application);
	add_group(lab);
	MUST(clv_application_open(lab->context, lab->work, &application, &err));
	make_templates(lab, application);
	clv_application_free(&application);
	clv_subject_free(&subject);
}

/* Some devices' libraries would not get over it if this process had used them
 * and the device's files are exchanged beneath it. */
static void *
apart(void (*fn)(void *user), void *user, size_t size)
{
	void *shared = mmap(NULL, size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status = -1;
	pid_t child;

	if (shared == MAP_FAILED)
		exit(2);
	memcpy(shared, user, size);
	child = fork();
	if (child == 0) {
		fn(shared);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child || status != 0)
		exit(2);
	memcpy(user, shared, size);
	(void)munmap(shared, size);
	return user;
}

static void
make_apart(void *user)
{
	make_application(user);
}

void
lab_make(struct lab *lab, const char *root, const struct home *home)
{
	memset(lab, 0, sizeof(*lab));
	lab->home = home;
	(void)snprintf(lab->base, sizeof(lab->base), "%s/crashXXXXXX", root);
	if (mkdtemp(lab->base) == NULL)
		exit(2);
	(void)snprintf(lab->work, sizeof(lab->work), "%s/work", lab->base);
	(void)snprintf(lab->fresh, sizeof(lab->fresh), "%s/fresh", lab->base);
	(void)snprintf(
	    lab->pending, sizeof(lab->pending), "%s/pending", lab->base);
	MUST(clv_context_new(&lab->context, &err));
	home->start(lab);
	(void)apart(make_apart, lab, sizeof(*lab));
}

void
lab_end_readers(void)
{
	for (size_t i = 0; i < LISTS; i++)
		clv_trust_free(&live[i]);
}

void
lab_remove(struct lab *lab)
{
	lab_end_readers();
	lab->home->stop(lab);
	tree_remove(lab->base);
	clv_context_free(&lab->context);
}

/* What a list is: 'o'ld, 'n'ew, or 'x'. */
static char
look_at_list(const struct lab *lab, clv_trust *trust)
{
	const clv_trust_mask list = CLV_TRUST_TRUSTED_CERTIFICATES;
	clv_trust_data *data = NULL;
	const uint8_t *der;
	size_t size = 0;
	char is = 'x';

	if (clv_trust_get_data(trust, CLV_TRUST_ALL_LISTS, &data, NULL) !=
	    CLV_OK)
		return is;
	der = clv_trust_data_entry(data, list, 0, &size);
	if (clv_trust_data_count(data, list) != 1)
		is = 'x';
	else if (size == lab->renewal_size &&
	    memcmp(der, lab->renewal, size) == 0)
		is = 'o';
	else if (size == lab->next_size && memcmp(der, lab->next, size) == 0)
		is = 'n';
	clv_trust_data_free(&data);
	return is;
}

void
lab_keep(const struct lab *lab, const char *path)
{
	char device[128];

	(void)snprintf(device, sizeof(device), "%s.device", path);
	tree_remove(path);
	tree_copy(lab->work, path);
	if (lab->device[0] == '\0')
		return;
	tree_remove(device);
	tree_copy(lab->device, device);
}

void
lab_put(const struct lab *lab, const char *path)
{
	char device[128];

	(void)snprintf(device, sizeof(device), "%s.device", path);
	tree_remove(lab->work);
	tree_copy(path, lab->work);
	if (lab->device[0] == '\0')
		return;
	tree_remove(lab->device);
	tree_copy(device, lab->device);
}

void
lab_reset(const struct lab *lab, const struct scenario *scenario)
{
	lab_end_readers();
	lab_put(lab, scenario->from_pending ? lab->pending : lab->fresh);
	for (size_t i = 0; scenario->changes_lists && i < LISTS; i++) {
		live[i] = open_list(lab, i, false);
		if (look_at_list(lab, live[i]) != 'o')
			exit(2);
	}
}

/* ---- what must hold ---- */

/* All that a scenario may change. */
struct found {
	char print[THUMBPRINT]; /* of the slot's certificate */
	bool chain;             /* it has one, and it is the one it came with */
	char lists[LISTS + 1];
	bool pending;
};

static void
look_at_lists(
    const struct lab *lab, const struct scenario *scenario, struct found *found)
{
	/* Thousands of runs do not touch them. */
	if (!scenario->changes_lists)
		return;
	for (size_t i = 0; i < LISTS; i++) {
		clv_trust *trust = open_list(lab, i, false);

		found->lists[i] = look_at_list(lab, trust);
		clv_trust_free(&trust);
	}
}

/* Whether the slot has `issuer` as chain; false also if it has none. */
static clv_status
look_at_chain(
    const struct lab *lab, const clv_application *application, bool *found)
{
	uint8_t *chain = NULL;
	size_t size = 0;
	const clv_status status = clv_application_chain(
	    application, GROUP, TYPE, &chain, &size, NULL);

	*found = status == CLV_OK && size == lab->issuer_size &&
	    memcmp(chain, lab->issuer, size) == 0;
	clv_free(chain);
	if (status == CLV_OK && !*found)
		return CLV_CORRUPT;
	return status == CLV_NOT_FOUND ? CLV_OK : status;
}

/* False unless the slot's key fits. */
static bool
look(
    const struct lab *lab, const struct scenario *scenario, struct found *found)
{
	clv_application *application = NULL;
	clv_certificate *certificate = NULL;
	clv_key *key = NULL;
	clv_key *waiting = NULL;
	clv_status status;

	*found = (struct found){.pending = false};
	look_at_lists(lab, scenario, found);
	if (clv_application_open(lab->context, lab->work, &application, NULL) ==
		CLV_OK &&
	    clv_application_certificate(
		application, GROUP, TYPE, &certificate, NULL) == CLV_OK &&
	    look_at_chain(lab, application, &found->chain) == CLV_OK &&
	    clv_application_key(application, GROUP, TYPE, &key, NULL) == CLV_OK)
		(void)snprintf(found->print, THUMBPRINT, "%s",
		    clv_certificate_thumbprint(certificate));
	status = key == NULL ? CLV_INTERNAL
			     : clv_application_pending_key(
				   application, GROUP, TYPE, &waiting, NULL);
	found->pending = status == CLV_OK;
	clv_key_free(&key);
	clv_key_free(&waiting);
	clv_certificate_free(&certificate);
	clv_application_free(&application);
	return status == CLV_OK || status == CLV_NOT_FOUND;
}

/* While another holds the lock, opening finishes nothing. */
static bool
look_without_writing(
    const struct lab *lab, const struct scenario *scenario, struct found *found)
{
	char path[128];
	int directory;
	int lock = -1;
	bool good;

	(void)snprintf(path, sizeof(path), "%s/state", lab->work);
	directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (clv_file_lock(directory, "lock", 0644, 0, &lock, NULL) != CLV_OK)
		return false;
	good = look(lab, scenario, found);
	(void)close(lock);
	(void)close(directory);
	return good;
}

static bool
same(const struct found *a, const struct found *b)
{
	return strcmp(a->print, b->print) == 0 && a->chain == b->chain &&
	    a->pending == b->pending && strcmp(a->lists, b->lists) == 0;
}

/* Those who had read the lists before all this. */
static bool
live_agrees(const struct lab *lab, const struct found *found)
{
	for (size_t i = 0; i < LISTS; i++)
		if (live[i] != NULL &&
		    look_at_list(lab, live[i]) != found->lists[i])
			return false;
	return true;
}

/* All of it is old, or all of it is new. */
static const char *
verify_state(const struct lab *lab, const struct scenario *scenario,
    bool succeeded, const struct found *found)
{
	const char *wanted = scenario->new_print(lab);
	const bool is_new = strcmp(found->print, wanted) == 0;
	const bool lists_old = strcmp(found->lists, "oo") == 0;
	const bool lists_new = strcmp(found->lists, "nn") == 0;

	if (!is_new && strcmp(found->print, lab->old) != 0)
		return "it is another certificate";
	if (found->chain != (is_new && scenario->brings_chain))
		return "the chain is not that of the certificate";
	if (scenario->changes_lists && !lists_old && !lists_new)
		return "the lists are neither old nor new";
	if (scenario->changes_lists && strcmp(wanted, lab->old) != 0 &&
	    is_new != lists_new)
		return "certificate and lists do not belong together";
	if (succeeded &&
	    (!is_new || found->pending != scenario->leaves_pending ||
		lists_new != scenario->changes_lists))
		return "success was claimed, and the old state is there";
	return NULL;
}

static const char *
verify_rest(const struct lab *lab, bool pending)
{
	char path[128];

	if (lab->home->count_keys(lab) != (pending ? 2U : 1U))
		return "keys were lost or forgotten";
	if (tree_count(lab->work, ".tmp") != 0)
		return "temporary files are left";
	if (tree_count(lab->work, "/journal") != 0)
		return "a journal is left";
	(void)snprintf(path, sizeof(path), "%s/state/redo", lab->work);
	return access(path, F_OK) == 0 ? "the record is left" : NULL;
}

static const char *
verify(const struct lab *lab, const struct scenario *scenario, bool succeeded)
{
	struct found reader;
	struct found writer;
	const char *wrong;

	if (!look_without_writing(lab, scenario, &reader))
		return "a reader finds neither old nor new";
	if (!live_agrees(lab, &reader))
		return "a reader who was there before finds something else";
	if (run_recover((void *)(uintptr_t)lab) != 0)
		return "recovery fails";
	if (!look(lab, scenario, &writer))
		return "the next writer finds neither old nor new";
	if (!same(&reader, &writer) || !live_agrees(lab, &writer))
		return "recovery changed what readers had seen";
	wrong = verify_state(lab, scenario, succeeded, &writer);
	return wrong != NULL ? wrong : verify_rest(lab, writer.pending);
}

/* What a look in another process comes to. */
struct verdict {
	const struct lab *lab;
	const struct scenario *scenario;
	bool succeeded;
	char wrong[128];
};

static void
verify_apart(void *user)
{
	struct verdict *verdict = user;
	const char *wrong =
	    verify(verdict->lab, verdict->scenario, verdict->succeeded);

	if (wrong != NULL)
		(void)snprintf(
		    verdict->wrong, sizeof(verdict->wrong), "%s", wrong);
}

const char *
lab_verify(
    const struct lab *lab, const struct scenario *scenario, bool succeeded)
{
	static struct verdict verdict;
	const char *wrong;

	if (lab->home->apart) {
		verdict = (struct verdict){lab, scenario, succeeded, ""};
		(void)apart(verify_apart, &verdict, sizeof(verdict));
		wrong = verdict.wrong[0] != '\0' ? verdict.wrong : NULL;
	} else {
		wrong = verify(lab, scenario, succeeded);
	}
	/* They would keep file systems busy. */
	lab_end_readers();
	return wrong;
}
