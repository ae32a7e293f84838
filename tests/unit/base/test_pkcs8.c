/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "testing.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/pbes2.h"
#include "base/pkcs8.h"
#include "base/private_stack.h"
#include "support/command.h"

static char place[64];

/* All kinds of keys, as the openssl program makes them. */
static const struct {
	clv_algorithm algorithm;
	const char *name;
	const char *command;
	const char *traditional; /* how to make the old form; NULL: none */
} kinds[] = {
    {CLV_RSA_2048, "rsa2048",
	"openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048",
	"openssl rsa -traditional"},
    {CLV_RSA_3072, "rsa3072",
	"openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:3072",
	"openssl rsa -traditional"},
    {CLV_RSA_OTHER, "rsa2056",
	"openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2056",
	"openssl rsa -traditional"},
    {CLV_EC_P256, "p256",
	"openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256",
	"openssl ec"},
    {CLV_EC_P384, "p384",
	"openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-384",
	"openssl ec"},
    {CLV_EC_BRAINPOOL256, "brainpool256",
	"openssl genpkey -algorithm ec "
	"-pkeyopt ec_paramgen_curve:brainpoolP256r1",
	"openssl ec"},
    {CLV_EC_BRAINPOOL384, "brainpool384",
	"openssl genpkey -algorithm ec "
	"-pkeyopt ec_paramgen_curve:brainpoolP384r1",
	"openssl ec"},
    {CLV_ED25519, "ed25519", "openssl genpkey -algorithm ed25519", NULL},
    {CLV_ED448, "ed448", "openssl genpkey -algorithm ed448", NULL},
};

#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

/* NAME.der is what every reading of the key must give. */
static int
make_keys(void **state)
{
	(void)state;
	workplace_make(place);
	for (size_t i = 0; i < KIND_COUNT; i++) {
		command_ok(
		    place, "%s -out %s.pem", kinds[i].command, kinds[i].name);
		command_ok(place,
		    "openssl pkcs8 -topk8 -nocrypt -in %s.pem -outform DER "
		    "-out %s.der",
		    kinds[i].name, kinds[i].name);
	}
	return 0;
}

static int
remove_keys(void **state)
{
	(void)state;
	workplace_remove(place);
	return 0;
}

static clv_status
give_password(
    void *user, unsigned attempt, clv_secret *password, clv_error **err)
{
	(void)attempt;
	return clv_secret_set(password, user, strlen(user), err);
}

static void
assert_reads_as(
    const char *file, const char *expected, struct clv_pkcs8_facts *facts)
{
	static char password[] = "correct horse";
	clv_secret text = CLV_SECRET_INIT;
	clv_secret wanted = CLV_SECRET_INIT;
	clv_secret pkcs8 = CLV_SECRET_INIT;
	clv_error *err = NULL;

	file_get(place, file, &text);
	file_get(place, expected, &wanted);
	if (clv_pkcs8_read(
		&text, give_password, password, &pkcs8, facts, &err) != CLV_OK)
		fail_msg("%s: %s", file, clv_error_message(err));
	assert_true(clv_pkcs8_looks_like_key(text.data, text.size));
	assert_true(clv_secret_equal(&pkcs8, &wanted));
	clv_secret_clear(&pkcs8);
	clv_secret_clear(&wanted);
	clv_secret_clear(&text);
}

static void
test_pkcs8_read__plain_keys_come_out_as_openssl_writes_them(void **state)
{
	char file[64];
	char expected[64];
	struct clv_pkcs8_facts facts;

	(void)state;
	for (size_t i = 0; i < KIND_COUNT; i++) {
		(void)snprintf(file, sizeof(file), "%s.pem", kinds[i].name);
		(void)snprintf(
		    expected, sizeof(expected), "%s.der", kinds[i].name);
		assert_reads_as(file, expected, &facts);
		assert_int_equal(facts.algorithm, kinds[i].algorithm);
		assert_false(facts.encrypted || facts.weak);
		assert_false(facts.traditional);
		assert_reads_as(expected, expected, &facts);
	}
}

