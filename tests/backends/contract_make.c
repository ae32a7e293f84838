/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Finding, making and importing keys. */

#include "contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

static bool
same_public(const clv_key *a, const clv_key *b)
{
	size_t a_size = 0;
	size_t b_size = 0;
	const uint8_t *a_der = clv_key_public(a, &a_size);
	const uint8_t *b_der = clv_key_public(b, &b_size);

	return a_size == b_size && memcmp(a_der, b_der, a_size) == 0;
}

static bool
keys_know_themselves(struct lab *lab)
{
	for (size_t i = 0; i < lab->count; i++) {
		const struct clv_algorithm_info *info =
		    clv_algorithm_describe(lab->algorithms[i]);
		const clv_key *key = lab->keys[i];
		size_t size = 0;

		require(clv_key_algorithm(key) == info->algorithm);
		require(clv_key_bits(key) == info->bits);
		require(clv_key_signature_size(key) == info->signature);
		require(clv_key_public(key, &size) != NULL && size > 32);
		require(clv_key_label(key) != NULL);
		require(clv_key_uri(key) != NULL);
		require(strstr(clv_key_uri(key), "pin-value") == NULL);
		require(!(clv_key_properties(key) & CLV_KEY_EXTRACTABLE) ||
		    !(lab->capabilities & CLV_STORE_HARDWARE));
	}
	return lab->count > 0;
}

static bool
printed_uri_opens_the_same_key(struct lab *lab)
{
	for (size_t i = 0; i < lab->count; i++) {
		clv_key *again = NULL;

		require_ok(clv_key_open(
		    lab->context, clv_key_uri(lab->keys[i]), &again, &err));
		require(same_public(again, lab->keys[i]));
		require(
		    strcmp(clv_key_uri(again), clv_key_uri(lab->keys[i])) == 0);
		clv_key_free(&again);
		require_ok(clv_key_open_in(
		    lab->store, clv_key_uri(lab->keys[i]), &again, &err));
		require(same_public(again, lab->keys[i]));
		clv_key_free(&again);
	}
	return true;
}

static bool
list_has_each_key_once(struct lab *lab)
{
	size_t times = 0;
	size_t count = 0;

	for (size_t i = 0; i < lab->count; i++) {
		require(contract_listed(
		    lab, clv_key_uri(lab->keys[i]), &times, &count));
		require(times == 1);
		require(count >= lab->count);
	}
	return true;
}

static bool
label_in_use_is_refused(struct lab *lab)
{
	clv_key_options *options = NULL;
	clv_key *key = NULL;
	size_t before = 0;
	size_t after = 0;
	size_t times = 0;

	require_ok(clv_key_options_new(&options, &err));
	require_ok(clv_key_options_set_label(
	    options, clv_key_label(lab->keys[0]), &err));
	require(
	    contract_listed(lab, clv_key_uri(lab->keys[0]), &times, &before));
	require_fails(CLV_EXISTS,
	    clv_key_generate(
		lab->store, lab->algorithms[0], options, &key, &err));
	require(key == NULL);
	require(
	    contract_listed(lab, clv_key_uri(lab->keys[0]), &times, &after));
	require(before == after && times == 1);
	clv_key_options_free(&options);
	return true;
}

/* Labels people use: with spaces, dots, other scripts, percent signs. */
static bool
label_is_kept_as_given(struct lab *lab)
{
	static const char *const labels[] = {
	    "Pump 7", "a.b-c_d", "100%", "\303\234berdruck", "a;b=c&d?e"};

	for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
		clv_key_options *options = NULL;
		clv_key *again = NULL;
		clv_key *key = NULL;
		const clv_algorithm cheap =
		    contract_key(lab, CLV_FAMILY_EC) != NULL
		    ? clv_key_algorithm(contract_key(lab, CLV_FAMILY_EC))
		    : lab->algorithms[0];

		require_ok(clv_key_options_new(&options, &err));
		require_ok(clv_key_options_set_label(options, labels[i], &err));
		require_ok(
		    clv_key_generate(lab->store, cheap, options, &key, &err));
		require(strcmp(clv_key_label(key), labels[i]) == 0);
		require_ok(
		    clv_key_open(lab->context, clv_key_uri(key), &again, &err));
		require(strcmp(clv_key_label(again), labels[i]) == 0);
		require(same_public(key, again));
		clv_key_free(&again);
		require_ok(
		    clv_key_delete(lab->context, clv_key_uri(key), &err));
		clv_key_free(&key);
		clv_key_options_free(&options);
	}
	return true;
}

static bool
unknown_option_is_refused(struct lab *lab)
{
	clv_key_options *options = NULL;
	clv_key *key = NULL;

	require_ok(clv_key_options_new(&options, &err));
	require_ok(clv_key_options_set(options, "colour", "red", &err));
	require_fails(CLV_INVALID,
	    clv_key_generate(
		lab->store, lab->algorithms[0], options, &key, &err));
	require(key == NULL);
	clv_key_options_free(&options);
	return true;
}

