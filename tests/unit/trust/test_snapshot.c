/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "testing.h"

#include "fixtures/hostile/forge.h"
#include "trust/signature.h"
#include "trust/snapshot.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fixture {
	struct clv_trust_engine *engine;
};

static struct clv_trust_cert *
cert_of(const char *subject, uint64_t serial, enum forge_key key)
{
	struct bytes bytes = forge(.subject = subject, .serial = serial,
	    .key = key, .hash = key == FORGE_ED25519 ? "" : "SHA256");
	struct clv_trust_cert *cert = NULL;

	assert_ok(clv_trust_cert_parse(
	    bytes.data, bytes.size, subject, NULL, &cert, &err));
	forge_clear(&bytes);
	return cert;
}

static struct clv_trust_builder *
builder_on(struct fixture *fixture, const clv_trust_snapshot *base)
{
	struct clv_trust_builder *builder = NULL;

	assert_ok(clv_trust_builder_new(fixture->engine, base, &builder, &err));
	return builder;
}

static clv_trust_snapshot *
finish(struct clv_trust_builder *builder)
{
	clv_trust_snapshot *snapshot = NULL;

	assert_ok(clv_trust_builder_finish(&builder, &snapshot, &err));
	assert_null(builder);
	return snapshot;
}

static size_t
count_subject(
    const clv_trust_snapshot *snapshot, const struct clv_trust_cert *cert)
{
	const struct clv_trust_member *member = NULL;
	size_t count = 0;

	while ((member = clv_trust_snapshot_by_subject(snapshot,
		    cert->der + cert->subject.at, cert->subject.size,
		    cert->subject_hash, member)) != NULL)
		count++;
	return count;
}

static size_t
count_subject_key(
    const clv_trust_snapshot *snapshot, const struct clv_trust_cert *cert)
{
	const struct clv_trust_member *member = NULL;
	size_t count = 0;

	while ((member = clv_trust_snapshot_by_subject_key(snapshot,
		    cert->der + cert->subject.at, cert->subject.size,
		    cert->subject_hash, cert->der + cert->ski.at,
		    cert->ski.size, member)) != NULL)
		count++;
	return count;
}

static void
test_snapshot__finds_members_by_every_key(void **state)
{
	struct fixture *fixture = *state;
	struct clv_trust_cert *a = cert_of("CN=a", 1, FORGE_P256_A);
	struct clv_trust_cert *b = cert_of("CN=b", 2, FORGE_P256_B);
	struct clv_trust_cert *twin = cert_of("CN=a", 3, FORGE_P256_C);
	struct clv_trust_builder *builder = builder_on(fixture, NULL);
	const struct clv_trust_member *member;
	clv_trust_snapshot *snapshot;

	assert_ok(
	    clv_trust_builder_add_cert(builder, a, CLV_TRUST_TRUSTED, &err));
	assert_ok(
	    clv_trust_builder_add_cert(builder, b, CLV_TRUST_ISSUER, &err));
	assert_ok(
	    clv_trust_builder_add_cert(builder, twin, CLV_TRUST_ISSUER, &err));
	snapshot = finish(builder);
	assert_int_equal(clv_trust_snapshot_cert_count(snapshot), 3);
	assert_int_equal(count_subject(snapshot, a), 2);
	assert_int_equal(count_subject(snapshot, b), 1);
	assert_int_equal(count_subject_key(snapshot, a), 1);
	member =
	    clv_trust_snapshot_by_thumbprint(snapshot, b->thumbprint, NULL);
	assert_non_null(member);
	assert_ptr_equal(member->cert, b);
	assert_int_equal(member->where, CLV_TRUST_ISSUER);
	assert_null(
	    clv_trust_snapshot_by_thumbprint(snapshot, b->thumbprint, member));
	clv_trust_cert_unref(a);
	clv_trust_cert_unref(b);
	clv_trust_cert_unref(twin);
	assert_true(clv_trust_snapshot_memory(snapshot) > 1000);
	clv_trust_snapshot_unref(snapshot);
}

static void
test_snapshot__empty_one_answers_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct clv_trust_cert *cert = cert_of("CN=a", 1, FORGE_P256_A);
	clv_trust_snapshot *snapshot = finish(builder_on(fixture, NULL));
	clv_trust_snapshot *next = finish(builder_on(fixture, snapshot));
	size_t position = 0;

	assert_int_equal(clv_trust_snapshot_cert_count(next), 0);
	assert_int_equal(count_subject(next, cert), 0);
	assert_null(clv_trust_snapshot_next_cert(next, &position));
	assert_null(clv_trust_snapshot_next_crl(next, &position));
	clv_trust_cert_unref(cert);
	clv_trust_snapshot_unref(snapshot);
	clv_trust_snapshot_unref(next);
}

