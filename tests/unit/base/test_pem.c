/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "testing.h"

#include <openssl/evp.h>

#include "base/base64.h"
#include "base/pem.h"

static void
test_base64__agrees_with_openssl(void **state)
{
	uint8_t bytes[200];
	uint8_t ours[400];
	uint8_t back[400];
	unsigned char theirs[400];
	size_t size;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37 + 11);
	for (size_t length = 0; length <= 48; length++) {
		clv_base64_encode((struct clv_span){bytes, length}, ours);
		(void)EVP_EncodeBlock(theirs, bytes, (int)length);
		assert_memory_equal(ours, theirs, (length + 2) / 3 * 4);
	}
	for (size_t length = 0; length <= sizeof(bytes); length++) {
		const struct clv_span text = {ours, CLV_BASE64_ENCODED(length)};

		clv_base64_encode((struct clv_span){bytes, length}, ours);
		assert_true(length == 0 || ours[text.size - 1] == '\n');
		assert_true(clv_base64_decode(text, back, &size));
		assert_int_equal(size, length);
		assert_memory_equal(back, bytes, length);
	}
}

static void
test_base64_decode__every_byte_has_its_value_or_none(void **state)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	uint8_t out[8];
	size_t size;

	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		const uint8_t text[4] = {'A', 'A', 'A', (uint8_t)byte};
		const char *digit =
		    byte != 0 ? strchr(digits, (int)byte) : NULL;
		const bool fine = digit != NULL || byte == '=';

		assert_int_equal(
		    clv_base64_decode(CLV_SPAN_OF(text), out, &size), fine);
		if (digit != NULL)
			assert_int_equal(out[2], digit - digits);
	}
}

static void
test_base64_decode__wrong_padding_is_refused(void **state)
{
	static const char *const texts[] = {"A", "AA", "AAA", "=",
	    "====", "A===", "AA=", "AA=A", "AA==AAAA", "AAA=A",
	    "AAB=", "AB==", "AAAA=", "AA===", "A A A"};
	static const char *const fine[] = {
	    "", "AA==", "AAA=", "AQ==", "AAE=", "AA\n=\r\n=", " A A\tA A\n"};
	uint8_t out[16];
	size_t size;

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (clv_base64_decode(
			(struct clv_span){
			    (const uint8_t *)texts[i], strlen(texts[i])},
			out, &size))
			fail_msg("accepted: %s", texts[i]);
	for (size_t i = 0; i < sizeof(fine) / sizeof(fine[0]); i++)
		if (!clv_base64_decode(
			(struct clv_span){
			    (const uint8_t *)fine[i], strlen(fine[i])},
			out, &size))
			fail_msg("refused: %s", fine[i]);
}

struct pem_case {
	const char *text;
	enum clv_pem_found first;
	enum clv_pem_found second;
};

