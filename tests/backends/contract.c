/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * claviger-backend-contract: tests whether a backend keeps the contract of
 * <claviger/backend.h>.
 *
 *     claviger-backend-contract [--module FILE] [--pin-source SRC]...
 *             [--alg ALG | --key KEY-URI]... [--try-wrong-secret]
 *             [--only TEXT] STORE-URI
 *
 * Keys are made in the store and deleted again, so use an empty one; with
 * --key, keys that are there are used and left as they are, as on a card that
 * is personalised elsewhere: what makes and deletes keys is not tested then.
 * With --module, FILE is a shared object with a function
 *
 *     const struct clv_backend *clv_backend_module(void);
 *
 * Without --alg, every algorithm that the store can generate is tested; with
 * it, those must work. --try-wrong-secret tries wrong passwords, which a
 * device may count.
 */

#include "contract.h"

#include <dlfcn.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#define SOURCES_MAX 8

bool
contract_fail(const char *file, int line, const char *format, ...)
{
	const char *slash = strrchr(file, '/');
	va_list arguments;

	printf("    %s:%d: ", slash != NULL ? slash + 1 : file, line);
	va_start(arguments, format);
	(void)vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
	return false;
}

static void
show_log(void *user, clv_log_level level, const char *line)
{
	(void)user;
	(void)level;
	printf("    log: %s\n", line);
}

clv_context *
contract_context(const struct lab *lab)
{
	clv_context *context = NULL;
	clv_error *err = NULL;
	clv_status status = clv_context_new(&context, &err);

	if (status == CLV_OK) {
		clv_context_set_log(context, CLV_LOG_ERROR, show_log, NULL);
		if (lab->module != NULL)
			status =
			    clv_context_add_backend(context, lab->module, &err);
	}
	for (size_t i = 0; status == CLV_OK && lab->sources[i] != NULL; i++)
		status = clv_context_add_secret_source(
		    context, lab->sources[i], &err);
	if (status == CLV_OK)
		return context;
	fprintf(
	    stderr, "claviger-backend-contract: %s\n", clv_error_message(err));
	exit(1);
}

clv_key *
contract_key(const struct lab *lab, clv_family family)
{
	for (size_t i = 0; i < lab->count; i++)
		if (clv_algorithm_describe(lab->algorithms[i])->family ==
		    family)
			return lab->keys[i];
	return NULL;
}

static EVP_PKEY *
public_key(clv_key *key)
{
	size_t size = 0;
	const unsigned char *der = clv_key_public(key, &size);

	return d2i_PUBKEY(NULL, &der, (long)size);
}

