/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Encrypted keys in PEM files: making, finding and opening them. */

#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
test_pem_generate__openssl_reads_what_it_writes(void **state)
{
	(void)state;
	for (size_t i = 0; i < KIND_COUNT; i++) {
		char extract[128];
		clv_key *key = NULL;

		use_password(PASSWORD);
		assert_ok(make_key("pem", kinds[i].algorithm, kinds[i].name,
		    NULL, NULL, &key, &err));
		assert_int_equal(asker.asked, 0);
		assert_int_equal(asker.asked_new, 1);
		(void)snprintf(extract, sizeof(extract),
		    "openssl pkey -in %s.pem -passin 'pass:" PASSWORD
		    "' -pubout -out pub.pem",
		    kinds[i].name);
		assert_signs(key, extract);
		clv_key_free(&key);
		command_ok(place,
		    "grep -q 'BEGIN ENCRYPTED PRIVATE KEY' %s.pem && "
		    "openssl asn1parse -in %s.pem | grep -q scrypt && "
		    "openssl asn1parse -in %s.pem | grep -q aes-256-cbc && "
		    "test $(stat -c %%a %s.pem) = 600",
		    kinds[i].name, kinds[i].name, kinds[i].name, kinds[i].name);
	}
}

static void
test_pem_generate__programs_find_the_private_key_first(void **state)
{
	clv_key *key = NULL;

	(void)state;
	use_password(PASSWORD);
	assert_ok(make_key("pem", CLV_RSA_2048, "k", NULL, NULL, &key, &err));
	clv_key_free(&key);
	command_ok(place,
	    "openssl req -x509 -new -key k.pem -passin 'pass:" PASSWORD
	    "' -subj /CN=x -out c.pem && echo text >t && "
	    "openssl cms -sign -nodetach -in t -signer c.pem -inkey k.pem "
	    "-passin 'pass:" PASSWORD "' -outform PEM -out s.pem && "
	    "openssl cms -verify -in s.pem -inform PEM -CAfile c.pem && "
	    "openssl rsa -in k.pem -passin 'pass:" PASSWORD "' -noout -check");
}

/* How other programs encrypt keys. */
static const struct {
	const char *command; /* reads plain.pem, writes k.pem */
	bool weak;
} encryptions[] = {
    {"openssl pkcs8 -topk8 -v2 aes-256-cbc", false},
    {"openssl pkcs8 -topk8 -v2 aes-256-cbc -scrypt", false},
    {"openssl pkcs8 -topk8 -v2 aes-128-cbc -v2prf hmacWithSHA512", false},
    {"openssl pkey -aes-256-cbc", false},
    {"openssl pkey -aes-256-cbc -traditional", true},
    {"openssl pkey -des3 -traditional", true},
};

static void
assert_encryption_is_read(size_t kind, size_t encryption)
{
	const bool weak = encryptions[encryption].weak;
	clv_key *key = NULL;

	use_password(PASSWORD);
	logged[0] = '\0';
	command_ok(place,
	    "umask 077; %s -in plain.pem -out k.pem -passout 'pass:" PASSWORD
	    "'",
	    encryptions[encryption].command);
	assert_ok(open_key(uri_of("pem", "k.pem"), &key, &err));
	assert_int_equal(clv_key_algorithm(key), kinds[kind].algorithm);
	assert_int_equal(clv_key_properties(key),
	    CLV_KEY_EXTRACTABLE | (weak ? CLV_KEY_WEAK_PROTECTION : 0));
	assert_int_equal(strstr(logged, "weak") != NULL, weak);
	assert_signs(key, "openssl pkey -in plain.pem -pubout -out pub.pem");
	clv_key_free(&key);
}

static void
test_pem_open__reads_what_openssl_encrypts(void **state)
{
	const size_t count = sizeof(encryptions) / sizeof(encryptions[0]);

	(void)state;
	for (size_t i = 0; i < KIND_COUNT; i++) {
		/* There is no traditional form of EdDSA keys. */
		const bool traditional = kinds[i].algorithm < CLV_ED25519;

		command_ok(
		    place, "umask 077; %s -out plain.pem", kinds[i].command);
		for (size_t j = 0; j < count; j++)
			if (traditional || !encryptions[j].weak)
				assert_encryption_is_read(i, j);
	}
}

