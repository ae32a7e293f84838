/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Certificates and chains under all options.
 *
 * Four bytes choose: role and CA choice; validation bits; security policy;
 * and whether the CA signs the first certificate, whether it or the others
 * are in a list, and whether a host and a URI are asked for. The rest is the
 * message.
 *
 * What the parser takes, OpenSSL takes as well and reads the same in it. A
 * verdict is Good only if no finding says otherwise, and texts are printable.
 */

#include "fuzz_verify_world.h"

#include "trust/certificate_parse.h"
#include "trust/der.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/x509v3.h>

#define HEAD 4

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void
compare_times(const ASN1_TIME *time, int64_t seconds)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days, rest;

	must(ASN1_TIME_diff(&days, &rest, epoch, time) == 1);
	must((int64_t)days * 86400 + rest == seconds);
	ASN1_TIME_free(epoch);
}

static void
compare_names(const struct clv_trust_cert *cert, X509 *x509)
{
	const unsigned char *der;
	size_t size;

	must(X509_NAME_get0_der(X509_get_subject_name(x509), &der, &size));
	must(size == cert->subject.size &&
	    memcmp(der, cert->der + cert->subject.at, size) == 0);
	must(X509_NAME_get0_der(X509_get_issuer_name(x509), &der, &size));
	must(size == cert->issuer.size &&
	    memcmp(der, cert->der + cert->issuer.at, size) == 0);
}

static void
compare_with_openssl(const struct clv_trust_cert *cert)
{
	const uint8_t *at = cert->der;
	X509 *x509 = d2i_X509(NULL, &at, (long)cert->size);
	const ASN1_OCTET_STRING *ski;
	uint32_t flags;

	must(x509 != NULL && at == cert->der + cert->size);
	must(X509_get_version(x509) == X509_VERSION_3);
	compare_names(cert, x509);
	compare_times(X509_get0_notBefore(x509), cert->not_before);
	compare_times(X509_get0_notAfter(x509), cert->not_after);
	flags = X509_get_extension_flags(x509);
	if ((flags & EXFLAG_INVALID) == 0) {
		must(((flags & EXFLAG_CA) != 0) ==
		    ((cert->flags & CLV_CERT_CA) != 0));
		must(((flags & EXFLAG_SI) != 0) ==
			((cert->flags & CLV_CERT_SELF_ISSUED) != 0) ||
		    (flags & EXFLAG_SI) != 0 /* it compares canonical names */);
		ski = X509_get0_subject_key_id(x509);
		must((ski != NULL) == (cert->ski.size > 0));
		must(ski == NULL ||
		    memcmp(ASN1_STRING_get0_data(ski), cert->der + cert->ski.at,
			cert->ski.size) == 0);
	}
	X509_free(x509);
}

static bool
look_at_name(
    void *user, enum clv_trust_alt_kind kind, const uint8_t *value, size_t size)
{
	size_t *sum = user;

	(void)kind;
	for (size_t i = 0; i < size; i++)
		*sum += value[i];
	return false;
}

static void
check_text(const char *text)
{
	for (; *text != '\0'; text++)
		must((unsigned char)*text >= 0x20 && *text != 0x7f);
}

static void
read_cert(const uint8_t *der, size_t size)
{
	struct clv_trust_cert *cert = NULL;
	char text[300];
	size_t sum = 0;

	if (clv_trust_cert_parse(der, size, "file", NULL, &cert, NULL) !=
	    CLV_OK)
		return;
	compare_with_openssl(cert);
	(void)clv_trust_cert_each_alt_name(cert, look_at_name, &sum);
	(void)clv_trust_cert_subject_text(cert, text, sizeof(text));
	check_text(text);
	(void)clv_trust_cert_issuer_text(cert, text, 40);
	check_text(text);
	(void)clv_trust_cert_common_name(cert, text, 20);
	check_text(text);
	clv_trust_cert_unref(cert);
}

/* Every certificate of the message, the first (0) or the others (1). */
static void
add_message(struct clv_trust_builder *builder, const uint8_t *der, size_t size,
    unsigned which, enum clv_trust_where where)
{
	struct clv_der in = clv_der_of(der, size), whole, contents;

	for (unsigned i = 0; i < 8 &&
	     clv_der_read_whole(&in, CLV_DER_SEQUENCE, &whole, &contents);
	     i++) {
		struct clv_trust_cert *cert = NULL;

		if ((i == 0) != (which == 0) ||
		    clv_trust_cert_parse(whole.at, clv_der_size(&whole),
			"listed", NULL, &cert, NULL) != CLV_OK)
			continue;
		must(clv_trust_builder_add_cert(builder, cert, where, NULL) ==
		    CLV_OK);
		clv_trust_cert_unref(cert);
	}
}

