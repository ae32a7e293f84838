/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * The process whose memory is looked through: does all that can be done with
 * a private key, gives everything up, says so on stdout and waits until
 * stdin ends.
 *
 *     subject open|closed STORE-URI ALGORITHM PASSWORD-FILE
 *     subject control KEY-FILE PASSWORD-FILE
 *
 * "open" says so while the key is still open; "control" does it the usual
 * way, with PEM_read_PrivateKey().
 */

#include <claviger/key.h>
#include <claviger/openssl.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

static void
require(bool good, const char *what, clv_error *err)
{
	if (good)
		return;
	fprintf(stderr, "subject: %s: %s\n", what, clv_error_message(err));
	exit(1);
}

#define ok(call)                                       \
	do {                                           \
		clv_error *err = NULL;                 \
		const clv_status status = (call);      \
		require(status == CLV_OK, #call, err); \
	} while (0)

static void
say_and_wait(const char *text)
{
	char byte;

	printf("%s\n", text);
	(void)fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
}

static void
encrypt(const clv_key *key, int padding, const char *hash, uint8_t *out,
    size_t *size)
{
	size_t der_size = 0;
	const unsigned char *der = clv_key_public(key, &der_size);
	EVP_PKEY *pkey = d2i_PUBKEY(NULL, &der, (long)der_size);
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(pkey, NULL);

	require(EVP_PKEY_encrypt_init(context) == 1 &&
		EVP_PKEY_CTX_set_rsa_padding(context, padding) == 1 &&
		(hash == NULL ||
		    EVP_PKEY_CTX_set_rsa_oaep_md_name(context, hash, NULL) ==
			1) &&
		EVP_PKEY_encrypt(context, out, size,
		    (const unsigned char *)"message", 7) == 1,
	    "encrypt", NULL);
	EVP_PKEY_CTX_free(context);
	EVP_PKEY_free(pkey);
}

static void
decrypt(clv_key *key, clv_scheme scheme, int padding, const char *hash)
{
	uint8_t ciphertext[CLV_PLAINTEXT_MAX];
	uint8_t plaintext[CLV_PLAINTEXT_MAX];
	size_t size = sizeof(ciphertext);
	size_t plain_size = sizeof(plaintext);

	encrypt(key, padding, hash, ciphertext, &size);
	ok(clv_key_decrypt(
	    key, scheme, ciphertext, size, plaintext, &plain_size, &err));
	require(plain_size == 7, "decrypted", NULL);
}

static void
sign_all(clv_key *key)
{
	uint8_t signature[CLV_SIGNATURE_MAX];
	size_t size;

	for (int scheme = CLV_RSA_PKCS1_SHA1; scheme <= CLV_EDDSA_ED448;
	     scheme++) {
		size = sizeof(signature);
		if (clv_key_can(key, (clv_scheme)scheme) != CLV_PATH_NONE)
			ok(clv_key_sign(key, (clv_scheme)scheme, "m", 1,
			    signature, &size, &err));
	}
}

static void *
use_on_thread(void *key)
{
	sign_all(key);
	return NULL;
}

static void
sign_through_evp(clv_key *key)
{
	const struct clv_algorithm_info *info =
	    clv_algorithm_describe(clv_key_algorithm(key));
	EVP_MD_CTX *signer = EVP_MD_CTX_new();
	uint8_t signature[CLV_SIGNATURE_MAX];
	size_t size = sizeof(signature);
	EVP_PKEY *pkey = NULL;

	ok(clv_key_evp(key, &pkey, &err));
	require(EVP_DigestSignInit_ex(signer, NULL,
		    info->family == CLV_FAMILY_ED ? NULL : "SHA256", NULL, NULL,
		    pkey, NULL) == 1 &&
		EVP_DigestSign(signer, signature, &size,
		    (const unsigned char *)"m", 1) == 1,
	    "EVP_DigestSign", NULL);
	EVP_MD_CTX_free(signer);
	EVP_PKEY_free(pkey);
}

static void
use(clv_key *key)
{
	struct clv_probe_entry entries[CLV_PROBE_MAX];
	pthread_t thread;
	size_t count;

	sign_all(key);
	require(pthread_create(&thread, NULL, use_on_thread, key) == 0 &&
		pthread_join(thread, NULL) == 0,
	    "thread", NULL);
	if (clv_key_can(key, CLV_RSA_PKCS1) != CLV_PATH_NONE) {
		decrypt(key, CLV_RSA_PKCS1, RSA_PKCS1_PADDING, NULL);
		decrypt(key, CLV_RSA_OAEP_SHA1, RSA_PKCS1_OAEP_PADDING, "SHA1");
		decrypt(
		    key, CLV_RSA_OAEP_SHA256, RSA_PKCS1_OAEP_PADDING, "SHA256");
	}
	ok(clv_key_probe(key, entries, &count, &err));
	sign_through_evp(key);
}

/* Reads the file of a key, for an import, as a careful program would. */
static void
read_into(clv_secret *out, const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	ok(clv_secret_alloc(out, 16384, &err));
	got = fd >= 0 ? read(fd, out->data, out->capacity) : -1;
	require(got > 0, path, NULL);
	out->size = (size_t)got;
	(void)close(fd);
}

static void
import_again(clv_store *store, const char *uri)
{
	clv_secret file = CLV_SECRET_INIT;
	clv_key *key = NULL;

	read_into(&file, strchr(uri, ':') + 1);
	ok(clv_key_import(store, &file, NULL, &key, &err));
	clv_key_free(&key);
	clv_secret_clear(&file);
}

static void
work(const char *store_uri, const char *algorithm, const char *password,
    bool stay_open)
{
	clv_context *context = NULL;
	clv_store *store = NULL;
	clv_key_list *list = NULL;
	clv_key *key = NULL;
	char source[4096];
	char *uri;

	(void)snprintf(source, sizeof(source), "file:%s", password);
	ok(clv_context_new(&context, &err));
	ok(clv_context_add_secret_source(context, source, &err));
	ok(clv_store_open(context, store_uri, &store, &err));
	ok(clv_key_generate(
	    store, clv_algorithm_by_name(algorithm), NULL, &key, &err));
	use(key);
	uri = strdup(clv_key_uri(key));
	clv_key_free(&key);
	import_again(store, uri);
	if (clv_store_capabilities(store) & CLV_STORE_CHANGES_SECRET)
		ok(clv_key_change_secret(context, uri, &err));
	ok(clv_key_list_get(store, &list, &err));
	clv_key_list_free(&list);
	ok(clv_key_open(context, uri, &key, &err));
	use(key);
	if (stay_open)
		say_and_wait(strchr(uri, ':') + 1);
	clv_key_free(&key);
	clv_store_free(&store);
	clv_context_free(&context);
	if (!stay_open)
		say_and_wait(strchr(uri, ':') + 1);
	free(uri);
}

static int
give_password(char *buffer, int size, int writes, void *path)
{
	FILE *file = fopen(path, "re");
	const size_t got =
	    file != NULL ? fread(buffer, 1, (size_t)size, file) : 0;

	(void)writes;
	if (file != NULL)
		(void)fclose(file);
	return (int)got;
}

static void
work_the_usual_way(const char *path, char *password)
{
	FILE *file = fopen(path, "re");
	EVP_PKEY *pkey = file != NULL
	    ? PEM_read_PrivateKey(file, NULL, give_password, password)
	    : NULL;

	require(pkey != NULL, path, NULL);
	(void)fclose(file);
	EVP_PKEY_free(pkey);
	say_and_wait(path);
}

int
main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "control") == 0)
		work_the_usual_way(argv[2], argv[3]);
	else if (argc == 5)
		work(argv[2], argv[3], argv[4], strcmp(argv[1], "open") == 0);
	else
		return 2;
	return 0;
}
