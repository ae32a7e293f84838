/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Self-signed certificates and requests, read by openssl and certtool. */

#include "testing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <claviger/certificate.h>

#include "fake/fake_backend.h"

static clv_context *context;
static char directory[] = "/tmp/claviger-certificate-XXXXXX";

static clv_key *
open_key(clv_algorithm algorithm)
{
	clv_key *key = NULL;

	assert_ok(clv_key_open(context, fake_uri(algorithm, 0), &key, &err));
	return key;
}

static clv_subject *
make_subject(void)
{
	clv_subject *subject = NULL;

	assert_ok(clv_subject_new(&subject, &err));
	assert_ok(
	    clv_subject_set_application_uri(subject, "urn:plant:pump7", &err));
	assert_ok(clv_subject_set_common_name(subject, "Pump 7", &err));
	assert_ok(clv_subject_set_organization(subject, "Plant, Ltd", &err));
	assert_ok(clv_subject_add_dns(subject, "pump7.example", &err));
	assert_ok(clv_subject_add_ip(subject, "10.1.2.3", &err));
	assert_ok(clv_subject_add_ip(subject, "fe80::1", &err));
	return subject;
}

static void
save(const char *name, const uint8_t *der, size_t size)
{
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(der, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

/* What a command prints, or the test ends with how to install it. */
static char *
output_of(const char *what, const char *name)
{
	char command[256];
	char *text = calloc(1, 16384);
	FILE *pipe;

	(void)snprintf(command, sizeof(command), "%s %s %s/%s 2>&1", what,
	    strstr(what, "certtool") != NULL ? "--infile" : "-in", directory,
	    name);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	text[fread(text, 1, 16383, pipe)] = '\0';
	if (pclose(pipe) != 0)
		fail_msg("%s failed (apt-get install openssl gnutls-bin): %s",
		    command, text);
	return text;
}

static void
assert_contains(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is missing in:\n%s", part, text);
}

static void
assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part) != NULL)
		fail_msg("\"%s\" is too much in:\n%s", part, text);
}

static void
check_common(const char *text, clv_family family)
{
	assert_contains(text, "CN = Pump 7, O = \"Plant, Ltd\"");
	assert_contains(text,
	    "URI:urn:plant:pump7, DNS:pump7.example, IP "
	    "Address:10.1.2.3, IP Address:FE80:0:0:0:0:0:0:1");
	assert_contains(text, "CA:FALSE");
	assert_contains(text, "Digital Signature");
	assert_contains(text,
	    "TLS Web Server Authentication, TLS Web Client "
	    "Authentication");
	assert_contains(text, "X509v3 Subject Key Identifier");
	if (family == CLV_FAMILY_RSA)
		assert_contains(text,
		    "Digital Signature, Non Repudiation, "
		    "Key Encipherment, Data Encipherment");
	else
		assert_lacks(text, "Encipherment");
}

static void
test_certificate_self_sign__is_what_opc_ua_asks_for(void **state)
{
	clv_subject *subject = make_subject();

	(void)state;
	for (int a = CLV_RSA_2048; a <= CLV_ED448; a++) {
		clv_key *key = open_key((clv_algorithm)a);
		clv_certificate *certificate = NULL;
		uint8_t *der = NULL;
		size_t size = 0;
		char *text;

		assert_ok(clv_certificate_self_sign(
		    key, subject, 30, &der, &size, &err));
		save("c.der", der, size);
		text = output_of("openssl x509 -inform DER -noout -text "
				 "-nameopt oneline,-esc_msb",
		    "c.der");
		check_common(
		    text, clv_algorithm_describe((clv_algorithm)a)->family);
		assert_contains(text, "Version: 3");
		assert_contains(text, "Certificate Sign");
		assert_contains(text, "X509v3 Authority Key Identifier");
		free(text);
		assert_ok(clv_certificate_parse(
		    context, der, size, &certificate, &err));
		assert_true(clv_certificate_is_self_signed(certificate));
		assert_true(clv_certificate_matches(certificate, key));
		assert_int_equal(clv_certificate_algorithm(certificate), a);
		assert_int_equal(
		    strlen(clv_certificate_serial(certificate)), 40);
		assert_int_equal(clv_certificate_not_after(certificate) -
			clv_certificate_not_before(certificate),
		    31 * 86400);
		assert_string_equal(
		    clv_certificate_application_uri(certificate),
		    "urn:plant:pump7");
		assert_string_equal(
		    clv_certificate_host(certificate, 0), "pump7.example");
		assert_string_equal(
		    clv_certificate_host(certificate, 2), "fe80::1");
		assert_null(clv_certificate_host(certificate, 3));
		clv_certificate_free(&certificate);
		clv_free(der);
		clv_key_free(&key);
	}
	clv_subject_free(&subject);
}