static clv_trust_snapshot *
make_list(unsigned choice, const uint8_t *der, size_t size)
{
	struct world *world = world_get();
	struct clv_trust_builder *builder = NULL;
	clv_trust_snapshot *snapshot = NULL;

	must(clv_trust_builder_new(world->engine, NULL, &builder, NULL) ==
	    CLV_OK);
	must(clv_trust_builder_add_cert(
		 builder, world->ca, CLV_TRUST_TRUSTED, NULL) == CLV_OK);
	if ((choice & 2) != 0)
		add_message(builder, der, size, 0, CLV_TRUST_TRUSTED);
	if ((choice & 4) != 0)
		add_message(builder, der, size, 1, CLV_TRUST_ISSUER);
	if ((choice & 8) != 0)
		add_message(builder, der, size, 1, CLV_TRUST_TRUSTED);
	must(clv_trust_builder_finish(&builder, &snapshot, NULL) == CLV_OK);
	return snapshot;
}

static clv_verify_options *
make_options(const uint8_t *head)
{
	static const char *const policies[] = {NULL, "Basic256Sha256",
	    "Basic256", "ECC_nistP256", "ECC_nistP384", "ECC_curve25519",
	    "ECC_curve448", "Aes256_Sha256_RsaPss"};
	const uint32_t bits = (head[1] & 0x5fU) |
	    ((head[1] & 0x80U) != 0 ? CLV_SUPPRESS_USE : 0) |
	    ((head[1] & 0x20U) != 0 ? CLV_SUPPRESS_POLICY : 0);
	clv_verify_options *options = NULL;

	must(clv_verify_options_new(&options, NULL) == CLV_OK);
	must(clv_verify_options_set_role(
		 options, (clv_verify_role)(1 + head[0] % 5), NULL) == CLV_OK);
	clv_verify_options_set_ca_application(
	    options, (clv_verify_ca)(head[0] / 5 % 3));
	must(clv_verify_options_set_validation(options, bits, NULL) == CLV_OK);
	must(clv_verify_options_set_security_policy(
		 options, policies[head[2] % 8], NULL) == CLV_OK);
	if ((head[3] & 16) != 0)
		must(clv_verify_options_set_hostname(
			 options, "pump7.local", NULL) == CLV_OK);
	if ((head[3] & 32) != 0)
		must(clv_verify_options_set_hostname(
			 options, "192.0.2.7", NULL) == CLV_OK);
	if ((head[3] & 64) != 0)
		must(clv_verify_options_set_application_uri(
			 options, "urn:plant:pump", NULL) == CLV_OK);
	clv_verify_options_set_time(options, WORLD_NOW);
	return options;
}

static void
check_verdict(clv_verdict *verdict, clv_status status)
{
	const clv_statuscode code = clv_verdict_status(verdict);
	bool bad = false;

	must((status == CLV_OK) == (code == CLV_SC_GOOD));
	for (size_t i = 0; i < clv_verdict_count(verdict); i++) {
		const clv_finding *finding = clv_verdict_finding(verdict, i);

		bad |= finding->status != CLV_SC_GOOD && !finding->suppressed;
		check_text(finding->text);
		check_text(finding->subject);
		check_text(finding->thumbprint);
	}
	must(bad == (code != CLV_SC_GOOD));
	(void)clv_verdict_sent_status(verdict);
	(void)clv_verdict_only_untrusted(verdict);
}

static void
verify(const uint8_t *head, const uint8_t *der, size_t size)
{
	clv_trust_snapshot *snapshot = make_list(head[3], der, size);
	clv_verify_options *options = make_options(head);
	clv_verdict *verdict = NULL;
	clv_error *err = NULL;
	const clv_status status =
	    clv_verify(snapshot, der, size, options, &verdict, &err);

	must(status == CLV_OK || status == CLV_UNTRUSTED);
	clv_trust_snapshot_unref(snapshot);
	clv_verify_options_free(&options);
	check_verdict(verdict, status);
	clv_verdict_free(&verdict);
	clv_error_free(&err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	uint8_t *whole = NULL;
	size_t whole_size = 0;

	if (size <= HEAD)
		return 0;
	if ((bytes[3] & 1) != 0)
		whole = world_sign(bytes + HEAD, size - HEAD, &whole_size);
	if (whole == NULL) {
		whole_size = size - HEAD;
		whole = malloc(whole_size);
		must(whole != NULL);
		memcpy(whole, bytes + HEAD, whole_size);
	}
	read_cert(whole, whole_size);
	verify(bytes, whole, whole_size);
	free(whole);
	return 0;
}
