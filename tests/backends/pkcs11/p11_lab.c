/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "p11_lab.h"

#include <dirent.h>
#include <dlfcn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

struct p11_lab lab;

void
p11_lab_run(const char *format, ...)
{
	char directives[1024];
	const char *problem;
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(directives, sizeof(directives), format, arguments);
	va_end(arguments);
	problem = lab.proxy->run(directives);
	if (problem != NULL)
		fail_msg("%s", problem);
}

static int
load_proxy(void)
{
	const struct p11_proxy_control *(*control)(void) = NULL;
	void *module = dlopen(lab.proxy_path, RTLD_NOW | RTLD_LOCAL);
	void *symbol = module != NULL ? dlsym(module, P11_PROXY_CONTROL) : NULL;

	if (symbol == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		return -1;
	}
	memcpy(&control, &symbol, sizeof(control));
	lab.proxy = control();
	return 0;
}

static const char *
state_directory(void)
{
	static char path[2 * LAB_PATH];

	(void)snprintf(path, sizeof(path), "%s/state", lab.dir);
	return path;
}

int
p11_lab_start(void **state)
{
	(void)state;
	memset(&lab, 0, sizeof(lab));
	(void)snprintf(
	    lab.proxy_path, sizeof(lab.proxy_path), "%s", P11_PROXY_PATH);
	if (lab_dir_make(lab.dir) != 0 ||
	    lab_softhsm_start(&lab.softhsm, lab.dir) != 0 || load_proxy() != 0)
		return -1;
	(void)mkdir(state_directory(), 0700);
	(void)setenv("XDG_STATE_HOME", state_directory(), 1);
	p11_lab_run("module %s", lab.softhsm.module);
	return 0;
}

int
p11_lab_stop(void **state)
{
	(void)state;
	lab_dir_remove(lab.dir);
	return 0;
}

static void
forget_attempts(void)
{
	char path[2 * LAB_PATH + 300];
	struct dirent *entry;
	DIR *directory;

	(void)snprintf(path, sizeof(path), "%s/claviger", state_directory());
	directory = opendir(path);
	while (directory != NULL && (entry = readdir(directory)) != NULL) {
		(void)snprintf(path, sizeof(path), "%s/claviger/%s",
		    state_directory(), entry->d_name);
		(void)unlink(path);
	}
	if (directory != NULL)
		(void)closedir(directory);
}

int
p11_lab_renew(void **state)
{
	(void)state;
	p11_lab_run("reset; insert; release; slot-offset 0");
	forget_attempts();
	memset(lab.answers, 0, sizeof(lab.answers));
	lab.answers[0] = LAB_PIN;
	lab.repeats = true;
	lab.asked = 0;
	lab.log[0] = '\0';
	return 0;
}

static clv_status
answer(void *user, const struct clv_ask_request *request, clv_secret *secret,
    clv_error **err)
{
	const unsigned turn = lab.asked++;
	const char *value = lab.answers[turn < 16 ? turn : 15];

	(void)user;
	lab.request = *request;
	for (unsigned i = turn < 16 ? turn : 15;
	     value == NULL && lab.repeats && i > 0; i--)
		value = lab.answers[i - 1];
	if (value == NULL)
		return CLV_CANCELLED;
	return clv_secret_set(secret, value, strlen(value), err);
}

static void
note(void *user, clv_log_level level, const char *line)
{
	const size_t used = strlen(lab.log);

	(void)user;
	(void)level;
	(void)snprintf(lab.log + used, sizeof(lab.log) - used, "%s\n", line);
}

const char *
p11_uri(const char *path, const char *query)
{
	static _Thread_local char room[8][1024];
	static _Thread_local unsigned turn;
	char *text = room[turn++ % 8];

	(void)snprintf(text, sizeof(room[0]),
	    "pkcs11:token=%s%s%s?module-path=%s%s%s", LAB_LABEL,
	    *path != '\0' ? ";" : "", path, lab.proxy_path,
	    *query != '\0' ? "&" : "", query);
	return text;
}

