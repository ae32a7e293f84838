/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What test_hostile.c does not: options, explanations, memory of signatures,
 * and many threads. */

#include "testing.h"

#include "fixtures/hostile/hostile.h"

#include "trust/signature.h"
#include "trust/snapshot.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct plant {
	struct clv_trust_engine *engine;
	struct clv_trust_builder *builder;
	clv_trust_snapshot *snapshot;
	clv_verify_options *options;
};

static void
add(struct plant *plant, struct bytes bytes, const char *file,
    enum clv_trust_where where)
{
	struct clv_trust_cert *cert = NULL;

	assert_ok(clv_trust_cert_parse(
	    bytes.data, bytes.size, file, NULL, &cert, &err));
	assert_ok(
	    clv_trust_builder_add_cert(plant->builder, cert, where, &err));
	clv_trust_cert_unref(cert);
	forge_clear(&bytes);
}

static void
add_crl(struct plant *plant, struct bytes bytes, const char *file)
{
	struct clv_trust_crl *crl = NULL;

	assert_ok(
	    clv_trust_crl_parse(bytes.data, bytes.size, file, &crl, &err));
	assert_ok(clv_trust_builder_add_crl(
	    plant->builder, crl, CLV_TRUST_TRUSTED, &err));
	clv_trust_crl_unref(crl);
	forge_clear(&bytes);
}

static struct plant
begin(void)
{
	struct plant plant = {NULL, NULL, NULL, NULL};

	assert_ok(clv_trust_engine_new(&plant.engine, &err));
	assert_ok(
	    clv_trust_builder_new(plant.engine, NULL, &plant.builder, &err));
	assert_ok(clv_verify_options_new(&plant.options, &err));
	clv_verify_options_set_time(plant.options, FORGE_NOW);
	return plant;
}

static void
ready(struct plant *plant)
{
	assert_ok(
	    clv_trust_builder_finish(&plant->builder, &plant->snapshot, &err));
}

static void
end(struct plant *plant)
{
	clv_trust_builder_free(&plant->builder);
	clv_trust_snapshot_unref(plant->snapshot);
	clv_trust_engine_unref(plant->engine);
	clv_verify_options_free(&plant->options);
}

/* A CA with a CRL that lists `revoked` (0: nobody). */
static struct plant
usual(uint64_t revoked)
{
	struct plant plant = begin();
	const uint64_t serials[] = {revoked, 0};

	add(&plant, hostile_ca(), "trusted/certs/ca.der", CLV_TRUST_TRUSTED);
	add_crl(&plant,
	    forge_list(.issuer = "CN=ca,O=Plant", .signer = FORGE_P256_B,
		.serials = serials),
	    "trusted/crl/ca.crl");
	ready(&plant);
	return plant;
}

static clv_statuscode
status_of(const struct plant *plant, struct bytes message)
{
	clv_verdict *verdict = NULL;
	clv_statuscode status;

	(void)!clv_verify(plant->snapshot, message.data, message.size,
	    plant->options, &verdict, NULL);
	assert_non_null(verdict);
	status = clv_verdict_status(verdict);
	clv_verdict_free(&verdict);
	return status;
}

static const clv_finding *
find(clv_verdict *verdict, clv_verify_step step, unsigned depth)
{
	for (size_t i = 0; i < clv_verdict_count(verdict); i++) {
		const clv_finding *finding = clv_verdict_finding(verdict, i);

		if (finding->step == step && finding->depth == depth)
			return finding;
	}
	fail_msg("no finding of step %d", (int)step);
	return NULL;
}

static void
test_verdict__names_the_deciding_files(void **state)
{
	struct plant plant = usual(5);
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
	assert_string_equal(
	    find(verdict, CLV_STEP_TRUST, 1)->file, "trusted/certs/ca.der");
	assert_string_equal(
	    find(verdict, CLV_STEP_CHAIN, 1)->file, "trusted/certs/ca.der");
	assert_string_equal(
	    find(verdict, CLV_STEP_FIND_CRL, 0)->file, "trusted/crl/ca.crl");
	assert_string_equal(
	    find(verdict, CLV_STEP_REVOCATION, 0)->subject, "CN=pump, O=Plant");
	assert_int_equal(
	    strlen(find(verdict, CLV_STEP_REVOCATION, 0)->thumbprint), 40);
	assert_int_equal(clv_verdict_chain_length(verdict), 2);
	assert_memory_equal(clv_verdict_chain_der(verdict, 0, &size),
	    message.data, message.size);
	assert_int_equal(size, message.size);
	assert_null(clv_verdict_chain_der(verdict, 2, &size));
	clv_error_free(&err);
	clv_verdict_free(&verdict);
	end(&plant);
	forge_clear(&message);
}