static void
test_pem_open__genpkey_with_a_cipher_is_read(void **state)
{
	clv_key *key = NULL;

	(void)state;
	for (size_t i = 0; i < KIND_COUNT; i++) {
		if (kinds[i].algorithm == CLV_RSA_4096)
			continue; /* takes long, and is as RSA-3072 */
		use_password(PASSWORD);
		command_ok(place,
		    "umask 077; %s -aes-256-cbc -pass 'pass:" PASSWORD
		    "' -out k.pem",
		    kinds[i].command);
		assert_ok(open_key(uri_of("pem", "k.pem"), &key, &err));
		assert_int_equal(clv_key_algorithm(key), kinds[i].algorithm);
		clv_key_free(&key);
	}
}

static void
test_pem_open__asks_again_and_says_so(void **state)
{
	clv_key *key = NULL;
	clv_secret before = CLV_SECRET_INIT;

	(void)state;
	make_foreign("k.pem");
	file_get(place, "k.pem", &before);

	memset(&asker, 0, sizeof(asker));
	asker.passwords[0] = "wrong";
	asker.passwords[1] = PASSWORD;
	assert_ok(open_key(uri_of("pem", "k.pem"), &key, &err));
	assert_int_equal(asker.asked, 2);
	assert_int_equal(asker.attempt, 2);
	assert_int_equal(asker.flags, CLV_ASK_RETRY);
	clv_key_free(&key);

	/* Nobody answers the second time. */
	memset(&asker, 0, sizeof(asker));
	asker.passwords[0] = "wrong";
	assert_fails(
	    CLV_CANCELLED, open_key(uri_of("pem", "k.pem"), &key, &err));
	/* Always the wrong answer: it ends. */
	use_password("wrong");
	asker.passwords[3] = asker.passwords[4] = "wrong";
	assert_fails(CLV_AUTH, open_key(uri_of("pem", "k.pem"), &key, &err));
	/* There is nobody to ask. */
	clv_context_set_ask(context, NULL, NULL);
	assert_fails(CLV_AUTH, open_key(uri_of("pem", "k.pem"), &key, &err));
	assert_null(key);
	assert_same_file("k.pem", &before);
	clv_secret_clear(&before);
}

static void
test_pem_open__secrets_are_in_no_message(void **state)
{
	clv_key *key = NULL;
	clv_error *err = NULL;

	(void)state;
	make_foreign("k.pem");
	memset(&asker, 0, sizeof(asker));
	for (size_t i = 0; i < 8; i++)
		asker.passwords[i] = "unmistakable";
	assert_int_equal(
	    open_key(uri_of("pem", "k.pem"), &key, &err), CLV_AUTH);
	assert_null(strstr(clv_error_message(err), "unmistakable"));
	assert_null(strstr(logged, "unmistakable"));
	assert_non_null(strstr(clv_error_message(err), "k.pem"));
	clv_error_free(&err);
}

static void
test_pem_open__truncated_is_corrupt_and_stays_as_it_is(void **state)
{
	clv_secret whole = CLV_SECRET_INIT;
	clv_secret part = CLV_SECRET_INIT;
	clv_key *key = NULL;

	(void)state;
	use_password(PASSWORD);
	assert_ok(
	    make_key("pem", CLV_RSA_2048, "k", "scrypt-n", "4096", &key, &err));
	clv_key_free(&key);
	file_get(place, "k.pem", &whole);
	for (unsigned i = 0; i < 16; i++) {
		assert_ok(clv_secret_set(
		    &part, whole.data, whole.size * i / 16, &err));
		file_put(place, "k.pem", part.data, part.size);
		use_password(PASSWORD);
		assert_fails(
		    CLV_CORRUPT, open_key(uri_of("pem", "k.pem"), &key, &err));
		assert_int_equal(asker.asked, 0);
		assert_same_file("k.pem", &part);
	}
	clv_secret_clear(&part);
	clv_secret_clear(&whole);
}

static void
test_pem_open__a_plain_key_is_refused(void **state)
{
	clv_key *key = NULL;
	clv_error *err = NULL;

	(void)state;
	command_ok(place, "umask 077; %s -out k.pem", kinds[3].command);
	assert_int_equal(
	    open_key(uri_of("pem", "k.pem"), &key, &err), CLV_POLICY);
	assert_non_null(strstr(clv_error_remedy(err), "file:/"));
	clv_error_free(&err);
}

