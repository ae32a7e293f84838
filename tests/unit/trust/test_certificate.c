/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "testing.h"

#include "fixtures/hostile/forge.h"
#include "trust/certificate.h"
#include "trust/certificate_parse.h"

#include <stdlib.h>
#include <string.h>

#include <claviger/statuscode.h>

#include <openssl/x509v3.h>

static struct clv_trust_cert *
parse(struct bytes bytes, const char *file)
{
	struct clv_trust_cert *cert = NULL;

	assert_ok(clv_trust_cert_parse(
	    bytes.data, bytes.size, file, NULL, &cert, &err));
	return cert;
}

static void
test_cert_parse__holds_what_openssl_reads(void **state)
{
	struct bytes bytes = forge(.subject = "CN=pump,O=Plant",
	    .issuer = "CN=ca", .signer = FORGE_P256_B, .ip = "192.0.2.7");
	struct clv_trust_cert *cert = parse(bytes, "trusted/certs/pump.der");
	const uint8_t *at = bytes.data;
	X509 *x509 = d2i_X509(NULL, &at, (long)bytes.size);
	uint8_t digest[20];

	(void)state;
	assert_non_null(x509);
	assert_int_equal(X509_digest(x509, EVP_sha1(), digest, NULL), 1);
	assert_memory_equal(cert->thumbprint, digest, sizeof(digest));
	assert_string_equal(cert->file, "trusted/certs/pump.der");
	assert_int_equal(cert->key_kind, CLV_KEY_KIND_P256);
	assert_int_equal(cert->key_size, 256);
	assert_int_equal(cert->signature_kind, CLV_SIGNATURE_ECDSA_SHA256);
	assert_int_equal(
	    cert->key_usage, X509_get_key_usage(x509) >> 4 == 0xf ? 0x0f : 0);
	assert_int_equal(cert->eku, CLV_EKU_SERVER_AUTH | CLV_EKU_CLIENT_AUTH);
	assert_int_equal(cert->flags,
	    CLV_CERT_HAS_BASIC | CLV_CERT_HAS_USAGE | CLV_CERT_HAS_EKU);
	assert_int_equal(cert->ski.size, 20);
	assert_memory_equal(cert->der + cert->ski.at,
	    ASN1_STRING_get0_data(X509_get0_subject_key_id(x509)), 20);
	assert_memory_equal(cert->der + cert->aki.at,
	    ASN1_STRING_get0_data(X509_get0_authority_key_id(x509)), 20);
	assert_int_equal(cert->not_before, 1893456000); /* 2030-01-01 */
	assert_int_equal(cert->not_after, 1924992000);
	X509_free(x509);
	clv_trust_cert_unref(cert);
	forge_clear(&bytes);
}

static void
test_cert_parse__agrees_with_openssl_on_times(void **state)
{
	static const char *const times[] = {"700101000000Z", "691231235959Z",
	    "500101000000Z", "491231235959Z", "000229000000Z", "000301000000Z",
	    "240229123456Z", "20500101000000Z", "21000228235959Z",
	    "21000301000000Z", "24000229000000Z", "99991231235959Z",
	    "00000101000000Z", "16000229000000Z"};
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0), *time = ASN1_TIME_new();

	(void)state;
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		struct bytes bytes =
		    forge_text(strlen(times[i]) > 13 ? 0x18 : 0x17, times[i]);
		struct clv_der in = clv_der_of(bytes.data, bytes.size);
		int64_t seconds = 0;
		int days, rest;

		assert_true(clv_der_time(&in, &seconds));
		assert_int_equal(ASN1_TIME_set_string(time, times[i]), 1);
		assert_int_equal(ASN1_TIME_diff(&days, &rest, epoch, time), 1);
		assert_int_equal(seconds, (int64_t)days * 86400 + rest);
		forge_clear(&bytes);
	}
	ASN1_TIME_free(epoch);
	ASN1_TIME_free(time);
}

static void
test_cert_parse__tells_file_and_reason(void **state)
{
	struct bytes bytes = forge(.not_after = "300231000000Z");
	struct clv_trust_cert *cert = NULL;
	clv_error *err = NULL;

	(void)state;
	assert_int_equal(clv_trust_cert_parse(bytes.data, bytes.size,
			     "trusted/certs/x.der", NULL, &cert, &err),
	    CLV_CORRUPT);
	assert_null(cert);
	assert_string_equal(clv_error_message(err),
	    "read certificate trusted/certs/x.der: its validity has a date "
	    "that does not exist (BadCertificateInvalid)");
	assert_int_equal(clv_error_code(err), CLV_SC_BAD_CERTIFICATE_INVALID);
	clv_error_free(&err);
	forge_clear(&bytes);
}

