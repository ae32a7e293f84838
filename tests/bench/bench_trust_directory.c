/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * What a TrustList directory costs: opening it cold against OpenSSL's
 * X509_STORE with the same files, memory, a check that finds nothing changed,
 * and adding one certificate, also in system calls. And what a trusted peer's
 * check costs while strangers fill the RejectedList. One line a figure:
 *
 *     bench-trust-directory [REJECTS [COUNT]...]
 *         default: 100000 10 1000 10000 100000; about three minutes
 *
 * It fails if adding one takes more system calls in the largest list than in
 * the smallest, or if the RejectedList outgrows its limits.
 */

#include <claviger/trust.h>

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "figures.h"

#define must(condition)                                                    \
	do {                                                               \
		if (!(condition)) {                                        \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, \
			    #condition);                                   \
			exit(1);                                           \
		}                                                          \
	} while (0)

/* Of this thread: others may keep the machine busy. */
static double
processor(void)
{
	return clock_seconds(CLOCK_THREAD_CPUTIME_ID);
}

/* ---- a list of certificates ---- */

static EVP_PKEY *key;

static void
add_extension(X509 *certificate, int nid, const char *text)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;

	X509V3_set_ctx_nodb(&context);
	X509V3_set_ctx(&context, certificate, certificate, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, text);
	must(extension != NULL && X509_add_ext(certificate, extension, -1));
	X509_EXTENSION_free(extension);
}

/* As an OPC UA server has it; all with the same key, to save time. */
static int
make_certificate(size_t number, unsigned char **der)
{
	X509 *certificate = X509_new();
	X509_NAME *name = X509_get_subject_name(certificate);
	char text[96];
	int size;

	must(certificate != NULL);
	must(X509_set_version(certificate, X509_VERSION_3));
	must(ASN1_INTEGER_set_uint64(
	    X509_get_serialNumber(certificate), number + 1));
	(void)snprintf(text, sizeof(text), "Server %zu", number);
	must(X509_NAME_add_entry_by_txt(name, "O", MBSTRING_UTF8,
	    (const unsigned char *)"Plant", -1, -1, 0));
	must(X509_NAME_add_entry_by_txt(
	    name, "CN", MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0));
	must(X509_set_issuer_name(certificate, name));
	must(X509_gmtime_adj(X509_getm_notBefore(certificate), -3600));
	must(X509_gmtime_adj(X509_getm_notAfter(certificate), 86400 * 365));
	must(X509_set_pubkey(certificate, key));
	add_extension(certificate, NID_basic_constraints, "CA:FALSE");
	add_extension(
	    certificate, NID_key_usage, "digitalSignature,keyCertSign");
	add_extension(certificate, NID_subject_key_identifier, "hash");
	(void)snprintf(text, sizeof(text),
	    "URI:urn:plant:server:%zu,DNS:server%zu.plant.example", number,
	    number);
	add_extension(certificate, NID_subject_alt_name, text);
	must(X509_sign(certificate, key, EVP_sha256()));
	*der = NULL;
	size = i2d_X509(certificate, der);
	must(size > 0);
	X509_free(certificate);
	return size;
}

static void
make_list(const char *path, size_t count)
{
	static const char *const parts[] = {"", "trusted", "trusted/certs",
	    "trusted/crl", "issuer", "issuer/certs", "issuer/crl", ".claviger",
	    "rejected", "rejected/certs"};
	char name[256];

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		(void)snprintf(name, sizeof(name), "%s/%s", path, parts[i]);
		must(mkdir(name, 0755) == 0);
	}
	for (size_t i = 0; i < count; i++) {
		unsigned char *der;
		const int size = make_certificate(i, &der);
		int fd;

		(void)snprintf(name, sizeof(name),
		    "%s/trusted/certs/Server %zu.der", path, i);
		fd = open(name, O_WRONLY | O_CREAT | O_EXCL, 0644);
		must(fd >= 0 && write(fd, der, (size_t)size) == size);
		(void)close(fd);
		OPENSSL_free(der);
	}
}

static int
remove_one(
    const char *path, const struct stat *about, int kind, struct FTW *where)
{
	(void)about;
	(void)kind;
	(void)where;
	return remove(path);
}

/* ---- figures ---- */

static void
figure(size_t count, const char *what, double value, const char *unit)
{
	(void)printf("%7zu  %-34s %12.3f %s\n", count, what, value, unit);
	(void)fflush(stdout);
}

static size_t
heap(void)
{
	return mallinfo2().uordblks + mallinfo2().hblkhd;
}