static void
test_certificate_self_sign__reads_well_in_gnutls(void **state)
{
	clv_subject *subject = make_subject();
	clv_key *key = open_key(CLV_RSA_2048);
	uint8_t *der = NULL;
	size_t size = 0;
	char *text;

	(void)state;
	assert_ok(
	    clv_certificate_self_sign(key, subject, 30, &der, &size, &err));
	save("g.der", der, size);
	text = output_of("certtool --certificate-info --inder", "g.der");
	assert_contains(text, "URI: urn:plant:pump7");
	assert_contains(text, "IPAddress: 10.1.2.3");
	assert_contains(text, "Certificate Authority (CA): FALSE");
	assert_contains(text, "Data encipherment");
	assert_contains(text, "Authority Key Identifier");
	free(text);
	clv_free(der);
	clv_key_free(&key);
	clv_subject_free(&subject);
}

static void
test_certificate_request__is_signed_and_complete(void **state)
{
	clv_subject *subject = make_subject();

	(void)state;
	for (int a = CLV_RSA_2048; a <= CLV_ED448; a++) {
		clv_key *key = open_key((clv_algorithm)a);
		uint8_t *der = NULL;
		size_t size = 0;
		char *text;

		assert_ok(
		    clv_certificate_request(key, subject, &der, &size, &err));
		save("r.der", der, size);
		text = output_of("openssl req -inform DER -noout -verify -text "
				 "-nameopt oneline,-esc_msb",
		    "r.der");
		assert_contains(text, "self-signature verify OK");
		check_common(
		    text, clv_algorithm_describe((clv_algorithm)a)->family);
		assert_lacks(text, "Certificate Sign");
		free(text);
		clv_free(der);
		clv_key_free(&key);
	}
	clv_subject_free(&subject);
}

static void
test_certificate_self_sign__needs_uri_and_name(void **state)
{
	clv_subject *subject = NULL;
	clv_key *key = open_key(CLV_EC_P256);
	uint8_t *der = NULL;
	size_t size = 0;

	(void)state;
	assert_ok(clv_subject_new(&subject, &err));
	assert_fails(CLV_INVALID,
	    clv_certificate_self_sign(key, subject, 1, &der, &size, &err));
	assert_ok(clv_subject_set_application_uri(subject, "urn:a", &err));
	assert_fails(CLV_INVALID,
	    clv_certificate_request(key, subject, &der, &size, &err));
	assert_ok(clv_subject_set_common_name(subject, "A", &err));
	assert_fails(CLV_INVALID,
	    clv_certificate_self_sign(key, subject, 40000, &der, &size, &err));
	assert_null(der);
	clv_subject_free(&subject);
	clv_key_free(&key);
}

/* As clv_key_sign() tells it, and not as OpenSSL does. */
static void
test_certificate_self_sign__fails_as_the_key_does(void **state)
{
	static const clv_algorithm algorithms[] = {
	    CLV_EC_P256, CLV_RSA_2048, CLV_ED25519};
	static const clv_status failures[] = {
	    CLV_DEVICE_GONE, CLV_AUTH, CLV_LOCKED};
	clv_subject *subject = make_subject();
	uint8_t *der = NULL;
	size_t size = 0;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		clv_key *key = open_key(algorithms[i]);

		fake.fails = failures[i];
		assert_fails(failures[i],
		    clv_certificate_self_sign(
			key, subject, 1, &der, &size, &err));
		assert_fails(failures[i],
		    clv_certificate_request(key, subject, &der, &size, &err));
		assert_int_equal(clv_certificate_self_sign(
				     key, subject, 1, &der, &size, NULL),
		    failures[i]);
		assert_null(der);
		fake_reset();
		clv_key_free(&key);
	}
	clv_subject_free(&subject);
}

