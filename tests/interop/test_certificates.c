/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Certificates and CRLs that other people's programs made, see
 * make_certificates.sh, whose path is the argument. */

#include "testing.h"

#include "trust/signature.h"
#include "trust/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *script;

struct made {
	char directory[64];
};

static uint8_t *
read_file(
    const struct made *made, const char *tool, const char *name, size_t *size)
{
	uint8_t *bytes = malloc(1U << 16);
	char path[128];
	FILE *file;

	(void)snprintf(
	    path, sizeof(path), "%s/%s-%s", made->directory, tool, name);
	file = fopen(path, "rb");
	assert_non_null(file);
	assert_non_null(bytes);
	*size = fread(bytes, 1, 1U << 16, file);
	(void)fclose(file);
	return bytes;
}

static void
add_certificate(const struct made *made, struct clv_trust_builder *builder,
    const char *tool, const char *name)
{
	struct clv_trust_cert *cert = NULL;
	size_t size;
	uint8_t *bytes = read_file(made, tool, name, &size);

	assert_ok(clv_trust_cert_parse(bytes, size, name, NULL, &cert, &err));
	assert_ok(
	    clv_trust_builder_add_cert(builder, cert, CLV_TRUST_TRUSTED, &err));
	clv_trust_cert_unref(cert);
	free(bytes);
}

static void
add_crl(const struct made *made, struct clv_trust_builder *builder,
    const char *tool, const char *name)
{
	struct clv_trust_crl *crl = NULL;
	size_t size;
	uint8_t *bytes = read_file(made, tool, name, &size);

	assert_ok(clv_trust_crl_parse(bytes, size, name, &crl, &err));
	assert_ok(
	    clv_trust_builder_add_crl(builder, crl, CLV_TRUST_TRUSTED, &err));
	clv_trust_crl_unref(crl);
	free(bytes);
}

static clv_verify_options *
options_for(const char *policy)
{
	clv_verify_options *options = NULL;

	assert_ok(clv_verify_options_new(&options, &err));
	assert_ok(
	    clv_verify_options_set_role(options, CLV_VERIFY_SERVER, &err));
	assert_ok(clv_verify_options_set_hostname(options, "pump", &err));
	assert_ok(clv_verify_options_set_application_uri(
	    options, "urn:plant:pump", &err));
	assert_ok(
	    clv_verify_options_set_security_policy(options, policy, &err));
	return options;
}

static void
verdict_is(const struct made *made, const char *tool, const char *crl,
    const char *policy, clv_statuscode expected)
{
	clv_verify_options *options = options_for(policy);
	struct clv_trust_engine *engine = NULL;
	struct clv_trust_builder *builder = NULL;
	clv_trust_snapshot *snapshot = NULL;
	clv_verdict *verdict = NULL;
	clv_error *err = NULL;
	size_t size;
	uint8_t *leaf = read_file(made, tool, "app.der", &size);

	assert_ok(clv_trust_engine_new(&engine, &err));
	assert_ok(clv_trust_builder_new(engine, NULL, &builder, &err));
	add_certificate(made, builder, tool, "ca.der");
	if (crl != NULL)
		add_crl(made, builder, tool, crl);
	assert_ok(clv_trust_builder_finish(&builder, &snapshot, &err));
	(void)!clv_verify(snapshot, leaf, size, options, &verdict, &err);
	assert_non_null(verdict);
	if (clv_verdict_status(verdict) != expected)
		fail_msg("%s with %s: %s", tool, crl != NULL ? crl : "no CRL",
		    clv_error_message(err));
	clv_error_free(&err);
	clv_verdict_free(&verdict);
	clv_trust_snapshot_unref(snapshot);
	clv_trust_engine_unref(engine);
	clv_verify_options_free(&options);
	free(leaf);
}

static void
test_verify__takes_what_openssl_makes(void **state)
{
	const char *policy = "Basic256Sha256";

	verdict_is(*state, "openssl", "empty.crl", policy, CLV_SC_GOOD);
	verdict_is(*state, "openssl", "full.crl", policy,
	    CLV_SC_BAD_CERTIFICATE_REVOKED);
	verdict_is(*state, "openssl", NULL, policy,
	    CLV_SC_BAD_CERTIFICATE_REVOCATION_UNKNOWN);
}

static void
test_verify__takes_what_certtool_makes(void **state)
{
	const char *policy = "ECC_nistP256";

	verdict_is(*state, "gnutls", "empty.crl", policy, CLV_SC_GOOD);
	verdict_is(*state, "gnutls", "full.crl", policy,
	    CLV_SC_BAD_CERTIFICATE_REVOKED);
	verdict_is(*state, "gnutls", NULL, policy,
	    CLV_SC_BAD_CERTIFICATE_REVOCATION_UNKNOWN);
	verdict_is(*state, "gnutls", "empty.crl", "Basic256Sha256",
	    CLV_SC_BAD_CERTIFICATE_POLICY_CHECK_FAILED);
}

static int
setup(void **state)
{
	static struct made made = {"/tmp/clv-certificates-XXXXXX"};
	char command[512];

	if (mkdtemp(made.directory) == NULL)
		return -1;
	(void)snprintf(command, sizeof(command),
	    "'%s' '%s' >'%s/log' 2>&1 || { cat '%s/log' >&2; exit 1; }", script,
	    made.directory, made.directory, made.directory);
	*state = &made;
	return system(command) == 0 ? 0 : -1;
}

static int
teardown(void **state)
{
	const struct made *made = *state;
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -r '%s'", made->directory);
	return system(command) == 0 ? 0 : -1;
}

int
main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_verify__takes_what_openssl_makes),
	    cmocka_unit_test(test_verify__takes_what_certtool_makes),
	};

	if (argc != 2)
		return 2;
	script = argv[1];
	return cmocka_run_group_tests(tests, setup, teardown);
}