/*
 * OpenSSL's X509_STORE looks, before it adds a certificate, whether it has it,
 * and sorts all it has for that: loading takes time that grows with the
 * square, whether the files come one by one or as one bundle. After
 * `STORE_SECONDS` it is given up, and what is told is a bound.
 */
#define STORE_SECONDS 30

struct store_load {
	double seconds; /* in the store */
	double parsing; /* of it, only until there is an X509 */
	size_t loaded;
	size_t memory;
};

static X509 *
read_certificate(const char *path, const char *name)
{
	X509 *certificate;
	char whole[512];
	FILE *file;

	(void)snprintf(whole, sizeof(whole), "%s/trusted/certs/%s", path, name);
	file = fopen(whole, "rb");
	must(file != NULL);
	certificate = d2i_X509_fp(file, NULL);
	must(certificate != NULL);
	(void)fclose(file);
	return certificate;
}

static DIR *
open_certificates(const char *path)
{
	char name[512];
	DIR *entries;

	(void)snprintf(name, sizeof(name), "%s/trusted/certs", path);
	entries = opendir(name);
	must(entries != NULL);
	return entries;
}

static struct store_load
load_store(const char *path)
{
	struct store_load load = {0};
	X509_STORE *store = X509_STORE_new();
	DIR *entries = open_certificates(path);
	const size_t before = heap();
	const double start = clock_seconds(CLOCK_MONOTONIC);
	struct dirent *entry;

	while ((entry = readdir(entries)) != NULL &&
	    clock_seconds(CLOCK_MONOTONIC) - start < STORE_SECONDS) {
		const double begin = clock_seconds(CLOCK_MONOTONIC);
		X509 *certificate;

		if (entry->d_name[0] == '.')
			continue;
		certificate = read_certificate(path, entry->d_name);
		load.parsing += clock_seconds(CLOCK_MONOTONIC) - begin;
		must(X509_STORE_add_cert(store, certificate));
		X509_free(certificate);
		load.loaded++;
	}
	(void)closedir(entries);
	load.seconds = clock_seconds(CLOCK_MONOTONIC) - start;
	load.memory = heap() - before;
	X509_STORE_free(store);
	return load;
}

/* The same as one bundle in PEM. */
static double
load_bundle(const char *path, size_t most)
{
	X509_STORE *store = X509_STORE_new();
	DIR *entries = open_certificates(path);
	struct dirent *entry;
	char name[512];
	double start;
	FILE *file;

	(void)snprintf(name, sizeof(name), "%s/bundle", path);
	file = fopen(name, "w");
	must(file != NULL);
	while (most > 0 && (entry = readdir(entries)) != NULL) {
		X509 *certificate;

		if (entry->d_name[0] == '.')
			continue;
		certificate = read_certificate(path, entry->d_name);
		must(PEM_write_X509(file, certificate));
		X509_free(certificate);
		most--;
	}
	(void)closedir(entries);
	must(fclose(file) == 0);
	start = clock_seconds(CLOCK_MONOTONIC);
	must(X509_STORE_load_file(store, name));
	X509_STORE_free(store);
	start = clock_seconds(CLOCK_MONOTONIC) - start;
	must(remove(name) == 0);
	return start;
}

static double
open_list(const char *path, clv_trust **trust, size_t *memory)
{
	clv_trust_snapshot *snapshot = NULL;
	const size_t before = heap();
	const double start = clock_seconds(CLOCK_MONOTONIC);
	double taken;

	must(clv_trust_open(path, NULL, trust, NULL) == CLV_OK);
	must(clv_trust_get_snapshot(*trust, &snapshot, NULL) == CLV_OK);
	taken = clock_seconds(CLOCK_MONOTONIC) - start;
	*memory = heap() - before;
	clv_trust_snapshot_free(&snapshot);
	return taken;
}

static double
ask(clv_trust *trust, int rounds)
{
	const double start = processor();

	for (int i = 0; i < rounds; i++) {
		clv_trust_snapshot *snapshot = NULL;

		must(clv_trust_get_snapshot(trust, &snapshot, NULL) == CLV_OK);
		clv_trust_snapshot_free(&snapshot);
	}
	return (processor() - start) / rounds;
}

/* The check after somebody else has dropped a file in. */
static double
notice_one(const char *path, clv_trust *trust, size_t number)
{
	unsigned char *der;
	const int size = make_certificate(number, &der);
	char from[512];
	char to[512];
	double start;
	int fd;

	(void)snprintf(from, sizeof(from), "%s/new", path);
	(void)snprintf(
	    to, sizeof(to), "%s/trusted/certs/new %zu.der", path, number);
	fd = open(from, O_WRONLY | O_CREAT | O_EXCL, 0644);
	must(fd >= 0 && write(fd, der, (size_t)size) == size);
	(void)close(fd);
	(void)ask(trust, 1);
	must(rename(from, to) == 0);
	start = clock_seconds(CLOCK_MONOTONIC);
	(void)ask(trust, 1);
	OPENSSL_free(der);
	return clock_seconds(CLOCK_MONOTONIC) - start;
}

