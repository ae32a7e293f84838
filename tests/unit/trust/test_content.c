/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "testing.h"

#include <stdlib.h>
#include <string.h>

#include "pki.h"
#include "trust/content.h"

struct fixture {
	struct pki_identity ca;
	struct pki_identity leaf;
	struct blob crl;
};

static int
set_up(void **state)
{
	static struct fixture fixture;

	pki_make(&fixture.ca, "CA", true, NULL);
	pki_make(&fixture.leaf, "Leaf", false, &fixture.ca);
	fixture.crl = pki_crl(&fixture.ca, 1, &fixture.leaf, 0);
	*state = &fixture;
	return 0;
}

static int
tear_down(void **state)
{
	struct fixture *fixture = *state;

	pki_drop(&fixture->leaf);
	pki_drop(&fixture->ca);
	blob_drop(&fixture->crl);
	return 0;
}

/* Parses and compares kinds, written as a letter each: c or r. */
static void
assert_kinds(const struct blob *file, const char *kinds)
{
	struct clv_content content;

	assert_ok(
	    clv_content_parse(file->bytes, file->size, "f", &content, &err));
	assert_int_equal(content.count, strlen(kinds));
	for (size_t i = 0; i < content.count; i++)
		assert_int_equal(content.items[i].kind,
		    kinds[i] == 'c' ? CLV_CONTENT_CERTIFICATE
				    : CLV_CONTENT_CRL);
	clv_content_clear(&content);
}

static void
assert_refused(clv_status expected, const void *bytes, size_t size)
{
	struct clv_content content;

	assert_fails(
	    expected, clv_content_parse(bytes, size, "f", &content, &err));
	assert_null(content.items);
}

static void
test_content_parse__tells_certificates_from_crls(void **state)
{
	struct fixture *f = *state;
	struct blob chain = pki_join(&f->leaf.der, &f->ca.der);
	struct blob all = pki_join(&chain, &f->crl);

	assert_kinds(&f->leaf.der, "c");
	assert_kinds(&f->crl, "r");
	assert_kinds(&chain, "cc");
	assert_kinds(&all, "ccr");
	blob_drop(&chain);
	blob_drop(&all);
}

static void
test_content_parse__reads_pem_with_text_around(void **state)
{
	struct fixture *f = *state;
	struct blob text = {(uint8_t *)strdup("# our CA\n\n"), 10};
	struct blob a =
	    pki_pem("CERTIFICATE", f->leaf.der.bytes, f->leaf.der.size);
	struct blob b = pki_pem("X509 CRL", f->crl.bytes, f->crl.size);
	struct blob one = pki_join(&text, &a);
	struct blob two = pki_join(&one, &text);
	struct blob all = pki_join(&two, &b);
	struct clv_content content;

	assert_kinds(&a, "c");
	assert_kinds(&b, "r");
	assert_kinds(&all, "cr");
	assert_ok(clv_content_parse(all.bytes, all.size, "f", &content, &err));
	assert_true(content.pem);
	assert_int_equal(content.items[0].size, f->leaf.der.size);
	assert_memory_equal(
	    content.items[0].der, f->leaf.der.bytes, f->leaf.der.size);
	assert_memory_equal(content.items[1].der, f->crl.bytes, f->crl.size);
	clv_content_clear(&content);
	free(text.bytes);
	blob_drop(&a);
	blob_drop(&b);
	blob_drop(&one);
	blob_drop(&two);
	blob_drop(&all);
}

static void
test_content_parse__refuses_damaged_pem(void **state)
{
	struct fixture *f = *state;
	struct blob good =
	    pki_pem("CERTIFICATE", f->leaf.der.bytes, f->leaf.der.size);
	struct blob second = pki_join(&good, &good);
	struct blob wrong =
	    pki_pem("X509 CRL", f->leaf.der.bytes, f->leaf.der.size);

	assert_refused(CLV_CORRUPT, good.bytes, good.size - 10);
	/* A broken second block is not overlooked. */
	assert_refused(CLV_CORRUPT, second.bytes, second.size - 10);
	second.bytes[good.size + 40] = '?';
	assert_refused(CLV_CORRUPT, second.bytes, second.size);
	assert_refused(CLV_CORRUPT, wrong.bytes, wrong.size);
	blob_drop(&good);
	blob_drop(&second);
	blob_drop(&wrong);
}