static void
test_subject__refuses_what_can_not_be(void **state)
{
	static const char *const uris[] = {"", "x", ":x", "urn:", "urn:a b",
	    "urn:\xc3\xa4", "1rn:a", "urn:a\"b", "urn:a\n"};
	static const char *const names[] = {"", "CN=", "CN", "=x", "XX=a",
	    "CN=a/", "CN=a/b", "CN=\"a", "CN=a=b", "C=nl", "C=NLD", "CN=a\nb",
	    "CN=\"a\"b"};
	static const char *const hosts[] = {
	    "", "-a", "a-", "a..b", ".a", "*.a", "a b", "10.1.2.3", "a.-b"};
	static const char *const addresses[] = {
	    "", "1.2.3", "host", "1.2.3.4.5"};
	clv_subject *subject = NULL;

	(void)state;
	assert_ok(clv_subject_new(&subject, &err));
	for (size_t i = 0; i < sizeof(uris) / sizeof(*uris); i++)
		assert_fails(CLV_INVALID,
		    clv_subject_set_application_uri(subject, uris[i], &err));
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_fails(
		    CLV_INVALID, clv_subject_set_name(subject, names[i], &err));
	for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++)
		assert_fails(
		    CLV_INVALID, clv_subject_add_dns(subject, hosts[i], &err));
	for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++)
		assert_fails(CLV_INVALID,
		    clv_subject_add_ip(subject, addresses[i], &err));
	assert_ok(clv_subject_set_name(
	    subject, "CN=\"a/b=c\"/O=x/OU=y/DC=z/L=l/S=s/C=NL", &err));
	clv_subject_free(&subject);
}

static void
test_certificate_parse__takes_one_and_nothing_behind(void **state)
{
	clv_subject *subject = make_subject();
	clv_key *key = open_key(CLV_EC_P256);
	clv_key *other = open_key(CLV_EC_P384);
	clv_certificate *certificate = NULL;
	uint8_t more[4096];
	uint8_t *der = NULL;
	size_t size = 0;
	char *pem;

	(void)state;
	assert_ok(
	    clv_certificate_self_sign(key, subject, 1, &der, &size, &err));
	memcpy(more, der, size);
	more[size] = 0;
	assert_fails(CLV_CORRUPT,
	    clv_certificate_parse(context, more, size + 1, &certificate, &err));
	assert_fails(CLV_CORRUPT,
	    clv_certificate_parse(context, more, size - 1, &certificate, &err));
	assert_fails(CLV_CORRUPT,
	    clv_certificate_parse(context, more, 0, &certificate, &err));
	assert_fails(CLV_CORRUPT,
	    clv_certificate_parse(context, "hello", 5, &certificate, &err));
	save("p.der", der, size);
	pem = output_of("openssl x509 -inform DER", "p.der");
	assert_ok(clv_certificate_parse(
	    context, pem, strlen(pem), &certificate, &err));
	assert_true(clv_certificate_matches(certificate, key));
	assert_false(clv_certificate_matches(certificate, other));
	clv_certificate_free(&certificate);
	strcat(pem, "x");
	assert_fails(CLV_CORRUPT,
	    clv_certificate_parse(
		context, pem, strlen(pem), &certificate, &err));
	free(pem);
	clv_free(der);
	clv_key_free(&other);
	clv_key_free(&key);
	clv_subject_free(&subject);
}

static int
set_up_all(void **state)
{
	(void)state;
	fake_reset();
	assert_non_null(mkdtemp(directory));
	assert_ok(clv_context_new(&context, &err));
	assert_ok(clv_context_add_backend(context, &fake_backend, &err));
	return 0;
}

static int
tear_down_all(void **state)
{
	char command[128];

	(void)state;
	clv_context_free(&context);
	(void)snprintf(command, sizeof(command), "rm -rf %s", directory);
	assert_int_equal(system(command), 0);
	fake_forget();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		test_certificate_self_sign__is_what_opc_ua_asks_for),
	    cmocka_unit_test(test_certificate_self_sign__reads_well_in_gnutls),
	    cmocka_unit_test(test_certificate_request__is_signed_and_complete),
	    cmocka_unit_test(test_certificate_self_sign__needs_uri_and_name),
	    cmocka_unit_test(test_certificate_self_sign__fails_as_the_key_does),
	    cmocka_unit_test(test_subject__refuses_what_can_not_be),
	    cmocka_unit_test(
		test_certificate_parse__takes_one_and_nothing_behind),
	};

	return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
