/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What test_hostile.c does not: issuers, options, memory of signatures, and
 * many threads. */

#include "verify_fixture.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "trust/signature.h"

static void
issuer_is(struct plant *plant, const char *file)
{
	struct bytes message = issued(.serial = 5);
	clv_verdict *verdict = NULL;

	plant_ready(plant);
	assert_ok(clv_verify_options_set_validation(plant->options, 0, &err));
	(void)!clv_verify(plant->snapshot, message.data, message.size,
	    plant->options, &verdict, NULL);
	assert_non_null(verdict);
	assert_string_equal(
	    verdict_find(verdict, CLV_STEP_CHAIN, 1)->file, file);
	clv_verdict_free(&verdict);
	forge_clear(&message);
	plant_end(plant);
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
	struct plant plant = plant_begin();

	(void)state;
	plant_add(
	    &plant, ca_of("290101000000Z", NULL), "older", CLV_TRUST_TRUSTED);
	plant_add(
	    &plant, ca_of("300201000000Z", NULL), "younger", CLV_TRUST_TRUSTED);
	plant_add(
	    &plant, ca_of("300101000000Z", NULL), "middle", CLV_TRUST_TRUSTED);
	issuer_is(&plant, "younger");

	plant = plant_begin();
	plant_add(
	    &plant, ca_of("290101000000Z", NULL), "trusted", CLV_TRUST_TRUSTED);
	plant_add(
	    &plant, ca_of("300201000000Z", NULL), "issuer", CLV_TRUST_ISSUER);
	issuer_is(&plant, "trusted");

	plant = plant_begin();
	plant_add(
	    &plant, ca_of("300201000000Z", NULL), "valid", CLV_TRUST_TRUSTED);
	plant_add(&plant, ca_of("300301000000Z", "300401000000Z"), "expired",
	    CLV_TRUST_TRUSTED);
	issuer_is(&plant, "valid");
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
	struct plant plant = plant_with_ca(0);
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
	assert_true(verdict_find(verdict, CLV_STEP_TRUST, 0)->suppressed);
	assert_int_equal(verdict_find(verdict, CLV_STEP_TRUST, 0)->status,
	    CLV_SC_BAD_CERTIFICATE_UNTRUSTED);
	clv_verdict_free(&verdict);

	asked.answer = false;
	assert_fails(CLV_UNTRUSTED,
	    clv_verify(plant.snapshot, stranger.data, stranger.size,
		plant.options, NULL, &err));
	assert_int_equal(asked.count, 2);
	assert_int_equal(
	    plant_status(&plant, old), CLV_SC_BAD_CERTIFICATE_UNTRUSTED);
	assert_int_equal(plant_status(&plant, known), CLV_SC_GOOD);
	assert_int_equal(asked.count, 2);
	forge_clear(&stranger);
	forge_clear(&old);
	forge_clear(&known);
	plant_end(&plant);
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
		struct plant plant = plant_with_ca(0);

		assert_ok(clv_verify_options_set_limit(
		    plant.options, table[i].limit, table[i].value, &err));
		assert_int_equal(
		    plant_status(&plant, message), table[i].expected);
		plant_end(&plant);
	}
	forge_clear(&message);
}

/* What is remembered is that a signature holds, nothing else: the same
 * certificate is judged anew whenever the list, the time, or a CRL changes. */
static void
test_verify__remembers_signatures_and_nothing_else(void **state)
{
	struct plant plant = plant_with_ca(0);
	struct bytes message = issued(.serial = 5);
	struct clv_trust_builder *builder = NULL;
	const struct clv_trust_member *member;
	clv_trust_snapshot *bare = NULL;
	size_t position = 0;

	(void)state;
	assert_int_equal(plant_status(&plant, message), CLV_SC_GOOD);

	/* No signature may be checked any more, but they are known. */
	assert_ok(clv_verify_options_set_limit(
	    plant.options, CLV_LIMIT_SIGNATURES, 1, &err));
	assert_int_equal(plant_status(&plant, message), CLV_SC_GOOD);

	clv_verify_options_set_time(plant.options, FORGE_NOW + 86400 * 400);
	assert_int_equal(
	    plant_status(&plant, message), CLV_SC_BAD_CERTIFICATE_TIME_INVALID);
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
	    plant_status(&plant, message), CLV_SC_BAD_CERTIFICATE_UNTRUSTED);

	/* The last byte of the signature: another certificate. */
	message.data[message.size - 1] ^= 1;
	assert_int_equal(
	    plant_status(&plant, message), CLV_SC_BAD_CERTIFICATE_INVALID);
	forge_clear(&message);
	plant_end(&plant);
}

static void
test_engine__forgets_when_told(void **state)
{
	struct plant plant = plant_with_ca(0);
	struct bytes message = issued(.serial = 5);

	(void)state;
	assert_int_equal(plant_status(&plant, message), CLV_SC_GOOD);
	clv_trust_engine_forget(plant.engine);
	assert_ok(clv_verify_options_set_limit(
	    plant.options, CLV_LIMIT_SIGNATURES, 1, &err));
	assert_int_equal(plant_status(&plant, message), CLV_SC_GOOD);
	forge_clear(&message);
	plant_end(&plant);
}

static void
test_verify__refuses_no_certificate_at_all(void **state)
{
	struct plant plant = plant_with_ca(0);

	(void)state;
	assert_fails(
	    CLV_INVALID, clv_verify(plant.snapshot, NULL, 0, NULL, NULL, &err));
	assert_fails(
	    CLV_INVALID, clv_verify(plant.snapshot, "x", 0, NULL, NULL, &err));
	assert_fails(CLV_INVALID, clv_verify(NULL, "x", 1, NULL, NULL, &err));
	assert_fails(CLV_UNTRUSTED,
	    clv_verify(plant.snapshot, "x", 1, NULL, NULL, &err));
	plant_end(&plant);
}

/* The clock is asked where no time is given: certificates of 2030 are either
 * early or late, or just now right. */
static void
test_verify__looks_at_the_clock(void **state)
{
	struct plant plant = plant_begin();
	struct bytes always = forge(.not_before = "700101000000Z",
	    .not_after = "99991231235959Z");
	struct bytes never =
	    forge(.not_before = "700101000000Z", .not_after = "700102000000Z");
	clv_verify_options *options = NULL;

	(void)state;
	plant_add(&plant, forge_copy(always.data, always.size), "a",
	    CLV_TRUST_TRUSTED);
	plant_add(
	    &plant, forge_copy(never.data, never.size), "b", CLV_TRUST_TRUSTED);
	plant_ready(&plant);
	assert_ok(clv_verify_options_new(&options, &err));
	clv_verify_options_free(&plant.options);
	plant.options = options;
	assert_int_equal(plant_status(&plant, always), CLV_SC_GOOD);
	assert_int_equal(
	    plant_status(&plant, never), CLV_SC_BAD_CERTIFICATE_TIME_INVALID);
	forge_clear(&always);
	forge_clear(&never);
	plant_end(&plant);
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
		if (plant_status(work->plant, work->good) != CLV_SC_GOOD ||
		    plant_status(work->plant, work->revoked) !=
			CLV_SC_BAD_CERTIFICATE_REVOKED ||
		    plant_status(work->plant, work->stranger) !=
			CLV_SC_BAD_CERTIFICATE_UNTRUSTED)
			abort();
	return NULL;
}

static void
test_verify__threads_share_one_snapshot(void **state)
{
	struct plant plant = plant_with_ca(6);
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
	plant_end(&plant);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_verify__takes_the_likeliest_issuer),
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

	return cmocka_run_group_tests(tests, NULL, forge_tear_down);
}