static bool
set_padding(EVP_PKEY_CTX *parameters, const struct clv_scheme_info *info)
{
	const char *hash = clv_hash_name(info->hash);

	if (info->padding == CLV_PADDING_PKCS1)
		return EVP_PKEY_CTX_set_rsa_padding(
			   parameters, RSA_PKCS1_PADDING) == 1;
	if (info->padding == CLV_PADDING_PSS)
		return EVP_PKEY_CTX_set_rsa_padding(
			   parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
		    EVP_PKEY_CTX_set_rsa_pss_saltlen(
			parameters, RSA_PSS_SALTLEN_DIGEST) == 1;
	if (info->padding == CLV_PADDING_OAEP)
		return EVP_PKEY_CTX_set_rsa_padding(
			   parameters, RSA_PKCS1_OAEP_PADDING) == 1 &&
		    EVP_PKEY_CTX_set_rsa_oaep_md_name(parameters, hash, NULL) ==
		    1 &&
		    EVP_PKEY_CTX_set_rsa_mgf1_md_name(parameters, hash, NULL) ==
		    1;
	return true;
}

bool
contract_verifies(clv_key *key, clv_scheme scheme, const void *message,
    size_t message_size, const uint8_t *signature, size_t size)
{
	const struct clv_scheme_info *info = clv_scheme_describe(scheme);
	uint8_t der[CLV_SIGNATURE_MAX];
	EVP_MD_CTX *verifier = EVP_MD_CTX_new();
	EVP_PKEY *pkey = public_key(key);
	EVP_PKEY_CTX *parameters = NULL;
	bool good;

	if (info->family == CLV_FAMILY_EC) {
		size_t der_size = sizeof(der);

		if (clv_ecdsa_to_der(signature, size, der, &der_size, NULL))
			size = 0;
		else
			size = der_size;
		signature = der;
	}
	good = verifier != NULL && pkey != NULL &&
	    EVP_DigestVerifyInit_ex(verifier, &parameters,
		clv_hash_name(info->hash), NULL, NULL, pkey, NULL) == 1 &&
	    set_padding(parameters, info) &&
	    EVP_DigestVerify(
		verifier, signature, size, message, message_size) == 1;
	EVP_MD_CTX_free(verifier);
	EVP_PKEY_free(pkey);
	return good;
}

bool
contract_encrypt(clv_key *key, clv_scheme scheme, const void *message,
    size_t message_size, uint8_t *out, size_t *size)
{
	EVP_PKEY *pkey = public_key(key);
	EVP_PKEY_CTX *encrypter = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
	const bool good = encrypter != NULL &&
	    EVP_PKEY_encrypt_init(encrypter) == 1 &&
	    set_padding(encrypter, clv_scheme_describe(scheme)) &&
	    EVP_PKEY_encrypt(encrypter, out, size, message, message_size) == 1;

	EVP_PKEY_CTX_free(encrypter);
	EVP_PKEY_free(pkey);
	return good;
}

bool
contract_listed(struct lab *lab, const char *uri, size_t *times, size_t *count)
{
	clv_key_list *list = NULL;

	require_ok(clv_key_list_get(lab->store, &list, &err));
	*times = 0;
	*count = clv_key_list_count(list);
	for (size_t i = 0; i < *count; i++) {
		const struct clv_key_entry *entry = clv_key_list_at(list, i);

		*times += strcmp(entry->uri, uri) == 0;
	}
	clv_key_list_free(&list);
	return true;
}

static const struct clv_backend *
load_module(const char *path)
{
	void *library = dlopen(path, RTLD_NOW);
	const struct clv_backend *(*get)(void) = NULL;

	if (library != NULL)
		*(void **)&get = dlsym(library, "clv_backend_module");
	if (get == NULL) {
		fprintf(stderr, "claviger-backend-contract: %s\n", dlerror());
		exit(1);
	}
	return get();
}

static void
usage(void)
{
	fprintf(stderr,
	    "usage: claviger-backend-contract [--module FILE] "
	    "[--pin-source SRC]...\n"
	    "        [--alg ALG | --key KEY-URI]... [--try-wrong-secret] "
	    "[--only TEXT]\n        STORE-URI\n");
	exit(2);
}

static void
add_algorithm(struct lab *lab, const char *name)
{
	const clv_algorithm algorithm = clv_algorithm_by_name(name);

	if (algorithm == CLV_ALGORITHM_NONE || lab->count == ALGORITHMS_MAX)
		usage();
	lab->algorithms[lab->count++] = algorithm;
}

static void
add_key(struct lab *lab, const char *uri)
{
	if (lab->key_count == ALGORITHMS_MAX)
		usage();
	lab->key_uris[lab->key_count++] = uri;
}

static void
read_options(int argc, char **argv, struct lab *lab, const char **sources)
{
	static const struct option options[] = {
	    {"module", required_argument, NULL, 'm'},
	    {"pin-source", required_argument, NULL, 'p'},
	    {"alg", required_argument, NULL, 'a'},
	    {"key", required_argument, NULL, 'k'},
	    {"only", required_argument, NULL, 'o'},
	    {"try-wrong-secret", no_argument, NULL, 'w'},
	    {NULL, 0, NULL, 0},
	};
	size_t count = 0;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'm')
			lab->module = load_module(optarg);
		else if (option == 'p' && count < SOURCES_MAX)
			sources[count++] = optarg;
		else if (option == 'a')
			add_algorithm(lab, optarg);
		else if (option == 'k')
			add_key(lab, optarg);
		else if (option == 'o')
			lab->only = optarg;
		else if (option == 'w')
			lab->wrong_secret = true;
		else
			usage();
	}
	if (optind != argc - 1 || (lab->count > 0 && lab->key_count > 0))
		usage();
	lab->store_uri = argv[optind];
}

