/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* TSS2 PRIVATE KEY files and tpm2: URIs: what is read, and what is not. */

#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/pem.h>

#include "../../../backends/tpm2/keyfile.h"
#include "../../../backends/tpm2/link.h"
#include "../../../backends/tpm2/transport.h"

/* A file with made-up content. */
static struct clv_tpm_keyfile
sample(void)
{
	struct clv_tpm_keyfile file = {.kind = CLV_TPM_LOADABLE,
	    .parent = TPM2_RH_OWNER,
	    .parent_name = {.size = 34, .name = {0x00, 0x0b, 1, 2, 3}},
	    .public_area = clv_tpm_srk_template,
	    .private_area = {.size = 200, .buffer = {0, 32, 1, 2, 3}}};

	file.public_area.publicArea.unique.ecc.x.size = 32;
	file.public_area.publicArea.unique.ecc.y.size = 32;
	return file;
}

static void
test_keyfile__is_read_as_it_was_written(void **state)
{
	static const TPM2_HANDLE parents[] = {TPM2_RH_OWNER, 0x81000001,
	    0x8100ffff, TPM2_RH_ENDORSEMENT, TPM2_RH_NULL};

	(void)state;
	for (size_t i = 0; i < 20; i++) {
		struct clv_tpm_keyfile file = sample(), again;
		char *text = NULL;
		size_t size = 0;

		file.parent = parents[i % 5];
		file.empty_auth = i % 2 != 0;
		file.private_area.size = (UINT16)(60 + 20 * i);
		if (i % 3 == 0)
			file.parent_name.size = 0;
		assert_ok(clv_tpm_keyfile_format(&file, &text, &size, &err));
		assert_true(clv_tpm_keyfile_recognise(text, size));
		assert_ok(clv_tpm_keyfile_parse(text, size, "x", &again, &err));
		assert_int_equal(again.kind, file.kind);
		assert_int_equal(again.parent, file.parent);
		assert_int_equal(again.empty_auth, file.empty_auth);
		assert_true(
		    clv_tpm_name_equal(&again.parent_name, &file.parent_name));
		assert_int_equal(
		    again.private_area.size, file.private_area.size);
		assert_memory_equal(again.private_area.buffer,
		    file.private_area.buffer, file.private_area.size);
		free(text);
	}
}

/* ---- variants of the DER in a file ---- */

struct edit {
	const char *name;
	size_t at;       /* where in the DER */
	size_t cut;      /* so many bytes go */
	const char *put; /* in hexadecimal; these come */
	clv_status expected;
};

/* The sample's DER: 30 82 .. .. | 06 06 67 81 05 0a 01 03 | a0 03 01 01 00 |
 * 02 04 40 00 00 01 | 04 58 ... | 04 81 .. ... */
enum { AT_OID = 4, AT_AUTH = 12, AT_PARENT = 17, AT_PUBLIC = 23 };

