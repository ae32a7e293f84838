/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * What a TrustList directory costs: opening it cold against OpenSSL's
 * X509_STORE with the same files, memory, a check that finds nothing changed,
 * and adding one certificate. One line a figure:
 *
 *     bench-trust-directory [COUNT]...      default: 10 1000 10000 100000
 */

#include <claviger/trust.h>

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#define must(condition)                                                    \
	do {                                                               \
		if (!(condition)) {                                        \
			fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, \
			    #condition);                                   \
			exit(1);                                           \
		}                                                          \
	} while (0)

static double
now(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
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

/* Every file parsed and put into a store, as a program would that has no
 * hashed directory. */
/* X509_STORE keeps its objects sorted by moving them: 100,000 take most of an
 * hour. After `STORE_SECONDS` it is given up, and what is told is a bound. */
#define STORE_SECONDS 30

static double
load_store(const char *path, size_t *memory, size_t *loaded)
{
	X509_STORE *store = X509_STORE_new();
	const size_t before = heap();
	const double start = now();
	char name[512];
	DIR *entries;
	struct dirent *entry;
	double taken;

	(void)snprintf(name, sizeof(name), "%s/trusted/certs", path);
	entries = opendir(name);
	must(entries != NULL);
	*loaded = 0;
	while ((entry = readdir(entries)) != NULL &&
	    now() - start < STORE_SECONDS) {
		X509 *certificate;
		FILE *file;

		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(name, sizeof(name), "%s/trusted/certs/%s", path,
		    entry->d_name);
		file = fopen(name, "rb");
		must(file != NULL);
		certificate = d2i_X509_fp(file, NULL);
		must(certificate != NULL);
		must(X509_STORE_add_cert(store, certificate));
		X509_free(certificate);
		(void)fclose(file);
		++*loaded;
	}
	(void)closedir(entries);
	taken = now() - start;
	*memory = heap() - before;
	X509_STORE_free(store);
	return taken;
}

static double
open_list(const char *path, clv_trust **trust, size_t *memory)
{
	clv_trust_snapshot *snapshot = NULL;
	const size_t before = heap();
	const double start = now();
	double taken;

	must(clv_trust_open(path, NULL, trust, NULL) == CLV_OK);
	must(clv_trust_get_snapshot(*trust, &snapshot, NULL) == CLV_OK);
	taken = now() - start;
	*memory = heap() - before;
	clv_trust_snapshot_free(&snapshot);
	return taken;
}

static double
ask(clv_trust *trust, int rounds)
{
	const double start = now();

	for (int i = 0; i < rounds; i++) {
		clv_trust_snapshot *snapshot = NULL;

		must(clv_trust_get_snapshot(trust, &snapshot, NULL) == CLV_OK);
		clv_trust_snapshot_free(&snapshot);
	}
	return (now() - start) / rounds;
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
	start = now();
	(void)ask(trust, 1);
	OPENSSL_free(der);
	return now() - start;
}

static double
add_one(clv_trust *trust, size_t number)
{
	unsigned char *der;
	const int size = make_certificate(number, &der);
	const double start = now();

	must(clv_trust_add(trust, CLV_TRUST_TRUSTED_CERTIFICATES, der,
		 (size_t)size, NULL, NULL) == CLV_OK);
	OPENSSL_free(der);
	return now() - start;
}

static void
bench(size_t count)
{
	char base[] = "/tmp/clv-bench-XXXXXX";
	clv_trust *trust = NULL;
	char path[64];
	size_t memory = 0;
	size_t loaded = 0;
	double store;
	double ours;

	must(mkdtemp(base) != NULL);
	(void)snprintf(path, sizeof(path), "%s/pki", base);
	make_list(path, count);

	/* Once for the page cache, which both shall have. */
	(void)open_list(path, &trust, &memory);
	clv_trust_free(&trust);
	store = load_store(path, &memory, &loaded);
	figure(count, "X509_STORE, certificates loaded", (double)loaded, "");
	figure(count, "X509_STORE, load", store * 1e3, "ms");
	figure(count, "X509_STORE, memory each",
	    (double)memory / (double)loaded, "bytes");
	ours = open_list(path, &trust, &memory);
	figure(count, "TrustList, cold open", ours * 1e3, "ms");
	figure(count, "TrustList, memory each", (double)memory / (double)count,
	    "bytes");
	figure(count, "X509_STORE / TrustList, at least", store / ours, "x");
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
	(void)nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int
main(int argc, char **argv)
{
	static const size_t counts[] = {10, 1000, 10000, 100000};

	key = EVP_EC_gen("P-256");
	must(key != NULL);
	for (int i = 1; i < argc; i++)
		bench(strtoul(argv[i], NULL, 10));
	for (size_t i = 0; argc == 1 && i < sizeof(counts) / sizeof(counts[0]);
	     i++)
		bench(counts[i]);
	EVP_PKEY_free(key);
	return 0;
}
