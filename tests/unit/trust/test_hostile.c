/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Every hostile case gets its verdict, and gets it soon. */

#include "testing.h"

#include "fixtures/hostile/hostile.h"

#include "trust/signature.h"
#include "trust/snapshot.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/x509_vfy.h>

#define SLOWEST_MS 100.0
#define CASES_LEAST 300U

struct tally {
	struct clv_trust_engine *engine;
	size_t wrong;
	double slowest;
	char slowest_name[96];
};

static void
add_certs(struct clv_trust_builder *builder, const struct hostile_files *files,
    enum clv_trust_where where)
{
	for (size_t i = 0; i < files->count; i++) {
		struct clv_trust_cert *cert = NULL;

		/* What is broken is left out, as a directory does. */
		if (clv_trust_cert_parse(files->files[i].data,
			files->files[i].size,
			where == CLV_TRUST_TRUSTED ? "trusted" : "issuer", NULL,
			&cert, NULL) != CLV_OK)
			continue;
		assert_ok(
		    clv_trust_builder_add_cert(builder, cert, where, &err));
		clv_trust_cert_unref(cert);
	}
}

static void
add_crls(struct clv_trust_builder *builder, const struct hostile_files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		struct clv_trust_crl *crl = NULL;

		if (clv_trust_crl_parse(files->files[i].data,
			files->files[i].size, "crl", &crl, NULL) != CLV_OK)
			continue;
		assert_ok(clv_trust_builder_add_crl(
		    builder, crl, CLV_TRUST_TRUSTED, &err));
		clv_trust_crl_unref(crl);
	}
}

static clv_trust_snapshot *
snapshot_of(struct clv_trust_engine *engine, const struct hostile_case *hostile)
{
	struct clv_trust_builder *builder = NULL;
	clv_trust_snapshot *snapshot = NULL;

	assert_ok(clv_trust_builder_new(engine, NULL, &builder, &err));
	add_certs(builder, &hostile->trusted, CLV_TRUST_TRUSTED);
	add_certs(builder, &hostile->issuer, CLV_TRUST_ISSUER);
	add_crls(builder, &hostile->crls);
	assert_ok(clv_trust_builder_finish(&builder, &snapshot, &err));
	return snapshot;
}

static clv_verify_options *
options_of(const struct hostile_case *hostile)
{
	clv_verify_options *options = NULL;

	assert_ok(clv_verify_options_new(&options, &err));
	assert_ok(clv_verify_options_set_role(options, hostile->role, &err));
	assert_ok(
	    clv_verify_options_set_hostname(options, hostile->hostname, &err));
	assert_ok(clv_verify_options_set_application_uri(
	    options, hostile->uri, &err));
	assert_ok(clv_verify_options_set_security_policy(
	    options, hostile->policy, &err));
	assert_ok(clv_verify_options_set_validation(
	    options, hostile->validation, &err));
	clv_verify_options_set_time(options, hostile->time);
	clv_verify_options_set_ca_application(options, hostile->ca);
	return options;
}