static void
test_cert_parse__refuses_every_cut_and_every_longer_one(void **state)
{
	struct bytes bytes = forge(.serial = 7);
	struct clv_trust_cert *cert = NULL;
	uint8_t *exact;

	(void)state;
	for (size_t size = 0; size < bytes.size; size++) {
		/* At the very end of its memory, where a sanitizer sees. */
		exact = malloc(size > 0 ? size : 1);
		assert_non_null(exact);
		memcpy(exact, bytes.data, size);
		assert_int_equal(
		    clv_trust_cert_parse(exact, size, NULL, NULL, &cert, NULL),
		    CLV_CORRUPT);
		free(exact);
	}
	exact = calloc(1, CLV_TRUST_CERT_MAX + 1U);
	assert_non_null(exact);
	memcpy(exact, bytes.data, bytes.size);
	assert_int_equal(clv_trust_cert_parse(
			     exact, bytes.size + 1, NULL, NULL, &cert, NULL),
	    CLV_CORRUPT);
	assert_int_equal(clv_trust_cert_parse(exact, CLV_TRUST_CERT_MAX + 1U,
			     NULL, NULL, &cert, NULL),
	    CLV_TOO_LARGE);
	free(exact);
	forge_clear(&bytes);
}

static unsigned destroyed;

static void
destroy(struct clv_trust_blob *blob)
{
	destroyed++;
	free(blob);
}

static void
test_cert_parse__borrows_from_a_blob(void **state)
{
	struct bytes bytes = forge(.serial = 7);
	struct clv_trust_blob *blob = calloc(1, sizeof(*blob));
	struct clv_trust_cert *cert = NULL;

	(void)state;
	assert_non_null(blob);
	atomic_init(&blob->references, 1);
	blob->data = bytes.data;
	blob->size = bytes.size;
	blob->destroy = destroy;
	destroyed = 0;
	assert_ok(clv_trust_cert_parse(
	    bytes.data, bytes.size, "x", blob, &cert, &err));
	assert_ptr_equal(cert->der, bytes.data);
	clv_trust_blob_unref(blob);
	assert_int_equal(destroyed, 0);
	clv_trust_cert_unref(cert);
	assert_int_equal(destroyed, 1);
	assert_int_equal(
	    clv_trust_cert_parse(bytes.data, 3, NULL, NULL, &cert, NULL),
	    CLV_CORRUPT);
	forge_clear(&bytes);
}

static struct bytes
value(const char *oid, uint8_t tag, const void *data, size_t size)
{
	return forge_tlv(0x31,
	    forge_tlv(0x30,
		forge_join(forge_oid(oid),
		    forge_tlv(tag, forge_copy(data, size)), FORGE_END)));
}

static void
subject_is(struct bytes rdns, const char *expected, const char *common_name)
{
	struct bytes bytes = forge(.raw_subject = forge_tlv(0x30, rdns),
	    .issuer = "CN=ca", .signer = FORGE_P256_B);
	struct clv_trust_cert *cert = parse(bytes, NULL);
	char text[256];

	assert_int_equal(clv_trust_cert_subject_text(cert, text, sizeof(text)),
	    strlen(expected));
	assert_string_equal(text, expected);
	(void)clv_trust_cert_common_name(cert, text, sizeof(text));
	assert_string_equal(text, common_name);
	clv_trust_cert_unref(cert);
	forge_clear(&bytes);
}