clv_context *
p11_context(void)
{
	clv_context *context = NULL;

	if (clv_context_new(&context, NULL) != CLV_OK)
		abort();
	clv_context_set_ask(context, answer, NULL);
	clv_context_set_log(context, CLV_LOG_NOTICE, note, NULL);
	return context;
}

clv_store *
p11_store(clv_context *context)
{
	clv_store *store = NULL;

	assert_ok(clv_store_open(context, p11_uri("", ""), &store, &err));
	return store;
}

clv_key *
p11_key(clv_context *context, clv_algorithm algorithm, const char *label)
{
	clv_key_options *options = NULL;
	clv_store *store = p11_store(context);
	clv_key *key = NULL;

	assert_ok(clv_key_options_new(&options, &err));
	assert_ok(clv_key_options_set_label(options, label, &err));
	assert_ok(clv_key_generate(store, algorithm, options, &key, &err));
	clv_key_options_free(&options);
	clv_store_free(&store);
	return key;
}

void
p11_key_delete(clv_key **key)
{
	clv_context *context = p11_context();

	assert_ok(clv_key_delete(context, clv_key_uri(*key), &err));
	clv_key_free(key);
	clv_context_free(&context);
}

static EVP_PKEY *
public_key(const clv_key *key)
{
	size_t size = 0;
	const unsigned char *der = clv_key_public(key, &size);

	return d2i_PUBKEY(NULL, &der, (long)size);
}

static bool
verifies(const clv_key *key, const struct clv_scheme_info *info,
    const void *message, size_t message_size, const uint8_t *signature,
    size_t size)
{
	uint8_t der[CLV_SIGNATURE_MAX];
	EVP_MD_CTX *verifier = EVP_MD_CTX_new();
	EVP_PKEY *public = public_key(key);
	EVP_PKEY_CTX *parameters = NULL;
	bool good;

	if (info->family == CLV_FAMILY_EC) {
		size_t der_size = sizeof(der);

		if (clv_ecdsa_to_der(signature, size, der, &der_size, NULL) !=
		    CLV_OK)
			abort();
		signature = der;
		size = der_size;
	}
	good = EVP_DigestVerifyInit_ex(verifier, &parameters,
		   clv_hash_name(info->hash), NULL, NULL, public, NULL) == 1;
	if (info->padding == CLV_PADDING_PSS)
		good = good &&
		    EVP_PKEY_CTX_set_rsa_padding(
			parameters, RSA_PKCS1_PSS_PADDING) == 1 &&
		    EVP_PKEY_CTX_set_rsa_pss_saltlen(
			parameters, RSA_PSS_SALTLEN_DIGEST) == 1;
	good = good &&
	    EVP_DigestVerify(
		verifier, signature, size, message, message_size) == 1;
	EVP_MD_CTX_free(verifier);
	EVP_PKEY_free(public);
	return good;
}

clv_status
lab_sign_scheme(clv_key *key, clv_scheme scheme, clv_error **err)
{
	static atomic_uint count;
	char message[32];
	uint8_t signature[CLV_SIGNATURE_MAX];
	size_t size = sizeof(signature);
	clv_status status;

	(void)snprintf(message, sizeof(message), "message %u",
	    atomic_fetch_add(&count, 1));
	status = clv_key_sign(
	    key, scheme, message, strlen(message), signature, &size, err);
	if (status == CLV_OK &&
	    !verifies(key, clv_scheme_describe(scheme), message,
		strlen(message), signature, size)) {
		fprintf(stderr, "WRONG SIGNATURE handed out\n");
		_exit(66);
	}
	return status;
}

clv_status
lab_sign(clv_key *key, clv_error **err)
{
	const clv_algorithm algorithm = clv_key_algorithm(key);

	return lab_sign_scheme(
	    key, clv_algorithm_describe(algorithm)->scheme, err);
}

