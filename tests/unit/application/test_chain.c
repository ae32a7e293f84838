/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The issuers that come with a certificate. */

#include "testing.h"

#include <stdlib.h>
#include <string.h>

#include "application/chain.h"
#include "unit/trust/pki.h"

static struct pki_identity root;
static struct pki_identity ca;
static struct pki_identity leaf;
static struct pki_identity other;   /* has nothing to do with them */
static struct pki_identity forgery; /* has ca's name, and another key */

static int
make_all(void **state)
{
	(void)state;
	pki_make(&root, "Root", true, NULL);
	pki_make(&ca, "CA", true, &root);
	pki_make(&leaf, "Leaf", false, &ca);
	pki_make(&other, "Other", true, NULL);
	pki_make(&forgery, "CA", true, &root);
	return 0;
}

static int
drop_all(void **state)
{
	(void)state;
	pki_drop(&root);
	pki_drop(&ca);
	pki_drop(&leaf);
	pki_drop(&other);
	pki_drop(&forgery);
	return 0;
}

/* `count` certificates, one behind the other. */
static size_t
join(const struct pki_identity *const *chain, size_t count, uint8_t *to)
{
	size_t size = 0;

	for (size_t i = 0; i < count; i++) {
		memcpy(to + size, chain[i]->der.bytes, chain[i]->der.size);
		size += chain[i]->der.size;
	}
	return size;
}

static void
assert_ordered(const struct pki_identity *of,
    const struct pki_identity *const *chain, size_t count,
    const struct pki_identity *const *wanted, size_t wanted_count)
{
	uint8_t given[16384];
	uint8_t kept[16384];
	const size_t size = join(chain, count, given);
	const size_t kept_size = join(wanted, wanted_count, kept);
	uint8_t *out = NULL;
	size_t out_size = 0;

	assert_ok(clv_chain_order("app", of->der.bytes, of->der.size, given,
	    size, &out, &out_size, &err));
	assert_int_equal(out_size, kept_size);
	if (kept_size == 0)
		assert_null(out);
	else
		assert_memory_equal(out, kept, kept_size);
	free(out);
}

#define ORDERED(of, given, ...)                                            \
	do {                                                               \
		const struct pki_identity *const wanted[] = {__VA_ARGS__}; \
                                                                           \
		assert_ordered(of, given, sizeof(given) / sizeof(*given),  \
		    wanted, sizeof(wanted) / sizeof(*wanted));             \
	} while (0)

static void
test_chain_order__puts_the_nearest_first(void **state)
{
	const struct pki_identity *const ordered[] = {&ca, &root};
	const struct pki_identity *const reversed[] = {&root, &ca};
	const struct pki_identity *const part[] = {&ca};

	(void)state;
	ORDERED(&leaf, ordered, &ca, &root);
	ORDERED(&leaf, reversed, &ca, &root);
	ORDERED(&leaf, part, &ca);
}

static void
test_chain_order__keeps_each_once(void **state)
{
	const struct pki_identity *const twice[] = {
	    &leaf, &root, &ca, &ca, &root};
	const struct pki_identity *const self[] = {&root};

	(void)state;
	ORDERED(&leaf, twice, &ca, &root);
	/* One that is self-signed needs no other. */
	assert_ordered(&root, self, 1, self, 0);
}

static void
assert_refused(const struct pki_identity *const *chain, size_t count,
    size_t less, clv_status wanted, const char *why)
{
	uint8_t given[16384];
	const size_t size = join(chain, count, given) - less;
	clv_error *err = NULL;
	uint8_t *out = NULL;
	size_t out_size = 0;

	assert_int_equal(clv_chain_order("app", leaf.der.bytes, leaf.der.size,
			     given, size, &out, &out_size, &err),
	    wanted);
	assert_null(out);
	assert_non_null(strstr(clv_error_message(err), why));
	clv_error_free(&err);
}

static void
test_chain_order__refuses_what_issued_none(void **state)
{
	const struct pki_identity *const foreign[] = {&ca, &other, &root};
	const struct pki_identity *const gap[] = {&root};
	const struct pki_identity *const forged[] = {&forgery};
	const struct pki_identity *const both[] = {&forgery, &ca, &root};

	(void)state;
	assert_refused(foreign, 3, 0, CLV_INVALID, "CN=Other");
	assert_refused(gap, 1, 0, CLV_INVALID, "CN=Root");
	/* The name alone does not make an issuer. */
	assert_refused(forged, 1, 0, CLV_INVALID, "CN=CA");
	assert_refused(both, 3, 0, CLV_INVALID, "CN=CA");
}

static void
test_chain_order__refuses_what_is_no_certificate(void **state)
{
	const struct pki_identity *const chain[] = {&ca, &root};
	const uint8_t text[] = "30 82";
	const uint8_t empty[] = {0x30, 0x00};
	clv_error *err = NULL;
	uint8_t *out = NULL;
	size_t size = 0;

	(void)state;
	assert_refused(chain, 2, 1, CLV_INVALID, "DER");
	assert_int_equal(clv_chain_order("app", leaf.der.bytes, leaf.der.size,
			     text, sizeof(text), &out, &size, &err),
	    CLV_INVALID);
	clv_error_free(&err);
	assert_int_equal(clv_chain_order("app", leaf.der.bytes, leaf.der.size,
			     empty, sizeof(empty), &out, &size, &err),
	    CLV_CORRUPT);
	clv_error_free(&err);
}

static void
test_chain_order__takes_ten(void **state)
{
	struct pki_identity cas[11];
	const struct pki_identity *chain[11];

	(void)state;
	pki_make(&cas[10], "CA 10", true, NULL);
	for (size_t i = 10; i-- > 0;)
		pki_make(&cas[i], "CA n", true, &cas[i + 1]);
	for (size_t i = 0; i < 11; i++)
		chain[i] = &cas[i];
	assert_ordered(&cas[0], chain + 1, 10, chain + 1, 10);
	assert_refused(chain, 11, 0, CLV_INVALID, "at most 10");
	for (size_t i = 0; i < 11; i++)
		pki_drop(&cas[i]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_chain_order__puts_the_nearest_first),
	    cmocka_unit_test(test_chain_order__keeps_each_once),
	    cmocka_unit_test(test_chain_order__refuses_what_issued_none),
	    cmocka_unit_test(test_chain_order__refuses_what_is_no_certificate),
	    cmocka_unit_test(test_chain_order__takes_ten),
	};

	return cmocka_run_group_tests(tests, make_all, drop_all);
}