static void
test_verdict__has_a_row_for_each_step(void **state)
{
	struct plant plant = usual(0);
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
	end(&plant);
	forge_clear(&message);
}

/* Rows keep what they need: list, options and message may go. */
static void
test_verdict__outlives_everything(void **state)
{
	struct plant plant = begin();
	struct bytes message = forge(.uri = "urn:evil");
	clv_verdict *verdict = NULL;

	(void)state;
	add(&plant, hostile_ca(), "ca.der", CLV_TRUST_TRUSTED);
	ready(&plant);
	assert_ok(clv_verify_options_set_application_uri(
	    plant.options, "urn:plant:pump", &err));
	assert_ok(clv_verify_options_set_role(
	    plant.options, CLV_VERIFY_SERVER, &err));
	assert_ok(
	    clv_verify_options_set_hostname(plant.options, "elsewhere", &err));
	assert_int_equal(clv_verify(plant.snapshot, message.data, message.size,
			     plant.options, &verdict, NULL),
	    CLV_UNTRUSTED);
	end(&plant);
	memset(message.data, 0, message.size);
	forge_clear(&message);
	assert_string_equal(find(verdict, CLV_STEP_URI, 0)->text,
	    "it is not made out for the ApplicationUri urn:plant:pump");
	assert_string_equal(find(verdict, CLV_STEP_HOSTNAME, 0)->text,
	    "it is not made out for the host elsewhere");
	clv_verdict_free(&verdict);
}

static void
test_verdict__tells_that_a_host_is_a_servers(void **state)
{
	struct plant plant = begin();
	struct bytes message = forge(.uri = "urn:plant:pump");
	clv_verdict *verdict = NULL;

	(void)state;
	add(&plant, hostile_ca(), "ca.der", CLV_TRUST_TRUSTED);
	ready(&plant);
	assert_ok(clv_verify_options_set_role(
	    plant.options, CLV_VERIFY_CLIENT, &err));
	assert_ok(
	    clv_verify_options_set_hostname(plant.options, "elsewhere", &err));
	assert_ok(clv_verify_options_set_application_uri(
	    plant.options, "urn:plant:other", &err));
	assert_int_equal(clv_verify(plant.snapshot, message.data, message.size,
			     plant.options, &verdict, NULL),
	    CLV_UNTRUSTED);
	end(&plant);
	forge_clear(&message);
	assert_string_equal(find(verdict, CLV_STEP_HOSTNAME, 0)->text,
	    "the host name was not looked at: only servers have one");
	clv_verdict_free(&verdict);
}

/* A forged certificate is blamed on the one whose key did not sign, even if
 * only the peer sent that. */
static void
test_verdict__keeps_the_blamed_certificate(void **state)
{
	struct plant plant = usual(0);
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
	assert_string_equal(find(verdict, CLV_STEP_SIGNATURE, 0)->text,
	    "it is not signed with the key of CN=evil");
	clv_verdict_free(&verdict);
	end(&plant);
}

/* What is told about a chain that leads nowhere. */
static void
chain_row_is(struct plant *plant, struct bytes message, clv_verify_step step,
    unsigned depth, const char *text)
{
	clv_verdict *verdict = NULL;

	ready(plant);
	assert_int_equal(clv_verify(plant->snapshot, message.data, message.size,
			     plant->options, &verdict, NULL),
	    CLV_UNTRUSTED);
	assert_string_equal(find(verdict, step, depth)->text, text);
	clv_verdict_free(&verdict);
	forge_clear(&message);
	end(plant);
}