static double
milliseconds(void)
{
	struct timespec now;

	/* Of this thread: others may keep the machine busy. */
	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* What a terminal gets to see has no control characters. */
static void
assert_printable(const char *text)
{
	for (; *text != '\0'; text++)
		assert_true((unsigned char)*text >= 0x20 && *text != 0x7f);
}

static void
check_findings(clv_verdict *verdict)
{
	unsigned last = 0;

	assert_null(clv_verdict_finding(verdict, clv_verdict_count(verdict)));
	for (size_t i = 0; i < clv_verdict_count(verdict); i++) {
		const clv_finding *finding = clv_verdict_finding(verdict, i);

		assert_non_null(finding);
		assert_true((unsigned)finding->step >= last);
		last = (unsigned)finding->step;
		assert_true(*finding->text != '\0');
		assert_printable(finding->text);
		assert_printable(finding->subject);
		assert_printable(finding->thumbprint);
	}
}

static void
tell(const struct hostile_case *hostile, clv_verdict *verdict)
{
	print_message("%s: %s instead of %s\n", hostile->name,
	    clv_statuscode_name(clv_verdict_status(verdict)),
	    clv_statuscode_name(hostile->expected));
	for (size_t i = 0; i < clv_verdict_count(verdict); i++) {
		const clv_finding *finding = clv_verdict_finding(verdict, i);

		print_message("  %-12s %-28s %u %s%s\n",
		    clv_verify_step_name(finding->step),
		    clv_statuscode_name(finding->status), finding->depth,
		    finding->suppressed ? "(suppressed) " : "", finding->text);
	}
}

static void
judge(void *user, const struct hostile_case *hostile)
{
	struct tally *tally = user;
	clv_trust_snapshot *snapshot = snapshot_of(tally->engine, hostile);
	clv_verify_options *options = options_of(hostile);
	const double start = milliseconds();
	clv_verdict *verdict = NULL;
	clv_error *err = NULL;
	clv_status status;
	double took;

	status = clv_verify(snapshot, hostile->message.data,
	    hostile->message.size, options, &verdict, &err);
	took = milliseconds() - start;
	if (took > tally->slowest) {
		tally->slowest = took;
		(void)strcpy(tally->slowest_name, hostile->name);
	}
	assert_non_null(verdict);
	assert_int_equal(status,
	    clv_verdict_status(verdict) == CLV_SC_GOOD ? CLV_OK
						       : CLV_UNTRUSTED);
	if (status == CLV_UNTRUSTED)
		assert_int_equal(
		    clv_error_code(err), clv_verdict_status(verdict));
	if (clv_verdict_status(verdict) != hostile->expected) {
		tally->wrong++;
		tell(hostile, verdict);
	}
	clv_trust_snapshot_unref(snapshot);
	clv_verify_options_free(&options);
	check_findings(verdict); /* lives on its own */
	clv_verdict_free(&verdict);
	clv_error_free(&err);
}

static void
test_verify__every_hostile_case_gets_its_verdict(void **state)
{
	struct tally tally = {NULL, 0, 0, ""};
	size_t count;

	(void)state;
	assert_ok(clv_trust_engine_new(&tally.engine, &err));
	count = hostile_each(judge, &tally);
	clv_trust_engine_unref(tally.engine);
	forge_keys_free();
	print_message("%zu cases, slowest %.2f ms (%s)\n", count, tally.slowest,
	    tally.slowest_name);
	assert_int_equal(tally.wrong, 0);
	assert_true(count >= CASES_LEAST);
	assert_true(tally.slowest < SLOWEST_MS);
}

/*
 * The other way round: what is taken here, OpenSSL takes as well, given the
 * same lists. It knows nothing of OPC UA's own rules, so it may take more.
 */

static void
store_files(X509_STORE *store, const struct hostile_files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		const uint8_t *at = files->files[i].data;
		X509 *cert = d2i_X509(NULL, &at, (long)files->files[i].size);

		if (cert != NULL)
			(void)X509_STORE_add_cert(store, cert);
		X509_free(cert);
	}
}

static STACK_OF(X509) * message_of(const struct hostile_case *hostile)
{
	const uint8_t *at = hostile->message.data;
	const uint8_t *end = at + hostile->message.size;
	STACK_OF(X509) *chain = sk_X509_new_null();

	while (at < end) {
		X509 *cert = d2i_X509(NULL, &at, end - at);

		assert_non_null(cert);
		assert_true(sk_X509_push(chain, cert) > 0);
	}
	return chain;
}

