/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* TLS with such keys at both ends. */

#include <claviger/openssl.h>

#include "unit/keys/evp_fixture.h"
#include "unit/keys/tls_fixture.h"

/* Server and client with keys of one algorithm. */
static void
connect_with(clv_context *context, clv_algorithm algorithm,
    const struct tls_options *options)
{
	EVP_PKEY *server_key = evp_open(context, algorithm);
	EVP_PKEY *client_key = evp_open_number(context, algorithm, 1);
	X509 *server = evp_certificate(
	    server_key, "server", NULL, NULL, evp_digest(algorithm));
	X509 *client = evp_certificate(
	    client_key, "client", NULL, NULL, evp_digest(algorithm));

	tls_connect(options, server, server_key, client, client_key);
	X509_free(server);
	X509_free(client);
	EVP_PKEY_free(server_key);
	EVP_PKEY_free(client_key);
}

static void
test_evp_tls__every_algorithm(void **state)
{
	static const clv_algorithm algorithms[] = {CLV_RSA_2048, CLV_RSA_3072,
	    CLV_EC_P256, CLV_EC_P384, CLV_ED25519, CLV_ED448};
	static const int versions[] = {TLS1_2_VERSION, TLS1_3_VERSION};

	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++)
		for (size_t j = 0; j < 2; j++)
			connect_with(*state, algorithms[i],
			    &(struct tls_options){.version = versions[j]});
}

static void
test_evp_tls__every_rsa_scheme(void **state)
{
	static const char *const schemes[] = {"RSA+SHA256", "RSA+SHA384",
	    "RSA+SHA512", "RSA-PSS+SHA256", "RSA-PSS+SHA384", "RSA-PSS+SHA512"};

	for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
		connect_with(*state, CLV_RSA_2048,
		    &(struct tls_options){
			.version = TLS1_2_VERSION, .schemes = schemes[i]});
		assert_int_equal(fake.last.padding,
		    i < 3 ? CLV_PADDING_PKCS1 : CLV_PADDING_PSS);
	}
}

static void
test_evp_tls__brainpool_in_tls_1_2(void **state)
{
	connect_with(*state, CLV_EC_BRAINPOOL256,
	    &(struct tls_options){.version = TLS1_2_VERSION,
		.groups = "brainpoolP256r1:P-256",
		.schemes = "ECDSA+SHA256"});
}

/* The server decrypts the premaster secret instead of signing. */
static void
test_evp_tls__rsa_key_exchange(void **state)
{
	connect_with(*state, CLV_RSA_2048,
	    &(struct tls_options){
		.version = TLS1_2_VERSION, .ciphers = "AES128-GCM-SHA256"});
	assert_true(atomic_load(&fake.raws) + atomic_load(&fake.decrypts) > 0);
}

/* TLS 1.3 has PSS only: a device with raw RSA gets by. */
static void
test_evp_tls__device_with_raw_rsa_only(void **state)
{
	atomic_store(&fake.lacks, FAKE_RAW_ONLY);
	connect_with(*state, CLV_RSA_2048,
	    &(struct tls_options){.version = TLS1_3_VERSION});
	assert_true(atomic_load(&fake.raws) > 0);
	assert_int_equal(atomic_load(&fake.signs), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    EVP_TEST(test_evp_tls__every_algorithm),
	    EVP_TEST(test_evp_tls__every_rsa_scheme),
	    EVP_TEST(test_evp_tls__brainpool_in_tls_1_2),
	    EVP_TEST(test_evp_tls__rsa_key_exchange),
	    EVP_TEST(test_evp_tls__device_with_raw_rsa_only),
	};

	return cmocka_run_group_tests(tests, NULL, evp_forget);
}