static void
test_verdict__tells_why_a_chain_ends(void **state)
{
	struct plant plant = begin();

	(void)state;
	chain_row_is(&plant, issued(.serial = 5), CLV_STEP_CHAIN, 0,
	    "the certificate of its issuer CN=ca, O=Plant is neither in a "
	    "list nor was it sent");

	plant = begin();
	add(&plant,
	    forge(.subject = "CN=ca,O=Plant", .key = FORGE_P256_D, .ca = true),
	    "other.der", CLV_TRUST_TRUSTED);
	chain_row_is(&plant, issued(.serial = 5), CLV_STEP_CHAIN, 0,
	    "its issuer CN=ca, O=Plant is known with another key only");

	plant = begin();
	add(&plant,
	    forge(.subject = "CN=ca,O=Plant", .key = FORGE_P256_D, .ca = true,
		.no_ski = true),
	    "other.der", CLV_TRUST_TRUSTED);
	chain_row_is(&plant, issued(.serial = 5), CLV_STEP_SIGNATURE, 0,
	    "it is not signed with the key of CN=ca, O=Plant");

	plant = begin();
	add(&plant,
	    forge(.subject = "CN=x", .issuer = "CN=y", .key = FORGE_P256_B,
		.signer = FORGE_P256_C, .ca = true),
	    "x.der", CLV_TRUST_ISSUER);
	add(&plant,
	    forge(.subject = "CN=y", .issuer = "CN=x", .key = FORGE_P256_C,
		.signer = FORGE_P256_B, .ca = true),
	    "y.der", CLV_TRUST_ISSUER);
	chain_row_is(&plant, forge(.issuer = "CN=x", .signer = FORGE_P256_B),
	    CLV_STEP_CHAIN, 2, "its issuers lead back to itself");

	plant = begin();
	for (uint64_t i = 1; i <= 20; i++)
		add(&plant,
		    forge(.subject = "CN=ca,O=Plant", .key = FORGE_P256_D,
			.ca = true, .no_ski = true, .serial = i),
		    "other.der", CLV_TRUST_TRUSTED);
	chain_row_is(&plant, issued(.serial = 5), CLV_STEP_CHAIN, 0,
	    "too many certificates bear the name of its issuer CN=ca, O=Plant, "
	    "and none that was looked at leads on");

	plant = begin();
	add(&plant, hostile_ca(), "ca.der", CLV_TRUST_TRUSTED);
	assert_ok(clv_verify_options_set_limit(
	    plant.options, CLV_LIMIT_CHAIN_LENGTH, 1, &err));
	chain_row_is(&plant, issued(.serial = 5), CLV_STEP_CHAIN, 0,
	    "the chain is longer than 1 certificates, the limit");
}

static void
issuer_is(struct plant *plant, const char *file)
{
	struct bytes message = issued(.serial = 5);
	clv_verdict *verdict = NULL;

	ready(plant);
	assert_ok(clv_verify_options_set_validation(plant->options, 0, &err));
	(void)!clv_verify(plant->snapshot, message.data, message.size,
	    plant->options, &verdict, NULL);
	assert_non_null(verdict);
	assert_string_equal(find(verdict, CLV_STEP_CHAIN, 1)->file, file);
	clv_verdict_free(&verdict);
	forge_clear(&message);
	end(plant);
}

static struct bytes
ca_of(const char *not_before, const char *not_after)
{
	return forge(.subject = "CN=ca,O=Plant", .key = FORGE_P256_B,
	    .ca = true, .not_before = not_before, .not_after = not_after);
}

/* Of a CA's certificates for one key: valid ones first, then those in the
 * trusted list, then the younger. */
static void
test_verify__takes_the_likeliest_issuer(void **state)
{
	struct plant plant = begin();

	(void)state;
	add(&plant, ca_of("290101000000Z", NULL), "older", CLV_TRUST_TRUSTED);
	add(&plant, ca_of("300201000000Z", NULL), "younger", CLV_TRUST_TRUSTED);
	add(&plant, ca_of("300101000000Z", NULL), "middle", CLV_TRUST_TRUSTED);
	issuer_is(&plant, "younger");

	plant = begin();
	add(&plant, ca_of("290101000000Z", NULL), "trusted", CLV_TRUST_TRUSTED);
	add(&plant, ca_of("300201000000Z", NULL), "issuer", CLV_TRUST_ISSUER);
	issuer_is(&plant, "trusted");

	plant = begin();
	add(&plant, ca_of("300201000000Z", NULL), "valid", CLV_TRUST_TRUSTED);
	add(&plant, ca_of("300301000000Z", "300401000000Z"), "expired",
	    CLV_TRUST_TRUSTED);
	issuer_is(&plant, "valid");
}