static void
test_content_parse__names_private_keys(void **state)
{
	struct fixture *f = *state;
	struct blob key = {NULL, 0};
	struct blob pem;
	int size = i2d_PrivateKey(f->leaf.key, &key.bytes);

	assert_true(size > 0);
	key.size = (size_t)size;
	pem = pki_pem("PRIVATE KEY", key.bytes, key.size);
	assert_refused(CLV_POLICY, key.bytes, key.size);
	assert_refused(CLV_POLICY, pem.bytes, pem.size);
	blob_drop(&key);
	blob_drop(&pem);
}

static void
test_content_parse__refuses_everything_else(void **state)
{
	static const uint8_t indefinite[] = {0x30, 0x80, 0x30, 0, 0, 0};
	static const uint8_t long_form[] = {0x30, 0x81, 0x02, 0x30, 0};
	static const uint8_t padded[] = {0x30, 0x82, 0, 0x80};
	static const uint8_t huge[] = {0x30, 0x84, 0xFF, 0xFF, 0xFF, 0xFF};
	static const uint8_t five[] = {0x30, 0x85, 1, 0, 0, 0, 0};
	struct fixture *f = *state;
	struct blob junk = {(uint8_t *)strdup("junk"), 4};
	struct blob tail = pki_join(&f->leaf.der, &junk);

	assert_refused(CLV_CORRUPT, "", 0);
	assert_refused(CLV_CORRUPT, "hello", 5);
	assert_refused(CLV_CORRUPT, "-----BEGIN ", 11);
	assert_refused(CLV_CORRUPT, "\x30", 1);
	assert_refused(CLV_CORRUPT, "\x30\x00", 2);
	assert_refused(CLV_CORRUPT, indefinite, sizeof(indefinite));
	assert_refused(CLV_CORRUPT, long_form, sizeof(long_form));
	assert_refused(CLV_CORRUPT, padded, sizeof(padded));
	assert_refused(CLV_CORRUPT, huge, sizeof(huge));
	assert_refused(CLV_CORRUPT, five, sizeof(five));
	assert_refused(CLV_CORRUPT, tail.bytes, tail.size);
	free(junk.bytes);
	blob_drop(&tail);
}

static void
test_content_parse__refuses_every_cut(void **state)
{
	struct fixture *f = *state;

	for (size_t size = 0; size < f->leaf.der.size; size++) {
		uint8_t *cut = malloc(size > 0 ? size : 1);

		assert_non_null(cut);
		memcpy(cut, f->leaf.der.bytes, size);
		assert_refused(CLV_CORRUPT, cut, size);
		free(cut);
	}
}

static void
test_content_parse__refuses_requests(void **state)
{
	struct fixture *f = *state;
	X509_REQ *request =
	    X509_to_X509_REQ(f->leaf.certificate, f->leaf.key, EVP_sha256());
	struct blob der = {NULL, 0};
	struct clv_content content;
	clv_error *err = NULL;

	assert_non_null(request);
	der.size = (size_t)i2d_X509_REQ(request, &der.bytes);
	assert_int_equal(
	    clv_content_parse(der.bytes, der.size, "f", &content, &err),
	    CLV_CORRUPT);
	assert_string_equal(
	    clv_error_reason(err), "it is a certificate request");
	clv_error_free(&err);
	blob_drop(&der);
	X509_REQ_free(request);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_content_parse__tells_certificates_from_crls),
	    cmocka_unit_test(test_content_parse__reads_pem_with_text_around),
	    cmocka_unit_test(test_content_parse__refuses_damaged_pem),
	    cmocka_unit_test(test_content_parse__names_private_keys),
	    cmocka_unit_test(test_content_parse__refuses_everything_else),
	    cmocka_unit_test(test_content_parse__refuses_every_cut),
	    cmocka_unit_test(test_content_parse__refuses_requests),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