static void
test_pem_open__another_public_key_beside_it_is_seen(void **state)
{
	clv_key *key = NULL;

	(void)state;
	make_foreign("k.pem");
	command_ok(place,
	    "openssl genpkey -algorithm ed25519 | "
	    "openssl pkey -pubout >>k.pem");
	use_password(PASSWORD);
	assert_fails(CLV_CORRUPT, open_key(uri_of("pem", "k.pem"), &key, &err));
}

static void
assert_entry(const clv_key_list *list, const char *label,
    clv_algorithm algorithm, bool problem)
{
	const struct clv_key_entry *entry;

	for (size_t i = 0; (entry = clv_key_list_at(list, i)) != NULL; i++) {
		if (strcmp(entry->label, label) != 0)
			continue;
		assert_int_equal(entry->algorithm, algorithm);
		assert_int_equal(entry->problem != NULL, problem);
		assert_int_equal(
		    entry->id_size, algorithm == CLV_ALGORITHM_NONE ? 0 : 20);
		return;
	}
	fail_msg("%s is not listed", label);
}

static void
test_pem_list__needs_no_password(void **state)
{
	clv_key_list *list = NULL;
	clv_store *store = NULL;
	clv_key *key = NULL;
	char label[16];

	(void)state;
	for (size_t i = 3; i < KIND_COUNT; i++) {
		use_password(PASSWORD);
		(void)snprintf(label, sizeof(label), "ours%zu", i);
		assert_ok(make_key("pem", kinds[i].algorithm, label, "scrypt-n",
		    "4096", &key, &err));
		clv_key_free(&key);
	}
	make_foreign("theirs.pem");
	command_ok(place,
	    "umask 077; %s -out plain.pem; openssl genrsa -aes256 -traditional "
	    "-passout pass:x -out old.pem 2048; "
	    "sed 's/^MI/XX/' theirs.pem >broken.pem",
	    kinds[3].command);

	memset(&asker, 0, sizeof(asker));
	assert_ok(clv_store_open(context, uri_of("pem", ""), &store, &err));
	assert_ok(clv_key_list_get(store, &list, &err));
	assert_int_equal(asker.asked, 0);
	for (size_t i = 3; i < KIND_COUNT; i++) {
		(void)snprintf(label, sizeof(label), "ours%zu", i);
		assert_entry(list, label, kinds[i].algorithm, false);
	}
	assert_entry(list, "theirs", CLV_ALGORITHM_NONE, false);
	assert_entry(list, "old", CLV_ALGORITHM_NONE, false);
	assert_entry(list, "plain", CLV_ALGORITHM_NONE, true);
	assert_entry(list, "broken", CLV_ALGORITHM_NONE, true);
	assert_int_equal(clv_key_list_count(list), KIND_COUNT - 3 + 4);
	clv_key_list_free(&list);
	clv_store_free(&store);
}

static void
test_pem_uri__pin_source_is_used_and_kept(void **state)
{
	clv_key_list *list = NULL;
	clv_store *store = NULL;
	clv_key *key = NULL;
	char uri[256];

	(void)state;
	make_foreign("k.pem");
	command_ok(place, "umask 077; printf '%s\n' >secret", PASSWORD);
	memset(&asker, 0, sizeof(asker));
	(void)snprintf(uri, sizeof(uri), "%s?pin-source=file:%s/secret",
	    uri_of("pem", "k.pem"), place);
	assert_ok(open_key(uri, &key, &err));
	assert_int_equal(asker.asked, 0);
	assert_non_null(strstr(clv_key_uri(key), "?pin-source=file"));
	clv_key_free(&key);

	/* The store's source serves all of its keys. */
	(void)snprintf(
	    uri, sizeof(uri), "pem:%s?pin-source=file:%s/secret", place, place);
	assert_ok(clv_store_open(context, uri, &store, &err));
	assert_ok(clv_key_open_in(store, uri_of("pem", "k.pem"), &key, &err));
	clv_key_free(&key);
	assert_ok(clv_key_list_get(store, &list, &err));
	assert_ok(open_key(clv_key_list_at(list, 0)->uri, &key, &err));
	assert_int_equal(asker.asked, 0);
	clv_key_free(&key);
	clv_key_list_free(&list);
	clv_store_free(&store);
	(void)snprintf(
	    uri, sizeof(uri), "%s?pin-value=x", uri_of("pem", "k.pem"));
	assert_fails(CLV_INVALID, open_key(uri, &key, &err));
}