static const struct edit edits[] = {
    {"as it is", 0, 0, "", CLV_OK},
    {"emptyAuth absent", AT_AUTH, 5, "", CLV_OK},
    {"emptyAuth as 1", AT_AUTH, 5, "a003010101", CLV_OK},
    {"with a description", AT_AUTH, 5, "a0030101ffa4040c026869", CLV_OK},
    {"parent 0", AT_PARENT, 6, "020100", CLV_OK},
    {"rsaParent false", AT_AUTH, 5, "a0030101ffa503010100", CLV_OK},
    {"rsaParent", AT_AUTH, 5, "a0030101ffa5030101ff", CLV_UNSUPPORTED},
    {"another OID", AT_OID, 8, "06066781050a0107", CLV_UNSUPPORTED},
    {"an importable key", AT_OID, 8, "06066781050a0104", CLV_UNSUPPORTED},
    {"an OID of another arc", AT_OID, 8, "06066881050a0103", CLV_UNSUPPORTED},
    {"a long OID", AT_OID, 8, "06076781050a010301", CLV_UNSUPPORTED},
    {"a sealed secret with an EC key", AT_OID, 8, "06066781050a0105",
	CLV_CORRUPT},
    {"no OID", AT_OID, 8, "", CLV_CORRUPT},
    {"with a policy", AT_AUTH, 5, "a0030101ffa1023000", CLV_UNSUPPORTED},
    {"with a secret", AT_AUTH, 5, "a0030101ffa2020400", CLV_UNSUPPORTED},
    {"with an authPolicy", AT_AUTH, 5, "a0030101ffa3023000", CLV_UNSUPPORTED},
    {"emptyAuth of two bytes", AT_AUTH, 5, "a00401020000", CLV_CORRUPT},
    {"emptyAuth an integer", AT_AUTH, 5, "a003020100", CLV_CORRUPT},
    {"emptyAuth and more", AT_AUTH, 5, "a0050101000500", CLV_CORRUPT},
    {"description an integer", AT_AUTH, 5, "a003010100a403020101", CLV_CORRUPT},
    {"options in the wrong order", AT_AUTH, 5, "a4040c026869a0030101ff",
	CLV_CORRUPT},
    {"parent negative", AT_PARENT, 6, "020481000001", CLV_CORRUPT},
    {"parent with a needless zero", AT_PARENT, 6, "02050040000001",
	CLV_CORRUPT},
    {"parent of 40 bits", AT_PARENT, 6, "02050100000000", CLV_CORRUPT},
    {"parent transient", AT_PARENT, 6, "02050080000000", CLV_CORRUPT},
    {"parent lockout", AT_PARENT, 6, "02044000000a", CLV_CORRUPT},
    {"no parent", AT_PARENT, 6, "", CLV_CORRUPT},
    {"public part one byte less", AT_PUBLIC, 4, "04570055", CLV_CORRUPT},
    {"public part claims more", AT_PUBLIC, 4, "04580057", CLV_CORRUPT},
    {"public part claims less", AT_PUBLIC, 4, "04580055", CLV_CORRUPT},
    {"public part of a bad type", AT_PUBLIC, 6, "045800569999", CLV_CORRUPT},
    {"length not in its shortest form", AT_PUBLIC, 2, "048158", CLV_CORRUPT},
    {"length indefinite", 0, 4, "3080", CLV_CORRUPT},
    {"not a sequence", 0, 1, "31", CLV_CORRUPT},
    {"empty", 0, 400, "3000", CLV_CORRUPT},
};

static size_t
unhex(const char *text, uint8_t *out)
{
	const size_t size = strlen(text) / 2;

	for (size_t i = 0; i < size; i++) {
		unsigned byte;

		assert_int_equal(sscanf(text + 2 * i, "%2x", &byte), 1);
		out[i] = (uint8_t)byte;
	}
	return size;
}

/* The sample's DER with the edit, and the outer length mended unless it was
 * edited itself. */
static size_t
edited(const struct edit *edit, uint8_t *out)
{
	struct clv_tpm_keyfile file = sample();
	char *text = NULL, *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	size_t text_size = 0, size, put, cut = edit->cut;
	long der_size = 0;
	BIO *bio;

	assert_ok(clv_tpm_keyfile_format(&file, &text, &text_size, &err));
	bio = BIO_new_mem_buf(text, (int)text_size);
	assert_int_equal(PEM_read_bio(bio, &name, &header, &der, &der_size), 1);
	if (cut > (size_t)der_size - edit->at)
		cut = (size_t)der_size - edit->at;
	memcpy(out, der, edit->at);
	put = unhex(edit->put, out + edit->at);
	memcpy(out + edit->at + put, der + edit->at + cut,
	    (size_t)der_size - edit->at - cut);
	size = (size_t)der_size - cut + put;
	if (edit->at > 0) {
		out[2] = (uint8_t)((size - 4) >> 8);
		out[3] = (uint8_t)(size - 4);
	}
	BIO_free(bio);
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(der);
	free(text);
	return size;
}

static char *
to_pem(const uint8_t *der, size_t size, const char *before, const char *after)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes, *text;
	long length;

	assert_true(BIO_puts(bio, before) >= 0);
	assert_true(
	    PEM_write_bio(bio, "TSS2 PRIVATE KEY", "", der, (long)size) > 0);
	assert_true(BIO_puts(bio, after) >= 0);
	length = BIO_get_mem_data(bio, &bytes);
	text = strndup(bytes, (size_t)length);
	BIO_free(bio);
	return text;
}

static void
test_keyfile__der_is_read_strictly(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(edits) / sizeof(edits[0]); i++) {
		struct clv_tpm_keyfile file;
		uint8_t der[1024];
		const size_t size = edited(&edits[i], der);
		char *text = to_pem(der, size, "", "");
		clv_error *err = NULL;
		const clv_status status =
		    clv_tpm_keyfile_parse(text, strlen(text), "x", &file, &err);

		if (status != edits[i].expected)
			fail_msg("%s: %s: %s", edits[i].name,
			    clv_status_name(status), clv_error_message(err));
		clv_error_free(&err);
		free(text);
	}
}