/* One key of each kind. Kinds that were asked for must work; otherwise those
 * that the store calls unsupported are left out. */
static void
make_keys(struct lab *lab)
{
	const bool all = lab->count == 0;

	for (int i = CLV_RSA_2048; all && i <= CLV_ED448; i++)
		lab->algorithms[lab->count++] = (clv_algorithm)i;
	for (size_t i = 0; i < lab->count; i++) {
		clv_error *err = NULL;
		const clv_status status = clv_key_generate(
		    lab->store, lab->algorithms[i], NULL, &lab->keys[i], &err);

		if (status == CLV_UNSUPPORTED && all) {
			printf("no %s: %s\n",
			    clv_algorithm_describe(lab->algorithms[i])->name,
			    clv_error_message(err));
			lab->algorithms[i--] = lab->algorithms[--lab->count];
		} else if (status != CLV_OK) {
			fprintf(stderr, "claviger-backend-contract: %s: %s\n",
			    clv_algorithm_describe(lab->algorithms[i])->name,
			    clv_error_message(err));
			exit(1);
		}
		clv_error_free(&err);
	}
	for (size_t i = 0; i < lab->count; i++)
		printf("key %s\n", clv_key_uri(lab->keys[i]));
}

/* Those that are there; nothing is made, changed or deleted beside them. */
static void
open_keys(struct lab *lab)
{
	lab->capabilities &= ~(unsigned)(CLV_STORE_GENERATES |
	    CLV_STORE_IMPORTS | CLV_STORE_DELETES | CLV_STORE_CERTIFICATES);
	for (; lab->count < lab->key_count; lab->count++) {
		clv_error *err = NULL;
		clv_key **key = &lab->keys[lab->count];

		if (clv_key_open_in(lab->store, lab->key_uris[lab->count], key,
			&err) != CLV_OK) {
			fprintf(stderr, "claviger-backend-contract: %s\n",
			    clv_error_message(err));
			exit(1);
		}
		lab->algorithms[lab->count] = clv_key_algorithm(*key);
		printf("key %s\n", clv_key_uri(*key));
	}
}

static void
run_cases(struct lab *lab, const struct contract_case *cases, size_t *passed,
    size_t *failed)
{
	for (; cases->name != NULL; cases++) {
		bool good;

		if ((lab->capabilities & cases->needs) != cases->needs)
			continue;
		if (lab->only != NULL && strstr(cases->name, lab->only) == NULL)
			continue;
		good = cases->run(lab);
		printf("%s %s\n", good ? "ok  " : "FAIL", cases->name);
		(void)fflush(stdout);
		*(good ? passed : failed) += 1;
	}
}

int
main(int argc, char **argv)
{
	const char *sources[SOURCES_MAX + 1] = {NULL};
	struct lab lab = {.sources = sources};
	clv_error *err = NULL;
	size_t passed = 0;
	size_t failed = 0;

	read_options(argc, argv, &lab, sources);
	lab.context = contract_context(&lab);
	if (clv_store_open(lab.context, lab.store_uri, &lab.store, &err)) {
		fprintf(stderr, "claviger-backend-contract: %s\n",
		    clv_error_message(err));
		return 1;
	}
	lab.capabilities = clv_store_capabilities(lab.store);
	if (lab.key_count > 0)
		open_keys(&lab);
	else
		make_keys(&lab);
	run_cases(&lab, contract_make_cases, &passed, &failed);
	run_cases(&lab, contract_use_cases, &passed, &failed);
	run_cases(&lab, contract_decrypt_cases, &passed, &failed);
	run_cases(&lab, contract_share_cases, &passed, &failed);
	run_cases(&lab, contract_end_cases, &passed, &failed);
	for (size_t i = 0; i < lab.count; i++)
		clv_key_free(&lab.keys[i]);
	clv_store_free(&lab.store);
	clv_context_free(&lab.context);
	printf("contract: %zu passed, %zu failed\n", passed, failed);
	return failed == 0 && passed > 0 ? 0 : 1;
}