static bool
unknown_attribute_is_refused(struct lab *lab)
{
	const char *mark = strchr(lab->store_uri, '?') != NULL ? "&" : "?";
	clv_store *store = NULL;
	char *uri = NULL;

	require(asprintf(&uri, "%s%scolour=red", lab->store_uri, mark) > 0);
	require_fails(
	    CLV_INVALID, clv_store_open(lab->context, uri, &store, &err));
	require(store == NULL);
	free(uri);
	return true;
}

static bool
other_scheme_is_refused(struct lab *lab)
{
	clv_key *key = NULL;

	require_fails(CLV_INVALID,
	    clv_key_open_in(lab->store, "no-such-scheme:x", &key, &err));
	require_fails(CLV_UNSUPPORTED,
	    clv_key_open(lab->context, "no-such-scheme:x", &key, &err));
	require(key == NULL);
	return true;
}

/* A new key of OpenSSL's, as PEM in a secret. */
static bool
foreign_key(clv_algorithm algorithm, clv_secret *pem, EVP_PKEY **pkey)
{
	const struct clv_algorithm_info *info =
	    clv_algorithm_describe(algorithm);
	BIO *memory = BIO_new(BIO_s_mem());
	char *bytes = NULL;
	long size;

	*pkey = info->family == CLV_FAMILY_RSA
	    ? EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)info->bits)
	    : info->family == CLV_FAMILY_EC
	    ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", info->group)
	    : EVP_PKEY_Q_keygen(NULL, NULL, info->openssl);
	require(*pkey != NULL && memory != NULL);
	require(PEM_write_bio_PrivateKey(
		    memory, *pkey, NULL, NULL, 0, NULL, NULL) == 1);
	size = BIO_get_mem_data(memory, &bytes);
	require_ok(clv_secret_set(pem, bytes, (size_t)size, &err));
	BIO_free(memory);
	return true;
}

static bool
imported_key_signs(struct lab *lab)
{
	static const char message[] = "imported";
	size_t imported = 0;

	for (size_t i = 0; i < lab->count; i++) {
		const struct clv_algorithm_info *info =
		    clv_algorithm_describe(lab->algorithms[i]);
		clv_secret pem = CLV_SECRET_INIT;
		uint8_t signature[CLV_SIGNATURE_MAX];
		size_t size = sizeof(signature);
		EVP_PKEY *pkey = NULL;
		clv_error *problem = NULL;
		clv_key *key = NULL;
		clv_status status;

		require(foreign_key(lab->algorithms[i], &pem, &pkey));
		status = clv_key_import(lab->store, &pem, NULL, &key, &problem);
		clv_secret_clear(&pem);
		EVP_PKEY_free(pkey);
		if (status == CLV_UNSUPPORTED) {
			clv_error_free(&problem);
			continue;
		}
		if (status != CLV_OK)
			return contract_fail(__FILE__, __LINE__, "%s: %s",
			    info->name, clv_error_message(problem));
		imported++;
		require(clv_key_algorithm(key) == info->algorithm);
		require_ok(clv_key_sign(key, info->scheme, message,
		    sizeof(message), signature, &size, &err));
		require(contract_verifies(key, info->scheme, message,
		    sizeof(message), signature, size));
		require_ok(
		    clv_key_delete(lab->context, clv_key_uri(key), &err));
		clv_key_free(&key);
	}
	return imported > 0;
}

static bool
rubbish_is_not_imported(struct lab *lab)
{
	static const char rubbish[] = "-----BEGIN PRIVATE KEY-----\n"
				      "MIIBaddata\n"
				      "-----END PRIVATE KEY-----\n";
	clv_secret pem = CLV_SECRET_INIT;
	clv_key *key = NULL;
	size_t before = 0;
	size_t after = 0;
	size_t times = 0;

	require(contract_listed(lab, "", &times, &before));
	require_ok(clv_secret_set(&pem, rubbish, sizeof(rubbish) - 1, &err));
	require_fails(
	    CLV_CORRUPT, clv_key_import(lab->store, &pem, NULL, &key, &err));
	require(key == NULL);
	clv_secret_clear(&pem);
	require(contract_listed(lab, "", &times, &after));
	return before == after;
}

const struct contract_case contract_make_cases[] = {
    {"a key knows its algorithm, sizes, label and URI", keys_know_themselves,
	0},
    {"the printed URI opens the same key", printed_uri_opens_the_same_key, 0},
    {"the list has each key once", list_has_each_key_once, CLV_STORE_LISTS},
    {"a label in use is refused and changes nothing", label_in_use_is_refused,
	CLV_STORE_GENERATES},
    {"labels are kept as they were given", label_is_kept_as_given,
	CLV_STORE_GENERATES | CLV_STORE_DELETES},
    {"an option that it does not know is refused", unknown_option_is_refused,
	CLV_STORE_GENERATES},
    {"an attribute that it does not know is refused",
	unknown_attribute_is_refused, 0},
    {"another backend's URI is refused", other_scheme_is_refused, 0},
    {"an imported key signs", imported_key_signs,
	CLV_STORE_IMPORTS | CLV_STORE_DELETES},
    {"rubbish is not imported", rubbish_is_not_imported, CLV_STORE_IMPORTS},
    {NULL, NULL, 0},
};