#define ca_list(...)                                                  \
	forge_list(.issuer = "CN=ca,O=Plant", .signer = FORGE_P256_B, \
	    __VA_ARGS__)

/* A plant with this CRL alone; what the steps about CRLs tell. */
static void
crl_row_is(struct bytes crl, struct bytes ca, const char *text)
{
	struct plant plant = begin();
	struct bytes message = issued(.serial = 5);
	clv_verdict *verdict = NULL;

	add(&plant, ca, "ca.der", CLV_TRUST_TRUSTED);
	if (crl.data != NULL)
		add_crl(&plant, crl, "ca.crl");
	ready(&plant);
	assert_int_equal(clv_verify(plant.snapshot, message.data, message.size,
			     plant.options, &verdict, NULL),
	    CLV_UNTRUSTED);
	assert_string_equal(find(verdict, CLV_STEP_FIND_CRL, 0)->text, text);
	clv_verdict_free(&verdict);
	forge_clear(&message);
	end(&plant);
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
	struct plant plant = begin();
	struct bytes message = issued(.serial = 5);
	clv_verdict *verdict = NULL;

	(void)state;
	add(&plant, hostile_ca(), "ca.der", CLV_TRUST_TRUSTED);
	add_crl(&plant, ca_list(.number = 5), "base.crl");
	add_crl(&plant,
	    ca_list(.is_delta = true, .delta_of = 5, .number = 6,
		.this_update = "300610000000Z", .next_update = "300618000000Z"),
	    "delta.crl");
	ready(&plant);
	assert_ok(clv_verify(plant.snapshot, message.data, message.size,
	    plant.options, &verdict, &err));
	assert_string_equal(
	    find(verdict, CLV_STEP_FIND_CRL, 0)->file, "delta.crl");
	assert_string_equal(find(verdict, CLV_STEP_FIND_CRL, 0)->text,
	    "there is a CRL of CN=ca, O=Plant with a delta CRL that is valid "
	    "until 2030-06-18T00:00:00Z");
	assert_string_equal(
	    find(verdict, CLV_STEP_REVOCATION, 0)->file, "delta.crl");
	clv_verdict_free(&verdict);
	forge_clear(&message);
	end(&plant);
}

/* A CRL that does not count is told even if another does. */
static void
test_verdict__warns_of_a_forged_crl(void **state)
{
	struct plant plant = begin();
	struct bytes message = issued(.serial = 5);
	clv_verdict *verdict = NULL;

	(void)state;
	add(&plant, hostile_ca(), "ca.der", CLV_TRUST_TRUSTED);
	add_crl(&plant, ca_list(.number = 5), "good.crl");
	add_crl(&plant,
	    forge_list(.issuer = "CN=ca,O=Plant", .signer = FORGE_P256_D,
		.aki_of = FORGE_P256_B + 1, .number = 6,
		.this_update = "300602000000Z"),
	    "forged.crl");
	ready(&plant);
	assert_ok(clv_verify(plant.snapshot, message.data, message.size,
	    plant.options, &verdict, &err));
	assert_true(find(verdict, CLV_STEP_FIND_CRL, 0)->warning);
	assert_string_equal(
	    find(verdict, CLV_STEP_FIND_CRL, 0)->file, "forged.crl");
	assert_string_equal(
	    find(verdict, CLV_STEP_REVOCATION, 0)->file, "good.crl");
	clv_verdict_free(&verdict);
	forge_clear(&message);
	end(&plant);
}

struct asked {
	bool answer;
	unsigned count;
	size_t size;
};

static bool
ask(void *user, const clv_verdict *verdict, const void *der, size_t size)
{
	struct asked *asked = user;

	assert_int_equal(
	    clv_verdict_status(verdict), CLV_SC_BAD_CERTIFICATE_UNTRUSTED);
	assert_non_null(der);
	asked->count++;
	asked->size = size;
	return asked->answer;
}

