/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <tss2/tss2_tcti.h>
#include <tss2/tss2_tctildr.h>

#include <claviger/ask.h>

static const uint8_t message[] = "what is to be signed or hidden";

static clv_status
answer_question(void *user, const struct clv_ask_request *request,
    clv_secret *answer, clv_error **err)
{
	struct tpm_lab *lab = user;
	const char *text = lab->auth;

	if (request->purpose == CLV_ASK_NEW_KEY_AUTH)
		text = lab->new_auth != NULL ? lab->new_auth : "";
	else if (request->purpose == CLV_ASK_OWNER_AUTH)
		text = lab->owner_auth;
	lab->asked++;
	lab->tries_left = request->tries_left;
	lab->flags = request->flags;
	if (text == NULL || request->attempt > 1)
		return CLV_CANCELLED;
	return clv_secret_set(answer, text, strlen(text), err);
}

static void
keep_line(void *user, clv_log_level level, const char *line)
{
	struct tpm_lab *lab = user;
	const size_t size = strlen(lab->log);

	(void)level;
	(void)snprintf(lab->log + size, sizeof(lab->log) - size, "%s\n", line);
}

clv_context *
tpm_lab_context(struct tpm_lab *lab)
{
	clv_context *context = NULL;

	assert_ok(clv_context_new(&context, &err));
	clv_context_set_ask(context, answer_question, lab);
	clv_context_set_log(context, CLV_LOG_NOTICE, keep_line, lab);
	return context;
}

static void
open_lab(struct tpm_lab *lab)
{
	lab->context = tpm_lab_context(lab);
	assert_ok(
	    clv_store_open(lab->context, lab->store_uri, &lab->store, &err));
}

void
tpm_lab_close(struct tpm_lab *lab)
{
	clv_store_free(&lab->store);
	clv_context_free(&lab->context);
}

void
tpm_lab_reopen(struct tpm_lab *lab)
{
	tpm_lab_close(lab);
	open_lab(lab);
}

int
tpm_lab_setup(void **state)
{
	struct tpm_lab *lab = calloc(1, sizeof(*lab));
	char tcti[LAB_PATH + 80];

	if (lab == NULL || swtpm_lab_start(&lab->swtpm) != 0)
		return -1;
	(void)snprintf(tcti, sizeof(tcti), "fault:%s", lab->swtpm.tcti);
	(void)setenv("CLAVIGER_TCTI", tcti, 1);
	(void)snprintf(
	    lab->store_uri, sizeof(lab->store_uri), "tpm2:%s", lab->swtpm.keys);
	fault_tcti_reset();
	open_lab(lab);
	*state = lab;
	return 0;
}

int
tpm_lab_teardown(void **state)
{
	struct tpm_lab *lab = *state;
	unsigned left;

	fault_tcti_reset();
	tpm_lab_close(lab);
	left = lab->swtpm.pid > 0 ? tpm_lab_left(lab) : 0;
	swtpm_lab_stop(&lab->swtpm);
	free(lab);
	if (left != 0)
		(void)fprintf(stderr, "%u handles are left\n", left);
	return left == 0 ? 0 : -1;
}

clv_key *
tpm_lab_key(struct tpm_lab *lab, clv_algorithm algorithm, const char *label)
{
	clv_key_options *options = NULL;
	clv_key *key = NULL;

	assert_ok(clv_key_options_new(&options, &err));
	assert_ok(clv_key_options_set_label(options, label, &err));
	assert_ok(clv_key_generate(lab->store, algorithm, options, &key, &err));
	clv_key_options_free(&options);
	lab->auth = lab->new_auth;
	return key;
}

char *
tpm_lab_key_uri(struct tpm_lab *lab, clv_algorithm algorithm, const char *label)
{
	clv_key *key = tpm_lab_key(lab, algorithm, label);
	char *uri = strdup(clv_key_uri(key));

	clv_key_free(&key);
	assert_non_null(uri);
	return uri;
}

