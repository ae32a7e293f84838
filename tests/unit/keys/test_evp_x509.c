/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Certificates, requests, revocation lists and CMS made with such keys. */

#include <claviger/openssl.h>

#include <string.h>

#include <openssl/cms.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "unit/keys/evp_fixture.h"

static const clv_algorithm algorithms[] = {CLV_RSA_2048, CLV_EC_P256,
    CLV_EC_P384, CLV_EC_BRAINPOOL256, CLV_EC_BRAINPOOL384, CLV_ED25519,
    CLV_ED448};
#define ALGORITHMS (sizeof(algorithms) / sizeof(algorithms[0]))

static void
test_evp_x509__certificate_is_signed(void **state)
{
	for (size_t i = 0; i < ALGORITHMS; i++) {
		EVP_PKEY *key = evp_open(*state, algorithms[i]);
		EVP_PKEY *own = fake_openssl_key(algorithms[i], 0);
		X509 *certificate = evp_certificate(
		    key, "test", NULL, NULL, evp_digest(algorithms[i]));
		X509 *expected = evp_certificate(
		    own, "test", NULL, NULL, evp_digest(algorithms[i]));
		const X509_ALGOR *algorithm = NULL, *expected_algorithm = NULL;

		assert_openssl(X509_verify(certificate, own));
		assert_openssl(X509_verify(certificate, key));
		X509_get0_signature(NULL, &algorithm, certificate);
		X509_get0_signature(NULL, &expected_algorithm, expected);
		assert_int_equal(
		    X509_ALGOR_cmp(algorithm, expected_algorithm), 0);
		assert_openssl(X509_check_private_key(certificate, key));
		assert_openssl(X509_check_private_key(expected, key));
		X509_free(certificate);
		X509_free(expected);
		EVP_PKEY_free(key);
	}
}

static void
test_evp_x509__another_certificate_does_not_match(void **state)
{
	for (size_t i = 0; i < ALGORITHMS; i++) {
		EVP_PKEY *key = evp_open(*state, algorithms[i]);
		EVP_PKEY *other = fake_openssl_key(algorithms[i], 1);
		X509 *certificate = evp_certificate(
		    other, "other", NULL, NULL, evp_digest(algorithms[i]));

		assert_int_equal(X509_check_private_key(certificate, key), 0);
		ERR_clear_error();
		X509_free(certificate);
		EVP_PKEY_free(key);
	}
}

static EVP_MD_CTX *
begin_pss(EVP_PKEY *key, const EVP_MD *md, int salt)
{
	EVP_MD_CTX *digest = EVP_MD_CTX_new();
	EVP_PKEY_CTX *context = NULL;

	assert_openssl(EVP_DigestSignInit(digest, &context, md, NULL, key));
	assert_openssl(
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING));
	assert_openssl(EVP_PKEY_CTX_set_rsa_pss_saltlen(context, salt));
	return digest;
}

/* OpenSSL must describe the same signature in the same way. */
static void
compare_parameters(X509 *certificate, EVP_PKEY *own, const EVP_MD *md, int salt)
{
	X509 *expected = X509_dup(certificate);
	const X509_ALGOR *algorithm = NULL, *expected_algorithm = NULL;
	EVP_MD_CTX *digest = begin_pss(own, md, salt);

	assert_true(X509_sign_ctx(expected, digest) > 0);
	X509_get0_signature(NULL, &algorithm, certificate);
	X509_get0_signature(NULL, &expected_algorithm, expected);
	assert_int_equal(X509_ALGOR_cmp(algorithm, expected_algorithm), 0);
	EVP_MD_CTX_free(digest);
	X509_free(expected);
}

