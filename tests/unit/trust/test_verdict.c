/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What verdicts tell: files, reasons, and which certificate is to blame. */

#include "verify_fixture.h"

#include <string.h>

static void
test_verdict__names_the_deciding_files(void **state)
{
	struct plant plant = plant_with_ca(5);
	struct bytes message = issued(.serial = 5);
	clv_verdict *verdict = NULL;
	clv_error *err = NULL;
	size_t size = 0;

	(void)state;
	assert_int_equal(clv_verify(plant.snapshot, message.data, message.size,
			     plant.options, &verdict, &err),
	    CLV_UNTRUSTED);
	assert_string_equal(clv_error_message(err),
	    "verify certificate CN=pump, O=Plant: it was revoked at "
	    "2030-02-01T00:00:00Z (unspecified) (trusted/crl/ca.crl) "
	    "(BadCertificateRevoked)");
	assert_int_equal(clv_error_get_domain(err), CLV_DOMAIN_OPCUA);
	assert_int_equal(clv_verdict_sent_status(verdict),
	    CLV_SC_BAD_SECURITY_CHECKS_FAILED);
	assert_false(clv_verdict_only_untrusted(verdict));
	assert_string_equal(verdict_find(verdict, CLV_STEP_TRUST, 1)->file,
	    "trusted/certs/ca.der");
	assert_string_equal(verdict_find(verdict, CLV_STEP_CHAIN, 1)->file,
	    "trusted/certs/ca.der");
	assert_string_equal(verdict_find(verdict, CLV_STEP_FIND_CRL, 0)->file,
	    "trusted/crl/ca.crl");
	assert_string_equal(
	    verdict_find(verdict, CLV_STEP_REVOCATION, 0)->subject,
	    "CN=pump, O=Plant");
	assert_int_equal(
	    strlen(verdict_find(verdict, CLV_STEP_REVOCATION, 0)->thumbprint),
	    40);
	assert_int_equal(clv_verdict_chain_length(verdict), 2);
	assert_memory_equal(clv_verdict_chain_der(verdict, 0, &size),
	    message.data, message.size);
	assert_int_equal(size, message.size);
	assert_null(clv_verdict_chain_der(verdict, 2, &size));
	clv_error_free(&err);
	clv_verdict_free(&verdict);
	plant_end(&plant);
	forge_clear(&message);
}

static void
test_verdict__has_a_row_for_each_step(void **state)
{
	struct plant plant = plant_with_ca(0);
	struct bytes message = issued(.serial = 5);
	clv_verdict *verdict = NULL;

	(void)state;
	assert_ok(clv_verify(plant.snapshot, message.data, message.size,
	    plant.options, &verdict, &err));
	assert_int_equal(clv_verdict_count(verdict), 11);
	for (size_t i = 0; i < 11; i++) {
		const clv_finding *finding = clv_verdict_finding(verdict, i);

		assert_int_equal(finding->step, i + 1);
		assert_int_equal(finding->status, CLV_SC_GOOD);
		assert_string_not_equal(
		    clv_verify_step_name(finding->step), "unknown");
	}
	assert_string_equal(
	    clv_verify_step_name((clv_verify_step)12), "unknown");
	clv_verdict_free(&verdict);
	clv_verdict_free(&verdict);
	clv_verdict_free(NULL);
	plant_end(&plant);
	forge_clear(&message);
}

