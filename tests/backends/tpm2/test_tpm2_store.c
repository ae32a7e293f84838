/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Where keys and sealed secrets are kept: directories, persistent handles. */

#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <claviger/seal.h>

#include "../../../backends/tpm2/keyfile.h"

#define HANDLE "tpm2:handle=0x81000077"

static clv_key *
make_persistent(struct tpm_lab *lab, const char *uri)
{
	clv_store *store = NULL;
	clv_key *key = NULL;

	assert_ok(clv_store_open(lab->context, uri, &store, &err));
	assert_ok(clv_key_generate(store, CLV_EC_P256, NULL, &key, &err));
	clv_store_free(&store);
	lab->auth = lab->new_auth;
	return key;
}

static void
test_persistent_key__lives_in_the_tpm(void **state)
{
	struct tpm_lab *lab = *state;
	clv_key *key = make_persistent(lab, HANDLE), *again = NULL;
	clv_store *store = NULL;
	char *uri = strdup(clv_key_uri(key));

	assert_non_null(strstr(uri, ";parent-name=000b"));
	assert_string_equal(clv_key_label(key), "0x81000077");
	assert_ok(tpm_lab_sign(key, &err));
	clv_key_free(&key);
	tpm_lab_reopen(lab);
	fault_tcti_reset();
	assert_ok(clv_key_open(lab->context, uri, &key, &err));
	assert_ok(tpm_lab_sign(key, &err));
	assert_int_equal(fault_tcti_count(TPM2_CC_Load), 0);
	/* the short form opens it, too; and the place is taken */
	assert_ok(clv_key_open(lab->context, HANDLE, &again, &err));
	assert_ok(tpm_lab_sign(again, &err));
	clv_key_free(&again);
	assert_ok(clv_store_open(lab->context, HANDLE, &store, &err));
	assert_int_equal(
	    clv_store_capabilities(store) & CLV_STORE_CHANGES_SECRET, 0);
	assert_fails(CLV_EXISTS,
	    clv_key_generate(store, CLV_EC_P256, NULL, &again, &err));
	clv_store_free(&store);
	assert_fails(
	    CLV_UNSUPPORTED, clv_key_change_secret(lab->context, uri, &err));
	clv_key_free(&key);
	assert_ok(clv_key_delete(lab->context, uri, &err));
	assert_fails(CLV_NOT_FOUND, clv_key_delete(lab->context, uri, &err));
	assert_fails(
	    CLV_NOT_FOUND, clv_key_open(lab->context, uri, &key, &err));
	free(uri);
}

static void
test_persistent_key__asks_for_its_auth_value(void **state)
{
	struct tpm_lab *lab = *state;
	clv_key *key;

	lab->new_auth = "a word";
	key = make_persistent(lab, HANDLE);
	assert_ok(tpm_lab_sign(key, &err));
	clv_key_free(&key);
	tpm_lab_reopen(lab);
	lab->auth = "a wrong one";
	assert_fails(
	    CLV_CANCELLED, clv_key_open(lab->context, HANDLE, &key, &err));
	lab->auth = "a word";
	assert_ok(clv_key_open(lab->context, HANDLE, &key, &err));
	assert_ok(tpm_lab_sign(key, &err));
	clv_key_free(&key);
	assert_ok(clv_key_delete(lab->context, HANDLE, &err));
}

static void
test_persistent_store__lists_its_key(void **state)
{
	struct tpm_lab *lab = *state;
	clv_key_list *list = NULL;
	clv_store *store = NULL;
	clv_key *key;

	assert_ok(clv_store_open(lab->context, HANDLE, &store, &err));
	assert_ok(clv_key_list_get(store, &list, &err));
	assert_int_equal(clv_key_list_count(list), 0);
	clv_key_list_free(&list);
	key = make_persistent(lab, HANDLE);
	assert_ok(clv_key_list_get(store, &list, &err));
	assert_int_equal(clv_key_list_count(list), 1);
	assert_int_equal(clv_key_list_at(list, 0)->algorithm, CLV_EC_P256);
	assert_null(clv_key_list_at(list, 0)->problem);
	clv_key_list_free(&list);
	clv_key_free(&key);
	assert_ok(clv_key_delete(lab->context, HANDLE, &err));
	clv_store_free(&store);
}