static void
test_pkcs8_read__traditional_keys_become_pkcs8(void **state)
{
	char file[64];
	char expected[64];
	struct clv_pkcs8_facts facts;

	(void)state;
	for (size_t i = 0; i < KIND_COUNT; i++) {
		if (kinds[i].traditional == NULL)
			continue;
		command_ok(place, "%s -in %s.pem -out old.pem",
		    kinds[i].traditional, kinds[i].name);
		command_ok(place, "%s -in %s.pem -outform DER -out old.der",
		    kinds[i].traditional, kinds[i].name);
		command_ok(
		    place, "grep -q 'BEGIN [RE][SC]A* PRIVATE KEY' old.pem");
		(void)snprintf(
		    expected, sizeof(expected), "%s.der", kinds[i].name);
		(void)snprintf(file, sizeof(file), "old.pem");
		assert_reads_as(file, expected, &facts);
		assert_int_equal(facts.algorithm, kinds[i].algorithm);
		assert_true(facts.traditional);
		assert_reads_as("old.der", expected, &facts);
	}
	/* With the curve's parameters in a block of their own before it. */
	command_ok(place,
	    "openssl ecparam -name prime256v1 -genkey "
	    "-out genkey.pem");
	command_ok(place,
	    "openssl pkcs8 -topk8 -nocrypt -in genkey.pem "
	    "-outform DER -out genkey.der");
	command_ok(place, "grep -q 'BEGIN EC PARAMETERS' genkey.pem");
	assert_reads_as("genkey.pem", "genkey.der", &facts);
}

/* Encryption as the openssl program offers it. */
static const struct {
	const char *command; /* reads IN, writes new.pem */
	bool weak;
} encryptions[] = {
    {"openssl pkcs8 -topk8 -v2 aes-256-cbc", false},
    {"openssl pkcs8 -topk8 -v2 aes-128-cbc -v2prf hmacWithSHA1", false},
    {"openssl pkcs8 -topk8 -v2 aes-192-cbc -v2prf hmacWithSHA512", false},
    {"openssl pkcs8 -topk8 -v2 aes-256-cbc -v2prf hmacWithSHA384 "
     "-iter 100000",
	false},
    {"openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 999", true},
    {"openssl pkcs8 -topk8 -v2 des3", true},
    {"openssl pkcs8 -topk8 -v2 aes-256-cbc -scrypt", false},
    {"openssl pkcs8 -topk8 -v2 aes-128-cbc -scrypt -scrypt_N 1024 "
     "-scrypt_r 4 -scrypt_p 16",
	true},
    {"openssl pkey -aes-256-cbc", false},
    {"openssl pkcs8 -topk8 -v2 aes-256-cbc -outform DER", false},
};

static void
test_pkcs8_read__everything_openssl_encrypts_is_read(void **state)
{
	struct clv_pkcs8_facts facts;

	(void)state;
	for (size_t i = 0; i < sizeof(encryptions) / sizeof(encryptions[0]);
	     i++) {
		command_ok(place,
		    "%s -in p256.pem -out new.pem "
		    "-passout 'pass:correct horse'",
		    encryptions[i].command);
		assert_reads_as("new.pem", "p256.der", &facts);
		assert_true(facts.encrypted);
		if (facts.weak != encryptions[i].weak)
			fail_msg("%s", encryptions[i].command);
	}
	for (size_t i = 0; i < KIND_COUNT; i++) {
		char expected[64];

		command_ok(place,
		    "%s -aes-256-cbc -pass 'pass:correct horse' -out new.pem "
		    "&& openssl pkcs8 -topk8 -nocrypt -in new.pem "
		    "-passin 'pass:correct horse' -outform DER -out new.der",
		    kinds[i].command);
		(void)snprintf(expected, sizeof(expected), "new.der");
		assert_reads_as("new.pem", expected, &facts);
	}
}

static void
test_pkcs8_read__old_pem_encryption_is_weak(void **state)
{
	static const char *const ciphers[] = {
	    "aes128", "aes192", "aes256", "des3"};
	struct clv_pkcs8_facts facts;

	(void)state;
	for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
		command_ok(place,
		    "openssl rsa -traditional -%s -in rsa2048.pem -out old.pem "
		    "-passout 'pass:correct horse'",
		    ciphers[i]);
		command_ok(place, "grep -q '^Proc-Type: 4,ENCRYPTED' old.pem");
		assert_reads_as("old.pem", "rsa2048.der", &facts);
		assert_true(facts.weak && facts.encrypted);
		command_ok(place,
		    "openssl ec -%s -in p384.pem -out old.pem "
		    "-passout 'pass:correct horse'",
		    ciphers[i]);
		assert_reads_as("old.pem", "p384.der", &facts);
	}
}

