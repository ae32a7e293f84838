/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "bench_verify.h"

#include <gnutls/x509.h>

struct gnutls {
	gnutls_x509_trust_list_t list;
};

static gnutls_x509_crt_t
certificate_of(const struct bytes *bytes)
{
	const gnutls_datum_t der = {bytes->data, (unsigned)bytes->size};
	gnutls_x509_crt_t cert;

	bench_must(gnutls_x509_crt_init(&cert) == 0);
	bench_must(
	    gnutls_x509_crt_import(cert, &der, GNUTLS_X509_FMT_DER) == 0);
	return cert;
}

static void
add(struct gnutls *gnutls, const struct bytes *bytes)
{
	gnutls_x509_crt_t cert = certificate_of(bytes);

	/* The list takes it over. */
	bench_must(
	    gnutls_x509_trust_list_add_cas(gnutls->list, &cert, 1, 0) == 1);
}

static time_t
then(time_t *out)
{
	if (out != NULL)
		*out = (time_t)FORGE_NOW;
	return (time_t)FORGE_NOW;
}

static bool
list_open(const struct bench_plant *plant, void **state)
{
	struct gnutls *gnutls = calloc(1, sizeof(*gnutls));

	bench_must(gnutls != NULL);
	gnutls_global_set_time_function(then);
	bench_must(gnutls_x509_trust_list_init(
		       &gnutls->list, (unsigned)plant->list_size) == 0);
	for (size_t i = 0; i < plant->list_size; i++)
		add(gnutls, &plant->listed[i]);
	for (size_t i = 0; plant->chain == 1 && i < BENCH_PEERS; i++)
		add(gnutls, &plant->peers[i]);
	for (size_t i = 0; i < plant->crl_count; i++) {
		const gnutls_datum_t der = {
		    plant->crls[i].data, (unsigned)plant->crls[i].size};
		gnutls_x509_crl_t crl;

		bench_must(gnutls_x509_crl_init(&crl) == 0);
		bench_must(gnutls_x509_crl_import(
			       crl, &der, GNUTLS_X509_FMT_DER) == 0);
		bench_must(gnutls_x509_trust_list_add_crls(
			       gnutls->list, &crl, 1, 0, 0) == 1);
	}
	*state = gnutls;
	return true;
}

static bool
list_check(void *state, const struct bench_plant *plant, size_t peer)
{
	const struct gnutls *gnutls = state;
	gnutls_x509_crt_t chain[2];
	unsigned count = 1, result = 0;

	chain[0] = certificate_of(&plant->peers[peer]);
	if (plant->chain == 3)
		chain[count++] = certificate_of(&plant->middles[peer]);
	bench_must(gnutls_x509_trust_list_verify_crt(
		       gnutls->list, chain, count, 0, &result, NULL) == 0);
	while (count > 0)
		gnutls_x509_crt_deinit(chain[--count]);
	return result == 0;
}

static void
list_close(void *state)
{
	struct gnutls *gnutls = state;

	gnutls_x509_trust_list_deinit(gnutls->list, 1);
	free(gnutls);
}

static const struct bench_way way = {
    .name = "GnuTLS",
    .open = list_open,
    .check = list_check,
    .close = list_close,
};

const struct bench_way *const bench_gnutls = &way;