static void
test_persistent_key__of_another_storage_key_is_refused(void **state)
{
	struct tpm_lab *lab = *state;
	clv_key *key = make_persistent(lab, HANDLE);
	char *uri = strdup(clv_key_uri(key));
	char *name = strstr(uri, "=000b") + 6;

	clv_key_free(&key);
	*name = *name == '0' ? '1' : '0';
	tpm_lab_reopen(lab);
	assert_fails(
	    CLV_UNTRUSTED, clv_key_open(lab->context, uri, &key, &err));
	assert_ok(clv_key_delete(lab->context, HANDLE, &err));
	free(uri);
}

/* Where the owner has an auth value, the storage key must be persistent. */
static void
test_owner_auth__is_asked_for_where_it_can_be_protected(void **state)
{
	struct tpm_lab *lab = *state;
	clv_error *err = NULL;
	clv_key *key = NULL;

	tpm_lab_run(lab,
	    (const char *const[]){"tpm2_changeauth", "-c", "o", "owner", NULL});
	assert_int_equal(
	    clv_key_generate(lab->store, CLV_EC_P256, NULL, &key, &err),
	    CLV_PERMISSION);
	assert_non_null(strstr(clv_error_remedy(err), "0x81000001"));
	clv_error_free(&err);
	tpm_lab_keep_storage_key(lab, "owner");
	assert_ok(clv_key_generate(lab->store, CLV_EC_P256, NULL, &key, &err));
	assert_ok(tpm_lab_sign(key, &err));
	clv_key_free(&key);
	fault_tcti_record(true);
	lab->owner_auth = "owner";
	key = make_persistent(lab, HANDLE);
	assert_ok(tpm_lab_sign(key, &err));
	clv_key_free(&key);
	lab->owner_auth = "a wrong one";
	assert_fails(CLV_AUTH, clv_key_delete(lab->context, HANDLE, &err));
	lab->owner_auth = "owner";
	assert_ok(clv_key_delete(lab->context, HANDLE, &err));
	assert_int_equal(fault_tcti_find("owner", 5), 0);
}

/* ---- directories ---- */

static void
test_directory__lists_keys_and_what_is_wrong_with_them(void **state)
{
	struct tpm_lab *lab = *state;
	char *good = tpm_lab_key_uri(lab, CLV_EC_P256, "good");
	char *open = tpm_lab_key_uri(lab, CLV_EC_P256, "open");
	clv_secret secret = CLV_SECRET_INIT;
	clv_key_list *list = NULL;
	char sealed[LAB_PATH + 32], path[LAB_PATH + 32];
	size_t problems = 0;
	clv_key *key = NULL;
	FILE *file;

	assert_int_equal(chmod(open + 5, 0644), 0);
	assert_ok(clv_secret_set(&secret, "s", 1, &err));
	(void)snprintf(
	    sealed, sizeof(sealed), "tpm2:%s/sealed.tss", lab->swtpm.keys);
	assert_ok(clv_seal(lab->context, sealed, &secret, &err));
	clv_secret_clear(&secret);
	(void)snprintf(path, sizeof(path), "%s/damaged.tss", lab->swtpm.keys);
	file = fopen(path, "w");
	(void)fputs("-----BEGIN TSS2 PRIVATE KEY-----\nAAAA\n", file);
	(void)fclose(file);
	(void)chmod(path, 0600);
	(void)snprintf(path, sizeof(path), "%s/readme", lab->swtpm.keys);
	file = fopen(path, "w");
	(void)fputs("not a key\n", file);
	(void)fclose(file);

	assert_ok(clv_key_list_get(lab->store, &list, &err));
	assert_int_equal(clv_key_list_count(list), 3);
	for (size_t i = 0; i < 3; i++) {
		const struct clv_key_entry *entry = clv_key_list_at(list, i);

		if (strcmp(entry->label, "good") == 0) {
			assert_null(entry->problem);
			assert_string_equal(entry->uri, good);
			assert_int_equal(entry->id_size, 20);
		} else {
			assert_non_null(entry->problem);
			problems++;
		}
	}
	assert_int_equal(problems, 2);
	clv_key_list_free(&list);
	assert_fails(CLV_POLICY, clv_key_open(lab->context, open, &key, &err));
	assert_fails(
	    CLV_UNSUPPORTED, clv_key_open(lab->context, sealed, &key, &err));
	free(good);
	free(open);
}