static void
assert_read_fails(
    clv_status expected, const void *bytes, size_t size, const char *what)
{
	static char password[] = "correct horse";
	clv_secret text = CLV_SECRET_INIT;
	clv_secret pkcs8 = CLV_SECRET_INIT;
	struct clv_pkcs8_facts facts;
	clv_error *err = NULL;
	clv_status status;

	assert_ok(clv_secret_set(&text, bytes, size, &err));
	status = clv_pkcs8_read(
	    &text, give_password, password, &pkcs8, &facts, &err);
	if (status != expected)
		fail_msg("%s: %s: %s", what, clv_status_name(status),
		    clv_error_message(err));
	assert_true(*clv_error_reason(err) != '\0');
	assert_null(pkcs8.data);
	clv_error_free(&err);
	clv_secret_clear(&text);
}

static void
test_pkcs8_read__truncated_at_any_byte_is_corrupt(void **state)
{
	static const char *const files[] = {"p256.der", "ed25519.pem",
	    "rsa2048.der", "old-enc.pem", "new-enc.der"};
	clv_secret text = CLV_SECRET_INIT;

	(void)state;
	command_ok(place,
	    "openssl ec -aes256 -in p256.pem -out old-enc.pem "
	    "-passout 'pass:correct horse'");
	command_ok(place,
	    "openssl pkcs8 -topk8 -in p256.pem -outform DER "
	    "-out new-enc.der -passout 'pass:correct horse'");
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		file_get(place, files[i], &text);
		/* Only the newline at a PEM file's end may be missing. */
		for (size_t cut = 0; cut + 1 < text.size; cut++)
			assert_read_fails(
			    CLV_CORRUPT, text.data, cut, files[i]);
	}
	clv_secret_clear(&text);
}

static void
test_pkcs8_read__trailing_garbage_is_refused(void **state)
{
	static const char *const files[] = {"p256.der", "p256.pem"};
	static const char *const garbage[] = {"x", "\0", "0\3\2\1\1",
	    "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"};
	static const size_t sizes[] = {1, 1, 5, 59};
	clv_secret text = CLV_SECRET_INIT;

	(void)state;
	for (size_t i = 0; i < 2; i++)
		for (size_t j = 0; j < 4; j++) {
			file_get(place, files[i], &text);
			memcpy(text.data + text.size, garbage[j], sizes[j]);
			assert_read_fails(CLV_CORRUPT, text.data,
			    text.size + sizes[j], files[i]);
		}
	clv_secret_clear(&text);
}

/* Any change of one byte is either seen, or leaves the same key. */
static void
test_pkcs8_read__no_flipped_bit_changes_the_key(void **state)
{
	static const char *const files[] = {
	    "p256.der", "ed25519.der", "brainpool384.der", "rsa2048.der"};
	clv_secret text = CLV_SECRET_INIT;
	clv_secret changed = CLV_SECRET_INIT;
	clv_secret pkcs8 = CLV_SECRET_INIT;
	size_t accepted = 0;

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		file_get(place, files[i], &text);
		/* All bytes of the small ones, a sample of RSA's. */
		for (size_t at = 0;
		     at<text.size; at += text.size> 500 ? 17 : 1) {
			assert_ok(clv_secret_set(
			    &changed, text.data, text.size, &err));
			changed.data[at] ^= 1;
			if (clv_pkcs8_read(&changed, NULL, NULL, &pkcs8, NULL,
				NULL) != CLV_OK)
				continue;
			/* Such as version 2 without a public key. */
			if (clv_secret_equal(&pkcs8, &text))
				continue;
			assert_true(clv_secret_equal(&pkcs8, &changed));
			accepted++;
		}
		/* An Ed25519 key has no redundancy: 32 bytes of any value. */
		assert_int_equal(accepted, i < 1 ? 0 : 32);
	}
	clv_secret_clear(&pkcs8);
	clv_secret_clear(&changed);
	clv_secret_clear(&text);
}