/* Rows keep what they need: list, options and message may go. */
static void
test_verdict__outlives_everything(void **state)
{
	struct plant plant = plant_begin();
	struct bytes message = forge(.uri = "urn:evil");
	clv_verdict *verdict = NULL;

	(void)state;
	plant_add(&plant, hostile_ca(), "ca.der", CLV_TRUST_TRUSTED);
	plant_ready(&plant);
	assert_ok(clv_verify_options_set_application_uri(
	    plant.options, "urn:plant:pump", &err));
	assert_ok(clv_verify_options_set_role(
	    plant.options, CLV_VERIFY_SERVER, &err));
	assert_ok(
	    clv_verify_options_set_hostname(plant.options, "elsewhere", &err));
	assert_int_equal(clv_verify(plant.snapshot, message.data, message.size,
			     plant.options, &verdict, NULL),
	    CLV_UNTRUSTED);
	plant_end(&plant);
	memset(message.data, 0, message.size);
	forge_clear(&message);
	assert_string_equal(verdict_find(verdict, CLV_STEP_URI, 0)->text,
	    "it is not made out for the ApplicationUri urn:plant:pump");
	assert_string_equal(verdict_find(verdict, CLV_STEP_HOSTNAME, 0)->text,
	    "it is not made out for the host elsewhere");
	clv_verdict_free(&verdict);
}

static void
test_verdict__tells_that_a_host_is_a_servers(void **state)
{
	struct plant plant = plant_begin();
	struct bytes message = forge(.uri = "urn:plant:pump");
	clv_verdict *verdict = NULL;

	(void)state;
	plant_add(&plant, hostile_ca(), "ca.der", CLV_TRUST_TRUSTED);
	plant_ready(&plant);
	assert_ok(clv_verify_options_set_role(
	    plant.options, CLV_VERIFY_CLIENT, &err));
	assert_ok(
	    clv_verify_options_set_hostname(plant.options, "elsewhere", &err));
	assert_ok(clv_verify_options_set_application_uri(
	    plant.options, "urn:plant:other", &err));
	assert_int_equal(clv_verify(plant.snapshot, message.data, message.size,
			     plant.options, &verdict, NULL),
	    CLV_UNTRUSTED);
	plant_end(&plant);
	forge_clear(&message);
	assert_string_equal(verdict_find(verdict, CLV_STEP_HOSTNAME, 0)->text,
	    "the host name was not looked at: only servers have one");
	clv_verdict_free(&verdict);
}

/* A forged certificate is blamed on the one whose key did not sign, even if
 * only the peer sent that. */
static void
test_verdict__keeps_the_blamed_certificate(void **state)
{
	struct plant plant = plant_with_ca(0);
	struct bytes message = forge_join(
	    forge(.issuer = "CN=evil", .signer = FORGE_P256_D, .no_aki = true),
	    forge(.subject = "CN=evil", .key = FORGE_P256_C, .ca = true),
	    FORGE_END);
	clv_verdict *verdict = NULL;

	(void)state;
	assert_int_equal(clv_verify(plant.snapshot, message.data, message.size,
			     plant.options, &verdict, NULL),
	    CLV_UNTRUSTED);
	forge_clear(&message);
	assert_string_equal(verdict_find(verdict, CLV_STEP_SIGNATURE, 0)->text,
	    "it is not signed with the key of CN=evil");
	clv_verdict_free(&verdict);
	plant_end(&plant);
}

/* What is told about a chain that leads nowhere. */
static void
chain_row_is(struct plant *plant, struct bytes message, clv_verify_step step,
    unsigned depth, const char *text)
{
	clv_verdict *verdict = NULL;

	plant_ready(plant);
	assert_int_equal(clv_verify(plant->snapshot, message.data, message.size,
			     plant->options, &verdict, NULL),
	    CLV_UNTRUSTED);
	assert_string_equal(verdict_find(verdict, step, depth)->text, text);
	clv_verdict_free(&verdict);
	forge_clear(&message);
	plant_end(plant);
}