/* RSASSA-PSS with every salt: the parameters have to say what was done. */
static void
test_evp_x509__pss_parameters_are_right(void **state)
{
	static const int salts[] = {RSA_PSS_SALTLEN_DIGEST, RSA_PSS_SALTLEN_MAX,
	    RSA_PSS_SALTLEN_AUTO, 20, 13};
	const EVP_MD *const digests[] = {
	    EVP_sha1(), EVP_sha256(), EVP_sha384(), EVP_sha512()};
	EVP_PKEY *key = evp_open(*state, CLV_RSA_2048);
	EVP_PKEY *own = fake_openssl_key(CLV_RSA_2048, 0);
	X509 *certificate =
	    evp_certificate(key, "pss", NULL, NULL, EVP_sha256());

	for (size_t i = 0; i < sizeof(salts) / sizeof(salts[0]); i++)
		for (size_t j = 0; j < 4; j++) {
			EVP_MD_CTX *digest =
			    begin_pss(key, digests[j], salts[i]);

			assert_true(X509_sign_ctx(certificate, digest) > 0);
			assert_openssl(X509_verify(certificate, own));
			EVP_MD_CTX_free(digest);
			/* "Auto" is the longest one with OpenSSL. */
			if (salts[i] != RSA_PSS_SALTLEN_AUTO)
				compare_parameters(
				    certificate, own, digests[j], salts[i]);
		}
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static void
test_evp_x509__request_is_signed(void **state)
{
	for (size_t i = 0; i < ALGORITHMS; i++) {
		EVP_PKEY *key = evp_open(*state, algorithms[i]);
		X509_REQ *request = X509_REQ_new();

		assert_openssl(X509_REQ_set_pubkey(request, key));
		assert_true(
		    X509_REQ_sign(request, key, evp_digest(algorithms[i])) > 0);
		assert_openssl(X509_REQ_verify(
		    request, fake_openssl_key(algorithms[i], 0)));
		assert_openssl(X509_REQ_check_private_key(request, key));
		X509_REQ_free(request);
		EVP_PKEY_free(key);
	}
}

static void
test_evp_x509__crl_is_signed(void **state)
{
	for (size_t i = 0; i < ALGORITHMS; i++) {
		EVP_PKEY *key = evp_open(*state, algorithms[i]);
		X509_CRL *crl = X509_CRL_new();
		ASN1_TIME *now = X509_gmtime_adj(NULL, 0);

		assert_openssl(X509_CRL_set_version(crl, X509_CRL_VERSION_2));
		assert_openssl(X509_CRL_set1_lastUpdate(crl, now));
		assert_true(
		    X509_CRL_sign(crl, key, evp_digest(algorithms[i])) > 0);
		assert_openssl(
		    X509_CRL_verify(crl, fake_openssl_key(algorithms[i], 0)));
		ASN1_TIME_free(now);
		X509_CRL_free(crl);
		EVP_PKEY_free(key);
	}
}

/* A chain whose CA key is one of ours, checked by OpenSSL. */
static void
test_evp_x509__chain_verifies(void **state)
{
	EVP_PKEY *ca_key = evp_open_number(*state, CLV_EC_P384, 1);
	EVP_PKEY *key = evp_open(*state, CLV_RSA_2048);
	X509 *ca = evp_certificate(ca_key, "CA", NULL, NULL, EVP_sha384());
	X509 *leaf = evp_certificate(key, "leaf", ca, ca_key, EVP_sha384());
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();

	assert_openssl(X509_STORE_add_cert(store, ca));
	assert_openssl(X509_STORE_CTX_init(context, store, leaf, NULL));
	assert_openssl(X509_verify_cert(context));
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
	X509_free(leaf);
	X509_free(ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
}

static const char content[] = "signed or hidden";

static void
assert_content(BIO *out)
{
	char read[sizeof(content)];

	assert_int_equal(
	    BIO_read(out, read, sizeof(read)), (int)sizeof(content));
	assert_memory_equal(read, content, sizeof(content));
}

static void
verify_cms(CMS_ContentInfo *cms, X509 *certificate)
{
	X509_STORE *store = X509_STORE_new();
	BIO *out = BIO_new(BIO_s_mem());

	assert_openssl(X509_STORE_add_cert(store, certificate));
	assert_openssl(X509_STORE_set_purpose(store, X509_PURPOSE_ANY));
	assert_openssl(CMS_verify(cms, NULL, store, NULL, out, CMS_BINARY));
	assert_content(out);
	BIO_free(out);
	X509_STORE_free(store);
}

static void
test_evp_cms__message_is_signed(void **state)
{
	/* OpenSSL 3.0 has no EdDSA in CMS. */
	for (size_t i = 0; i < 5; i++) {
		EVP_PKEY *key = evp_open(*state, algorithms[i]);
		X509 *certificate = evp_certificate(
		    key, "signer", NULL, NULL, evp_digest(algorithms[i]));
		BIO *in = BIO_new_mem_buf(content, sizeof(content));
		CMS_ContentInfo *cms =
		    CMS_sign(certificate, key, NULL, in, CMS_BINARY);

		assert_openssl(cms != NULL);
		verify_cms(cms, certificate);
		CMS_ContentInfo_free(cms);
		BIO_free(in);
		X509_free(certificate);
		EVP_PKEY_free(key);
	}
}

static void
test_evp_cms__message_is_signed_with_pss(void **state)
{
	EVP_PKEY *key = evp_open(*state, CLV_RSA_2048);
	X509 *certificate =
	    evp_certificate(key, "signer", NULL, NULL, EVP_sha256());
	BIO *in = BIO_new_mem_buf(content, sizeof(content));
	CMS_ContentInfo *cms =
	    CMS_sign(NULL, NULL, NULL, in, CMS_BINARY | CMS_PARTIAL);
	CMS_SignerInfo *signer = CMS_add1_signer(
	    cms, certificate, key, EVP_sha256(), CMS_KEY_PARAM | CMS_BINARY);
	EVP_PKEY_CTX *context;

	assert_non_null(signer);
	context = CMS_SignerInfo_get0_pkey_ctx(signer);
	assert_openssl(
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PSS_PADDING));
	assert_openssl(CMS_final(cms, in, NULL, CMS_BINARY));
	verify_cms(cms, certificate);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static void
decrypt_cms(CMS_ContentInfo *cms, EVP_PKEY *key, X509 *certificate)
{
	BIO *out = BIO_new(BIO_s_mem());

	assert_openssl(
	    CMS_decrypt(cms, key, certificate, NULL, out, CMS_BINARY));
	assert_content(out);
	BIO_free(out);
}

static void
test_evp_cms__message_is_decrypted(void **state)
{
	EVP_PKEY *key = evp_open(*state, CLV_RSA_2048);
	X509 *certificate =
	    evp_certificate(key, "recipient", NULL, NULL, EVP_sha256());
	STACK_OF(X509) *recipients = sk_X509_new_null();
	BIO *in = BIO_new_mem_buf(content, sizeof(content));
	CMS_ContentInfo *cms;

	assert_int_equal(sk_X509_push(recipients, certificate), 1);
	cms = CMS_encrypt(recipients, in, EVP_aes_256_cbc(), CMS_BINARY);
	assert_openssl(cms != NULL);
	decrypt_cms(cms, key, certificate);
	/* Without the certificate all recipients are tried. */
	decrypt_cms(cms, key, NULL);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	sk_X509_free(recipients);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

static void
test_evp_cms__message_is_decrypted_with_oaep(void **state)
{
	EVP_PKEY *key = evp_open(*state, CLV_RSA_2048);
	X509 *certificate =
	    evp_certificate(key, "recipient", NULL, NULL, EVP_sha256());
	BIO *in = BIO_new_mem_buf(content, sizeof(content));
	CMS_ContentInfo *cms =
	    CMS_encrypt(NULL, in, EVP_aes_256_cbc(), CMS_BINARY | CMS_PARTIAL);
	CMS_RecipientInfo *recipient =
	    CMS_add1_recipient_cert(cms, certificate, CMS_KEY_PARAM);
	EVP_PKEY_CTX *context = CMS_RecipientInfo_get0_pkey_ctx(recipient);

	assert_openssl(
	    EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_OAEP_PADDING));
	assert_openssl(EVP_PKEY_CTX_set_rsa_oaep_md(context, EVP_sha256()));
	assert_openssl(CMS_final(cms, in, NULL, CMS_BINARY));
	decrypt_cms(cms, key, certificate);
	CMS_ContentInfo_free(cms);
	BIO_free(in);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    EVP_TEST(test_evp_x509__certificate_is_signed),
	    EVP_TEST(test_evp_x509__another_certificate_does_not_match),
	    EVP_TEST(test_evp_x509__pss_parameters_are_right),
	    EVP_TEST(test_evp_x509__request_is_signed),
	    EVP_TEST(test_evp_x509__crl_is_signed),
	    EVP_TEST(test_evp_x509__chain_verifies),
	    EVP_TEST(test_evp_cms__message_is_signed),
	    EVP_TEST(test_evp_cms__message_is_signed_with_pss),
	    EVP_TEST(test_evp_cms__message_is_decrypted),
	    EVP_TEST(test_evp_cms__message_is_decrypted_with_oaep),
	};

	return cmocka_run_group_tests(tests, NULL, evp_forget);
}
