/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * crash-readers [--commits N] [--reads N] [--readers N]: other processes read
 * an application while its key, certificate, chain and TrustList are replaced
 * by transactions. All four of a transaction have the same number; a reader
 * that finds two of them has read a mixed set. The control reads the files
 * as they lie, by path: it must find mixed sets.
 */

#include <claviger/live.h>
#include <claviger/transaction.h>
#include <claviger/verify.h>

#include <errno.h>
#include <getopt.h>
#include <glob.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "homes.h"
#include "must.h"
#include "support/issue.h"
#include "tree.h"

#define GROUP CLV_DEFAULT_APPLICATION_GROUP
#define TYPE "EccNistP256"
#define READERS_MAX 64

/* What processes have in common. */
struct shared {
	_Atomic size_t consistent;
	_Atomic size_t mixed;
	_Atomic size_t failed;
	_Atomic size_t control_consistent;
	_Atomic size_t control_mixed;
	_Atomic bool over;
};

struct stage {
	char base[64];
	char directory[80];
	clv_context *context;
	struct shared *shared;
	size_t commits;
	size_t reads;
	size_t readers;
};

/* ---- the writer ---- */

static uint8_t *
make_certificate(clv_key *key, size_t number, size_t *size)
{
	clv_subject *subject = NULL;
	uint8_t *der = NULL;
	char name[32];

	(void)snprintf(name, sizeof(name), "Set %zu", number);
	MUST(clv_subject_new(&subject, &err));
	MUST(clv_subject_set_application_uri(subject, "urn:test", &err));
	MUST(clv_subject_set_common_name(subject, name, &err));
	MUST(clv_subject_add_dns(subject, "pump.test", &err));
	MUST(clv_certificate_self_sign(key, subject, 30, &der, size, &err));
	clv_subject_free(&subject);
	return der;
}

/* The certificate's chain and the only trusted certificate are one. */
static void
stage_set(clv_txn *txn, clv_key *issuer, size_t number)
{
	clv_trust_data *data = NULL;
	clv_key *key = NULL;
	size_t size = 0;
	size_t chain_size = 0;
	uint8_t *chain = make_certificate(issuer, number, &chain_size);
	uint8_t *self_signed;
	uint8_t *der;

	MUST(clv_txn_new_key(txn, GROUP, TYPE, CLV_EC_P256, &key, &err));
	self_signed = make_certificate(key, number, &size);
	der = issue_again(self_signed, size, issuer, chain, chain_size, &size);
	MUST(clv_txn_certificate(
	    txn, GROUP, TYPE, der, size, chain, chain_size, &err));
	MUST(clv_trust_data_new(&data, &err));
	MUST(
	    clv_trust_data_specify(data, CLV_TRUST_TRUSTED_CERTIFICATES, &err));
	MUST(clv_trust_data_add(
	    data, CLV_TRUST_TRUSTED_CERTIFICATES, chain, chain_size, &err));
	MUST(clv_txn_trust_replace(txn, GROUP, data, &err));
	clv_trust_data_free(&data);
	clv_key_free(&key);
	free(der);
	clv_free(self_signed);
	clv_free(chain);
}

static void
commit(clv_application *application, clv_key *issuer, size_t number)
{
	clv_txn *txn = NULL;

	MUST(clv_txn_open(application, &txn, &err));
	stage_set(txn, issuer, number);
	MUST(clv_txn_commit(txn, &err));
	clv_txn_free(&txn);
}

static clv_key *
make_issuer(const struct stage *stage)
{
	char uri[96];
	clv_store *store = NULL;
	clv_key *key = NULL;

	(void)snprintf(uri, sizeof(uri), "file:%s", stage->base);
	MUST(clv_store_open(stage->context, uri, &store, &err));
	MUST(clv_key_generate(store, CLV_EC_P256, NULL, &key, &err));
	clv_store_free(&store);
	return key;
}

/* Keeps step with the readers, so that each commit is read. */
static void
write_sets(const struct stage *stage)
{
	const struct shared *shared = stage->shared;
	clv_application *application = NULL;
	clv_key *issuer = make_issuer(stage);

	MUST(clv_application_open(
	    stage->context, stage->directory, &application, &err));
	for (size_t i = 1; i <= stage->commits; i++) {
		commit(application, issuer, i);
		while (shared->mixed + shared->failed == 0 &&
		    shared->consistent <
			(size_t)((double)stage->reads * (double)i /
			    (double)stage->commits))
			(void)usleep(500);
	}
	clv_key_free(&issuer);
	clv_application_free(&application);
}

