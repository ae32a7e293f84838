/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* key sign, decrypt */

#include "commands.h"

#include <string.h>

#include <openssl/evp.h>

/* Where all of the input is needed at once: one secret. */
#define INPUT_MAX CLV_SECRET_MAX

enum { SCHEME = 1, RAW, IN, OUT };

struct use {
	const char *uri;
	clv_scheme scheme;
	const char *input;
	const char *output;
	bool raw;
};

static int
read_arguments(struct program *program, int argc, char **argv,
    const struct option *options, struct use *use)
{
	int option;

	while ((option = program_option(program, argc, argv, options)) != -1) {
		if (option == OPTION_HELP)
			return -1;
		if (option == '?')
			return EXIT_USAGE;
		if (option == SCHEME) {
			use->scheme = clv_scheme_by_name(optarg);
			if (use->scheme == CLV_SCHEME_NONE)
				return program_usage(
				    program, "unknown scheme \"%s\"", optarg);
		} else if (option == RAW) {
			use->raw = true;
		} else if (option == IN) {
			use->input = optarg;
		} else if (option == OUT) {
			use->output = optarg;
		}
	}
	if (optind != argc - 1)
		return program_usage(program, "one KEY-URI is needed");
	if (use->scheme == CLV_SCHEME_NONE)
		return program_usage(program, "--scheme is needed");
	use->uri = argv[optind];
	return EXIT_DONE;
}

/* The key first: a wrong password should not wait for standard input. */
static bool
open_key(struct program *program, const struct use *use, clv_key **key)
{
	clv_context *context = program_context(program);
	clv_error *err = NULL;

	if (context == NULL)
		return false;
	progress_start("opening the key");
	(void)clv_key_open(context, use->uri, key, &err);
	progress_stop();
	if (*key == NULL)
		(void)program_fail(&err);
	return *key != NULL;
}

/* ---- signing ---- */

static int
write_signature(const struct use *use, const uint8_t *signature, size_t size)
{
	uint8_t der[CLV_SIGNATURE_MAX];
	size_t der_size = sizeof(der);
	clv_error *err = NULL;

	if (clv_scheme_describe(use->scheme)->family == CLV_FAMILY_EC &&
	    !use->raw) {
		if (clv_ecdsa_to_der(signature, size, der, &der_size, &err))
			return program_fail(&err);
		signature = der;
		size = der_size;
	}
	return program_write(use->output, signature, size) ? EXIT_DONE
							   : EXIT_REFUSED;
}

/* EdDSA reads the message twice, so all of it has to be there. */
static int
sign_whole(const struct use *use, clv_key *key)
{
	uint8_t signature[CLV_SIGNATURE_MAX];
	size_t size = sizeof(signature);
	clv_secret message = CLV_SECRET_INIT;
	clv_error *err = NULL;
	int status = EXIT_REFUSED;

	if (program_read(use->input, INPUT_MAX, &message))
		status = clv_key_sign(key, use->scheme, message.data,
			     message.size, signature, &size, &err) == CLV_OK
		    ? write_signature(use, signature, size)
		    : program_fail(&err);
	clv_secret_clear(&message);
	return status;
}

static bool
hash_piece(void *user, const void *piece, size_t size)
{
	EVP_MD_CTX *hashing = user;

	if (EVP_DigestUpdate(hashing, piece, size) == 1)
		return true;
	(void)program_refuse(NULL, "OpenSSL can't hash the message");
	return false;
}

/* Any other scheme needs the hash only. */
static int
sign_hash(const struct use *use, clv_key *key, EVP_MD_CTX *hashing, size_t size)
{
	uint8_t signature[CLV_SIGNATURE_MAX];
	uint8_t digest[EVP_MAX_MD_SIZE];
	size_t signature_size = sizeof(signature);
	clv_error *err = NULL;

	if (!program_read_pieces(use->input, hash_piece, hashing))
		return EXIT_REFUSED;
	if (EVP_DigestFinal_ex(hashing, digest, NULL) != 1)
		return program_refuse(NULL, "OpenSSL can't hash the message");
	if (clv_key_sign_digest(key, use->scheme, digest, size, signature,
		&signature_size, &err))
		return program_fail(&err);
	return write_signature(use, signature, signature_size);
}

static int
sign(const struct use *use, clv_key *key)
{
	const clv_hash hash = clv_scheme_describe(use->scheme)->hash;
	EVP_MD_CTX *hashing;
	EVP_MD *kind;
	int status;

	if (hash == CLV_HASH_NONE)
		return sign_whole(use, key);
	kind = EVP_MD_fetch(NULL, clv_hash_name(hash), NULL);
	hashing = EVP_MD_CTX_new();
	if (kind != NULL && hashing != NULL &&
	    EVP_DigestInit_ex2(hashing, kind, NULL) == 1)
		status = sign_hash(use, key, hashing, clv_hash_size(hash));
	else
		status = program_refuse(NULL, "OpenSSL has no %s to hash with",
		    clv_hash_name(hash));
	EVP_MD_CTX_free(hashing);
	EVP_MD_free(kind);
	return status;
}

/* ---- decrypting ---- */

static int
decrypt_block(const struct use *use, clv_key *key, const clv_secret *ciphertext)
{
	uint8_t plaintext[CLV_PLAINTEXT_MAX];
	size_t size = sizeof(plaintext);
	clv_error *err = NULL;
	int status;

	if (clv_key_decrypt(key, use->scheme, ciphertext->data,
		ciphertext->size, plaintext, &size, &err))
		return program_fail(&err);
	status = program_write_private(use->output, plaintext, size)
	    ? EXIT_DONE
	    : EXIT_REFUSED;
	clv_wipe(plaintext, sizeof(plaintext));
	return status;
}

static int
decrypt(const struct use *use, clv_key *key)
{
	clv_secret ciphertext = CLV_SECRET_INIT;
	int status = EXIT_REFUSED;

	if (program_read(use->input, INPUT_MAX, &ciphertext))
		status = decrypt_block(use, key, &ciphertext);
	clv_secret_clear(&ciphertext);
	return status;
}

static int
use_key(struct program *program, int argc, char **argv,
    const struct option *options, int (*what)(const struct use *, clv_key *))
{
	struct use use = {0};
	clv_key *key = NULL;
	int status = read_arguments(program, argc, argv, options, &use);

	if (status != EXIT_DONE)
		return status == -1 ? EXIT_DONE : status;
	status = open_key(program, &use, &key) ? what(&use, key) : EXIT_REFUSED;
	clv_key_free(&key);
	return status;
}

int
cmd_key_sign(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {
	    {"scheme", required_argument, NULL, SCHEME},
	    {"raw", no_argument, NULL, RAW},
	    {"in", required_argument, NULL, IN},
	    {"out", required_argument, NULL, OUT}, PROGRAM_OPTIONS};

	return use_key(program, argc, argv, options, sign);
}

int
cmd_key_decrypt(struct program *program, int argc, char **argv)
{
	static const struct option options[] = {
	    {"scheme", required_argument, NULL, SCHEME},
	    {"in", required_argument, NULL, IN},
	    {"out", required_argument, NULL, OUT}, PROGRAM_OPTIONS};

	return use_key(program, argc, argv, options, decrypt);
}