static void
test_directory__that_others_can_write_is_refused(void **state)
{
	struct tpm_lab *lab = *state;
	clv_key *key = NULL;

	assert_int_equal(chmod(lab->swtpm.keys, 0777), 0);
	assert_fails(CLV_POLICY,
	    clv_key_generate(lab->store, CLV_EC_P256, NULL, &key, &err));
	assert_int_equal(chmod(lab->swtpm.keys, 0700), 0);
}

static void
test_key__of_another_store_is_not_opened_in_this_one(void **state)
{
	struct tpm_lab *lab = *state;
	char *uri = tpm_lab_key_uri(lab, CLV_EC_P256, "one");
	clv_store *store = NULL;
	clv_key *key = NULL;
	char other[LAB_PATH + 16];

	(void)snprintf(other, sizeof(other), "tpm2:%s", lab->swtpm.dir);
	assert_ok(clv_store_open(lab->context, other, &store, &err));
	assert_fails(CLV_INVALID, clv_key_open_in(store, uri, &key, &err));
	assert_fails(CLV_INVALID, clv_key_open_in(store, HANDLE, &key, &err));
	clv_store_free(&store);
	free(uri);
}

static void
test_key__made_by_another_tpm_is_explained(void **state)
{
	struct tpm_lab *lab = *state;
	char *uri = tpm_lab_key_uri(lab, CLV_EC_P256, "one");
	clv_error *err = NULL;
	clv_key *key;

	tpm_lab_close(lab);
	tpm_lab_run(lab, (const char *const[]){"tpm2_clear", "-c", "p", NULL});
	key = tpm_lab_open_key(lab, uri);
	assert_int_equal(tpm_lab_sign(key, &err), CLV_UNTRUSTED);
	assert_non_null(strstr(clv_error_message(err), "cleared"));
	clv_error_free(&err);
	clv_key_free(&key);
	free(uri);
}

static void
test_rsa_3072_and_p384__work(void **state)
{
	struct tpm_lab *lab = *state;
	clv_key *rsa = tpm_lab_key(lab, CLV_RSA_3072, "rsa");
	clv_key *ec = tpm_lab_key(lab, CLV_EC_P384, "ec");

	assert_ok(tpm_lab_sign(rsa, &err));
	assert_ok(tpm_lab_decrypt(rsa, &err));
	assert_ok(tpm_lab_sign(ec, &err));
	assert_int_equal(
	    clv_key_properties(ec), CLV_KEY_HARDWARE | CLV_KEY_GENERATED_LOCAL);
	clv_key_free(&rsa);
	clv_key_free(&ec);
}

/* ---- sealed secrets ---- */