static void
test_verify__asks_a_person_about_untrusted_ones_only(void **state)
{
	struct plant plant = usual(0);
	struct bytes stranger = forge(.serial = 3);
	struct bytes old = forge(.not_after = "300201000000Z");
	struct bytes known = issued(.serial = 5);
	struct asked asked = {true, 0, 0};
	clv_verdict *verdict = NULL;

	(void)state;
	clv_verify_options_set_ask(plant.options, ask, &asked);
	assert_ok(clv_verify(plant.snapshot, stranger.data, stranger.size,
	    plant.options, &verdict, &err));
	assert_int_equal(asked.count, 1);
	assert_int_equal(asked.size, stranger.size);
	assert_int_equal(clv_verdict_status(verdict), CLV_SC_GOOD);
	assert_true(find(verdict, CLV_STEP_TRUST, 0)->suppressed);
	assert_int_equal(find(verdict, CLV_STEP_TRUST, 0)->status,
	    CLV_SC_BAD_CERTIFICATE_UNTRUSTED);
	clv_verdict_free(&verdict);

	asked.answer = false;
	assert_fails(CLV_UNTRUSTED,
	    clv_verify(plant.snapshot, stranger.data, stranger.size,
		plant.options, NULL, &err));
	assert_int_equal(asked.count, 2);
	assert_int_equal(
	    status_of(&plant, old), CLV_SC_BAD_CERTIFICATE_UNTRUSTED);
	assert_int_equal(status_of(&plant, known), CLV_SC_GOOD);
	assert_int_equal(asked.count, 2);
	forge_clear(&stranger);
	forge_clear(&old);
	forge_clear(&known);
	end(&plant);
}

static void
test_options__refuse_what_cannot_be(void **state)
{
	clv_verify_options *options = NULL;
	char *name = calloc(1, 400);

	(void)state;
	assert_non_null(name);
	assert_ok(clv_verify_options_new(&options, &err));
	assert_fails(CLV_INVALID,
	    clv_verify_options_set_role(options, (clv_verify_role)0, &err));
	assert_fails(CLV_INVALID,
	    clv_verify_options_set_role(options, (clv_verify_role)6, &err));
	memset(name, 'a', 399);
	assert_fails(
	    CLV_INVALID, clv_verify_options_set_hostname(options, name, &err));
	assert_fails(
	    CLV_INVALID, clv_verify_options_set_hostname(options, "", &err));
	assert_fails(
	    CLV_INVALID, clv_verify_options_set_hostname(options, "a/b", &err));
	assert_fails(CLV_INVALID,
	    clv_verify_options_set_hostname(options, "a\nb", &err));
	assert_fails(CLV_INVALID,
	    clv_verify_options_set_application_uri(options, "", &err));
	assert_ok(
	    clv_verify_options_set_security_policy(options, "None", &err));
	assert_fails(CLV_UNSUPPORTED,
	    clv_verify_options_set_security_policy(options, "Basic512", &err));
	assert_fails(CLV_UNSUPPORTED,
	    clv_verify_options_set_security_policy(
		options, "ECC_nistP256_Rot13", &err));
	assert_fails(CLV_UNSUPPORTED,
	    clv_verify_options_set_security_policy(
		options, "http://example.org/#Basic256Sha256", &err));
	assert_fails(CLV_UNSUPPORTED,
	    clv_verify_options_set_validation(
		options, CLV_CHECK_REVOCATION_ONLINE, &err));
	assert_fails(CLV_INVALID,
	    clv_verify_options_set_validation(options, 1U << 9, &err));
	assert_fails(CLV_INVALID,
	    clv_verify_options_set_limit(
		options, CLV_LIMIT_CHAIN_LENGTH, 33, &err));
	assert_fails(CLV_INVALID,
	    clv_verify_options_set_limit(options, CLV_LIMIT_CHAINS, 0, &err));
	assert_fails(CLV_INVALID,
	    clv_verify_options_set_limit(
		options, (clv_verify_limit)6, 1, &err));
	clv_verify_options_free(&options);
	clv_verify_options_free(&options);
	free(name);
}