static const struct {
	const char *value;
	bool accepted;
} work_factors[] = {
    {"4096", true},
    {"16384", true},
    {"65536", true},
    {"262144", true},
    {"2048", false},
    {"524288", false},
    {"16383", false},
    {"0", false},
    {"", false},
    {"-16384", false},
    {"16384x", false},
    {" 16384", false},
    {"99999999999999999999", false},
    {"0x4000", false},
};

static void
test_pem_generate__work_factor_is_an_option(void **state)
{
	clv_key *key = NULL;
	clv_key *again = NULL;

	(void)state;
	for (size_t i = 0; i < sizeof(work_factors) / sizeof(work_factors[0]);
	     i++) {
		const char *value = work_factors[i].value;

		use_password(PASSWORD);
		logged[0] = '\0';
		if (!work_factors[i].accepted) {
			assert_fails(CLV_INVALID,
			    make_key("pem", CLV_EC_P256, "k", "scrypt-n", value,
				&key, &err));
			assert_int_equal(asker.asked_new, 0);
			continue;
		}
		assert_ok(make_key(
		    "pem", CLV_EC_P256, "k", "scrypt-n", value, &key, &err));
		command_ok(place,
		    "openssl asn1parse -in k.pem | grep -q 'INTEGER  *:0*%lX$'",
		    strtoul(value, NULL, 10));
		/* Whether openssl itself can read it is told. */
		assert_int_equal(
		    command(place,
			"openssl pkey -in k.pem -passin "
			"'pass:" PASSWORD "' -noout 2>/dev/null") == 0,
		    strstr(logged, "OpenSSL 3.0") == NULL);
		assert_ok(open_key(clv_key_uri(key), &again, &err));
		clv_key_free(&again);
		assert_ok(clv_key_delete(context, clv_key_uri(key), &err));
		clv_key_free(&key);
	}
}

static void
test_pem_generate__without_a_password_nothing_is_made(void **state)
{
	clv_key *key = NULL;
	char *password = calloc(1, 2000);

	(void)state;
	assert_non_null(password);
	use_password(NULL);
	assert_fails(CLV_CANCELLED,
	    make_key("pem", CLV_EC_P256, "k", NULL, NULL, &key, &err));
	use_password("");
	assert_fails(CLV_INVALID,
	    make_key("pem", CLV_EC_P256, "k", NULL, NULL, &key, &err));
	memset(password, 'x', 1024);
	use_password(password);
	assert_fails(CLV_INVALID,
	    make_key("pem", CLV_EC_P256, "k", NULL, NULL, &key, &err));
	assert_null(key);
	command_ok(place, "test -z \"$(ls -A | grep -v '^.output$')\"");
	/* The longest that openssl can take. */
	password[1023] = '\0';
	use_password(password);
	assert_ok(make_key("pem", CLV_EC_P256, "k", NULL, NULL, &key, &err));
	clv_key_free(&key);
	command_ok(
	    place, "openssl pkey -in k.pem -passin pass:%s -noout", password);
	free(password);
}

/* Makes an encrypted key with scrypt's cost (or PBKDF2's) as given. */
#define SCRYPT(n, r, p)                                                  \
	"umask 077; cat >l <<'EOF'\nasn1=SEQUENCE:s\n[s]\n"              \
	"a=SEQUENCE:alg\nc=FORMAT:HEX,OCTETSTRING:"                      \
	"00000000000000000000000000000000\n[alg]\no=OID:PBES2\n"         \
	"p=SEQUENCE:both\n[both]\nk=SEQUENCE:kdf\nc=SEQUENCE:enc\n"      \
	"[kdf]\no=OID:1.3.6.1.4.1.11591.4.11\np=SEQUENCE:cost\n[cost]\n" \
	"s=FORMAT:HEX,OCTETSTRING:0102030405060708\nn=INTEGER:" n        \
	"\nr=INTEGER:" r "\np=INTEGER:" p                                \
	"\n[enc]\no=OID:aes-256-cbc\ni=FORMAT:HEX,OCTETSTRING:"          \
	"00000000000000000000000000000000\nEOF\n"                        \
	"openssl asn1parse -genconf l -noout -out k.pem; rm l"