clv_key *
tpm_lab_open_key(struct tpm_lab *lab, const char *uri)
{
	clv_key *key = NULL;

	lab->context = tpm_lab_context(lab);
	assert_ok(clv_key_open(lab->context, uri, &key, &err));
	return key;
}

/* ---- using keys ---- */

static EVP_PKEY *
public_key(clv_key *key)
{
	size_t size = 0;
	const unsigned char *der = clv_key_public(key, &size);

	return d2i_PUBKEY(NULL, &der, (long)size);
}

static bool
verifies(clv_key *key, clv_scheme scheme, const uint8_t *signature,
    size_t signature_size)
{
	uint8_t der[CLV_SIGNATURE_MAX];
	size_t der_size = sizeof(der);
	EVP_MD_CTX *verifier = EVP_MD_CTX_new();
	EVP_PKEY *public = public_key(key);
	bool good;

	if (clv_scheme_describe(scheme)->family == CLV_FAMILY_EC) {
		assert_ok(clv_ecdsa_to_der(
		    signature, signature_size, der, &der_size, &err));
		signature = der;
		signature_size = der_size;
	}
	good = EVP_DigestVerifyInit_ex(verifier, NULL,
		   clv_hash_name(clv_scheme_describe(scheme)->hash), NULL, NULL,
		   public, NULL) == 1 &&
	    EVP_DigestVerify(verifier, signature, signature_size, message,
		sizeof(message)) == 1;
	EVP_MD_CTX_free(verifier);
	EVP_PKEY_free(public);
	return good;
}

clv_status
tpm_lab_sign(clv_key *key, clv_error **err)
{
	const clv_scheme scheme =
	    clv_algorithm_describe(clv_key_algorithm(key))->scheme;
	uint8_t signature[CLV_SIGNATURE_MAX];
	size_t size = sizeof(signature);
	const clv_status status = clv_key_sign(
	    key, scheme, message, sizeof(message), signature, &size, err);

	if (status == CLV_OK)
		assert_true(verifies(key, scheme, signature, size));
	return status;
}

clv_status
tpm_lab_sign_once(struct tpm_lab *lab, const char *uri, clv_error **err)
{
	clv_key *key = NULL;
	clv_status status = clv_key_open(lab->context, uri, &key, err);

	if (status == CLV_OK)
		status = tpm_lab_sign(key, err);
	clv_key_free(&key);
	return status;
}

size_t
tpm_lab_encrypt(clv_key *key, int padding, const uint8_t *text,
    size_t text_size, uint8_t *ciphertext, size_t room)
{
	EVP_PKEY *public = public_key(key);
	EVP_PKEY_CTX *seal = EVP_PKEY_CTX_new_from_pkey(NULL, public, NULL);

	assert_int_equal(EVP_PKEY_encrypt_init(seal), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(seal, padding), 1);
	if (padding == RSA_PKCS1_OAEP_PADDING)
		assert_int_equal(
		    EVP_PKEY_CTX_set_rsa_oaep_md_name(seal, "SHA256", NULL), 1);
	assert_int_equal(
	    EVP_PKEY_encrypt(seal, ciphertext, &room, text, text_size), 1);
	EVP_PKEY_CTX_free(seal);
	EVP_PKEY_free(public);
	return room;
}

clv_status
tpm_lab_decrypt(clv_key *key, clv_error **err)
{
	uint8_t ciphertext[CLV_SIGNATURE_MAX], plaintext[CLV_PLAINTEXT_MAX];
	const size_t ciphertext_size =
	    tpm_lab_encrypt(key, RSA_PKCS1_OAEP_PADDING, message,
		sizeof(message), ciphertext, sizeof(ciphertext));
	size_t size = sizeof(plaintext);
	clv_status status;

	status = clv_key_decrypt(key, CLV_RSA_OAEP_SHA256, ciphertext,
	    ciphertext_size, plaintext, &size, err);
	if (status == CLV_OK) {
		assert_int_equal(size, sizeof(message));
		assert_memory_equal(plaintext, message, size);
	}
	return status;
}