static void
make_application(struct stage *stage)
{
	const clv_algorithm algorithm = CLV_EC_P256;
	clv_application *application = NULL;
	clv_subject *subject = NULL;
	clv_key *issuer = NULL;

	MUST(clv_subject_new(&subject, &err));
	MUST(clv_subject_set_application_uri(subject, "urn:test", &err));
	MUST(clv_subject_set_common_name(subject, "Set", &err));
	MUST(clv_application_create(stage->context, stage->directory, subject,
	    NULL, &algorithm, 1, 30, &application, &err));
	issuer = make_issuer(stage);
	commit(application, issuer, 0);
	clv_key_free(&issuer);
	clv_application_free(&application);
	clv_subject_free(&subject);
}

/* ---- a reader ---- */

enum finding { CONSISTENT, MIXED, FAILED };

static bool
same_subject(const struct stage *stage, const clv_certificate *certificate,
    const void *der, size_t size)
{
	clv_certificate *other = NULL;
	const bool same = clv_certificate_parse(stage->context, der, size,
			      &other, NULL) == CLV_OK &&
	    strcmp(clv_certificate_subject(certificate),
		clv_certificate_subject(other)) == 0;

	clv_certificate_free(&other);
	return same;
}

static bool
is_trusted(const clv_live_view *view, const void *der, size_t size)
{
	clv_verdict *verdict = NULL;
	const bool good = clv_live_view_verify(view, GROUP, der, size, NULL,
			      &verdict, NULL) == CLV_OK &&
	    clv_verdict_status(verdict) == CLV_SC_GOOD;

	clv_verdict_free(&verdict);
	return good;
}

static enum finding
read_view(const struct stage *stage, clv_live *live)
{
	struct clv_live_slot slot;
	clv_live_view *view = NULL;
	enum finding finding = FAILED;

	if (clv_live_get_view(live, &view, NULL) == CLV_OK &&
	    clv_live_view_find(view, GROUP, TYPE, &slot) && slot.key != NULL &&
	    slot.certificate != NULL)
		finding = slot.chain != NULL &&
			clv_certificate_matches(slot.certificate, slot.key) &&
			same_subject(stage, slot.certificate, slot.chain,
			    slot.chain_size) &&
			is_trusted(view, slot.chain, slot.chain_size)
		    ? CONSISTENT
		    : MIXED;
	clv_live_view_free(&view);
	return finding;
}

static void
read_sets(const struct stage *stage, size_t number)
{
	struct shared *shared = stage->shared;
	clv_live *live = NULL;

	for (size_t i = number; !shared->over; i++) {
		enum finding finding;

		/* One that opens the application, too, and many that go on. */
		if (i % 64 == 0)
			clv_live_free(&live);
		if (live == NULL &&
		    clv_live_open(stage->context, stage->directory, &live,
			NULL) != CLV_OK) {
			shared->failed++;
			continue;
		}
		finding = read_view(stage, live);
		if (finding == CONSISTENT)
			shared->consistent++;
		else if (finding == MIXED)
			shared->mixed++;
		else
			shared->failed++;
	}
	clv_live_free(&live);
}

/* ---- the control ---- */

static bool
read_file(const char *path, uint8_t *bytes, size_t room, size_t *size)
{
	FILE *in = fopen(path, "re");

	if (in == NULL)
		return false;
	*size = fread(bytes, 1, room, in);
	(void)fclose(in);
	return *size > 0;
}

/* What claviger.conf names, as a program might that knows the format. */
static bool
find_certificate(const struct stage *stage, char path[512])
{
	static const char key[] = "certificate: ";
	char text[4096];
	char *start;
	char *end;
	size_t size = 0;

	(void)snprintf(path, 512, "%s/claviger.conf", stage->directory);
	if (!read_file(path, (uint8_t *)text, sizeof(text) - 1, &size))
		return false;
	text[size] = '\0';
	start = strstr(text, key);
	end = start != NULL ? strchr(start, '\n') : NULL;
	if (end == NULL)
		return false;
	*end = '\0';
	start += sizeof(key) - 1;
	if (*start == '"' || *start == '\'') {
		start++;
		end[-1] = '\0';
	}
	(void)snprintf(path, 512, "%s/%s", stage->directory, start);
	return true;
}

