/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "fixture.h"

#include <claviger/audit.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "application/config.h"

#define HTTPS CLV_DEFAULT_HTTPS_GROUP
#define USERS CLV_DEFAULT_USER_TOKEN_GROUP

/* ---- claviger.conf ---- */

static const char full[] = "application-uri: urn:plant:pump7\n"
			   "product-uri: urn:maker:pump\n"
			   "application-names: {en: Pump 7, de-AT: Pumpe 7}\n"
			   "subject: CN=Pump 7/O=Plant\n"
			   "application-type: server\n"
			   "administrators: {users: [root], groups: [root]}\n"
			   "audit: {file-size: 100000, files: 5}\n"
			   "groups:\n"
			   "  DefaultApplicationGroup:\n"
			   "    trust-list: pki\n"
			   "    certificate-types: [RsaSha256, EccNistP256]\n"
			   "    slots:\n"
			   "      RsaSha256:\n"
			   "        store: file:pki/own/private\n"
			   "  Own Group:\n"
			   "    trust-list: groups/own\n"
			   "    certificate-types: [EccNistP384]\n"
			   "    suppress: [expired, issuer-expired]\n";

static void
test_config__keeps_all_it_was_told(void **state)
{
	struct clv_config config;
	struct clv_config again;
	char *text = NULL;
	char *twice = NULL;
	size_t size = 0;
	size_t twice_size = 0;

	(void)state;
	assert_ok(clv_config_parse("x", full, strlen(full), &config, &err));
	assert_string_equal(config.product_uri, "urn:maker:pump");
	assert_int_equal(config.name_count, 2);
	assert_string_equal(config.names[1].locale, "de-AT");
	assert_string_equal(config.names[1].text, "Pumpe 7");
	assert_int_equal(config.audit_size, 100000);
	assert_int_equal(config.audit_files, 5);
	assert_int_equal(config.group_count, 2);
	assert_int_equal(config.groups[1].type_count, 1);
	assert_true(clv_config_group_has_type(&config, 1, "EccNistP384"));
	assert_false(clv_config_group_has_type(&config, 1, "RsaSha256"));
	assert_int_equal(config.groups[0].suppress, 0);
	assert_int_equal(config.groups[1].suppress,
	    CLV_SUPPRESS_EXPIRED | CLV_SUPPRESS_ISSUER_EXPIRED);
	assert_ok(clv_config_print(&config, &text, &size, &err));
	assert_ok(clv_config_parse("x", text, size, &again, &err));
	assert_ok(clv_config_print(&again, &twice, &twice_size, &err));
	assert_string_equal(text, twice);
	assert_non_null(strstr(text, "Pumpe 7"));
	assert_non_null(strstr(text, "file-size: 100000"));
	assert_non_null(strstr(text, "[RsaSha256, EccNistP256]"));
	assert_non_null(strstr(text, "[expired, issuer-expired]"));
	free(text);
	free(twice);
	clv_config_clear(&config);
	clv_config_clear(&again);
}

/* Each replaces a part of the file above; the complaint names the line. */
static const struct {
	const char *from;
	const char *to;
	const char *line;
	const char *why;
} bad[] = {
    {"product-uri", "product-url", "line 2:", "not a known name"},
    {"de-AT: Pumpe 7", "en: Again", "line 3:", "twice"},
    {"de-AT: Pumpe 7", "\"d e\": Pumpe", "line 3:", "not a locale"},
    {"Pumpe 7", "\"a\\x1bb\"", "line 3:", "printable"},
    {"de-AT: Pumpe 7", "de: [a]", "line 3:", "printable"},
    {"100000", "99", "line 7:", "a number from 65536"},
    {"100000", "1e6", "line 7:", "a number from 65536"},
    {"files: 5", "files: 1", "line 7:", "a number from 2"},
    {"files: 5", "size: 5", "line 7:", "not a known name"},
    {"[RsaSha256, EccNistP256]", "[RsaSha256, Rsa]",
	"line 11:", "not a CertificateType"},
    {"[RsaSha256, EccNistP256]", "[RsaSha256, RsaSha256]", "line 11:", "twice"},
    {"[RsaSha256, EccNistP256]", "[EccNistP256]",
	"line 9:", "not among the certificate-types"},
    {"[EccNistP384]", "EccNistP384", "line 17:", "a list"},
    {"[expired,", "[revoked,", "line 18:", "can't be suppressed"},
    {"issuer-expired]", "expired]", "line 18:", "twice"},
    {"    trust-list: groups/own\n", "", "line 15:", "no trust-list"},
    {"        store: file:pki/own/private\n", "        colour: red\n",
	"line 14:", "not a known name"},
};

static void
test_config__names_the_line_of_a_mistake(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		const char *at = strstr(full, bad[i].from);
		struct clv_config config;
		clv_error *err = NULL;
		char *text = NULL;

		assert_non_null(at);
		assert_true(asprintf(&text, "%.*s%s%s", (int)(at - full), full,
				bad[i].to, at + strlen(bad[i].from)) > 0);
		if (clv_config_parse("x", text, strlen(text), &config, &err) !=
			CLV_CORRUPT ||
		    strstr(clv_error_message(err), bad[i].line) == NULL ||
		    strstr(clv_error_message(err), bad[i].why) == NULL)
			fail_msg("%s: %s", bad[i].to, clv_error_message(err));
		clv_error_free(&err);
		free(text);
	}
}

/* ---- groups and slots ---- */