static void
test_verdict__tells_why_a_chain_ends(void **state)
{
	struct plant plant = plant_begin();

	(void)state;
	chain_row_is(&plant, issued(.serial = 5), CLV_STEP_CHAIN, 0,
	    "the certificate of its issuer CN=ca, O=Plant is neither in a "
	    "list nor was it sent");

	plant = plant_begin();
	plant_add(&plant,
	    forge(.subject = "CN=ca,O=Plant", .key = FORGE_P256_D, .ca = true),
	    "other.der", CLV_TRUST_TRUSTED);
	chain_row_is(&plant, issued(.serial = 5), CLV_STEP_CHAIN, 0,
	    "its issuer CN=ca, O=Plant is known with another key only");

	plant = plant_begin();
	plant_add(&plant,
	    forge(.subject = "CN=ca,O=Plant", .key = FORGE_P256_D, .ca = true,
		.no_ski = true),
	    "other.der", CLV_TRUST_TRUSTED);
	chain_row_is(&plant, issued(.serial = 5), CLV_STEP_SIGNATURE, 0,
	    "it is not signed with the key of CN=ca, O=Plant");

	plant = plant_begin();
	plant_add(&plant,
	    forge(.subject = "CN=x", .issuer = "CN=y", .key = FORGE_P256_B,
		.signer = FORGE_P256_C, .ca = true),
	    "x.der", CLV_TRUST_ISSUER);
	plant_add(&plant,
	    forge(.subject = "CN=y", .issuer = "CN=x", .key = FORGE_P256_C,
		.signer = FORGE_P256_B, .ca = true),
	    "y.der", CLV_TRUST_ISSUER);
	chain_row_is(&plant, forge(.issuer = "CN=x", .signer = FORGE_P256_B),
	    CLV_STEP_CHAIN, 2, "its issuers lead back to itself");

	plant = plant_begin();
	for (uint64_t i = 1; i <= 20; i++)
		plant_add(&plant,
		    forge(.subject = "CN=ca,O=Plant", .key = FORGE_P256_D,
			.ca = true, .no_ski = true, .serial = i),
		    "other.der", CLV_TRUST_TRUSTED);
	chain_row_is(&plant, issued(.serial = 5), CLV_STEP_CHAIN, 0,
	    "too many certificates bear the name of its issuer CN=ca, O=Plant, "
	    "and none that was looked at leads on");

	plant = plant_begin();
	plant_add(&plant, hostile_ca(), "ca.der", CLV_TRUST_TRUSTED);
	assert_ok(clv_verify_options_set_limit(
	    plant.options, CLV_LIMIT_CHAIN_LENGTH, 1, &err));
	chain_row_is(&plant, issued(.serial = 5), CLV_STEP_CHAIN, 0,
	    "the chain is longer than 1 certificates, the limit");
}

#define ca_list(...)                                                  \
	forge_list(.issuer = "CN=ca,O=Plant", .signer = FORGE_P256_B, \
	    __VA_ARGS__)

/* A plant with this CRL alone; what the steps about CRLs tell. */
static void
crl_row_is(struct bytes crl, struct bytes ca, const char *text)
{
	struct plant plant = plant_begin();
	struct bytes message = issued(.serial = 5);
	clv_verdict *verdict = NULL;

	plant_add(&plant, ca, "ca.der", CLV_TRUST_TRUSTED);
	if (crl.data != NULL)
		plant_add_crl(&plant, crl, "ca.crl");
	plant_ready(&plant);
	assert_int_equal(clv_verify(plant.snapshot, message.data, message.size,
			     plant.options, &verdict, NULL),
	    CLV_UNTRUSTED);
	assert_string_equal(
	    verdict_find(verdict, CLV_STEP_FIND_CRL, 0)->text, text);
	clv_verdict_free(&verdict);
	forge_clear(&message);
	plant_end(&plant);
}

static void
test_verdict__tells_why_no_crl_counts(void **state)
{
	(void)state;
	crl_row_is(
	    FORGE_END, hostile_ca(), "there is no CRL of CN=ca, O=Plant");
	crl_row_is(ca_list(.next_update = "300610000000Z"), hostile_ca(),
	    "the CRL of CN=ca, O=Plant expired at 2030-06-10T00:00:00Z");
	crl_row_is(ca_list(.this_update = "300620000000Z"), hostile_ca(),
	    "the CRL of CN=ca, O=Plant is not valid before "
	    "2030-06-20T00:00:00Z");
	crl_row_is(forge_list(.issuer = "CN=ca,O=Plant", .signer = FORGE_P256_D,
		       .aki_of = FORGE_P256_B + 1),
	    hostile_ca(),
	    "the CRL in the name of CN=ca, O=Plant is not signed with its "
	    "key");
	crl_row_is(ca_list(.is_delta = true, .delta_of = 4, .number = 5),
	    hostile_ca(),
	    "there is only a delta CRL of CN=ca, O=Plant, without the CRL "
	    "that it builds on");
	crl_row_is(ca_list(.number = 5),
	    forge(.subject = "CN=ca,O=Plant", .key = FORGE_P256_B, .ca = true,
		.usage = 0x20),
	    "CN=ca, O=Plant may not sign CRLs (keyUsage)");
}