static double
add_one(clv_trust *trust, size_t number)
{
	unsigned char *der;
	const int size = make_certificate(number, &der);
	const double start = clock_seconds(CLOCK_MONOTONIC);

	must(clv_trust_add(trust, CLV_TRUST_TRUSTED_CERTIFICATES, der,
		 (size_t)size, NULL, NULL) == CLV_OK);
	OPENSSL_free(der);
	return clock_seconds(CLOCK_MONOTONIC) - start;
}

/* ---- system calls ---- */

/* Runs until the child stops itself, or ends; counts its system calls. */
static size_t
run_to_stop(pid_t child, enum __ptrace_request how)
{
	size_t stops = 0;
	int status = 0;

	for (;;) {
		must(ptrace(how, child, NULL, NULL) == 0);
		must(waitpid(child, &status, 0) == child);
		if (!WIFSTOPPED(status) || WSTOPSIG(status) == SIGSTOP)
			break;
		must(WSTOPSIG(status) == SIGTRAP);
		stops++;
	}
	/* One before each and one behind; a stop is one more. */
	return stops / 2;
}

static size_t
count_adding(const char *path, size_t number)
{
	const pid_t child = fork();
	size_t calls;
	int status;

	must(child >= 0);
	if (child == 0) {
		clv_trust *trust = NULL;
		size_t memory;

		must(ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0);
		must(raise(SIGSTOP) == 0);
		(void)open_list(path, &trust, &memory);
		must(raise(SIGSTOP) == 0);
		(void)add_one(trust, number);
		must(raise(SIGSTOP) == 0);
		_exit(0);
	}
	must(waitpid(child, &status, 0) == child && WIFSTOPPED(status));
	(void)run_to_stop(child, PTRACE_CONT);
	calls = run_to_stop(child, PTRACE_SYSCALL);
	must(ptrace(PTRACE_CONT, child, NULL, NULL) == 0);
	must(waitpid(child, &status, 0) == child && WIFEXITED(status) &&
	    WEXITSTATUS(status) == 0);
	return calls;
}

/* ---- the whole of a list ---- */

static void
bench_store(size_t count, const char *path, double ours)
{
	const struct store_load load = load_store(path);
	const double part = (double)load.loaded / (double)count;
	const double all = load.seconds / (part * part);

	figure(
	    count, "X509_STORE, certificates loaded", (double)load.loaded, "");
	figure(count, "X509_STORE, load", load.seconds * 1e3, "ms");
	figure(count, "  of it reading and parsing", load.parsing * 1e3, "ms");
	figure(count, "  as one PEM bundle",
	    load_bundle(path, load.loaded) * 1e3, "ms");
	figure(count, "X509_STORE, memory each",
	    (double)load.memory / (double)load.loaded, "bytes");
	figure(count, "X509_STORE / TrustList, at least", load.seconds / ours,
	    "x");
	if (load.loaded < count)
		figure(count, "X509_STORE / TrustList, if it went on",
		    all / ours, "x");
}

static size_t
bench(size_t count)
{
	char base[] = "/tmp/clv-bench-XXXXXX";
	clv_trust *trust = NULL;
	char path[64];
	size_t memory = 0;
	size_t calls;
	double ours;

	must(mkdtemp(base) != NULL);
	(void)snprintf(path, sizeof(path), "%s/pki", base);
	make_list(path, count);

	/* Once for the page cache, which both shall have. */
	(void)open_list(path, &trust, &memory);
	clv_trust_free(&trust);
	ours = open_list(path, &trust, &memory);
	figure(count, "TrustList, cold open", ours * 1e3, "ms");
	figure(count, "TrustList, memory each", (double)memory / (double)count,
	    "bytes");
	bench_store(count, path, ours);
	figure(count, "unchanged, a check", ask(trust, 1000000) * 1e9, "ns");
	figure(count, "a file dropped in, next check",
	    notice_one(path, trust, count) * 1e6, "us");
	figure(count, "a file dropped in, next check",
	    notice_one(path, trust, count + 1) * 1e6, "us");
	figure(
	    count, "add one, list read", add_one(trust, count + 2) * 1e3, "ms");
	clv_trust_free(&trust);
	must(clv_trust_open(path, NULL, &trust, NULL) == CLV_OK);
	figure(count, "add one, list not read", add_one(trust, count + 3) * 1e3,
	    "ms");
	clv_trust_free(&trust);
	/* Now and then the path is judged anew meanwhile: the least counts. */
	calls = SIZE_MAX;
	for (size_t i = 4; i < 7; i++) {
		const size_t counted = count_adding(path, count + i);

		calls = counted < calls ? counted : calls;
	}
	figure(count, "add one, list read", (double)calls, "system calls");
	(void)nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return calls;
}