static const struct pem_case pems[] = {
    {"", CLV_PEM_END, CLV_PEM_END},
    {" \r\n\t", CLV_PEM_END, CLV_PEM_END},
    {"-----BEGIN A-----\nAAAA\n-----END A-----\n", CLV_PEM_BLOCK, CLV_PEM_END},
    {"-----BEGIN A-----\r\nAAAA\r\n-----END A-----", CLV_PEM_BLOCK,
	CLV_PEM_END},
    {"-----BEGIN A-----\nAAAA\n-----END A-----\n\n"
     "-----BEGIN B-----\n-----END B-----\n",
	CLV_PEM_BLOCK, CLV_PEM_BLOCK},
    {"-----BEGIN A-----\nAAAA\n-----END A-----\nbehind", CLV_PEM_BLOCK,
	CLV_PEM_TEXT},
    {"Bag Attributes\n    localKeyID: 01 \n\nKey Attributes: <No Attributes>\n"
     "-----BEGIN A-----\nAAAA\n-----END A-----\n",
	CLV_PEM_BLOCK, CLV_PEM_END},
    {"-----BEGIN A-----\nAAAA\n-----END A-----\nBag Attributes: <No "
     "Attributes>\n-----BEGIN B-----\n-----END B-----\n",
	CLV_PEM_BLOCK, CLV_PEM_BLOCK},
    {"\xef\xbb\xbf-----BEGIN A-----\nAAAA\n-----END A-----\n", CLV_PEM_BLOCK,
	CLV_PEM_END},
    {"\xef\xbb-----BEGIN A-----\nAAAA\n-----END A-----\n", CLV_PEM_TEXT,
	CLV_PEM_TEXT},
    /* What may be a boundary hides no block. */
    {" -----BEGIN B-----\n-----END B-----\n", CLV_PEM_BLOCK, CLV_PEM_END},
    {"text\n -----BEGIN B-----\n-----END B-----\n", CLV_PEM_TEXT, CLV_PEM_TEXT},
    {"text -----BEGIN B-----\n-----BEGIN A-----\n-----END A-----\n",
	CLV_PEM_TEXT, CLV_PEM_BLOCK},
    {"AAAA\n-----END A-----\n-----BEGIN A-----\n-----END A-----\n",
	CLV_PEM_TEXT, CLV_PEM_BLOCK},
    {"nothing\nbut text\n", CLV_PEM_TEXT, CLV_PEM_END},
    {"-----BEGIN A-----\nAAAA\n-----END B-----\n", CLV_PEM_BROKEN, CLV_PEM_END},
    {"-----BEGIN A-----\nAAAA\n-----END A----\n", CLV_PEM_BROKEN, CLV_PEM_END},
    {"-----BEGIN A-----\nAAAA", CLV_PEM_BROKEN, CLV_PEM_END},
    {"-----BEGIN A-----", CLV_PEM_BROKEN, CLV_PEM_END},
    {"-----BEGIN -----\n", CLV_PEM_TEXT, CLV_PEM_END},
    {"-----BEGIN-----\n", CLV_PEM_TEXT, CLV_PEM_END},
};

static void
test_pem_next__finds_blocks_and_what_is_none(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(pems) / sizeof(pems[0]); i++) {
		struct clv_span text = {
		    (const uint8_t *)pems[i].text, strlen(pems[i].text)};
		struct clv_pem_block block;

		if (clv_pem_next(&text, &block) != pems[i].first ||
		    clv_pem_next(&text, &block) != pems[i].second)
			fail_msg("%s", pems[i].text);
	}
}

static void
test_pem_next__headers_are_told_from_the_body(void **state)
{
	struct clv_span text =
	    CLV_SPAN_TEXT("-----BEGIN A-----\nX: 1\nY: 2\n\nAAAA\nBBBB\n"
			  "-----END A-----\n");
	struct clv_pem_block block;

	(void)state;
	assert_int_equal(clv_pem_next(&text, &block), CLV_PEM_BLOCK);
	assert_true(
	    clv_span_equal(block.headers, CLV_SPAN_TEXT("X: 1\nY: 2\n\n")));
	assert_true(clv_span_equal(block.body, CLV_SPAN_TEXT("AAAA\nBBBB\n")));
}

static void
test_pem_append__what_it_writes_can_be_read(void **state)
{
	const uint8_t der[100] = {1, 2, 3};
	clv_secret text = CLV_SECRET_INIT;
	clv_secret back = CLV_SECRET_INIT;
	struct clv_pem_block block;
	struct clv_span rest;

	(void)state;
	assert_ok(clv_secret_alloc(&text, CLV_PEM_ENCODED(sizeof(der)), &err));
	clv_pem_append(&text, "ENCRYPTED PRIVATE KEY", CLV_SPAN_OF(der));
	assert_true(text.size <= CLV_PEM_ENCODED(sizeof(der)));
	rest = (struct clv_span){text.data, text.size};
	assert_int_equal(clv_pem_next(&rest, &block), CLV_PEM_BLOCK);
	assert_true(clv_span_equal(
	    block.label, CLV_SPAN_TEXT("ENCRYPTED PRIVATE KEY")));
	assert_ok(clv_pem_decode(&block, &back, &err));
	assert_int_equal(back.size, sizeof(der));
	assert_memory_equal(back.data, der, sizeof(der));
	clv_secret_clear(&back);
	clv_secret_clear(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_base64__agrees_with_openssl),
	    cmocka_unit_test(
		test_base64_decode__every_byte_has_its_value_or_none),
	    cmocka_unit_test(test_base64_decode__wrong_padding_is_refused),
	    cmocka_unit_test(test_pem_next__finds_blocks_and_what_is_none),
	    cmocka_unit_test(test_pem_next__headers_are_told_from_the_body),
	    cmocka_unit_test(test_pem_append__what_it_writes_can_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