static void
test_verdict__names_the_delta_that_decides(void **state)
{
	struct plant plant = plant_begin();
	struct bytes message = issued(.serial = 5);
	clv_verdict *verdict = NULL;

	(void)state;
	plant_add(&plant, hostile_ca(), "ca.der", CLV_TRUST_TRUSTED);
	plant_add_crl(&plant, ca_list(.number = 5), "base.crl");
	plant_add_crl(&plant,
	    ca_list(.is_delta = true, .delta_of = 5, .number = 6,
		.this_update = "300610000000Z", .next_update = "300618000000Z"),
	    "delta.crl");
	plant_ready(&plant);
	assert_ok(clv_verify(plant.snapshot, message.data, message.size,
	    plant.options, &verdict, &err));
	assert_string_equal(
	    verdict_find(verdict, CLV_STEP_FIND_CRL, 0)->file, "delta.crl");
	assert_string_equal(verdict_find(verdict, CLV_STEP_FIND_CRL, 0)->text,
	    "there is a CRL of CN=ca, O=Plant with a delta CRL that is valid "
	    "until 2030-06-18T00:00:00Z");
	assert_string_equal(
	    verdict_find(verdict, CLV_STEP_REVOCATION, 0)->file, "delta.crl");
	clv_verdict_free(&verdict);
	forge_clear(&message);
	plant_end(&plant);
}

/* A CRL that does not count is told even if another does. */
static void
test_verdict__warns_of_a_forged_crl(void **state)
{
	struct plant plant = plant_begin();
	struct bytes message = issued(.serial = 5);
	clv_verdict *verdict = NULL;

	(void)state;
	plant_add(&plant, hostile_ca(), "ca.der", CLV_TRUST_TRUSTED);
	plant_add_crl(&plant, ca_list(.number = 5), "good.crl");
	plant_add_crl(&plant,
	    forge_list(.issuer = "CN=ca,O=Plant", .signer = FORGE_P256_D,
		.aki_of = FORGE_P256_B + 1, .number = 6,
		.this_update = "300602000000Z"),
	    "forged.crl");
	plant_ready(&plant);
	assert_ok(clv_verify(plant.snapshot, message.data, message.size,
	    plant.options, &verdict, &err));
	assert_true(verdict_find(verdict, CLV_STEP_FIND_CRL, 0)->warning);
	assert_string_equal(
	    verdict_find(verdict, CLV_STEP_FIND_CRL, 0)->file, "forged.crl");
	assert_string_equal(
	    verdict_find(verdict, CLV_STEP_REVOCATION, 0)->file, "good.crl");
	clv_verdict_free(&verdict);
	forge_clear(&message);
	plant_end(&plant);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_verdict__names_the_deciding_files),
	    cmocka_unit_test(test_verdict__has_a_row_for_each_step),
	    cmocka_unit_test(test_verdict__outlives_everything),
	    cmocka_unit_test(test_verdict__tells_that_a_host_is_a_servers),
	    cmocka_unit_test(test_verdict__keeps_the_blamed_certificate),
	    cmocka_unit_test(test_verdict__tells_why_a_chain_ends),
	    cmocka_unit_test(test_verdict__tells_why_no_crl_counts),
	    cmocka_unit_test(test_verdict__names_the_delta_that_decides),
	    cmocka_unit_test(test_verdict__warns_of_a_forged_crl),
	};

	return cmocka_run_group_tests(tests, NULL, forge_tear_down);
}