static void
test_pkcs8_read__ber_is_refused(void **state)
{
	clv_secret text = CLV_SECRET_INIT;
	uint8_t ber[300];

	(void)state;
	file_get(place, "p256.der", &text);
	/* The outer SEQUENCE with an indefinite length. */
	assert_true(text.data[1] == 0x81);
	ber[0] = 0x30;
	ber[1] = 0x80;
	memcpy(ber + 2, text.data + 3, text.size - 3);
	memset(ber + text.size - 1, 0, 2);
	assert_read_fails(CLV_CORRUPT, ber, text.size + 1, "indefinite");
	/* The same length in one byte more. */
	ber[1] = 0x82;
	ber[2] = 0;
	memcpy(ber + 3, text.data + 2, text.size - 2);
	assert_read_fails(CLV_CORRUPT, ber, text.size + 1, "long form");
	clv_secret_clear(&text);
}

static const struct {
	const char *command;
	clv_status status;
} others[] = {
    {"openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:1024",
	CLV_POLICY},
    {"openssl genpkey -algorithm rsa-pss -pkeyopt rsa_keygen_bits:2048",
	CLV_UNSUPPORTED},
    {"openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-521",
	CLV_UNSUPPORTED},
    {"openssl genpkey -algorithm ec -pkeyopt ec_paramgen_curve:P-256 "
     "-pkeyopt ec_param_enc:explicit",
	CLV_UNSUPPORTED},
    {"openssl genpkey -algorithm x25519", CLV_UNSUPPORTED},
    {"openssl pkcs8 -topk8 -v1 PBE-SHA1-3DES -in p256.pem "
     "-passout pass:x",
	CLV_UNSUPPORTED},
    {"openssl pkcs8 -topk8 -v2 camellia-256-cbc -in p256.pem "
     "-passout pass:x",
	CLV_UNSUPPORTED},
    {"openssl pkey -in p256.pem -pubout", CLV_CORRUPT},
    {"openssl req -x509 -key p256.pem -subj /CN=x -new", CLV_CORRUPT},
    {"openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 "
     "-pkeyopt rsa_keygen_primes:3",
	CLV_UNSUPPORTED},
};

static void
test_pkcs8_read__other_keys_are_refused_for_what_they_are(void **state)
{
	clv_secret text = CLV_SECRET_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
		command_ok(place, "%s -out other.pem", others[i].command);
		file_get(place, "other.pem", &text);
		assert_read_fails(
		    others[i].status, text.data, text.size, others[i].command);
	}
	clv_secret_clear(&text);
}

struct asker {
	const char *passwords[8];
	unsigned asked;
};

static clv_status
give_next(void *user, unsigned attempt, clv_secret *password, clv_error **err)
{
	struct asker *asker = user;
	const char *next = asker->passwords[asker->asked];

	assert_int_equal(attempt, ++asker->asked);
	if (next == NULL)
		return clv_error_raise(err, CLV_CANCELLED, NULL, "cancelled");
	return clv_secret_set(password, next, strlen(next), err);
}

static clv_status
read_with(struct asker *asker, clv_secret *pkcs8, clv_error **err)
{
	clv_secret text = CLV_SECRET_INIT;
	struct clv_pkcs8_facts facts;
	clv_status status;

	file_get(place, "asked.pem", &text);
	status = clv_pkcs8_read(&text, give_next, asker, pkcs8, &facts, err);
	clv_secret_clear(&text);
	return status;
}

static void
test_pkcs8_read__asks_again_after_a_wrong_password(void **state)
{
	struct asker third = {{"a", "b", "correct horse"}, 0};
	struct asker gives_up = {{"a", "b", NULL}, 0};
	struct asker never = {{"a", "b", "c", "d", "e", "f", "g", "h"}, 0};
	clv_secret pkcs8 = CLV_SECRET_INIT;
	clv_secret text = CLV_SECRET_INIT;

	(void)state;
	command_ok(place,
	    "openssl pkcs8 -topk8 -in p256.pem -out asked.pem "
	    "-passout 'pass:correct horse'");
	assert_ok(read_with(&third, &pkcs8, &err));
	assert_int_equal(third.asked, 3);
	clv_secret_clear(&pkcs8);
	assert_fails(CLV_CANCELLED, read_with(&gives_up, &pkcs8, &err));
	assert_fails(CLV_AUTH, read_with(&never, &pkcs8, &err));
	assert_int_equal(never.asked, 5);

	file_get(place, "asked.pem", &text);
	assert_fails(
	    CLV_AUTH, clv_pkcs8_read(&text, NULL, NULL, &pkcs8, NULL, &err));
	clv_secret_clear(&text);
}