static void
test_verify__keeps_to_its_limits(void **state)
{
	static const struct {
		clv_verify_limit limit;
		size_t value;
		clv_statuscode expected;
	} table[] = {
	    {CLV_LIMIT_CERTIFICATE_SIZE, 100, CLV_SC_BAD_CERTIFICATE_INVALID},
	    {CLV_LIMIT_MESSAGE_SIZE, 100, CLV_SC_BAD_CERTIFICATE_INVALID},
	    {CLV_LIMIT_CHAIN_LENGTH, 1,
		CLV_SC_BAD_CERTIFICATE_CHAIN_INCOMPLETE},
	    {CLV_LIMIT_SIGNATURES, 1, CLV_SC_BAD_CERTIFICATE_CHAIN_INCOMPLETE},
	    {CLV_LIMIT_CHAINS, 1, CLV_SC_GOOD},
	};
	struct bytes message = issued(.serial = 5);

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
		struct plant plant = usual(0);

		assert_ok(clv_verify_options_set_limit(
		    plant.options, table[i].limit, table[i].value, &err));
		assert_int_equal(status_of(&plant, message), table[i].expected);
		end(&plant);
	}
	forge_clear(&message);
}

/* What is remembered is that a signature holds, nothing else: the same
 * certificate is judged anew whenever the list, the time, or a CRL changes. */
static void
test_verify__remembers_signatures_and_nothing_else(void **state)
{
	struct plant plant = usual(0);
	struct bytes message = issued(.serial = 5);
	struct clv_trust_builder *builder = NULL;
	const struct clv_trust_member *member;
	clv_trust_snapshot *bare = NULL;
	size_t position = 0;

	(void)state;
	assert_int_equal(status_of(&plant, message), CLV_SC_GOOD);

	/* No signature may be checked any more, but they are known. */
	assert_ok(clv_verify_options_set_limit(
	    plant.options, CLV_LIMIT_SIGNATURES, 1, &err));
	assert_int_equal(status_of(&plant, message), CLV_SC_GOOD);

	clv_verify_options_set_time(plant.options, FORGE_NOW + 86400 * 400);
	assert_int_equal(
	    status_of(&plant, message), CLV_SC_BAD_CERTIFICATE_TIME_INVALID);
	clv_verify_options_set_time(plant.options, FORGE_NOW);

	assert_ok(clv_trust_builder_new(
	    plant.engine, plant.snapshot, &builder, &err));
	member = clv_trust_snapshot_next_cert(plant.snapshot, &position);
	assert_non_null(member);
	assert_true(clv_trust_builder_remove_cert(
	    builder, member->cert, CLV_TRUST_TRUSTED));
	assert_ok(clv_trust_builder_add_cert(
	    builder, member->cert, CLV_TRUST_ISSUER, &err));
	assert_ok(clv_trust_builder_finish(&builder, &bare, &err));
	clv_trust_snapshot_unref(plant.snapshot);
	plant.snapshot = bare;
	assert_int_equal(
	    status_of(&plant, message), CLV_SC_BAD_CERTIFICATE_UNTRUSTED);

	/* The last byte of the signature: another certificate. */
	message.data[message.size - 1] ^= 1;
	assert_int_equal(
	    status_of(&plant, message), CLV_SC_BAD_CERTIFICATE_INVALID);
	forge_clear(&message);
	end(&plant);
}

static void
test_engine__forgets_when_told(void **state)
{
	struct plant plant = usual(0);
	struct bytes message = issued(.serial = 5);

	(void)state;
	assert_int_equal(status_of(&plant, message), CLV_SC_GOOD);
	clv_trust_engine_forget(plant.engine);
	assert_ok(clv_verify_options_set_limit(
	    plant.options, CLV_LIMIT_SIGNATURES, 1, &err));
	assert_int_equal(status_of(&plant, message), CLV_SC_GOOD);
	forge_clear(&message);
	end(&plant);
}

static void
test_verify__refuses_no_certificate_at_all(void **state)
{
	struct plant plant = usual(0);

	(void)state;
	assert_fails(
	    CLV_INVALID, clv_verify(plant.snapshot, NULL, 0, NULL, NULL, &err));
	assert_fails(
	    CLV_INVALID, clv_verify(plant.snapshot, "x", 0, NULL, NULL, &err));
	assert_fails(CLV_INVALID, clv_verify(NULL, "x", 1, NULL, NULL, &err));
	assert_fails(CLV_UNTRUSTED,
	    clv_verify(plant.snapshot, "x", 1, NULL, NULL, &err));
	end(&plant);
}

