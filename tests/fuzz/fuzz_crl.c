/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * CRLs. The first byte chooses: 1, the CA signs it; 2, its serials are looked
 * up with those of OpenSSL; 4, the input is two CRLs, of which the second has
 * its length in front.
 *
 * What the parser takes, OpenSSL takes as well. Every serial number that
 * OpenSSL finds in it is found, and a certificate that a CRL signed by the CA
 * lists never passes.
 */

#include "fuzz_verify_world.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/x509.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void
compare_entries(const struct clv_trust_crl *crl, X509_CRL *x509)
{
	STACK_OF(X509_REVOKED) *entries = X509_CRL_get_REVOKED(x509);
	const int count = entries != NULL ? sk_X509_REVOKED_num(entries) : 0;

	must((uint32_t)count == crl->entry_count);
	for (int i = 0; i < count; i++) {
		const ASN1_INTEGER *serial = X509_REVOKED_get0_serialNumber(
		    sk_X509_REVOKED_value(entries, i));
		struct clv_trust_crl_entry entry;
		const uint8_t *digits = ASN1_STRING_get0_data(serial);
		size_t size = (size_t)ASN1_STRING_length(serial);

		/* OpenSSL keeps 0 as one octet, here it is none. */
		if (size == 1 && *digits == 0)
			size = 0;
		must(clv_trust_crl_find(crl, digits, size, &entry));
		must(entry.reason <= 10);
	}
}

static void
compare_with_openssl(const struct clv_trust_crl *crl, bool entries)
{
	const uint8_t *at = crl->der;
	X509_CRL *x509 = d2i_X509_CRL(NULL, &at, (long)crl->size);

	must(x509 != NULL && at == crl->der + crl->size);
	must(X509_CRL_get0_nextUpdate(x509) != NULL);
	if (entries)
		compare_entries(crl, x509);
	X509_CRL_free(x509);
}

static struct clv_trust_crl *
add(struct clv_trust_builder *builder, const uint8_t *der, size_t size,
    unsigned choice)
{
	struct clv_trust_crl *crl = NULL;
	uint8_t *whole = NULL;
	size_t whole_size = 0;

	if ((choice & 1) != 0)
		whole = world_sign(der, size, &whole_size);
	if (whole == NULL) {
		whole_size = size;
		whole = malloc(size > 0 ? size : 1);
		must(whole != NULL);
		memcpy(whole, der, size);
	}
	if (clv_trust_crl_parse(
		whole, whole_size, "trusted/crl/x.crl", &crl, NULL) == CLV_OK) {
		compare_with_openssl(crl, (choice & 2) != 0);
		must(clv_trust_builder_add_crl(
			 builder, crl, CLV_TRUST_TRUSTED, NULL) == CLV_OK);
	}
	free(whole);
	return crl;
}

/* Whether it counts at all for the world's CA and lists the leaf for good. */
static bool
forbids_leaf(const struct clv_trust_crl *crl, unsigned choice)
{
	const struct world *world = world_get();
	struct clv_trust_crl_entry entry;

	return crl != NULL && (choice & 1) != 0 &&
	    (crl->flags & CLV_CRL_DELTA) == 0 &&
	    crl->issuer_hash == world->leaf->issuer_hash &&
	    crl->signature_kind == CLV_SIGNATURE_ED25519 &&
	    clv_trust_crl_find(crl, (const uint8_t *)"\x05", 1, &entry) &&
	    entry.reason != CLV_REASON_CERTIFICATE_HOLD;
}

static clv_statuscode
verify_leaf(clv_trust_snapshot *snapshot)
{
	const struct clv_trust_cert *leaf = world_get()->leaf;
	clv_verify_options *options = NULL;
	clv_verdict *verdict = NULL;
	clv_statuscode code;

	must(clv_verify_options_new(&options, NULL) == CLV_OK);
	clv_verify_options_set_time(options, WORLD_NOW);
	must(clv_verify_options_set_validation(options,
		 CLV_CHECK_REVOCATION_OFFLINE | CLV_SUPPRESS_REVOCATION_UNKNOWN,
		 NULL) == CLV_OK);
	(void)!clv_verify(
	    snapshot, leaf->der, leaf->size, options, &verdict, NULL);
	must(verdict != NULL);
	code = clv_verdict_status(verdict);
	for (size_t i = 0; i < clv_verdict_count(verdict); i++)
		must(clv_verdict_finding(verdict, i) != NULL);
	clv_verdict_free(&verdict);
	clv_verify_options_free(&options);
	return code;
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct world *world = world_get();
	struct clv_trust_builder *builder = NULL;
	clv_trust_snapshot *snapshot = NULL;
	struct clv_trust_crl *one, *two = NULL;
	size_t second = 0;
	unsigned choice;
	clv_statuscode code;

	if (size < 3)
		return 0;
	choice = bytes[0];
	if ((choice & 4) != 0)
		second = ((size_t)bytes[1] << 8 | bytes[2]) % (size - 2);
	must(clv_trust_builder_new(world->engine, NULL, &builder, NULL) ==
	    CLV_OK);
	must(clv_trust_builder_add_cert(
		 builder, world->ca, CLV_TRUST_TRUSTED, NULL) == CLV_OK);
	one = add(builder, bytes + 3 + second, size - 3 - second, choice);
	if (second > 0)
		two = add(builder, bytes + 3, second, choice);
	must(clv_trust_builder_finish(&builder, &snapshot, NULL) == CLV_OK);
	code = verify_leaf(snapshot);
	must(code == CLV_SC_GOOD || code == CLV_SC_BAD_CERTIFICATE_REVOKED ||
	    code == CLV_SC_BAD_CERTIFICATE_ISSUER_REVOKED);
	if (two == NULL && forbids_leaf(one, choice))
		must(code == CLV_SC_BAD_CERTIFICATE_REVOKED);
	if (one == NULL && two == NULL)
		must(code == CLV_SC_GOOD);
	clv_trust_crl_unref(one);
	clv_trust_crl_unref(two);
	clv_trust_snapshot_unref(snapshot);
	return 0;
}
