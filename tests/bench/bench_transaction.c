/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * bench-transaction [--in DIRECTORY] [--runs N] [COUNT]...: what committing
 * costs in applications with COUNT trusted certificates (default: 10 and
 * 100000): the time from clv_txn_open() to the end of clv_txn_commit(), the
 * median of N runs, and how often the disk is waited for. The last lines
 * compare the last application with the first; the exit status is 1 if it
 * takes the processor more than twice as long.
 */

#include <claviger/transaction.h>

#include <fcntl.h>
#include <ftw.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "figures.h"
#include "support/issue.h"

#define GROUP CLV_DEFAULT_APPLICATION_GROUP
#define TYPE "EccNistP256"
#define RUNS_MAX 1000
#define COUNTS_MAX 8

static void
must(bool condition, const char *what)
{
	if (condition)
		return;
	perror(what);
	exit(1);
}

#define MUST(call)                                               \
	do {                                                     \
		clv_error *err = NULL;                           \
		if ((call) != CLV_OK) {                          \
			(void)fprintf(stderr, "%s: %s\n", #call, \
			    clv_error_message(err));             \
			exit(1);                                 \
		}                                                \
	} while (0)

/* ---- waiting for the disk ---- */

static struct {
	size_t files; /* fsync, fdatasync */
	size_t whole; /* syncfs */
	size_t renames;
} calls;

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_fdatasync(int fd);
int __wrap_fdatasync(int fd);
int __real_syncfs(int fd);
int __wrap_syncfs(int fd);
int __real_renameat(int from, const char *old, int to, const char *name);
int __wrap_renameat(int from, const char *old, int to, const char *name);

int
__wrap_fsync(int fd)
{
	calls.files++;
	return __real_fsync(fd);
}

int
__wrap_fdatasync(int fd)
{
	calls.files++;
	return __real_fdatasync(fd);
}

int
__wrap_syncfs(int fd)
{
	calls.whole++;
	return __real_syncfs(fd);
}

int
__wrap_renameat(int from, const char *old, int to, const char *name)
{
	calls.renames++;
	return __real_renameat(from, old, to, name);
}

/* ---- an application ---- */

struct bench {
	char directory[128];
	clv_context *context;
	clv_application *application;
	clv_key *key; /* of the slot, while it has not changed */
	clv_key *other;
	unsigned serial;
};

/* A certificate that there was not before. */
static uint8_t *
make_certificate(struct bench *bench, clv_key *key, size_t *size)
{
	clv_subject *subject = NULL;
	uint8_t *der = NULL;
	char name[32];

	(void)snprintf(name, sizeof(name), "Peer %u", bench->serial++);
	MUST(clv_subject_new(&subject, &err));
	MUST(clv_subject_set_application_uri(subject, "urn:bench", &err));
	MUST(clv_subject_set_common_name(subject, name, &err));
	MUST(clv_subject_add_dns(subject, "bench.test", &err));
	MUST(clv_certificate_self_sign(key, subject, 30, &der, size, &err));
	clv_subject_free(&subject);
	return der;
}

static void
trust(struct bench *bench, size_t count)
{
	char path[256];

	for (size_t i = 0; i < count; i++) {
		size_t size = 0;
		uint8_t *der = make_certificate(bench, bench->other, &size);
		int fd;

		(void)snprintf(path, sizeof(path),
		    "%s/pki/trusted/certs/peer %zu.der", bench->directory, i);
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		must(fd >= 0 && write(fd, der, size) == (ssize_t)size, path);
		(void)close(fd);
		clv_free(der);
	}
}

static void
start(struct bench *bench, const char *root, size_t count)
{
	const clv_algorithm algorithm = CLV_EC_P256;
	clv_subject *subject = NULL;
	clv_store *store = NULL;
	char uri[192];

	memset(bench, 0, sizeof(*bench));
	(void)snprintf(bench->directory, sizeof(bench->directory),
	    "%s/claviger-bench-XXXXXX", root);
	must(mkdtemp(bench->directory) != NULL, bench->directory);
	MUST(clv_context_new(&bench->context, &err));
	MUST(clv_subject_new(&subject, &err));
	MUST(clv_subject_set_application_uri(subject, "urn:bench", &err));
	MUST(clv_subject_set_common_name(subject, "Bench", &err));
	MUST(clv_application_create(bench->context, bench->directory, subject,
	    NULL, &algorithm, 1, 30, &bench->application, &err));
	(void)snprintf(uri, sizeof(uri), "file:%s/others", bench->directory);
	must(mkdir(uri + 5, 0700) == 0, uri);
	MUST(clv_store_open(bench->context, uri, &store, &err));
	MUST(clv_key_generate(store, CLV_EC_P256, NULL, &bench->other, &err));
	trust(bench, count);
	sync();
	clv_store_free(&store);
	clv_subject_free(&subject);
}

static int
remove_one(
    const char *path, const struct stat *about, int kind, struct FTW *ftw)
{
	(void)about;
	(void)kind;
	(void)ftw;
	return remove(path);
}

static void
stop(struct bench *bench)
{
	clv_key_free(&bench->other);
	clv_application_free(&bench->application);
	clv_context_free(&bench->context);
	(void)nftw(bench->directory, remove_one, 16, FTW_PHYS | FTW_DEPTH);
}

/* ---- changes ---- */

/* Stages what is to be committed. */
typedef void stage_fn(struct bench *bench, clv_txn *txn);