static void
test_keyfile__absent_empty_auth_means_false(void **state)
{
	struct clv_tpm_keyfile file;
	uint8_t der[1024];
	const size_t size = edited(&edits[1], der);
	char *text = to_pem(der, size, "", "");

	(void)state;
	memset(&file, 0xff, sizeof(file));
	assert_ok(clv_tpm_keyfile_parse(text, strlen(text), "x", &file, &err));
	assert_false(file.empty_auth);
	free(text);
}

static void
test_keyfile__text_around_the_key_is_read_strictly(void **state)
{
	static const struct {
		const char *before, *after;
		clv_status expected;
	} cases[] = {
	    {"", "", CLV_OK},
	    {"a comment\n", "\n \t\r\n", CLV_OK},
	    {"Parent-Name: 000b"
	     "0102030405060708091011121314151617181920212223242526272829303132"
	     "\n",
		"", CLV_OK},
	    {"Parent-Name: 000b\n", "", CLV_CORRUPT},
	    {"Parent-Name: \n", "", CLV_CORRUPT},
	    {"Parent-Name: 000b01020\n", "", CLV_CORRUPT},
	    {"Parent-Name: 000B"
	     "0102030405060708091011121314151617181920212223242526272829303132"
	     "\n",
		"", CLV_CORRUPT},
	    {"Parent-Name: 000b"
	     "0102030405060708091011121314151617181920212223242526272829303132"
	     "00\n",
		"", CLV_CORRUPT},
	    {"x Parent-Name: 000b\n", "", CLV_CORRUPT},
	    {"", "something\n", CLV_CORRUPT},
	    {"", "-----BEGIN TSS2 PRIVATE KEY-----\n", CLV_CORRUPT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct clv_tpm_keyfile file;
		uint8_t der[1024];
		const size_t size = edited(&edits[0], der);
		char *text = to_pem(der, size, cases[i].before, cases[i].after);
		clv_error *err = NULL;
		const clv_status status =
		    clv_tpm_keyfile_parse(text, strlen(text), "x", &file, &err);

		if (status != cases[i].expected)
			fail_msg("case %zu: %s: %s", i, clv_status_name(status),
			    clv_error_message(err));
		clv_error_free(&err);
		free(text);
	}
}

static void
test_keyfile__truncated_anywhere_is_corrupt(void **state)
{
	struct clv_tpm_keyfile file = sample();
	char *text = NULL;
	size_t size = 0;

	(void)state;
	assert_ok(clv_tpm_keyfile_format(&file, &text, &size, &err));
	for (size_t i = 0; i + 1 < size; i++)
		assert_fails(CLV_CORRUPT,
		    clv_tpm_keyfile_parse(text, i, "x", &file, &err));
	free(text);
}

static void
test_tcti__of_a_uri_can_not_load_or_run_anything(void **state)
{
	static const char *const good[] = {"device:/dev/tpmrm0",
	    "swtpm:path=/run/x", "mssim:host=localhost", "tabrmd",
	    "pcap:swtpm:path=/run/x"};
	static const char *const bad[] = {"/tmp/evil.so", "../evil:x",
	    "./libtss2-tcti-x.so:y", "cmd:rm -rf /", "cmd", "pcap:cmd:id",
	    "pcap:/tmp/evil.so", "pcap", "", ":x", "a b:x"};
	char *chosen = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_ok(clv_tpm_transport_choose(good[i], &chosen, &err));
		assert_string_equal(chosen, good[i]);
		free(chosen);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_fails(CLV_POLICY,
		    clv_tpm_transport_choose(bad[i], &chosen, &err));
}

static void
test_tcti__comes_from_the_environment(void **state)
{
	char *chosen = NULL;

	(void)state;
	(void)unsetenv("CLAVIGER_TCTI");
	(void)unsetenv("TPM2OPENSSL_TCTI");
	(void)unsetenv("TPM2TOOLS_TCTI");
	assert_ok(clv_tpm_transport_choose(NULL, &chosen, &err));
	assert_string_equal(chosen, "device:/dev/tpmrm0");
	free(chosen);
	(void)setenv("TPM2TOOLS_TCTI", "c", 1);
	assert_ok(clv_tpm_transport_choose(NULL, &chosen, &err));
	assert_string_equal(chosen, "c");
	free(chosen);
	(void)setenv("TPM2OPENSSL_TCTI", "b", 1);
	(void)setenv("CLAVIGER_TCTI", "a", 1);
	assert_ok(clv_tpm_transport_choose(NULL, &chosen, &err));
	assert_string_equal(chosen, "a");
	free(chosen);
	assert_ok(clv_tpm_transport_choose("swtpm:x", &chosen, &err));
	assert_string_equal(chosen, "swtpm:x");
	free(chosen);
}

static void
test_tpm__that_is_not_there_is_explained(void **state)
{
	clv_context *context = NULL;
	clv_store *store = NULL;
	clv_error *err = NULL;
	clv_key *key = NULL;
	char dir[LAB_PATH], uri[LAB_PATH + 64];

	(void)state;
	assert_int_equal(lab_dir_make(dir), 0);
	(void)setenv("CLAVIGER_RUNTIME_DIR", dir, 1);
	(void)snprintf(
	    uri, sizeof(uri), "tpm2:%s?tcti=device:/dev/no-such-tpm", dir);
	assert_ok(clv_context_new(&context, &err));
	assert_ok(clv_store_open(context, uri, &store, &err));
	assert_int_equal(clv_key_generate(store, CLV_EC_P256, NULL, &key, &err),
	    CLV_DEVICE_GONE);
	assert_non_null(strstr(clv_error_message(err), "/dev/no-such-tpm"));
	assert_non_null(strstr(clv_error_remedy(err), "firmware"));
	clv_error_free(&err);
	clv_store_free(&store);
	clv_context_free(&context);
	lab_dir_remove(dir);
}

static void
test_uri__is_read_strictly(void **state)
{
	static const struct {
		const char *uri;
		clv_status expected;
	} cases[] = {
	    {"tpm2:handle=0x81000010", CLV_OK},
	    {"tpm2:handle=0x8100001F?tcti=swtpm", CLV_OK},
	    {"tpm2:handle=0x81000010?parent=0x81000001", CLV_OK},
	    {"tpm2:/tmp", CLV_OK},
	    {"tpm2:/tmp?pin-source=prompt", CLV_OK},
	    {"tpm2:/tmp?parent=0x81000001", CLV_OK},
	    {"tpm2:/no/such/directory", CLV_NOT_FOUND},
	    {"tpm2:handle=0x80000010", CLV_INVALID},
	    {"tpm2:handle=0x81800000", CLV_INVALID},
	    {"tpm2:handle=0x8100010", CLV_INVALID},
	    {"tpm2:handle=2164260880", CLV_INVALID},
	    {"tpm2:handle=0x8100001x", CLV_INVALID},
	    {"tpm2:handle=", CLV_INVALID},
	    {"tpm2:parent-name=000b", CLV_INVALID},
	    {"tpm2:handle=0x81000010;parent-name=000b", CLV_INVALID},
	    {"tpm2:handle=0x81000010;parent-name=zz", CLV_INVALID},
	    {"tpm2:handle=0x81000010;colour=red", CLV_INVALID},
	    {"tpm2:/tmp?parent=owner", CLV_INVALID},
	    {"tpm2:/tmp?parent=0x40000001", CLV_INVALID},
	    {"tpm2:/tmp?colour=red", CLV_INVALID},
	    {"tpm2:/tmp?tcti=/tmp/evil.so", CLV_POLICY},
	};
	clv_context *context = NULL;

	(void)state;
	assert_ok(clv_context_new(&context, &err));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		clv_store *store = NULL;
		clv_error *err = NULL;
		const clv_status status =
		    clv_store_open(context, cases[i].uri, &store, &err);

		if (status != cases[i].expected)
			fail_msg("%s: %s: %s", cases[i].uri,
			    clv_status_name(status), clv_error_message(err));
		clv_error_free(&err);
		clv_store_free(&store);
	}
	clv_context_free(&context);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_keyfile__is_read_as_it_was_written),
	    cmocka_unit_test(test_keyfile__der_is_read_strictly),
	    cmocka_unit_test(test_keyfile__absent_empty_auth_means_false),
	    cmocka_unit_test(
		test_keyfile__text_around_the_key_is_read_strictly),
	    cmocka_unit_test(test_keyfile__truncated_anywhere_is_corrupt),
	    cmocka_unit_test(test_tcti__of_a_uri_can_not_load_or_run_anything),
	    cmocka_unit_test(test_tcti__comes_from_the_environment),
	    cmocka_unit_test(test_tpm__that_is_not_there_is_explained),
	    cmocka_unit_test(test_uri__is_read_strictly),
	};

	(void)setenv("TSS2_LOG", "all+NONE", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