EVP_PKEY *
tpm_lab_foreign_key(clv_secret *pem)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	BIO *memory = BIO_new(BIO_s_mem());
	char *bytes = NULL;
	long size;

	assert_int_equal(PEM_write_bio_PKCS8PrivateKey(
			     memory, key, NULL, NULL, 0, NULL, NULL),
	    1);
	size = BIO_get_mem_data(memory, &bytes);
	assert_ok(clv_secret_set(pem, bytes, (size_t)size, &err));
	BIO_free(memory);
	return key;
}

/* ---- the TPM from outside ---- */

void
tpm_lab_run(const struct tpm_lab *lab, const char *const *arguments)
{
	char output[4096] = "";

	if (swtpm_lab_run(&lab->swtpm, arguments, output, sizeof(output)) != 0)
		fail_msg("%s failed: %s", arguments[0], output);
}

void
tpm_lab_flush(const struct tpm_lab *lab, const char *what)
{
	tpm_lab_run(
	    lab, (const char *const[]){"tpm2_flushcontext", what, NULL});
}

/* Where tpm2_createprimary leaves it. */
static void
primary_path(const struct tpm_lab *lab, char *path, size_t room)
{
	(void)snprintf(path, room, "%s/primary.ctx", lab->swtpm.dir);
}

void
tpm_lab_make_primary(
    const struct tpm_lab *lab, const char *owner_auth, const char *attributes)
{
	char path[LAB_PATH + 16];

	primary_path(lab, path, sizeof(path));
	tpm_lab_run(lab,
	    (const char *const[]){"tpm2_createprimary", "-Q", "-C", "o", "-P",
		owner_auth, "-G", "ecc", "-a", attributes, "-c", path, NULL});
}

void
tpm_lab_keep_storage_key(const struct tpm_lab *lab, const char *owner_auth)
{
	char path[LAB_PATH + 16];

	tpm_lab_make_primary(lab, owner_auth, TPM_LAB_STORAGE_KEY);
	primary_path(lab, path, sizeof(path));
	tpm_lab_run(lab,
	    (const char *const[]){"tpm2_evictcontrol", "-Q", "-C", "o", "-P",
		owner_auth, "-c", path, "0x81000001", NULL});
	tpm_lab_flush(lab, "-t");
}

/* TPM2_GetCapability(TPM2_CAP_HANDLES), past the library and the faults. */
static unsigned
count_handles(TSS2_TCTI_CONTEXT *tcti, uint8_t kind)
{
	const uint8_t command[] = {0x80, 0x01, 0, 0, 0, 22, 0, 0, 0x01, 0x7a, 0,
	    0, 0, 1, kind, 0, 0, 0, 0, 0, 0, 64};
	uint8_t answer[4096] = {0};
	size_t size = sizeof(answer);

	assert_int_equal(Tss2_Tcti_Transmit(tcti, sizeof(command), command), 0);
	assert_int_equal(
	    Tss2_Tcti_Receive(tcti, &size, answer, TSS2_TCTI_TIMEOUT_BLOCK), 0);
	assert_true(size >= 19 && answer[9] == 0);
	return answer[18];
}

unsigned
tpm_lab_left(const struct tpm_lab *lab)
{
	TSS2_TCTI_CONTEXT *tcti = NULL;
	unsigned count = 0;

	assert_int_equal(Tss2_TctiLdr_Initialize(lab->swtpm.tcti, &tcti), 0);
	count += count_handles(tcti, TPM2_HT_TRANSIENT);
	count += count_handles(tcti, TPM2_HT_LOADED_SESSION);
	count += count_handles(tcti, TPM2_HT_SAVED_SESSION);
	Tss2_TctiLdr_Finalize(&tcti);
	return count;
}

char *
tpm_lab_file(const struct tpm_lab *lab, const char *name, const char *content)
{
	char *path = NULL;
	FILE *file;

	assert_true(asprintf(&path, "%s/%s", lab->swtpm.dir, name) > 0);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fputs(content, file) >= 0, 1);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0600), 0);
	return path;
}