/* Where OpenSSL is known to answer otherwise, and is wrong. */
static bool
is_known_difference(const char *name)
{
	static const char *const names[] = {
	    /* An authorityKeyIdentifier of no bytes identifies nobody. */
	    "extension/aki-empty-identifier",
	    /* It tries one issuer of a name only. */
	    "chain/look-alikes-beside-the-right-one",
	    /* notAfter itself is within the validity: RFC 5280, 4.1.2.5. */
	    "time/last-second",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

static void
compare(void *user, const struct hostile_case *hostile)
{
	X509_STORE *store = X509_STORE_new();
	X509_STORE_CTX *context = X509_STORE_CTX_new();
	STACK_OF(X509) *chain = NULL;
	size_t *refused = user;

	if (hostile->expected != CLV_SC_GOOD ||
	    (hostile->validation & ~(uint32_t)CLV_VALIDATION_DEFAULT) != 0)
		goto out;
	chain = message_of(hostile);
	store_files(store, &hostile->trusted);
	store_files(store, &hostile->issuer);
	assert_int_equal(
	    X509_STORE_CTX_init(context, store, sk_X509_value(chain, 0), chain),
	    1);
	for (int i = 1; i < sk_X509_num(chain); i++)
		(void)X509_STORE_add_cert(store, sk_X509_value(chain, i));
	X509_STORE_CTX_set_time(context, 0, (time_t)hostile->time);
	if (X509_verify_cert(context) != 1 &&
	    !is_known_difference(hostile->name)) {
		print_message("%s: %s\n", hostile->name,
		    X509_verify_cert_error_string(
			X509_STORE_CTX_get_error(context)));
		(*refused)++;
	}
out:
	sk_X509_pop_free(chain, X509_free);
	X509_STORE_CTX_free(context);
	X509_STORE_free(store);
}

static void
test_verify__takes_nothing_that_openssl_refuses(void **state)
{
	size_t refused = 0;

	(void)state;
	(void)hostile_each(compare, &refused);
	forge_keys_free();
	assert_int_equal(refused, 0);
}

/*
 * A chain of 10,000: the peer sends all of it, or the issuer list has it. Each
 * limit is raised as far as it goes.
 */

#define LONG_CHAIN 10000U

#define IN_REACH 40U

static struct bytes
real_link(const char *subject, const char *issuer, unsigned number)
{
	const bool even = number % 2 == 0;

	return forge(.subject = subject, .issuer = issuer,
	    .key = even ? FORGE_P256_B : FORGE_P256_C,
	    .signer = even ? FORGE_P256_C : FORGE_P256_B, .ca = number > 0,
	    .serial = 1 + number);
}

/* Out of reach of any limit, certificates are copies of two, renumbered: their
 * signatures are wrong, but nobody gets so far as to see that. */
static struct bytes
far_link(unsigned number)
{
	static struct bytes made[2];
	struct bytes *from = &made[number % 2], link;
	char digits[8];
	uint8_t *at;

	if (from->data == NULL)
		*from = real_link("CN=n00000", "CN=m00000", 2 + number % 2);
	link = forge_copy(from->data, from->size);
	(void)snprintf(digits, sizeof(digits), "n%05u", number % 100000);
	at = memmem(link.data, link.size, "n00000", 6);
	assert_non_null(at);
	memcpy(at, digits, 6);
	(void)snprintf(digits, sizeof(digits), "n%05u", (number + 1) % 100000);
	at = memmem(link.data, link.size, "m00000", 6);
	assert_non_null(at);
	memcpy(at, digits, 6);
	return link;
}

static struct bytes
long_link(unsigned number)
{
	char subject[16], issuer[16];

	if (number > IN_REACH)
		return far_link(number);
	(void)snprintf(subject, sizeof(subject), "CN=n%05u", number % 100000);
	(void)snprintf(
	    issuer, sizeof(issuer), "CN=n%05u", (number + 1) % 100000);
	return real_link(subject, issuer, number);
}

static clv_verify_options *
raised_limits(void)
{
	static const struct {
		clv_verify_limit limit;
		size_t most;
	} limits[] = {{CLV_LIMIT_CERTIFICATE_SIZE, 65535},
	    {CLV_LIMIT_MESSAGE_SIZE, (size_t)1 << 20},
	    {CLV_LIMIT_CHAIN_LENGTH, 32}, {CLV_LIMIT_SIGNATURES, 1024},
	    {CLV_LIMIT_CHAINS, 256}};
	clv_verify_options *options = NULL;

	assert_ok(clv_verify_options_new(&options, &err));
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
		assert_ok(clv_verify_options_set_limit(
		    options, limits[i].limit, limits[i].most, &err));
		assert_fails(CLV_INVALID,
		    clv_verify_options_set_limit(
			options, limits[i].limit, limits[i].most + 1, &err));
		assert_fails(CLV_INVALID,
		    clv_verify_options_set_limit(
			options, limits[i].limit, 0, &err));
	}
	clv_verify_options_set_time(options, FORGE_NOW);
	return options;
}

static void
assert_refused_soon(clv_trust_snapshot *snapshot, const struct bytes *message,
    const clv_verify_options *options, clv_statuscode expected)
{
	const size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
	const double start = milliseconds();
	clv_verdict *verdict = NULL;

	assert_int_equal(clv_verify(snapshot, message->data, message->size,
			     options, &verdict, NULL),
	    CLV_UNTRUSTED);
	assert_true(milliseconds() - start < SLOWEST_MS);
	assert_int_equal(clv_verdict_status(verdict), expected);
	/* What it keeps of a megabyte at most. */
	assert_in_range(mallinfo2().uordblks + mallinfo2().hblkhd - before, 0,
	    (size_t)4 << 20);
	clv_verdict_free(&verdict);
}

/* More than a message may have. */
#define ALL_SIZE (((size_t)1 << 20) + 4096)

static void
append(struct bytes *all, const struct bytes *link)
{
	if (all->size > (size_t)1 << 20)
		return;
	assert_true(link->size < 4096);
	memcpy(all->data + all->size, link->data, link->size);
	all->size += link->size;
}

static void
test_verify__a_chain_of_10000_is_refused_soon(void **state)
{
	struct clv_trust_engine *engine = NULL;
	struct clv_trust_builder *builder = NULL;
	clv_verify_options *options = raised_limits();
	clv_trust_snapshot *snapshot = NULL;
	struct bytes leaf = long_link(0);
	struct bytes all = {malloc(ALL_SIZE), 0};

	(void)state;
	assert_ok(clv_trust_engine_new(&engine, &err));
	assert_ok(clv_trust_builder_new(engine, NULL, &builder, &err));
	assert_non_null(all.data);
	append(&all, &leaf);
	for (unsigned i = 1; i < LONG_CHAIN; i++) {
		struct clv_trust_cert *cert = NULL;
		struct bytes link = long_link(i);

		assert_ok(clv_trust_cert_parse(
		    link.data, link.size, "issuer", NULL, &cert, &err));
		assert_ok(clv_trust_builder_add_cert(builder, cert,
		    i + 1 == LONG_CHAIN ? CLV_TRUST_TRUSTED : CLV_TRUST_ISSUER,
		    &err));
		clv_trust_cert_unref(cert);
		append(&all, &link);
		forge_clear(&link);
	}
	assert_ok(clv_trust_builder_finish(&builder, &snapshot, &err));
	assert_refused_soon(
	    snapshot, &leaf, options, CLV_SC_BAD_CERTIFICATE_CHAIN_INCOMPLETE);
	assert_refused_soon(
	    snapshot, &leaf, NULL, CLV_SC_BAD_CERTIFICATE_CHAIN_INCOMPLETE);
	assert_refused_soon(
	    snapshot, &all, options, CLV_SC_BAD_CERTIFICATE_INVALID);
	all.size = 900000;
	assert_refused_soon(
	    snapshot, &all, options, CLV_SC_BAD_CERTIFICATE_INVALID);
	forge_clear(&leaf);
	forge_clear(&all);
	clv_trust_snapshot_unref(snapshot);
	clv_trust_engine_unref(engine);
	clv_verify_options_free(&options);
	forge_keys_free();
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_verify__every_hostile_case_gets_its_verdict),
	    cmocka_unit_test(test_verify__takes_nothing_that_openssl_refuses),
	    cmocka_unit_test(test_verify__a_chain_of_10000_is_refused_soon),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