static bool
read_trusted(const struct stage *stage, uint8_t *der, size_t room, size_t *size)
{
	char pattern[128];
	glob_t found;
	bool good;

	(void)snprintf(pattern, sizeof(pattern), "%s/pki/trusted/certs/*.der",
	    stage->directory);
	good = glob(pattern, 0, NULL, &found) == 0 && found.gl_pathc == 1 &&
	    read_file(found.gl_pathv[0], der, room, size);
	globfree(&found);
	return good;
}

static void
read_paths(const struct stage *stage)
{
	uint8_t own[2048];
	uint8_t trusted[2048];
	size_t own_size = 0;
	size_t trusted_size = 0;
	char path[512];
	clv_certificate *certificate = NULL;

	if (!find_certificate(stage, path) ||
	    !read_file(path, own, sizeof(own), &own_size) ||
	    !read_trusted(stage, trusted, sizeof(trusted), &trusted_size) ||
	    clv_certificate_parse(
		stage->context, own, own_size, &certificate, NULL) != CLV_OK)
		return;
	if (same_subject(stage, certificate, trusted, trusted_size))
		stage->shared->control_consistent++;
	else
		stage->shared->control_mixed++;
	clv_certificate_free(&certificate);
}

/* It need not find many. */
static void
read_paths_on(const struct stage *stage)
{
	while (!stage->shared->over) {
		read_paths(stage);
		if (stage->shared->control_mixed > 50)
			(void)usleep(1000);
	}
}

/* ---- all of them ---- */

static pid_t
start_reader(const struct stage *stage, size_t number)
{
	const pid_t parent = getpid();
	const pid_t child = fork();

	if (child != 0)
		return child;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(2);
	if (number > 0)
		read_sets(stage, number);
	else
		read_paths_on(stage);
	_exit(0);
}

/* Number 0 is the control. */
static bool
run(struct stage *stage)
{
	pid_t children[READERS_MAX + 1];
	bool good = true;

	for (size_t i = 0; i <= stage->readers; i++)
		children[i] = start_reader(stage, i);
	write_sets(stage);
	stage->shared->over = true;
	for (size_t i = 0; i <= stage->readers; i++) {
		int status = -1;

		good = waitpid(children[i], &status, 0) == children[i] &&
		    status == 0 && good;
	}
	return good;
}

static bool
read_options(int argc, char **argv, struct stage *stage)
{
	static const struct option options[] = {
	    {"commits", required_argument, NULL, 'c'},
	    {"reads", required_argument, NULL, 'r'},
	    {"readers", required_argument, NULL, 'p'}, {NULL, 0, NULL, 0}};
	int option;

	*stage =
	    (struct stage){.commits = 1000, .reads = 1000000, .readers = 2};
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		const size_t value =
		    option == '?' ? 0 : strtoul(optarg, NULL, 10);

		if (value == 0)
			return false;
		if (option == 'c')
			stage->commits = value;
		else if (option == 'r')
			stage->reads = value;
		else
			stage->readers = value;
	}
	return stage->readers <= READERS_MAX;
}

int
main(int argc, char **argv)
{
	struct stage stage;
	const struct shared *shared;
	bool good;

	if (!read_options(argc, argv, &stage))
		return 2;
	stage.shared = mmap(NULL, sizeof(*stage.shared), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	(void)snprintf(
	    stage.base, sizeof(stage.base), "%s/readersXXXXXX", home_root());
	if (stage.shared == MAP_FAILED || mkdtemp(stage.base) == NULL)
		return 2;
	(void)snprintf(stage.directory, sizeof(stage.directory),
	    "%s/application", stage.base);
	MUST(clv_context_new(&stage.context, &err));
	make_application(&stage);
	good = run(&stage);
	shared = stage.shared;
	(void)printf("%zu commits, %zu consistent reads, %zu mixed, %zu "
		     "failed; control by path: %zu consistent, %zu mixed\n",
	    stage.commits, shared->consistent, shared->mixed, shared->failed,
	    shared->control_consistent, shared->control_mixed);
	clv_context_free(&stage.context);
	tree_remove(stage.base);
	return good && shared->mixed == 0 && shared->failed == 0 &&
		shared->control_mixed > 0
	    ? 0
	    : 1;
}