static const struct bad_file bad_files[] = {
    {"k.pem", "mkfifo k.pem", CLV_POLICY},
    {"k.pem", "mkdir k.pem", CLV_POLICY},
    {"k.pem", "mknod k.pem c 1 5", CLV_POLICY},
    {"k.pem", "ln -s /dev/zero k.pem", CLV_POLICY},
    {"k.pem", "umask 077; truncate -s 1G k.pem", CLV_TOO_LARGE},
    {"k.pem", "umask 077; head -c 16385 /dev/zero >k.pem", CLV_TOO_LARGE},
    {"k.pem", "umask 077; : >k.pem", CLV_CORRUPT},
    {"k.pem", "umask 077; head -c 3000 /dev/urandom >k.pem", CLV_CORRUPT},
    {"k.pem",
	"umask 077; openssl genpkey -algorithm ed25519 -aes256 "
	"-pass 'pass:correct horse' | head -c 200 >k.pem",
	CLV_CORRUPT},
    {"k.pem", SCRYPT("0x10000000000", "8", "1"), CLV_TOO_LARGE},
    {"k.pem", SCRYPT("16384", "8", "100000"), CLV_TOO_LARGE},
    {"k.pem", SCRYPT("16384", "100000", "1"), CLV_TOO_LARGE},
    {"k.pem", SCRYPT("524288", "8", "1"), CLV_TOO_LARGE},
    {"k.pem", SCRYPT("16385", "8", "1"), CLV_TOO_LARGE},
    {"k.pem", SCRYPT("16384", "-8", "1"), CLV_CORRUPT},
    {"k.pem",
	"umask 077; openssl genpkey -algorithm ed25519 | openssl pkcs8 -topk8 "
	"-iter 2000001 -passout pass:x -out l; mv l k.pem",
	CLV_TOO_LARGE},
    {"k.pem",
	"umask 077; openssl genpkey -algorithm ed25519 | openssl pkcs8 -topk8 "
	"-v1 PBE-SHA1-3DES -passout pass:x -out k.pem",
	CLV_UNSUPPORTED},
    {"k.pem",
	"umask 077; openssl genpkey -algorithm ed25519 | openssl pkcs8 -topk8 "
	"-passout 'pass:correct horse' -out k.pem; echo garbage >>k.pem",
	CLV_CORRUPT},
    {"k.pem",
	"umask 077; openssl genpkey -algorithm ed25519 | openssl pkcs8 -topk8 "
	"-passout 'pass:correct horse' -outform DER -out k.pem; "
	"printf x >>k.pem",
	CLV_CORRUPT},
    /* BER: the outer SEQUENCE of indefinite length. */
    {"k.pem",
	"umask 077; openssl genpkey -algorithm ed25519 | openssl pkcs8 -topk8 "
	"-passout 'pass:correct horse' -outform DER -out l; { printf "
	"'\\060\\200'; tail -c +4 l; printf '\\0\\0'; } >k.pem; rm l",
	CLV_CORRUPT},
    /* What is encrypted is no key. */
    {"k.pem",
	"umask 077; openssl genrsa -traditional 1024 | openssl pkcs8 -topk8 "
	"-passout 'pass:correct horse' -out k.pem",
	CLV_POLICY},
};

static void
test_pem_open__bad_files_are_refused_at_once(void **state)
{
	(void)state;
	assert_all_refused(
	    "pem", bad_files, sizeof(bad_files) / sizeof(bad_files[0]));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    KEY_FILE_TEST(test_pem_generate__openssl_reads_what_it_writes),
	    KEY_FILE_TEST(
		test_pem_generate__programs_find_the_private_key_first),
	    KEY_FILE_TEST(test_pem_open__reads_what_openssl_encrypts),
	    KEY_FILE_TEST(test_pem_open__genpkey_with_a_cipher_is_read),
	    KEY_FILE_TEST(test_pem_open__asks_again_and_says_so),
	    KEY_FILE_TEST(test_pem_open__secrets_are_in_no_message),
	    KEY_FILE_TEST(
		test_pem_open__truncated_is_corrupt_and_stays_as_it_is),
	    KEY_FILE_TEST(test_pem_open__a_plain_key_is_refused),
	    KEY_FILE_TEST(test_pem_open__another_public_key_beside_it_is_seen),
	    KEY_FILE_TEST(test_pem_list__needs_no_password),
	    KEY_FILE_TEST(test_pem_uri__pin_source_is_used_and_kept),
	    KEY_FILE_TEST(test_pem_generate__work_factor_is_an_option),
	    KEY_FILE_TEST(
		test_pem_generate__without_a_password_nothing_is_made),
	    KEY_FILE_TEST(test_pem_open__bad_files_are_refused_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
