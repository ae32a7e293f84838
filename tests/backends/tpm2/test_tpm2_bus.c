/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What who listens between processor and TPM gets to see. */

#include "fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <openssl/core_names.h>
#include <openssl/evp.h>

#include <claviger/seal.h>

#include "../../../backends/tpm2/keyfile.h"

#define AUTH "correct horse battery"
#define NEW_AUTH "staple of another kind"
#define SECRET "the password of a pem key"
#define OWNER "what the owner knows"
#define HANDLE "tpm2:handle=0x81000020"

/* As tests sign and decrypt it: see fixture.c. */
static const uint8_t message[] = "what is to be signed or hidden";

static void
read_private(const char *uri, TPM2B_PRIVATE *private_area)
{
	struct clv_tpm_keyfile file;
	char text[8192];
	const int fd = open(uri + strlen("tpm2:"), O_RDONLY | O_CLOEXEC);
	const ssize_t size = read(fd, text, sizeof(text));

	assert_true(size > 0);
	(void)close(fd);
	assert_ok(clv_tpm_keyfile_parse(text, (size_t)size, uri, &file, &err));
	*private_area = file.private_area;
}

/* No piece of 16 bytes of it may be seen. */
static void
assert_unseen(const char *what, const void *bytes, size_t size)
{
	const uint8_t *at = bytes;

	if (size < 16 && fault_tcti_find(at, size) != 0)
		fail_msg("%s was seen", what);
	for (size_t i = 0; i + 16 <= size; i += 16)
		if (fault_tcti_find(at + i, 16) != 0)
			fail_msg("%s was seen at %zu", what, i);
}

static void
assert_key_unseen(const char *uri)
{
	TPM2B_PRIVATE private_area;

	read_private(uri, &private_area);
	assert_unseen("a private area", private_area.buffer, private_area.size);
}

/* A key of OpenSSL's to import; `scalar` gets its secret number. */
static void
make_foreign(clv_secret *pem, uint8_t scalar[32])
{
	EVP_PKEY *key = tpm_lab_foreign_key(pem);
	BIGNUM *number = NULL;

	assert_int_equal(
	    EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_PRIV_KEY, &number), 1);
	assert_int_equal(BN_bn2binpad(number, scalar, 32), 32);
	BN_clear_free(number);
	EVP_PKEY_free(key);
}

/* ---- the flows: all that this backend does with a TPM ---- */

static void
make_keys(struct tpm_lab *lab)
{
	static const clv_algorithm kinds[] = {
	    CLV_EC_P256, CLV_EC_P384, CLV_RSA_2048};
	char label[2] = "a";

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]);
	     i++, label[0]++) {
		char *uri = tpm_lab_key_uri(lab, kinds[i], label);

		assert_key_unseen(uri);
		free(uri);
	}
}

static void
open_and_sign(struct tpm_lab *lab)
{
	char *uri = tpm_lab_key_uri(lab, CLV_EC_P256, "ec");
	clv_key *key = NULL;

	tpm_lab_reopen(lab);
	assert_ok(clv_key_open(lab->context, uri, &key, &err));
	assert_ok(tpm_lab_sign(key, &err));
	assert_ok(tpm_lab_sign(key, &err));
	assert_key_unseen(uri);
	clv_key_free(&key);
	free(uri);
}

static void
decrypt(struct tpm_lab *lab)
{
	clv_key *key = tpm_lab_key(lab, CLV_RSA_2048, "rsa");

	assert_ok(tpm_lab_sign(key, &err));
	assert_ok(tpm_lab_decrypt(key, &err));
	clv_key_free(&key);
}

static void
give_wrong_auth(struct tpm_lab *lab)
{
	char *uri = tpm_lab_key_uri(lab, CLV_EC_P256, "ec");
	clv_key *key = NULL;

	lab->auth = NEW_AUTH;
	assert_fails(
	    CLV_CANCELLED, clv_key_open(lab->context, uri, &key, &err));
	free(uri);
}

static void
change_auth(struct tpm_lab *lab)
{
	char *uri = tpm_lab_key_uri(lab, CLV_EC_P256, "ec");
	clv_key *key = NULL;

	lab->new_auth = NEW_AUTH;
	assert_ok(clv_key_change_secret(lab->context, uri, &err));
	lab->auth = NEW_AUTH;
	assert_ok(clv_key_open(lab->context, uri, &key, &err));
	assert_ok(tpm_lab_sign(key, &err));
	clv_key_free(&key);
	assert_key_unseen(uri);
	free(uri);
}

static void
import_key(struct tpm_lab *lab)
{
	clv_secret pem = CLV_SECRET_INIT;
	uint8_t scalar[32];
	clv_key *key = NULL;

	make_foreign(&pem, scalar);
	assert_ok(clv_key_import(lab->store, &pem, NULL, &key, &err));
	lab->auth = AUTH;
	assert_ok(tpm_lab_sign(key, &err));
	assert_key_unseen(clv_key_uri(key));
	assert_unseen("an imported key", scalar, sizeof(scalar));
	clv_key_free(&key);
	clv_secret_clear(&pem);
}