static void
test_application_add_group__makes_a_list_of_its_own(void **state)
{
	const char *const types[] = {"RsaSha256"};
	const char *const names[] = {"", "a/b", "..", "x\n", " a"};
	clv_application *other = NULL;

	(void)state;
	assert_ok(
	    clv_application_add_group(application, USERS, NULL, NULL, 0, &err));
	assert_ok(clv_application_add_group(
	    application, HTTPS, "https", types, 1, &err));
	assert_fails(CLV_EXISTS,
	    clv_application_add_group(application, USERS, NULL, NULL, 0, &err));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		assert_fails(CLV_INVALID,
		    clv_application_add_group(
			application, names[i], NULL, NULL, 0, &err));
	assert_ok(clv_application_open(context, directory, &other, &err));
	assert_string_equal(clv_application_group(other, 1), USERS);
	assert_string_equal(clv_application_group(other, 2), HTTPS);
	assert_null(clv_application_group(other, 3));
	assert_null(clv_application_certificate_type(other, USERS, 0));
	assert_string_equal(
	    clv_application_certificate_type(other, HTTPS, 0), "RsaSha256");
	assert_null(clv_application_certificate_type(other, HTTPS, 1));
	assert_string_equal(
	    clv_application_certificate_type(other, GROUP, 0), TYPE);
	assert_int_equal(files("https/trusted/certs"), 1);
	assert_int_equal(files("groups/" USERS "/own/private"), 1);
	clv_application_free(&other);
}

static void
fill(const char *group, const char *type, clv_algorithm algorithm)
{
	clv_txn *txn = NULL;

	assert_ok(clv_txn_open(application, &txn, &err));
	assert_ok(
	    clv_txn_self_sign(txn, group, type, algorithm, NULL, 30, &err));
	assert_ok(clv_txn_commit(txn, &err));
	clv_txn_free(&txn);
}

static void
test_application_add_slot__is_filled_and_emptied(void **state)
{
	clv_key *key = NULL;
	clv_txn *txn = NULL;

	(void)state;
	assert_fails(CLV_NOT_FOUND,
	    clv_application_add_slot(
		application, HTTPS, "EccNistP384", NULL, &err));
	assert_ok(
	    clv_application_add_group(application, HTTPS, NULL, NULL, 0, &err));
	assert_ok(clv_application_add_slot(
	    application, HTTPS, "EccNistP384", NULL, &err));
	assert_fails(CLV_EXISTS,
	    clv_application_add_slot(
		application, HTTPS, "EccNistP384", NULL, &err));
	assert_fails(CLV_INVALID,
	    clv_application_add_slot(application, HTTPS, "Rsa", NULL, &err));
	assert_fails(CLV_NOT_FOUND,
	    clv_application_add_slot(
		application, HTTPS, "RsaSha256", "file:/nowhere", &err));
	fill(HTTPS, "EccNistP384", CLV_EC_P384);
	assert_int_equal(files("groups/" HTTPS "/own/private/*.pem"), 1);
	assert_ok(
	    clv_application_key(application, HTTPS, "EccNistP384", &key, &err));
	clv_key_free(&key);
	assert_fails(CLV_INVALID,
	    clv_application_remove_slot(
		application, HTTPS, "EccNistP384", &err));
	assert_ok(clv_txn_open(application, &txn, &err));
	assert_ok(clv_txn_delete(txn, HTTPS, "EccNistP384", &err));
	assert_ok(clv_txn_commit(txn, &err));
	clv_txn_free(&txn);
	assert_ok(clv_application_remove_slot(
	    application, HTTPS, "EccNistP384", &err));
	assert_fails(CLV_NOT_FOUND,
	    clv_application_remove_slot(
		application, HTTPS, "EccNistP384", &err));
	assert_int_equal(files("groups/" HTTPS "/own/private/*.pem"), 0);
	/* The other slot is as it was. */
	free(present_thumbprint(application));
}

/* A pending key would be forgotten in its device. */
static void
test_application_remove_slot__keeps_one_with_a_pending_key(void **state)
{
	clv_txn *txn = NULL;

	(void)state;
	assert_ok(clv_application_add_slot(
	    application, GROUP, "EccNistP384", NULL, &err));
	assert_ok(clv_txn_open(application, &txn, &err));
	assert_ok(clv_txn_new_key(
	    txn, GROUP, "EccNistP384", CLV_EC_P384, NULL, &err));
	clv_txn_free(&txn);
	assert_fails(CLV_INVALID,
	    clv_application_remove_slot(
		application, GROUP, "EccNistP384", &err));
}

static void
take_change(void *user, const char *group, const char *type)
{
	char *text = user;

	(void)strcat(text, group);
	(void)strcat(text, "/");
	(void)strcat(text, type != NULL ? type : "-");
}

static void
test_application_last__tells_what_and_when(void **state)
{
	char text[256] = "";
	int64_t when = 0;

	(void)state;
	assert_fails(CLV_NOT_FOUND,
	    clv_application_last(application, &when, take_change, text, &err));
	fill(GROUP, TYPE, CLV_EC_P256);
	assert_ok(
	    clv_application_last(application, &when, take_change, text, &err));
	assert_string_equal(text, GROUP "/" TYPE);
	assert_true(when > 1700000000);
}

#define TEST(function) \
	cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_config__keeps_all_it_was_told),
	    cmocka_unit_test(test_config__names_the_line_of_a_mistake),
	    TEST(test_application_add_group__makes_a_list_of_its_own),
	    TEST(test_application_add_slot__is_filled_and_emptied),
	    TEST(test_application_remove_slot__keeps_one_with_a_pending_key),
	    TEST(test_application_last__tells_what_and_when),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
