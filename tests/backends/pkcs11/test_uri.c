/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Which URIs name what, and which are refused. */

#include "p11_lab.h"

#include <stdio.h>
#include <string.h>

static clv_context *context;
static clv_key *first;
static clv_key *second;

static int
start(void **state)
{
	if (p11_lab_start(state) != 0 || p11_lab_renew(state) != 0)
		return -1;
	if (lab_softhsm_add(&lab.softhsm, "other token", LAB_PIN) != 0)
		return -1;
	context = p11_context();
	first = p11_key(context, CLV_EC_P256, "first");
	second = p11_key(context, CLV_RSA_2048, "second key");
	return 0;
}

static int
stop(void **state)
{
	clv_key_free(&first);
	clv_key_free(&second);
	clv_context_free(&context);
	return p11_lab_stop(state);
}

static clv_status
open_key(const char *uri, clv_error **err)
{
	clv_key *key = NULL;
	const clv_status status = clv_key_open(context, uri, &key, err);

	clv_key_free(&key);
	return status;
}

static clv_status
open_store(const char *uri, clv_error **err)
{
	clv_store *store = NULL;
	const clv_status status = clv_store_open(context, uri, &store, err);

	clv_store_free(&store);
	return status;
}

static void
test_uri__what_is_printed_opens_the_key(void **state)
{
	(void)state;
	assert_ok(open_key(clv_key_uri(first), &err));
	assert_ok(open_key(clv_key_uri(second), &err));
	assert_non_null(strstr(clv_key_uri(second), "object=second%20key"));
	assert_non_null(strstr(clv_key_uri(second), "type=private"));
	assert_non_null(strstr(clv_key_uri(second), "token=claviger-lab"));
	assert_non_null(strstr(clv_key_uri(second), ";serial="));
}

static void
test_uri__exactly_one_key_must_fit(void **state)
{
	(void)state;
	assert_ok(open_key(p11_uri("object=first", ""), &err));
	assert_ok(open_key(p11_uri("object=second%20key", ""), &err));
	assert_ok(open_key(p11_uri("object=first;type=private", ""), &err));
	assert_fails(CLV_AMBIGUOUS, open_key(p11_uri("", ""), &err));
	assert_fails(
	    CLV_NOT_FOUND, open_key(p11_uri("object=third", ""), &err));
	assert_fails(CLV_NOT_FOUND, open_key(p11_uri("id=%00%01", ""), &err));
	assert_fails(
	    CLV_NOT_FOUND, open_key(p11_uri("object=First", ""), &err));
}

static void
test_uri__exactly_one_token_must_fit(void **state)
{
	char uri[512];

	(void)state;
	(void)snprintf(
	    uri, sizeof(uri), "pkcs11:?module-path=%s", lab.proxy_path);
	assert_fails(CLV_AMBIGUOUS, open_store(uri, &err));
	(void)snprintf(uri, sizeof(uri),
	    "pkcs11:manufacturer=SoftHSM%%20project?module-path=%s",
	    lab.proxy_path);
	assert_fails(CLV_AMBIGUOUS, open_store(uri, &err));
	(void)snprintf(uri, sizeof(uri),
	    "pkcs11:token=other%%20token?module-path=%s", lab.proxy_path);
	assert_ok(open_store(uri, &err));
	(void)snprintf(uri, sizeof(uri), "pkcs11:token=none?module-path=%s",
	    lab.proxy_path);
	assert_fails(CLV_DEVICE_GONE, open_store(uri, &err));
	assert_ok(open_store(p11_uri("model=SoftHSM%20v2", ""), &err));
	assert_fails(
	    CLV_DEVICE_GONE, open_store(p11_uri("serial=1", ""), &err));
	/* A label is compared whole, without its padding. */
	(void)snprintf(uri, sizeof(uri),
	    "pkcs11:token=claviger-la?module-path=%s", lab.proxy_path);
	assert_fails(CLV_DEVICE_GONE, open_store(uri, &err));
}

static void
test_uri__module_and_slot_can_be_described(void **state)
{
	(void)state;
	assert_ok(
	    open_store(p11_uri("library-manufacturer=SoftHSM", ""), &err));
	assert_ok(open_store(
	    p11_uri("library-description=Implementation%20of%20PKCS11", ""),
	    &err));
	assert_ok(open_store(p11_uri("library-version=2.6", ""), &err));
	assert_fails(CLV_NOT_FOUND,
	    open_store(p11_uri("library-version=3.0", ""), &err));
	assert_fails(CLV_NOT_FOUND,
	    open_store(p11_uri("library-manufacturer=Other", ""), &err));
	assert_ok(open_store(
	    p11_uri("slot-manufacturer=SoftHSM%20project", ""), &err));
	assert_fails(CLV_DEVICE_GONE,
	    open_store(p11_uri("slot-description=reader", ""), &err));
}