/* One in 256 wrong passwords passes the padding: what comes out must be seen
 * to be no key, and never be called damage. */
static void
test_pkcs8_read__a_wrong_password_is_never_called_damage(void **state)
{
	clv_secret text = CLV_SECRET_INIT;
	clv_secret pkcs8 = CLV_SECRET_INIT;
	char word[16];

	(void)state;
	command_ok(place,
	    "openssl pkcs8 -topk8 -in p256.pem -out cheap.pem -iter 1 "
	    "-passout 'pass:correct horse'");
	file_get(place, "cheap.pem", &text);
	for (unsigned i = 0; i < 1500; i++) {
		clv_error *err = NULL;

		(void)snprintf(word, sizeof(word), "wrong%u", i);
		assert_int_equal(clv_pkcs8_read(&text, give_password, word,
				     &pkcs8, NULL, &err),
		    CLV_AUTH);
		clv_error_free(&err);
	}
	clv_secret_clear(&text);
}

static double
seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Costs of scrypt that no honest file has: N, r, p. */
static const char *const absurd[][3] = {
    {"0x10000000000", "8", "1"},
    {"16384", "8", "1000000"},
    {"16384", "1000000", "1"},
    {"16383", "8", "1"},
    {"0", "8", "1"},
    {"16384", "0", "1"},
    {"16384", "8", "0"},
    {"0x8000000000000000", "0x8000000000000000", "0x8000000000000000"},
};

static void
test_pkcs8_read__absurd_work_is_refused_at_once(void **state)
{
	clv_secret text = CLV_SECRET_INIT;
	double start;

	(void)state;
	for (size_t i = 0; i < sizeof(absurd) / sizeof(absurd[0]); i++) {
		command_ok(place,
		    "cat >absurd.cnf <<'EOF'\nasn1=SEQUENCE:s\n"
		    "[s]\na=SEQUENCE:alg\n"
		    "c=FORMAT:HEX,OCTETSTRING:%064d\n[alg]\no=OID:PBES2\n"
		    "p=SEQUENCE:both\n[both]\nk=SEQUENCE:kdf\nc=SEQUENCE:enc\n"
		    "[kdf]\no=OID:1.3.6.1.4.1.11591.4.11\np=SEQUENCE:cost\n"
		    "[cost]\ns=FORMAT:HEX,OCTETSTRING:0102030405060708\n"
		    "n=INTEGER:%s\nr=INTEGER:%s\np=INTEGER:%s\n"
		    "[enc]\no=OID:aes-256-cbc\n"
		    "i=FORMAT:HEX,OCTETSTRING:%032d\nEOF\n"
		    "openssl asn1parse -genconf absurd.cnf -out absurd.der",
		    0, absurd[i][0], absurd[i][1], absurd[i][2], 0);
		file_get(place, "absurd.der", &text);
		start = seconds();
		assert_read_fails(
		    CLV_TOO_LARGE, text.data, text.size, absurd[i][0]);
		assert_true(seconds() - start < 0.1);
	}
	command_ok(place,
	    "openssl pkcs8 -topk8 -in p256.pem -outform DER -iter 2000001 "
	    "-out absurd.der -passout 'pass:correct horse'");
	file_get(place, "absurd.der", &text);
	start = seconds();
	assert_read_fails(CLV_TOO_LARGE, text.data, text.size, "PBKDF2");
	assert_true(seconds() - start < 0.1);
	clv_secret_clear(&text);
}

struct encryption {
	const clv_secret *plain;
	const clv_secret *password;
	struct clv_scrypt_cost cost;
	clv_secret *out;
};

