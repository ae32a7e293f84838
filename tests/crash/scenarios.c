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
#include "tree.h"

#define GROUP CLV_DEFAULT_APPLICATION_GROUP
#define TYPE "EccNistP256"

static void
must(clv_status status, clv_error *err)
{
	if (status == CLV_OK)
		return;
	(void)fprintf(stderr, "%s\n", clv_error_message(err));
	exit(2);
}

#define MUST(call)                     \
	do {                           \
		clv_error *err = NULL; \
		must((call), err);     \
	} while (0)

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

static const char *
print_old(const struct lab *lab)
{
	return lab->old;
}

static const char *
print_renewal(const struct lab *lab)
{
	return lab->renewal_print;
}

static const char *
print_next(const struct lab *lab)
{
	return lab->next_print;
}

const struct scenario scenarios[] = {
    {"install", false, run_install, print_renewal, false},
    {"commit", true, run_commit, print_next, false},
    {"new-key", false, run_new_key, print_old, true},
    {"new-key-again", true, run_new_key, print_old, true},
    {"cancel", false, run_cancel, print_old, false},
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
	lab_keep(lab, lab->fresh);
	MUST(clv_txn_open(application, &txn, &err));
	MUST(clv_txn_new_key(txn, GROUP, TYPE, CLV_EC_P256, &key, &err));
	lab->next_size = certificate_for(key, 90, lab->next);
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
lab_remove(struct lab *lab)
{
	lab->home->stop(lab);
	tree_remove(lab->base);
	clv_context_free(&lab->context);
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
	lab_put(lab, scenario->from_pending ? lab->pending : lab->fresh);
}

/* ---- what must hold ---- */

/* The thumbprint that the slot has; false unless the key fits. */
static bool
look(const struct lab *lab, char *print, bool *pending)
{
	clv_application *application = NULL;
	clv_certificate *certificate = NULL;
	clv_key *key = NULL;
	clv_key *waiting = NULL;
	clv_status status;

	if (clv_application_open(lab->context, lab->work, &application, NULL) ==
		CLV_OK &&
	    clv_application_certificate(
		application, GROUP, TYPE, &certificate, NULL) == CLV_OK &&
	    clv_application_key(application, GROUP, TYPE, &key, NULL) == CLV_OK)
		(void)snprintf(print, THUMBPRINT, "%s",
		    clv_certificate_thumbprint(certificate));
	status = key == NULL ? CLV_INTERNAL
			     : clv_application_pending_key(
				   application, GROUP, TYPE, &waiting, NULL);
	*pending = status == CLV_OK;
	clv_key_free(&key);
	clv_key_free(&waiting);
	clv_certificate_free(&certificate);
	clv_application_free(&application);
	return status == CLV_OK || status == CLV_NOT_FOUND;
}

/* While another holds the lock, opening finishes nothing. */
static bool
look_without_writing(const struct lab *lab, char *print, bool *pending)
{
	char path[128];
	int directory;
	int lock = -1;
	bool good;

	(void)snprintf(path, sizeof(path), "%s/state", lab->work);
	directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (clv_file_lock(directory, "lock", 0644, 0, &lock, NULL) != CLV_OK)
		return false;
	good = look(lab, print, pending);
	(void)close(lock);
	(void)close(directory);
	return good;
}

static const char *
verify_rest(const struct lab *lab, bool pending)
{
	char path[128];

	if (lab->home->count_keys(lab) != (pending ? 2U : 1U))
		return "keys were lost or forgotten";
	if (tree_count(lab->work, ".tmp") != 0)
		return "temporary files are left";
	(void)snprintf(path, sizeof(path), "%s/state/redo", lab->work);
	return access(path, F_OK) == 0 ? "the record is left" : NULL;
}

static const char *
verify(const struct lab *lab, const struct scenario *scenario, bool succeeded)
{
	const char *wanted = scenario->new_print(lab);
	char reader[THUMBPRINT] = "";
	char writer[THUMBPRINT] = "";
	bool reader_pending = false;
	bool pending = false;

	if (!look_without_writing(lab, reader, &reader_pending))
		return "a reader finds neither old nor new";
	if (run_recover((void *)(uintptr_t)lab) != 0)
		return "recovery fails";
	if (!look(lab, writer, &pending))
		return "the next writer finds neither old nor new";
	if (strcmp(reader, writer) != 0 || reader_pending != pending)
		return "recovery changed what readers had seen";
	if (strcmp(writer, lab->old) != 0 && strcmp(writer, wanted) != 0)
		return "it is another certificate";
	if (succeeded &&
	    (strcmp(writer, wanted) != 0 ||
		pending != scenario->leaves_pending))
		return "success was claimed, and the old state is there";
	return verify_rest(lab, pending);
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

	if (!lab->home->apart)
		return verify(lab, scenario, succeeded);
	verdict = (struct verdict){lab, scenario, succeeded, ""};
	(void)apart(verify_apart, &verdict, sizeof(verdict));
	return verdict.wrong[0] != '\0' ? verdict.wrong : NULL;
}