static void
test_seal__opens_on_this_machine_only(void **state)
{
	struct tpm_lab *lab = *state;
	clv_secret secret = CLV_SECRET_INIT, again = CLV_SECRET_INIT;
	char uri[LAB_PATH + 32];
	struct stat status;

	(void)snprintf(uri, sizeof(uri), "tpm2:%s/pin", lab->swtpm.keys);
	assert_ok(clv_secret_set(&secret, "hunter2", 7, &err));
	assert_ok(clv_seal(lab->context, uri, &secret, &err));
	assert_int_equal(stat(uri + 5, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	assert_ok(clv_unseal(lab->context, uri, &again, &err));
	assert_true(clv_secret_equal(&secret, &again));
	/* it is not replaced */
	assert_fails(CLV_EXISTS, clv_seal(lab->context, uri, &secret, &err));
	/* nor read when others can */
	assert_int_equal(chmod(uri + 5, 0644), 0);
	assert_fails(CLV_POLICY, clv_unseal(lab->context, uri, &again, &err));
	assert_null(again.data);
	assert_int_equal(chmod(uri + 5, 0600), 0);
	tpm_lab_run(lab, (const char *const[]){"tpm2_clear", "-c", "p", NULL});
	clv_store_free(&lab->store);
	assert_fails(
	    CLV_UNTRUSTED, clv_unseal(lab->context, uri, &again, &err));
	assert_null(again.data);
	clv_secret_clear(&secret);
}

static void
test_seal__has_limits(void **state)
{
	struct tpm_lab *lab = *state;
	clv_secret secret = CLV_SECRET_INIT, again = CLV_SECRET_INIT;
	char uri[LAB_PATH + 32], text[129];

	(void)snprintf(uri, sizeof(uri), "tpm2:%s/pin", lab->swtpm.keys);
	memset(text, 'x', sizeof(text));
	assert_fails(CLV_INVALID, clv_seal(lab->context, uri, &secret, &err));
	assert_ok(clv_secret_set(&secret, text, 129, &err));
	assert_fails(CLV_TOO_LARGE, clv_seal(lab->context, uri, &secret, &err));
	assert_ok(clv_secret_set(&secret, text, 128, &err));
	assert_ok(clv_seal(lab->context, uri, &secret, &err));
	assert_ok(clv_unseal(lab->context, uri, &again, &err));
	assert_true(clv_secret_equal(&secret, &again));
	assert_fails(
	    CLV_INVALID, clv_seal(lab->context, HANDLE, &secret, &err));
	assert_fails(CLV_UNSUPPORTED,
	    clv_seal(lab->context, "file:/tmp/x", &secret, &err));
	assert_fails(CLV_UNSUPPORTED,
	    clv_unseal(lab->context, "file:/tmp/x", &again, &err));
	clv_secret_clear(&secret);
	clv_secret_clear(&again);
}

static void
write_file(const char *path, const uint8_t *text, size_t size)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

/* The file again, with one byte of what it encodes changed. */
static void
write_changed(const char *path, const struct clv_tpm_keyfile *file, size_t at)
{
	struct clv_tpm_keyfile changed = *file;
	const size_t private_size = changed.private_area.size;
	TPMT_PUBLIC *area = &changed.public_area.publicArea;
	char *text = NULL;
	size_t size = 0;

	if (at < private_size)
		changed.private_area.buffer[at] ^= 0x10;
	else
		area->unique.keyedHash.buffer[at - private_size] ^= 0x10;
	assert_ok(clv_tpm_keyfile_format(&changed, &text, &size, &err));
	write_file(path, (uint8_t *)text, size);
	free(text);
}

static void
test_sealed_file__with_a_byte_changed_is_refused(void **state)
{
	struct tpm_lab *lab = *state;
	clv_secret secret = CLV_SECRET_INIT, again = CLV_SECRET_INIT;
	struct clv_tpm_keyfile file;
	char uri[LAB_PATH + 32], text[8192];
	const char *path = uri + strlen("tpm2:");
	size_t size, bytes;
	FILE *stream;

	(void)snprintf(uri, sizeof(uri), "tpm2:%s/pin", lab->swtpm.keys);
	assert_ok(clv_secret_set(&secret, "hunter2", 7, &err));
	assert_ok(clv_seal(lab->context, uri, &secret, &err));
	stream = fopen(path, "r");
	size = fread(text, 1, sizeof(text), stream);
	(void)fclose(stream);
	assert_ok(clv_tpm_keyfile_parse(text, size, path, &file, &err));
	bytes = file.private_area.size +
	    file.public_area.publicArea.unique.keyedHash.size;
	assert_true(bytes > 100);
	for (size_t at = 0; at < bytes; at += 3) {
		clv_error *problem = NULL;

		write_changed(path, &file, at);
		if (clv_unseal(lab->context, uri, &again, &problem) == CLV_OK)
			fail_msg("byte %zu was changed, and it opened", at);
		assert_null(again.data);
		clv_error_free(&problem);
	}
	write_file(path, (uint8_t *)text, size);
	assert_ok(clv_unseal(lab->context, uri, &again, &err));
	assert_true(clv_secret_equal(&secret, &again));
	clv_secret_clear(&secret);
	clv_secret_clear(&again);
}

/* R16: a password that stands in no file. */
static void
test_seal__is_the_password_source_of_a_pem_key(void **state)
{
	struct tpm_lab *lab = *state;
	clv_secret secret = CLV_SECRET_INIT;
	char uri[LAB_PATH + 32], pem[LAB_PATH + 32], *key_uri = NULL;
	clv_context *context = NULL;
	clv_store *store = NULL;
	clv_key *key = NULL;

	(void)snprintf(uri, sizeof(uri), "tpm2:%s/pin", lab->swtpm.keys);
	assert_ok(clv_secret_set(&secret, "a long password", 15, &err));
	assert_ok(clv_seal(lab->context, uri, &secret, &err));
	clv_secret_clear(&secret);
	(void)snprintf(pem, sizeof(pem), "pem:%s", lab->swtpm.keys);
	assert_ok(clv_context_new(&context, &err));
	assert_ok(clv_context_add_secret_source(context, uri, &err));
	assert_ok(clv_store_open(context, pem, &store, &err));
	assert_ok(clv_key_generate(store, CLV_EC_P256, NULL, &key, &err));
	key_uri = strdup(clv_key_uri(key));
	clv_key_free(&key);
	assert_ok(clv_key_open(context, key_uri, &key, &err));
	assert_ok(tpm_lab_sign(key, &err));
	clv_key_free(&key);
	clv_store_free(&store);
	clv_context_free(&context);
	/* and nobody without it */
	assert_ok(clv_context_new(&context, &err));
	assert_fails(CLV_AUTH, clv_key_open(context, key_uri, &key, &err));
	clv_context_free(&context);
	free(key_uri);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    TPM_LAB_TEST(test_persistent_key__lives_in_the_tpm),
	    TPM_LAB_TEST(test_persistent_key__asks_for_its_auth_value),
	    TPM_LAB_TEST(test_persistent_store__lists_its_key),
	    TPM_LAB_TEST(
		test_persistent_key__of_another_storage_key_is_refused),
	    TPM_LAB_TEST(
		test_owner_auth__is_asked_for_where_it_can_be_protected),
	    TPM_LAB_TEST(
		test_directory__lists_keys_and_what_is_wrong_with_them),
	    TPM_LAB_TEST(test_directory__that_others_can_write_is_refused),
	    TPM_LAB_TEST(test_key__of_another_store_is_not_opened_in_this_one),
	    TPM_LAB_TEST(test_key__made_by_another_tpm_is_explained),
	    TPM_LAB_TEST(test_rsa_3072_and_p384__work),
	    TPM_LAB_TEST(test_seal__opens_on_this_machine_only),
	    TPM_LAB_TEST(test_seal__has_limits),
	    TPM_LAB_TEST(test_sealed_file__with_a_byte_changed_is_refused),
	    TPM_LAB_TEST(test_seal__is_the_password_source_of_a_pem_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
