/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <claviger/uri.h>

static clv_uri *
parse(const char *text)
{
	clv_uri *uri = NULL;

	assert_ok(clv_uri_parse(text, &uri, &err));
	return uri;
}

static void
test_uri_parse__takes_a_path_apart(void **state)
{
	static const struct {
		const char *text;
		const char *path;
	} cases[] = {
	    {"file:/a/b.pem", "/a/b.pem"},
	    {"file:///a/b.pem", "/a/b.pem"},
	    {"file://///a/b.pem", "/a/b.pem"},
	    {"FILE:keys", "keys"},
	    {"file:./a=b", "./a=b"},
	    {"pem:/a%20b%3F", "/a b?"},
	    {"tpm2:/x?tcti=swtpm:path=/s", "/x"},
	    {"file:/\xc3\xa4 b", "/\xc3\xa4 b"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		clv_uri *uri = parse(cases[i].text);

		assert_string_equal(clv_uri_path(uri), cases[i].path);
		assert_int_equal(clv_uri_count(uri, CLV_URI_PATH), 0);
		assert_string_equal(clv_uri_text(uri), cases[i].text);
		clv_uri_free(&uri);
		assert_null(uri);
	}
}

static void
test_uri_parse__takes_attributes_apart(void **state)
{
	clv_uri *uri =
	    parse("PKCS11:token=Plant%207;id=%00%ff;object=?module-path=/x/y."
		  "so&pin-source=file:/p");
	size_t size = 0;

	(void)state;
	assert_string_equal(clv_uri_scheme(uri), "pkcs11");
	assert_null(clv_uri_path(uri));
	assert_int_equal(clv_uri_count(uri, CLV_URI_PATH), 3);
	assert_int_equal(clv_uri_count(uri, CLV_URI_QUERY), 2);
	assert_string_equal(
	    clv_uri_get(uri, CLV_URI_PATH, "token", NULL), "Plant 7");
	assert_memory_equal(
	    clv_uri_get(uri, CLV_URI_PATH, "id", &size), "\0\xff", 3);
	assert_int_equal(size, 2);
	assert_string_equal(
	    clv_uri_get(uri, CLV_URI_PATH, "object", &size), "");
	assert_int_equal(size, 0);
	assert_null(clv_uri_get(uri, CLV_URI_QUERY, "token", NULL));
	assert_string_equal(
	    clv_uri_get(uri, CLV_URI_QUERY, "pin-source", NULL), "file:/p");
	assert_string_equal(clv_uri_name(uri, CLV_URI_QUERY, 1), "pin-source");
	assert_null(clv_uri_name(uri, CLV_URI_QUERY, 2));
	clv_uri_free(&uri);

	uri = parse("tpm2:handle=0x81000001");
	assert_null(clv_uri_path(uri));
	assert_string_equal(
	    clv_uri_get(uri, CLV_URI_PATH, "handle", NULL), "0x81000001");
	clv_uri_free(&uri);
	uri = parse("pkcs11:");
	assert_int_equal(clv_uri_count(uri, CLV_URI_PATH), 0);
	clv_uri_free(&uri);
}

static void
test_uri_parse__refuses_what_is_malformed(void **state)
{
	static const char *const bad[] = {"", "file", ":x", "1a:x", "fi le:/x",
	    "file:", "file:?a=b", "file://?a=b", "file://host/x", "file:/x%2",
	    "file:/x%zz", "file:/x%00y", "file:/x#f", "file:/x\n",
	    "file:/x\x7f", "file:/x?", "file:/x?a", "file:/x?=b",
	    "file:/x?a=1&a=2", "file:/x?a=1&", "file:/x?&a=1",
	    "pkcs11:token=a;token=b", "pkcs11:token", "pkcs11:token=a;",
	    "pkcs11:;token=a", "pkcs11:token=a b", "pkcs11:token=a/b",
	    "pkcs11:token=%", "pkcs11:object=%00", "pkcs11:tok%00en=a",
	    "pkcs11:token=\xc3\xa4", "pkcs11:/x", "pkcs11:token=\"a\""};
	char *huge = malloc(CLV_URI_MAX + 2);
	clv_uri *uri = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_fails(CLV_INVALID, clv_uri_parse(bad[i], &uri, &err));
		assert_null(uri);
	}
	assert_fails(CLV_INVALID, clv_uri_parse(NULL, &uri, &err));
	memset(huge, 'a', CLV_URI_MAX + 1);
	memcpy(huge, "file:/", 6);
	huge[CLV_URI_MAX + 1] = '\0';
	assert_fails(CLV_INVALID, clv_uri_parse(huge, &uri, &err));
	huge[CLV_URI_MAX] = '\0';
	assert_ok(clv_uri_parse(huge, &uri, &err));
	clv_uri_free(&uri);
	free(huge);
}