static clv_status
encrypt(void *argument, clv_error **err)
{
	struct encryption *the = argument;

	return clv_pbes2_encrypt(
	    the->plain, the->password, &the->cost, the->out, err);
}

static void
test_pbes2_encrypt__openssl_reads_it(void **state)
{
	clv_secret plain = CLV_SECRET_INIT;
	clv_secret password = CLV_SECRET_INIT;
	clv_secret out = CLV_SECRET_INIT;
	struct encryption the = {&plain, &password, {16384, 8, 5}, &out};
	struct clv_pkcs8_facts facts;
	char expected[64];

	(void)state;
	assert_ok(clv_secret_set(&password, "correct horse", 13, &err));
	for (size_t i = 0; i < KIND_COUNT; i++) {
		(void)snprintf(
		    expected, sizeof(expected), "%s.der", kinds[i].name);
		file_get(place, expected, &plain);
		assert_ok(clv_run_privately(encrypt, &the, &err));
		file_put(place, "ours.der", out.data, out.size);
		command_ok(place,
		    "openssl pkey -inform DER -in ours.der "
		    "-passin 'pass:correct horse' -out back.pem "
		    "&& openssl pkcs8 -topk8 -nocrypt -in back.pem "
		    "-outform DER -out back.der && cmp back.der %s",
		    expected);
		assert_reads_as("ours.der", expected, &facts);
		assert_false(facts.weak);
	}
	the.cost.n = 16383;
	assert_fails(CLV_TOO_LARGE, clv_run_privately(encrypt, &the, &err));
	clv_secret_clear(&out);
	clv_secret_clear(&password);
	clv_secret_clear(&plain);
}

static void
test_pkcs8_looks_like_key__certificates_do_not(void **state)
{
	clv_secret text = CLV_SECRET_INIT;

	(void)state;
	command_ok(place,
	    "openssl req -x509 -key p256.pem -subj /CN=x -new "
	    "-out cert.pem -addext 'subjectAltName=DNS:x'");
	command_ok(place,
	    "openssl x509 -in cert.pem -outform DER "
	    "-out cert.der");
	command_ok(place,
	    "openssl pkey -in p256.pem -pubout -outform DER "
	    "-out pub.der");
	command_ok(place, "cat cert.pem p256.pem >both.pem");
	file_get(place, "cert.pem", &text);
	assert_false(clv_pkcs8_looks_like_key(text.data, text.size));
	file_get(place, "cert.der", &text);
	assert_false(clv_pkcs8_looks_like_key(text.data, text.size));
	file_get(place, "pub.der", &text);
	assert_false(clv_pkcs8_looks_like_key(text.data, text.size));
	file_get(place, "both.pem", &text);
	assert_true(clv_pkcs8_looks_like_key(text.data, text.size));
	assert_false(clv_pkcs8_looks_like_key("", 0));
	clv_secret_clear(&text);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		test_pkcs8_read__plain_keys_come_out_as_openssl_writes_them),
	    cmocka_unit_test(test_pkcs8_read__traditional_keys_become_pkcs8),
	    cmocka_unit_test(
		test_pkcs8_read__everything_openssl_encrypts_is_read),
	    cmocka_unit_test(test_pkcs8_read__old_pem_encryption_is_weak),
	    cmocka_unit_test(test_pkcs8_read__truncated_at_any_byte_is_corrupt),
	    cmocka_unit_test(test_pkcs8_read__trailing_garbage_is_refused),
	    cmocka_unit_test(test_pkcs8_read__no_flipped_bit_changes_the_key),
	    cmocka_unit_test(test_pkcs8_read__ber_is_refused),
	    cmocka_unit_test(
		test_pkcs8_read__other_keys_are_refused_for_what_they_are),
	    cmocka_unit_test(
		test_pkcs8_read__asks_again_after_a_wrong_password),
	    cmocka_unit_test(
		test_pkcs8_read__a_wrong_password_is_never_called_damage),
	    cmocka_unit_test(test_pkcs8_read__absurd_work_is_refused_at_once),
	    cmocka_unit_test(test_pbes2_encrypt__openssl_reads_it),
	    cmocka_unit_test(test_pkcs8_looks_like_key__certificates_do_not),
	};

	return cmocka_run_group_tests(tests, make_keys, remove_keys);
}