static size_t
encrypt(const clv_key *key, const struct clv_scheme_info *info,
    const void *message, size_t message_size, uint8_t *out, size_t room)
{
	EVP_PKEY *public = public_key(key);
	EVP_PKEY_CTX *encryptor = EVP_PKEY_CTX_new(public, NULL);
	size_t size = room;
	bool good = EVP_PKEY_encrypt_init(encryptor) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(encryptor,
		info->padding == CLV_PADDING_OAEP ? RSA_PKCS1_OAEP_PADDING
						  : RSA_PKCS1_PADDING) == 1;

	if (info->padding == CLV_PADDING_OAEP)
		good = good &&
		    EVP_PKEY_CTX_set_rsa_oaep_md_name(
			encryptor, clv_hash_name(info->hash), NULL) == 1 &&
		    EVP_PKEY_CTX_set_rsa_mgf1_md_name(
			encryptor, clv_hash_name(info->hash), NULL) == 1;
	good = good &&
	    EVP_PKEY_encrypt(encryptor, out, &size, message, message_size) == 1;
	EVP_PKEY_CTX_free(encryptor);
	EVP_PKEY_free(public);
	return good ? size : 0;
}

clv_status
lab_decrypt(clv_key *key, clv_scheme scheme, clv_error **err)
{
	static const char message[] = "thirty-two bytes of a session key";
	uint8_t ciphertext[CLV_PLAINTEXT_MAX];
	uint8_t plaintext[CLV_PLAINTEXT_MAX];
	size_t size = sizeof(plaintext);
	const size_t sent = encrypt(key, clv_scheme_describe(scheme), message,
	    sizeof(message), ciphertext, sizeof(ciphertext));
	clv_status status;

	if (sent == 0)
		abort();
	status = clv_key_decrypt(
	    key, scheme, ciphertext, sent, plaintext, &size, err);
	if (status == CLV_OK &&
	    (size != sizeof(message) ||
		memcmp(plaintext, message, size) != 0)) {
		fprintf(stderr, "WRONG PLAINTEXT handed out\n");
		_exit(67);
	}
	return status;
}

clv_status
p11_open_and_sign(const char *query, clv_error **err)
{
	clv_context *context = p11_context();
	clv_key *key = NULL;
	clv_status status =
	    clv_key_open(context, p11_uri("object=ec", query), &key, err);

	if (status == CLV_OK)
		status = lab_sign(key, err);
	clv_key_free(&key);
	clv_context_free(&context);
	return status;
}

int
p11_lab_start_with_keys(void **state)
{
	int status = 1;
	pid_t child;

	if (p11_lab_start(state) != 0 || p11_lab_renew(state) != 0)
		return -1;
	child = fork();
	if (child == 0) {
		clv_context *context = p11_context();
		clv_key *key = p11_key(context, CLV_EC_P256, "ec");

		clv_key_free(&key);
		key = p11_key(context, CLV_RSA_2048, "rsa");
		clv_key_free(&key);
		clv_context_free(&context);
		_exit(0);
	}
	return child > 0 && waitpid(child, &status, 0) == child ? status : -1;
}

void
p11_write_pin(const char *pin, char *source)
{
	char path[LAB_PATH + 16];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/pin", lab.dir);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(pin, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0600), 0);
	(void)snprintf(source, LAB_PATH + 64, "pin-source=file:%s", path);
}

void
p11_lab_hash_quickly(void)
{
	static const char command[] =
	    "printf '\\001' | dd of=\"$(ls %s/state/claviger/*.pins)\" "
	    "bs=1 seek=25 conv=notrunc status=none";
	char line[LAB_PATH + sizeof(command)];
	const pid_t child = fork();
	int status = 1;

	assert_true(child >= 0);
	if (child == 0) {
		clv_error *err = NULL;

		lab.answers[0] = LAB_PIN;
		if (p11_open_and_sign("", &err) == CLV_OK)
			_exit(0);
		(void)fprintf(stderr, "%s\n", clv_error_message(err));
		_exit(1);
	}
	(void)waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	(void)snprintf(line, sizeof(line), command, lab.dir);
	assert_int_equal(system(line), 0);
}