/* ---- strangers ---- */

#define BATCH 64

static double
check_peer(clv_trust *trust, const unsigned char *der, size_t size,
    const clv_verify_options *options)
{
	const double start = processor();

	for (int i = 0; i < BATCH; i++)
		must(clv_trust_verify(trust, der, size, options, NULL, NULL) ==
		    CLV_OK);
	return (processor() - start) / BATCH;
}

static void
check_limits(const char *path, size_t rejects)
{
	size_t count = 0, bytes = 0;
	struct dirent *entry;
	struct stat about;
	char name[512];
	DIR *entries;

	(void)snprintf(name, sizeof(name), "%s/rejected/certs", path);
	entries = opendir(name);
	must(entries != NULL);
	while ((entry = readdir(entries)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		must(fstatat(dirfd(entries), entry->d_name, &about, 0) == 0);
		bytes += (size_t)about.st_size;
		count++;
	}
	(void)closedir(entries);
	figure(rejects, "certificates kept of strangers", (double)count, "");
	must(count > 0 && count <= 128 && bytes <= (size_t)1 << 20);
	must(rejects < 128 || count == 128);
}

/* Each turn: some strangers, then the peer; or only the peer. The median of
 * the turns counts, so that a busy machine is busy for both. */
static void
bench_strangers(size_t rejects)
{
	const size_t each = 8, turns = rejects / each;
	double *alone = calloc(turns, sizeof(double));
	double *among = calloc(turns, sizeof(double));
	double before, after;
	char base[] = "/tmp/clv-bench-XXXXXX";
	clv_verify_options *options = NULL;
	clv_trust *trust = NULL;
	unsigned char *peer;
	char path[64];
	int size;

	must(mkdtemp(base) != NULL && alone != NULL && among != NULL);
	(void)snprintf(path, sizeof(path), "%s/pki", base);
	make_list(path, 10);
	must(clv_verify_options_new(&options, NULL) == CLV_OK);
	must(clv_trust_open(path, NULL, &trust, NULL) == CLV_OK);
	size = make_certificate(3, &peer);
	must(clv_trust_add(trust, CLV_TRUST_TRUSTED_CERTIFICATES, peer,
		 (size_t)size, NULL, NULL) == CLV_OK);
	for (size_t turn = 0; turn < turns; turn++) {
		alone[turn] = check_peer(trust, peer, (size_t)size, options);
		for (size_t i = 0; i < each; i++) {
			unsigned char *der;
			const int length =
			    make_certificate(1000000 + turn * each + i, &der);

			must(clv_trust_verify(trust, der, (size_t)length,
				 options, NULL, NULL) == CLV_UNTRUSTED);
			OPENSSL_free(der);
		}
		among[turn] = check_peer(trust, peer, (size_t)size, options);
	}
	before = median(alone, turns);
	after = median(among, turns);
	figure(rejects, "a trusted peer's check, before strangers",
	    before * 1e6, "us");
	figure(
	    rejects, "a trusted peer's check, after them", after * 1e6, "us");
	figure(rejects, "after / before", after / before, "x");
	clv_trust_flush_rejected(trust);
	check_limits(path, turns * each);
	OPENSSL_free(peer);
	clv_trust_free(&trust);
	clv_verify_options_free(&options);
	(void)nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(alone);
	free(among);
}

int
main(int argc, char **argv)
{
	static const size_t counts[] = {10, 1000, 10000, 100000};
	const size_t rejects = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
	const size_t lists =
	    argc > 2 ? (size_t)argc - 2 : sizeof(counts) / sizeof(counts[0]);
	size_t first = 0, last = 0;

	if (rejects < 8) {
		(void)fprintf(stderr,
		    "usage: bench-trust-directory [REJECTS [COUNT]...]\n");
		return 2;
	}
	key = EVP_EC_gen("P-256");
	must(key != NULL);
	for (size_t i = 0; i < lists; i++) {
		last = bench(
		    argc > 2 ? strtoul(argv[i + 2], NULL, 10) : counts[i]);
		first = i == 0 ? last : first;
	}
	bench_strangers(rejects);
	EVP_PKEY_free(key);
	/* Had each certificate cost one, it would be far more. */
	must(last <= first + 50);
	return 0;
}