static void
test_uri__what_it_does_not_know_is_invalid(void **state)
{
	static const struct {
		const char *path;
		const char *query;
	} wrong[] = {
	    {"slot-id=0", ""},
	    {"object=first;object=first", ""},
	    {"token=claviger-lab", ""}, /* twice */
	    {"type=public", ""},
	    {"type=cert", ""},
	    {"type=Private", ""},
	    {"x-vendor=1", ""},
	    {"Object=first", ""},
	    {"object=%zz", ""},
	    {"object=%2", ""},
	    {"object=a%00b", ""},
	    {"object", ""},
	    {"object=a/b", ""},
	    {"", "module-path=/x.so"}, /* twice */
	    {"", "module-name=softhsm2"},
	    {"", "pin-value=123456"},
	    {"", "verify=sometimes"},
	    {"", "serialize=1"},
	    {"", "insecure-extractable=true"},
	    {"", "x-vendor=1"},
	    {"", "pin-source=fd:3&pin-source=fd:4"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		const char *uri = p11_uri(wrong[i].path, wrong[i].query);
		clv_error *err = NULL;
		const clv_status status = open_key(uri, &err);

		if (status != CLV_INVALID)
			fail_msg("%s: %s", uri, clv_status_name(status));
		clv_error_free(&err);
	}
}

static void
test_uri__no_module_is_loaded_unasked(void **state)
{
	(void)state;
	assert_fails(CLV_INVALID, open_store("pkcs11:token=a", &err));
	assert_fails(
	    CLV_INVALID, open_store("pkcs11:?module-path=softhsm.so", &err));
	assert_fails(
	    CLV_NOT_FOUND, open_store("pkcs11:?module-path=/none.so", &err));
	assert_fails(CLV_NOT_FOUND,
	    open_store("pkcs11:?module-path=/usr/bin/env", &err));
	assert_fails(
	    CLV_NOT_FOUND, open_store("pkcs11:?module-name=none", &err));
	assert_fails(
	    CLV_NOT_FOUND, open_store("pkcs11:?module-name=..%2F..%2Fx", &err));
	/* p11-kit's name, from its .module file alone. */
	assert_ok(
	    open_store("pkcs11:token=claviger-lab?module-name=softhsm2", &err));
}

static void
test_uri__pin_value_needs_leave(void **state)
{
	clv_key *key = NULL;

	(void)state;
	lab.answers[0] = NULL;
	assert_ok(clv_key_open(context,
	    p11_uri(
		"object=first", "insecure-pin-value=yes&pin-value=" LAB_PIN),
	    &key, &err));
	assert_null(strstr(clv_key_uri(key), LAB_PIN));
	clv_key_free(&key);
	assert_ok(p11_lab_renew(state) == 0 ? CLV_OK : CLV_IO);
}

static void
test_uri__a_store_opens_only_its_own_keys(void **state)
{
	clv_store *store = NULL;
	clv_key *key = NULL;
	char uri[512];

	(void)state;
	(void)snprintf(uri, sizeof(uri),
	    "pkcs11:token=other%%20token?module-path=%s", lab.proxy_path);
	assert_ok(clv_store_open(context, uri, &store, &err));
	assert_fails(CLV_NOT_FOUND,
	    clv_key_open_in(store, clv_key_uri(first), &key, &err));
	clv_store_free(&store);
}

/* A key would be made under another name, and all be listed for one. */
static void
test_uri__what_names_a_key_names_no_store(void **state)
{
	static const char *const paths[] = {
	    "object=first", "object=new", "id=%01", "type=private"};

	(void)state;
	assert_ok(open_store(p11_uri("", ""), &err));
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_fails(
		    CLV_INVALID, open_store(p11_uri(paths[i], ""), &err));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_uri__what_is_printed_opens_the_key),
	    cmocka_unit_test(test_uri__exactly_one_key_must_fit),
	    cmocka_unit_test(test_uri__exactly_one_token_must_fit),
	    cmocka_unit_test(test_uri__module_and_slot_can_be_described),
	    cmocka_unit_test(test_uri__what_it_does_not_know_is_invalid),
	    cmocka_unit_test(test_uri__no_module_is_loaded_unasked),
	    cmocka_unit_test(test_uri__pin_value_needs_leave),
	    cmocka_unit_test(test_uri__a_store_opens_only_its_own_keys),
	    cmocka_unit_test(test_uri__what_names_a_key_names_no_store),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