static void
seal_and_unseal(struct tpm_lab *lab)
{
	clv_secret secret = CLV_SECRET_INIT;
	clv_secret again = CLV_SECRET_INIT;
	char uri[LAB_PATH + 32];

	(void)snprintf(uri, sizeof(uri), "tpm2:%s/sealed", lab->swtpm.keys);
	assert_ok(clv_secret_set(&secret, SECRET, strlen(SECRET), &err));
	assert_ok(clv_seal(lab->context, uri, &secret, &err));
	assert_ok(clv_unseal(lab->context, uri, &again, &err));
	assert_true(clv_secret_equal(&secret, &again));
	assert_key_unseen(uri);
	clv_secret_clear(&secret);
	clv_secret_clear(&again);
}

/* An owner with an auth value, and the storage key that he left for us. */
static void
take_ownership(struct tpm_lab *lab)
{
	tpm_lab_keep_storage_key(lab, "");
	tpm_lab_run(lab,
	    (const char *const[]){"tpm2_changeauth", "-c", "o", OWNER, NULL});
	lab->owner_auth = OWNER;
}

/* Made, used, opened again, listed and removed, authorised by the owner. */
static void
keep_in_the_tpm(struct tpm_lab *lab)
{
	clv_store *store = NULL;
	clv_key *key = NULL;

	take_ownership(lab);
	assert_ok(clv_store_open(lab->context, HANDLE, &store, &err));
	assert_ok(clv_key_generate(store, CLV_EC_P256, NULL, &key, &err));
	lab->auth = AUTH;
	assert_ok(tpm_lab_sign(key, &err));
	clv_key_free(&key);
	clv_store_free(&store);
	assert_ok(clv_key_open(lab->context, HANDLE, &key, &err));
	assert_ok(tpm_lab_sign(key, &err));
	clv_key_free(&key);
	assert_ok(clv_key_delete(lab->context, HANDLE, &err));
}

/* Labels are used again. */
static void
clear_keys(struct tpm_lab *lab)
{
	char command[LAB_PATH + 32];

	(void)snprintf(command, sizeof(command), "rm -f %s/*", lab->swtpm.keys);
	tpm_lab_run(lab, (const char *const[]){"sh", "-c", command, NULL});
	tpm_lab_reopen(lab);
}

static const struct flow {
	const char *name;
	void (*run)(struct tpm_lab *lab);
	TPM2_CC code; /* that must have been seen */
} flows[] = {
    {"generate", make_keys, TPM2_CC_Create},
    {"open and sign", open_and_sign, TPM2_CC_Sign},
    {"decrypt", decrypt, TPM2_CC_RSA_Decrypt},
    {"a wrong auth value", give_wrong_auth, TPM2_CC_Sign},
    {"change the auth value", change_auth, TPM2_CC_ObjectChangeAuth},
    {"import", import_key, TPM2_CC_Import},
    {"seal and unseal", seal_and_unseal, TPM2_CC_Unseal},
    {"persistent keys, as the owner", keep_in_the_tpm, TPM2_CC_EvictControl},
};

static void
test_bus__shows_no_secret(void **state)
{
	struct tpm_lab *lab = *state;
	uint8_t digest[32];

	assert_int_equal(EVP_Q_digest(NULL, "SHA256", NULL, message,
			     sizeof(message), digest, NULL),
	    1);
	for (size_t i = 0; i < sizeof(flows) / sizeof(flows[0]); i++) {
		const struct flow *flow = &flows[i];

		lab->new_auth = AUTH;
		fault_tcti_reset();
		fault_tcti_record(true);
		flow->run(lab);
		assert_unseen("the auth value", AUTH, strlen(AUTH));
		assert_unseen("the new auth value", NEW_AUTH, strlen(NEW_AUTH));
		assert_unseen("the owner's", OWNER, strlen(OWNER));
		assert_unseen("the sealed secret", SECRET, strlen(SECRET));
		assert_unseen("the plaintext", message, sizeof(message));
		assert_unseen("the digest", digest, sizeof(digest));
		assert_true(fault_tcti_count(flow->code) > 0);
		print_message("%s: %u commands, %zu bytes, nothing in clear\n",
		    flow->name, fault_tcti_count(0), fault_tcti_recorded());
		clear_keys(lab);
	}
}

/* So that the test above can be believed: public things are seen. */
static void
test_bus__is_recorded(void **state)
{
	struct tpm_lab *lab = *state;
	size_t size = 0;
	const uint8_t *public;
	clv_key *key;

	fault_tcti_record(true);
	key = tpm_lab_key(lab, CLV_EC_P256, "ec");
	assert_ok(tpm_lab_sign(key, &err));
	public = clv_key_public(key, &size);
	assert_true(fault_tcti_find(public + size - 32, 32) >= 1);
	clv_key_free(&key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TPM_LAB_TEST(test_bus__shows_no_secret),
	    TPM_LAB_TEST(test_bus__is_recorded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