static void
test_cert_subject__is_safe_to_print(void **state)
{
	(void)state;
	subject_is(forge_join(value("2.5.4.3", 0x0c, "pump", 4),
		       value("2.5.4.10", 0x13, "Plant", 5), FORGE_END),
	    "CN=pump, O=Plant", "pump");
	subject_is(value("2.5.4.3", 0x0c, "a\x1b[2Jb\r\n", 8),
	    "CN=a\\u{1B}[2Jb\\u{D}\\u{A}", "a\\u{1B}[2Jb\\u{D}\\u{A}");
	/* right-to-left override, zero width space, C1 control */
	subject_is(
	    value("2.5.4.3", 0x0c, "\xe2\x80\xaegpj\xe2\x80\x8b\xc2\x9b", 11),
	    "CN=\\u{202E}gpj\\u{200B}\\u{9B}", "\\u{202E}gpj\\u{200B}\\u{9B}");
	subject_is(value("2.5.4.3", 0x0c, "a,b=c+d\"e\\f", 11),
	    "CN=a\\,b\\=c\\+d\\\"e\\\\f", "a,b=c+d\"e\\f");
	subject_is(value("2.5.4.3", 0x1e, "\x00p\x00\xfc\xe0\x00", 6),
	    "CN=p\xc3\xbc\\u{E000}", "p\xc3\xbc\\u{E000}");
	subject_is(
	    value("2.5.4.3", 0x14, "p\xfc", 2), "CN=p\xc3\xbc", "p\xc3\xbc");
	subject_is(value("2.5.4.3", 0x1c, "\x00\x01\xf6\x00", 4),
	    "CN=\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80");
	subject_is(value("1.2.3.4.5", 0x0c, "x", 1), "1.2.3.4.5=x", "");
	subject_is(forge_join(value("2.5.4.3", 0x0c, "one", 3),
		       value("2.5.4.3", 0x0c, "two", 3), FORGE_END),
	    "CN=one, CN=two", "two");
	subject_is(forge_tlv(0x31,
		       forge_join(forge_tlv(0x30,
				      forge_join(forge_oid("2.5.4.3"),
					  forge_text(0x0c, "a"), FORGE_END)),
			   forge_tlv(0x30,
			       forge_join(forge_oid("2.5.4.10"),
				   forge_text(0x0c, "b"), FORGE_END)),
			   FORGE_END)),
	    "CN=a+O=b", "a");
}

static void
test_cert_subject__is_cut_where_a_character_ends(void **state)
{
	struct bytes bytes = forge(.subject = "CN=\xc3\xbc\xc3\xbc\xc3\xbc");
	struct clv_trust_cert *cert = parse(bytes, NULL);
	char text[16];

	(void)state;
	for (size_t size = 1; size < sizeof(text); size++) {
		const size_t length =
		    clv_trust_cert_subject_text(cert, text, size);

		assert_int_equal(strlen(text), length);
		assert_true(length < size);
		assert_true(length < 3 || (length - 3) % 2 == 0);
	}
	assert_int_equal(clv_trust_cert_subject_text(cert, text, 0), 0);
	clv_trust_cert_unref(cert);
	forge_clear(&bytes);
}

static bool
collect(
    void *user, enum clv_trust_alt_kind kind, const uint8_t *bytes, size_t size)
{
	char *text = user;

	(void)sprintf(text + strlen(text), "%d:%.*s ", (int)kind,
	    kind == CLV_ALT_IP ? 0 : (int)size, (const char *)bytes);
	return false;
}

static void
test_cert_alt_names__come_in_order(void **state)
{
	struct bytes bytes =
	    forge(.uri = "urn:x:y", .dns = "host", .ip = "192.0.2.7");
	struct clv_trust_cert *cert = parse(bytes, NULL);
	char text[128] = "";

	(void)state;
	assert_false(clv_trust_cert_each_alt_name(cert, collect, text));
	assert_string_equal(text, "6:urn:x:y 2:host 7: ");
	clv_trust_cert_unref(cert);
	forge_clear(&bytes);
}

static void
test_cert_equal__looks_at_every_byte(void **state)
{
	struct bytes one = forge(.key = FORGE_ED25519, .hash = "");
	struct bytes two = forge(.key = FORGE_ED25519, .hash = "");
	struct bytes other =
	    forge(.key = FORGE_ED25519, .hash = "", .uri = "urn:plant:pumq");
	struct clv_trust_cert *a = parse(one, "a"), *b = parse(two, "b");
	struct clv_trust_cert *c = parse(other, NULL);

	(void)state;
	assert_true(clv_trust_cert_equal(a, b)); /* Ed25519 repeats itself */
	assert_false(clv_trust_cert_equal(a, c));
	assert_true(clv_trust_cert_same_subject(a, c));
	assert_true(clv_trust_cert_names_issuer(a, c));
	clv_trust_cert_unref(a);
	clv_trust_cert_unref(b);
	clv_trust_cert_unref(c);
	forge_clear(&one);
	forge_clear(&two);
	forge_clear(&other);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cert_parse__holds_what_openssl_reads),
	    cmocka_unit_test(test_cert_parse__agrees_with_openssl_on_times),
	    cmocka_unit_test(test_cert_parse__tells_file_and_reason),
	    cmocka_unit_test(
		test_cert_parse__refuses_every_cut_and_every_longer_one),
	    cmocka_unit_test(test_cert_parse__borrows_from_a_blob),
	    cmocka_unit_test(test_cert_subject__is_safe_to_print),
	    cmocka_unit_test(test_cert_subject__is_cut_where_a_character_ends),
	    cmocka_unit_test(test_cert_alt_names__come_in_order),
	    cmocka_unit_test(test_cert_equal__looks_at_every_byte),
	};

	return cmocka_run_group_tests(tests, NULL, forge_tear_down);
}