static void
test_builder__leaves_its_base_alone(void **state)
{
	struct fixture *fixture = *state;
	struct clv_trust_cert *a = cert_of("CN=a", 1, FORGE_P256_A);
	struct clv_trust_cert *b = cert_of("CN=b", 2, FORGE_P256_B);
	struct clv_trust_builder *builder = builder_on(fixture, NULL);
	clv_trust_snapshot *first, *second, *third;

	assert_ok(
	    clv_trust_builder_add_cert(builder, a, CLV_TRUST_TRUSTED, &err));
	first = finish(builder);

	builder = builder_on(fixture, first);
	assert_ok(
	    clv_trust_builder_add_cert(builder, b, CLV_TRUST_TRUSTED, &err));
	assert_false(
	    clv_trust_builder_remove_cert(builder, a, CLV_TRUST_ISSUER));
	assert_true(
	    clv_trust_builder_remove_cert(builder, a, CLV_TRUST_TRUSTED));
	assert_false(
	    clv_trust_builder_remove_cert(builder, a, CLV_TRUST_TRUSTED));
	second = finish(builder);

	builder = builder_on(fixture, second);
	assert_ok(
	    clv_trust_builder_add_cert(builder, a, CLV_TRUST_ISSUER, &err));
	third = finish(builder);

	assert_int_equal(count_subject(first, a), 1);
	assert_int_equal(count_subject(first, b), 0);
	assert_int_equal(count_subject(second, a), 0);
	assert_int_equal(count_subject(second, b), 1);
	assert_int_equal(clv_trust_snapshot_cert_count(second), 1);
	assert_int_equal(clv_trust_snapshot_cert_count(third), 2);
	assert_int_equal(count_subject(third, a), 1);
	clv_trust_snapshot_unref(first);
	assert_int_equal(count_subject_key(third, a), 1);
	clv_trust_cert_unref(a);
	clv_trust_cert_unref(b);
	clv_trust_snapshot_unref(second);
	clv_trust_snapshot_unref(third);
}

/* Adding one at a time, each on the last: the tables keep up, and removing
 * in another order leaves none behind. */
static void
test_builder__grows_one_by_one_and_shrinks(void **state)
{
	enum { COUNT = 300 };
	struct clv_trust_cert *certs[COUNT];
	struct fixture *fixture = *state;
	clv_trust_snapshot *snapshot = NULL;
	struct clv_trust_builder *builder;
	char subject[32];

	for (unsigned i = 0; i < COUNT; i++) {
		clv_trust_snapshot *next;

		(void)snprintf(subject, sizeof(subject), "CN=n%u", i % 50);
		certs[i] = cert_of(subject, i + 1, FORGE_ED25519);
		builder = builder_on(fixture, snapshot);
		assert_ok(clv_trust_builder_add_cert(
		    builder, certs[i], CLV_TRUST_TRUSTED, &err));
		next = finish(builder);
		clv_trust_snapshot_unref(snapshot);
		snapshot = next;
	}
	assert_int_equal(clv_trust_snapshot_cert_count(snapshot), COUNT);
	for (unsigned i = 0; i < 50; i++)
		assert_int_equal(count_subject(snapshot, certs[i]), COUNT / 50);
	builder = builder_on(fixture, snapshot);
	for (unsigned i = 0; i < COUNT; i++)
		assert_true(clv_trust_builder_remove_cert(
		    builder, certs[i * 7 % COUNT], CLV_TRUST_TRUSTED));
	clv_trust_snapshot_unref(snapshot);
	snapshot = finish(builder);
	assert_int_equal(clv_trust_snapshot_cert_count(snapshot), 0);
	for (unsigned i = 0; i < COUNT; i++) {
		assert_int_equal(count_subject(snapshot, certs[i]), 0);
		clv_trust_cert_unref(certs[i]);
	}
	clv_trust_snapshot_unref(snapshot);
}