static void
stage_certificate(struct bench *bench, clv_txn *txn)
{
	clv_key *key = NULL;
	uint8_t *der;
	size_t size = 0;

	MUST(clv_application_key(bench->application, GROUP, TYPE, &key, &err));
	der = make_certificate(bench, key, &size);
	MUST(clv_txn_certificate(txn, GROUP, TYPE, der, size, NULL, 0, &err));
	clv_free(der);
	clv_key_free(&key);
}

static void
stage_peer(struct bench *bench, clv_txn *txn)
{
	size_t size = 0;
	uint8_t *der = make_certificate(bench, bench->other, &size);

	MUST(clv_txn_trust_add(
	    txn, GROUP, CLV_TRUST_TRUSTED_CERTIFICATES, der, size, &err));
	clv_free(der);
}

static void
stage_all(struct bench *bench, clv_txn *txn)
{
	size_t issuer_size = 0;
	uint8_t *issuer = make_certificate(bench, bench->other, &issuer_size);
	uint8_t *self_signed;
	uint8_t *der;
	clv_key *key = NULL;
	size_t size = 0;

	MUST(clv_txn_new_key(txn, GROUP, TYPE, CLV_EC_P256, &key, &err));
	self_signed = make_certificate(bench, key, &size);
	der = issue_again(
	    self_signed, size, bench->other, issuer, issuer_size, &size);
	MUST(clv_txn_certificate(
	    txn, GROUP, TYPE, der, size, issuer, issuer_size, &err));
	free(der);
	clv_free(self_signed);
	clv_free(issuer);
	clv_key_free(&key);
	stage_peer(bench, txn);
}

static const struct {
	const char *name;
	stage_fn *stage;
	size_t files; /* that change: those of the application, not our own */
} changes[] = {
    {"a slot's certificate", stage_certificate, 2},
    {"one trusted certificate", stage_peer, 1},
    {"key, certificate, chain and list", stage_all, 5},
};
#define CHANGES (sizeof(changes) / sizeof(changes[0]))

/* ---- measuring ---- */

static double
now_ms(clockid_t clock)
{
	return 1e3 * clock_seconds(clock);
}

struct figures {
	double commit_ms;
	double total_ms;
	double work_ms; /* of the processor, in total */
};

static struct figures
run_once(struct bench *bench, stage_fn *stage)
{
	const double start = now_ms(CLOCK_MONOTONIC);
	const double work = now_ms(CLOCK_PROCESS_CPUTIME_ID);
	struct figures figures;
	clv_txn *txn = NULL;
	double staged;

	MUST(clv_txn_open(bench->application, &txn, &err));
	stage(bench, txn);
	staged = now_ms(CLOCK_MONOTONIC);
	memset(&calls, 0, sizeof(calls));
	MUST(clv_txn_commit(txn, &err));
	figures.commit_ms = now_ms(CLOCK_MONOTONIC) - staged;
	figures.total_ms = now_ms(CLOCK_MONOTONIC) - start;
	figures.work_ms = now_ms(CLOCK_PROCESS_CPUTIME_ID) - work;
	clv_txn_free(&txn);
	return figures;
}

static struct figures
measure(struct bench *bench, size_t change, size_t count, size_t runs)
{
	static double commits[RUNS_MAX], totals[RUNS_MAX], works[RUNS_MAX];
	struct figures figures;

	for (size_t i = 0; i < runs; i++) {
		figures = run_once(bench, changes[change].stage);
		commits[i] = figures.commit_ms;
		totals[i] = figures.total_ms;
		works[i] = figures.work_ms;
	}
	figures = (struct figures){
	    median(commits, runs), median(totals, runs), median(works, runs)};
	(void)printf("%zu trusted, %s: commit %.2f ms, staging too %.2f ms, "
		     "processor %.2f ms; %zu renames, %zu fsync, %zu syncfs; "
		     "%.1f of these a changed file\n",
	    count, changes[change].name, figures.commit_ms, figures.total_ms,
	    figures.work_ms, calls.renames, calls.files, calls.whole,
	    (double)(calls.files + calls.whole) /
		(double)changes[change].files);
	return figures;
}

static void
run(const char *root, size_t count, size_t runs, struct figures *figures)
{
	struct bench bench;

	start(&bench, root, count);
	for (size_t i = 0; i < CHANGES; i++)
		figures[i] = measure(&bench, i, count, runs);
	stop(&bench);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
	    {"in", required_argument, NULL, 'i'},
	    {"runs", required_argument, NULL, 'r'}, {NULL, 0, NULL, 0}};
	struct figures figures[COUNTS_MAX][CHANGES];
	size_t counts[COUNTS_MAX] = {10, 100000};
	size_t number = 0;
	bool good = true;
	const char *root = "/tmp";
	size_t runs = 51;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == '?')
			return 2;
		if (option == 'i')
			root = optarg;
		else
			runs = strtoul(optarg, NULL, 10);
	}
	if (runs == 0 || runs > RUNS_MAX || argc - optind > COUNTS_MAX)
		return 2;
	for (; optind < argc; optind++)
		counts[number++] = strtoul(argv[optind], NULL, 10);
	number = number == 0 ? 2 : number;
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	for (size_t i = 0; i < number; i++)
		run(root, counts[i], runs, figures[i]);
	for (size_t i = 0; i < CHANGES; i++) {
		const struct figures *first = &figures[0][i];
		const struct figures *last = &figures[number - 1][i];

		(void)printf("%s: %zu against %zu: commit %.2f x, staging too "
			     "%.2f x, processor %.2f x\n",
		    changes[i].name, counts[number - 1], counts[0],
		    last->commit_ms / first->commit_ms,
		    last->total_ms / first->total_ms,
		    last->work_ms / first->work_ms);
		good = good && last->work_ms <= 2 * first->work_ms;
	}
	return good ? 0 : 1;
}