static void
test_uri_allow__names_what_it_does_not_know(void **state)
{
	static const char *const names[] = {"tcti", NULL};
	clv_uri *uri = parse("tpm2:/x?tcti=a&colour=red");
	clv_error *err = NULL;

	(void)state;
	assert_int_equal(
	    clv_uri_allow(uri, CLV_URI_QUERY, names, &err), CLV_INVALID);
	assert_non_null(strstr(clv_error_message(err), "\"colour\""));
	clv_error_free(&err);
	assert_ok(clv_uri_allow(uri, CLV_URI_PATH, names, &err));
	clv_uri_free(&uri);
}

static void
test_uri_redact__shows_no_secret(void **state)
{
	static const struct {
		const char *text;
		const char *shown;
	} cases[] = {
	    {"pkcs11:token=a?pin-value=1234&x=y",
		"pkcs11:token=a?pin-value=***&x=y"},
	    {"pkcs11:token=a?pin%2Dvalue=1234",
		"pkcs11:token=a?pin%2Dvalue=***"},
	    {"pkcs11:token=a?PIN-Value=12;34", "pkcs11:token=a?PIN-Value=***"},
	    {"pkcs11:pin-value=1;token=a", "pkcs11:pin-value=***;token=a"},
	    {"pkcs11:pin-value=", "pkcs11:pin-value=***"},
	    {"pkcs11:object=a/pin-value=12", "pkcs11:object=a/pin-value=***"},
	    {"pkcs11:token=a?pin-source=file:/p",
		"pkcs11:token=a?pin-source=file:/p"},
	    {"tpm2:/x?auth=s&tcti=t", "tpm2:/x?auth=***&tcti=t"},
	    {"pin=77", "pin=***"},
	    {"file:/a/b.pem", "file:/a/b.pem"},
	    {"", ""},
	    {"a:?=;&=", "a:?=;&="},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *shown = clv_uri_redact(cases[i].text);

		assert_string_equal(shown, cases[i].shown);
		clv_free(shown);
	}
}

static void
test_uri_error__shows_no_secret(void **state)
{
	clv_error *err = NULL;
	clv_uri *uri = NULL;

	(void)state;
	assert_int_equal(
	    clv_uri_parse("pkcs11:x?pin-value=9876#", &uri, &err), CLV_INVALID);
	assert_null(strstr(clv_error_message(err), "9876"));
	clv_error_free(&err);
}

static void
test_uri_build__reads_back(void **state)
{
	static const char *const paths[] = {
	    "/a b/c?d#e%f", "key=1.pem", "/\xc3\xa4;x", "rel/x=y", "/a&b"};
	clv_uri *model = parse("tpm2:/old?tcti=swtpm:path=/s");

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		clv_uri *uri;
		char *text = NULL;

		assert_ok(clv_uri_build("tpm2", paths[i], model, &text, &err));
		uri = parse(text);
		assert_string_equal(
		    clv_uri_get(uri, CLV_URI_QUERY, "tcti", NULL),
		    "swtpm:path=/s");
		if (strcmp(paths[i], "key=1.pem") == 0)
			assert_string_equal(clv_uri_path(uri), "./key=1.pem");
		else
			assert_string_equal(clv_uri_path(uri), paths[i]);
		clv_uri_free(&uri);
		clv_free(text);
	}
	clv_uri_free(&model);
}

static void
test_uri_encode__escapes_all_but_the_unreserved(void **state)
{
	char *text = NULL;

	(void)state;
	assert_ok(clv_uri_encode("aZ9-._~ /\0\xff", 11, &text, &err));
	assert_string_equal(text, "aZ9-._~%20%2F%00%FF");
	clv_free(text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_uri_parse__takes_a_path_apart),
	    cmocka_unit_test(test_uri_parse__takes_attributes_apart),
	    cmocka_unit_test(test_uri_parse__refuses_what_is_malformed),
	    cmocka_unit_test(test_uri_allow__names_what_it_does_not_know),
	    cmocka_unit_test(test_uri_redact__shows_no_secret),
	    cmocka_unit_test(test_uri_error__shows_no_secret),
	    cmocka_unit_test(test_uri_build__reads_back),
	    cmocka_unit_test(test_uri_encode__escapes_all_but_the_unreserved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
