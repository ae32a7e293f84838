/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* OpenSSL: an X509_STORE with all loaded, and one that looks into a folder. */

#include "bench_verify.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/x509_vfy.h>

#include "figures.h"

struct openssl {
	X509_STORE *store;
	unsigned long flags;
	char folder[64]; /* "" or what is to be removed */
	size_t files;
};

static X509 *
certificate_of(const struct bytes *bytes)
{
	const uint8_t *at = bytes->data;
	X509 *cert = d2i_X509(NULL, &at, (long)bytes->size);

	bench_must(cert != NULL);
	return cert;
}

static void
add(X509_STORE *store, const struct bytes *bytes)
{
	X509 *cert = certificate_of(bytes);

	bench_must(X509_STORE_add_cert(store, cert) == 1);
	X509_free(cert);
}

static struct openssl *
new_store(const struct bench_plant *plant)
{
	struct openssl *openssl = calloc(1, sizeof(*openssl));

	bench_must(openssl != NULL);
	openssl->store = X509_STORE_new();
	bench_must(openssl->store != NULL);
	if (plant->crl_size > 0)
		openssl->flags =
		    X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL;
	for (size_t i = 0; i < plant->crl_count; i++) {
		const uint8_t *at = plant->crls[i].data;
		X509_CRL *crl =
		    d2i_X509_CRL(NULL, &at, (long)plant->crls[i].size);

		bench_must(crl != NULL);
		bench_must(X509_STORE_add_crl(openssl->store, crl) == 1);
		X509_CRL_free(crl);
	}
	return openssl;
}

static void
close_store(void *state)
{
	struct openssl *openssl = state;

	X509_STORE_free(openssl->store);
	if (openssl->folder[0] != '\0') {
		char path[96];

		for (size_t i = 0; i < openssl->files; i++) {
			(void)snprintf(path, sizeof(path), "%s/%zu.pem",
			    openssl->folder, i);
			(void)unlink(path);
		}
		(void)snprintf(
		    path, sizeof(path), "rm -r '%s'", openssl->folder);
		bench_must(system(path) == 0);
	}
	free(openssl);
}

static bool
store_open(const struct bench_plant *plant, void **state)
{
	struct openssl *openssl;
	const double start = clock_seconds(CLOCK_MONOTONIC);

	/* It sorts all it has before each that is added: bench-trust-directory
	 * tells how long that takes. */
	if (plant->list_size > 10000)
		return false;
	openssl = new_store(plant);
	for (size_t i = 0; i < plant->list_size; i++) {
		add(openssl->store, &plant->listed[i]);
		if (clock_seconds(CLOCK_MONOTONIC) - start > bench_patience) {
			printf("  (X509_STORE: %zu of %zu certificates loaded "
			       "in %.0f s, given up)\n",
			    i + 1, plant->list_size, bench_patience);
			close_store(openssl);
			return false;
		}
	}
	for (size_t i = 0; plant->chain == 1 && i < BENCH_PEERS; i++)
		add(openssl->store, &plant->peers[i]);
	if (plant->chain == 3 && !plant->sent)
		add(openssl->store, &plant->middles[0]);
	*state = openssl;
	return true;
}

/* HASH.N, as c_rehash names them; DER, as OPC UA products have them. */
static void
write_file(struct openssl *openssl, const struct bytes *bytes)
{
	X509 *cert = certificate_of(bytes);
	const unsigned long hash = X509_subject_name_hash(cert);
	struct stat about;
	char path[128];
	FILE *file;

	for (unsigned n = 0;; n++) {
		(void)snprintf(path, sizeof(path), "%s/%08lx.%u",
		    openssl->folder, hash, n);
		if (stat(path, &about) != 0)
			break;
	}
	file = fopen(path, "wb");
	bench_must(file != NULL &&
	    fwrite(bytes->data, bytes->size, 1, file) == 1 &&
	    fclose(file) == 0);
	X509_free(cert);
}

static bool
folder_open(const struct bench_plant *plant, void **state)
{
	struct openssl *openssl;
	X509_LOOKUP *lookup;

	/* One file system call for each of a great many names. */
	if (plant->list_size > 10000)
		return false;
	openssl = new_store(plant);
	(void)strcpy(openssl->folder, "/tmp/bench-verify-XXXXXX");
	bench_must(mkdtemp(openssl->folder) != NULL);
	for (size_t i = 0; i < plant->list_size; i++)
		write_file(openssl, &plant->listed[i]);
	for (size_t i = 0; plant->chain == 1 && i < BENCH_PEERS; i++)
		write_file(openssl, &plant->peers[i]);
	if (plant->chain == 3 && !plant->sent)
		write_file(openssl, &plant->middles[0]);
	lookup = X509_STORE_add_lookup(openssl->store, X509_LOOKUP_hash_dir());
	bench_must(lookup != NULL &&
	    X509_LOOKUP_add_dir(lookup, openssl->folder, X509_FILETYPE_ASN1) ==
		1);
	*state = openssl;
	return true;
}

static bool
check(void *state, const struct bench_plant *plant, size_t peer)
{
	const struct openssl *openssl = state;
	X509 *cert = certificate_of(&plant->peers[peer]);
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	STACK_OF(X509) *sent = NULL;
	bool good;

	if (plant->sent) {
		sent = sk_X509_new_null();
		(void)sk_X509_push(sent, certificate_of(&plant->middles[peer]));
	}
	bench_must(context != NULL &&
	    X509_STORE_CTX_init(context, openssl->store, cert, sent) == 1);
	X509_STORE_CTX_set_time(context, openssl->flags, (time_t)FORGE_NOW);
	X509_VERIFY_PARAM_set_flags(
	    X509_STORE_CTX_get0_param(context), openssl->flags);
	good = X509_verify_cert(context) == 1;
	X509_STORE_CTX_free(context);
	sk_X509_pop_free(sent, X509_free);
	X509_free(cert);
	return good;
}

const struct bench_way bench_store = {
    .name = "X509_STORE",
    .open = store_open,
    .check = check,
    .close = close_store,
};

const struct bench_way bench_folder = {
    .name = "hash_dir",
    .open = folder_open,
    .check = check,
    .close = close_store,
};