static void
test_builder__keeps_crls_by_issuer(void **state)
{
	struct fixture *fixture = *state;
	struct bytes bytes = forge_list(.issuer = "CN=ca", .number = 1);
	struct clv_trust_builder *builder = builder_on(fixture, NULL);
	const struct clv_trust_crl_member *member;
	struct clv_trust_crl *crl = NULL;
	clv_trust_snapshot *first, *second;

	assert_ok(
	    clv_trust_crl_parse(bytes.data, bytes.size, "a.crl", &crl, &err));
	assert_ok(
	    clv_trust_builder_add_crl(builder, crl, CLV_TRUST_ISSUER, &err));
	first = finish(builder);
	builder = builder_on(fixture, first);
	assert_true(
	    clv_trust_builder_remove_crl(builder, crl, CLV_TRUST_ISSUER));
	assert_false(
	    clv_trust_builder_remove_crl(builder, crl, CLV_TRUST_ISSUER));
	second = finish(builder);
	member =
	    clv_trust_snapshot_crl_by_issuer(first, crl->der + crl->issuer.at,
		crl->issuer.size, crl->issuer_hash, NULL);
	assert_non_null(member);
	assert_ptr_equal(member->crl, crl);
	assert_int_equal(clv_trust_snapshot_crl_count(first), 1);
	assert_int_equal(clv_trust_snapshot_crl_count(second), 0);
	assert_null(
	    clv_trust_snapshot_crl_by_issuer(second, crl->der + crl->issuer.at,
		crl->issuer.size, crl->issuer_hash, NULL));
	clv_trust_crl_unref(crl);
	clv_trust_snapshot_unref(first);
	clv_trust_snapshot_unref(second);
	forge_clear(&bytes);
}

/*
 * Readers take snapshots while a writer publishes others. Every snapshot has
 * as many members as its generation says; a freed one would not.
 */
struct race {
	struct clv_trust_cell cell;
	atomic_bool stop;
	atomic_size_t taken;
	struct clv_trust_cert *cert;
};

static void *
take_and_look(void *user)
{
	struct race *race = user;

	while (!atomic_load(&race->stop)) {
		clv_trust_snapshot *snapshot =
		    clv_trust_cell_acquire(&race->cell);

		if (snapshot == NULL ||
		    clv_trust_snapshot_by_thumbprint(
			snapshot, race->cert->thumbprint, NULL) == NULL)
			abort();
		clv_trust_snapshot_unref(snapshot);
		atomic_fetch_add(&race->taken, 1);
	}
	return NULL;
}

static void
test_cell__readers_and_a_writer_do_not_meet(void **state)
{
	struct fixture *fixture = *state;
	struct race race = {.cert = cert_of("CN=a", 1, FORGE_P256_A)};
	struct clv_trust_builder *builder;
	pthread_t readers[3];

	assert_null(clv_trust_cell_acquire(&race.cell));
	builder = builder_on(fixture, NULL);
	assert_ok(clv_trust_builder_add_cert(
	    builder, race.cert, CLV_TRUST_TRUSTED, &err));
	clv_trust_cell_publish(&race.cell, finish(builder));
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(
		    pthread_create(&readers[i], NULL, take_and_look, &race), 0);
	for (unsigned i = 0; i < 500 || atomic_load(&race.taken) < 2000; i++) {
		clv_trust_snapshot *now = clv_trust_cell_acquire(&race.cell);

		clv_trust_cell_publish(
		    &race.cell, finish(builder_on(fixture, now)));
		clv_trust_snapshot_unref(now);
	}
	atomic_store(&race.stop, true);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(pthread_join(readers[i], NULL), 0);
	clv_trust_cell_publish(&race.cell, NULL);
	assert_null(clv_trust_cell_acquire(&race.cell));
	clv_trust_cert_unref(race.cert);
}

static int
setup(void **state)
{
	static struct fixture fixture;

	*state = &fixture;
	return clv_trust_engine_new(&fixture.engine, NULL) == CLV_OK ? 0 : -1;
}

static int
teardown(void **state)
{
	struct fixture *fixture = *state;

	clv_trust_engine_unref(fixture->engine);
	forge_keys_free();
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_snapshot__finds_members_by_every_key),
	    cmocka_unit_test(test_snapshot__empty_one_answers_nothing),
	    cmocka_unit_test(test_builder__leaves_its_base_alone),
	    cmocka_unit_test(test_builder__grows_one_by_one_and_shrinks),
	    cmocka_unit_test(test_builder__keeps_crls_by_issuer),
	    cmocka_unit_test(test_cell__readers_and_a_writer_do_not_meet),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