/* The clock is asked where no time is given: certificates of 2030 are either
 * early or late, or just now right. */
static void
test_verify__looks_at_the_clock(void **state)
{
	struct plant plant = begin();
	struct bytes always = forge(.not_before = "700101000000Z",
	    .not_after = "99991231235959Z");
	struct bytes never =
	    forge(.not_before = "700101000000Z", .not_after = "700102000000Z");
	clv_verify_options *options = NULL;

	(void)state;
	add(&plant, forge_copy(always.data, always.size), "a",
	    CLV_TRUST_TRUSTED);
	add(&plant, forge_copy(never.data, never.size), "b", CLV_TRUST_TRUSTED);
	ready(&plant);
	assert_ok(clv_verify_options_new(&options, &err));
	clv_verify_options_free(&plant.options);
	plant.options = options;
	assert_int_equal(status_of(&plant, always), CLV_SC_GOOD);
	assert_int_equal(
	    status_of(&plant, never), CLV_SC_BAD_CERTIFICATE_TIME_INVALID);
	forge_clear(&always);
	forge_clear(&never);
	end(&plant);
}

/*
 * Threads
 */

struct work {
	struct plant *plant;
	struct bytes good, revoked, stranger;
};

static void *
check_many(void *user)
{
	struct work *work = user;

	for (unsigned i = 0; i < 200; i++)
		if (status_of(work->plant, work->good) != CLV_SC_GOOD ||
		    status_of(work->plant, work->revoked) !=
			CLV_SC_BAD_CERTIFICATE_REVOKED ||
		    status_of(work->plant, work->stranger) !=
			CLV_SC_BAD_CERTIFICATE_UNTRUSTED)
			abort();
	return NULL;
}

static void
test_verify__threads_share_one_snapshot(void **state)
{
	struct plant plant = usual(6);
	struct work work = {&plant, issued(.serial = 5), issued(.serial = 6),
	    forge(.serial = 3)};
	pthread_t threads[4];

	(void)state;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, check_many, &work), 0);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	forge_clear(&work.good);
	forge_clear(&work.revoked);
	forge_clear(&work.stranger);
	end(&plant);
}

static void
test_statuscode_name__knows_codes_and_severities(void **state)
{
	(void)state;
	assert_string_equal(clv_statuscode_name(0), "Good");
	assert_string_equal(clv_statuscode_name(UINT32_C(0x801A0000)),
	    "BadCertificateUntrusted");
	assert_string_equal(clv_statuscode_name(UINT32_C(0x810D1234)),
	    "BadCertificateChainIncomplete");
	assert_string_equal(clv_statuscode_name(UINT32_C(0x8FFF0000)), "Bad");
	assert_string_equal(
	    clv_statuscode_name(UINT32_C(0x4FFF0000)), "Uncertain");
	assert_string_equal(clv_statuscode_name(UINT32_C(0x0FFF0000)), "Good");
	assert_true(clv_statuscode_is_bad(CLV_SC_BAD_TIMEOUT));
	assert_false(clv_statuscode_is_bad(CLV_SC_UNCERTAIN));
}

static int
teardown(void **state)
{
	(void)state;
	forge_keys_free();
	return 0;
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
	    cmocka_unit_test(test_verify__takes_the_likeliest_issuer),
	    cmocka_unit_test(test_verdict__tells_why_no_crl_counts),
	    cmocka_unit_test(test_verdict__names_the_delta_that_decides),
	    cmocka_unit_test(test_verdict__warns_of_a_forged_crl),
	    cmocka_unit_test(
		test_verify__asks_a_person_about_untrusted_ones_only),
	    cmocka_unit_test(test_options__refuse_what_cannot_be),
	    cmocka_unit_test(test_verify__keeps_to_its_limits),
	    cmocka_unit_test(
		test_verify__remembers_signatures_and_nothing_else),
	    cmocka_unit_test(test_engine__forgets_when_told),
	    cmocka_unit_test(test_verify__refuses_no_certificate_at_all),
	    cmocka_unit_test(test_verify__looks_at_the_clock),
	    cmocka_unit_test(test_verify__threads_share_one_snapshot),
	    cmocka_unit_test(test_statuscode_name__knows_codes_and_severities),
	};

	return cmocka_run_group_tests(tests, NULL, teardown);
}
