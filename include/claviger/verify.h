/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/**
 * May I talk to the owner of this certificate? An answer that explains itself.
 *
 * A certificate, or a chain of them as concatenated DER with the owner's own
 * first, is checked against a TrustList by the steps of OPC 10000-4, 6.1.3,
 * Table 100, in their order, each for the whole chain:
 *
 *     clv_verify_options *options = NULL;
 *     clv_verdict *verdict = NULL;
 *
 *     ... clv_verify_options_new(&options, &err) ...
 *     ... clv_verify_options_set_role(options, CLV_VERIFY_SERVER, &err) ...
 *     ... clv_verify_options_set_hostname(options, "pump7", &err) ...
 *     if (clv_verify(snapshot, der, size, options, &verdict, &err) != CLV_OK)
 *             fprintf(stderr, "%s\n", clv_error_message(err));
 *     for (i = 0; i < clv_verdict_count(verdict); i++)
 *             show(clv_verdict_finding(verdict, i));
 *
 * A certificate is trusted if it, or any other of its chain, is in the
 * trusted list, and the chain goes up to a self-signed certificate. The
 * issuer list and what the peer sent only complete chains. Certificates are
 * the same only if all of their DER is.
 *
 * A CRL counts if the issuer's key signed it and its dates hold. One that
 * cannot be read or does not hold is reported and counts as missing, never as
 * "nothing is revoked". Certificates that a CRL lists are refused even where
 * a missing CRL is suppressed.
 */
#ifndef CLAVIGER_VERIFY_H
#define CLAVIGER_VERIFY_H

#include <claviger/error.h>
#include <claviger/statuscode.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A TrustList as it was at one moment (trust.h). */
typedef struct clv_trust_snapshot clv_trust_snapshot;

/** What the certificate's owner wants to be. */
typedef enum clv_verify_role {
	/** A server that the caller, a client, connects to. */
	CLV_VERIFY_SERVER = 1,
	/** A client that connects to the caller, a server. */
	CLV_VERIFY_CLIENT = 2,
	/** A user who signs in with an X.509 identity token. */
	CLV_VERIFY_USER = 3,
	/** The TLS end of an HTTPS or WSS server. */
	CLV_VERIFY_HTTPS = 4,
	/** An application, as server or client: a certificate on its way into
	 * a list or a slot. The default. */
	CLV_VERIFY_APPLICATION = 5
} clv_verify_role;

/** The steps of OPC 10000-4, 6.1.3, Table 100, in order. */
typedef enum clv_verify_step {
	CLV_STEP_STRUCTURE = 1,
	CLV_STEP_CHAIN = 2,
	CLV_STEP_SIGNATURE = 3,
	CLV_STEP_POLICY = 4,
	CLV_STEP_TRUST = 5,
	CLV_STEP_VALIDITY = 6,
	CLV_STEP_HOSTNAME = 7,
	CLV_STEP_URI = 8,
	CLV_STEP_USAGE = 9,
	CLV_STEP_FIND_CRL = 10,
	CLV_STEP_REVOCATION = 11
} clv_verify_step;

/** The step by name, such as "signature". Static; any thread. */
CLV_API const char *clv_verify_step_name(clv_verify_step step);

/*
 * Options: setters copy. They may be shared by any number of checks at once
 * while nobody sets any.
 */

typedef struct clv_verify_options clv_verify_options;

CLV_API clv_status clv_verify_options_new(
    clv_verify_options **out, clv_error **err);
CLV_API void clv_verify_options_free(clv_verify_options **options);

/** @return CLV_INVALID for an unknown role */
CLV_API clv_status clv_verify_options_set_role(
    clv_verify_options *options, clv_verify_role role, clv_error **err);

/**
 * The host of the URL that the caller connects to: a DNS name, or an IPv4 or
 * IPv6 address (brackets are taken off). A trailing ".local" is ignored. NULL
 * for no such check; the default. Looked at for CLV_VERIFY_SERVER and _HTTPS;
 * for other roles the verdict tells that it was not.
 * @return CLV_INVALID if it can't be a host
 */
CLV_API clv_status clv_verify_options_set_hostname(
    clv_verify_options *options, const char *hostname, clv_error **err);

/**
 * The ApplicationUri that the peer's description gives; NULL for no such
 * check, the default. Not looked at for CLV_VERIFY_USER and _HTTPS.
 * @return CLV_INVALID if it is empty
 */
CLV_API clv_status clv_verify_options_set_application_uri(
    clv_verify_options *options, const char *uri, clv_error **err);

/**
 * The SecurityPolicy that the certificate is used with, by URI or by its last
 * part, such as "Basic256Sha256"; NULL or "None" for no such check, the
 * default: then only RSA keys of less than 1024 bits are refused.
 * @return CLV_UNSUPPORTED for a policy that is not known
 */
CLV_API clv_status clv_verify_options_set_security_policy(
    clv_verify_options *options, const char *policy, clv_error **err);

/** The moment to judge, in seconds since 1970-01-01T00:00:00Z. The default is
 * the time of the check. */
CLV_API void clv_verify_options_set_time(
    clv_verify_options *options, int64_t seconds);

/**
 * What a group of certificates overlooks: the bits of
 * TrustListValidationOptions (OPC 10000-12, 7.8.2.9), i=23564, and above them
 * our own. Suppressed findings are kept and told as such.
 */
enum clv_validation {
	CLV_SUPPRESS_EXPIRED = 1U << 0,
	/** Host name and, as Part 12 defines it, ApplicationUri. */
	CLV_SUPPRESS_HOSTNAME = 1U << 1,
	CLV_SUPPRESS_REVOCATION_UNKNOWN = 1U << 2,
	CLV_SUPPRESS_ISSUER_EXPIRED = 1U << 3,
	CLV_SUPPRESS_ISSUER_REVOCATION_UNKNOWN = 1U << 4,
	/** OCSP: not available, refused. */
	CLV_CHECK_REVOCATION_ONLINE = 1U << 5,
	/** CRLs must be there. Without it a missing CRL is no finding; one
	 * that is there still counts. */
	CLV_CHECK_REVOCATION_OFFLINE = 1U << 6,
	/** Not in Part 12, but suppressible by Part 4, Table 100. */
	CLV_SUPPRESS_POLICY = 1U << 16,
	/** Key usage, unless its extension is critical. An issuer that may
	 * not issue is never overlooked. */
	CLV_SUPPRESS_USE = 1U << 17,
	/** The default of Part 12. */
	CLV_VALIDATION_DEFAULT = CLV_CHECK_REVOCATION_OFFLINE
};
/** The bit that a word suppresses, as the program's `--suppress` and
 * claviger.conf have it: "expired", "hostname", "revocation-unknown",
 * "issuer-expired", "issuer-revocation-unknown", "policy" or "use"; 0 for any
 * other. Any thread. */
CLV_API uint32_t clv_validation_bit(const char *word);
/** The word of a bit, NULL if it has none. Static; any thread. */
CLV_API const char *clv_validation_word(uint32_t bit);

/** @return CLV_UNSUPPORTED for CLV_CHECK_REVOCATION_ONLINE, CLV_INVALID for
 *          unknown bits */
CLV_API clv_status clv_verify_options_set_validation(
    clv_verify_options *options, uint32_t bits, clv_error **err);

/** Whether an application's certificate may be a CA certificate. */
typedef enum clv_verify_ca {
	/** As OPC 10000-6, 6.2 has it: told, and accepted while revocation is
	 * checked; refused otherwise. The default. */
	CLV_CA_WITH_REVOCATION = 0,
	CLV_CA_ALLOWED = 1,
	CLV_CA_REFUSED = 2
} clv_verify_ca;
CLV_API void clv_verify_options_set_ca_application(
    clv_verify_options *options, clv_verify_ca choice);

/** What a check may cost. Over it, it ends in a refusal that says so. */
typedef enum clv_verify_limit {
	/** Bytes of one certificate; 16384, at most 65535. */
	CLV_LIMIT_CERTIFICATE_SIZE = 1,
	/** Bytes of the whole chain that was sent; 65536, at most 1 MiB. */
	CLV_LIMIT_MESSAGE_SIZE = 2,
	/** Certificates from the leaf to the root, both counted, and also
	 * those sent; 10, at most 32. */
	CLV_LIMIT_CHAIN_LENGTH = 3,
	/** Public-key operations; 32, at most 1024. */
	CLV_LIMIT_SIGNATURES = 4,
	/** Chains that are tried, where issuers are ambiguous; 16, at most
	 * 256. */
	CLV_LIMIT_CHAINS = 5
} clv_verify_limit;
/** @return CLV_INVALID for an unknown limit, 0, or more than the most */
CLV_API clv_status clv_verify_options_set_limit(clv_verify_options *options,
    clv_verify_limit limit, size_t value, clv_error **err);

typedef struct clv_verdict clv_verdict;

/**
 * Asks a person about a certificate with which nothing is wrong except that
 * it is not trusted. True accepts it for this check alone. Called on the
 * thread of clv_verify(), without any lock held.
 */
typedef bool clv_verify_ask_fn(
    void *user, const clv_verdict *verdict, const void *der, size_t size);
CLV_API void clv_verify_options_set_ask(
    clv_verify_options *options, clv_verify_ask_fn *ask, void *user);

/**
 * Checks a certificate, or a chain as concatenated DER, against a TrustList.
 * Any number of threads; no lock, no file, no system call but the clock.
 *
 * @param options NULL for the defaults
 * @param out     NULL, or where to store the verdict: set on CLV_OK and on
 *                CLV_UNTRUSTED; the caller's, freed by clv_verdict_free()
 * @return CLV_OK only if the certificate may be used; CLV_UNTRUSTED with the
 *         StatusCode as the error's code (CLV_DOMAIN_OPCUA) if not;
 *         CLV_NO_MEMORY; CLV_INVALID without certificate
 */
CLV_API clv_status clv_verify(const clv_trust_snapshot *snapshot,
    const void *der, size_t size, const clv_verify_options *options,
    clv_verdict **out, clv_error **err) CLV_MUST_USE;

/*
 * The verdict. It belongs to one thread at a time and keeps alive what it
 * tells about, whatever happens to the list.
 */

CLV_API void clv_verdict_free(clv_verdict **verdict);

/** Good, or the code of the first finding that is not suppressed. */
CLV_API clv_statuscode clv_verdict_status(const clv_verdict *verdict);

/** The code that a server sends to the peer: many become
 * BadSecurityChecksFailed (OPC 10000-4, Table 100). */
CLV_API clv_statuscode clv_verdict_sent_status(const clv_verdict *verdict);

/** Whether nothing is wrong except that the certificate is not trusted: what
 * a RejectedList holds (OPC 10000-12, 7.10.14). */
CLV_API bool clv_verdict_only_untrusted(const clv_verdict *verdict);

/** One row: what a step found for one certificate. Read it through the
 * pointer only; fields may be added at the end. Strings are never NULL unless
 * said so, are safe to print on a terminal, and live as long as the
 * verdict. */
typedef struct clv_finding {
	clv_verify_step step;
	/** Good if the step is passed. */
	clv_statuscode status;
	/** Bad, but overlooked as the options ask. */
	bool suppressed;
	/** Good, but worth a line in a log. */
	bool warning;
	/** Place in the chain: 0 is the certificate itself. */
	unsigned depth;
	/** Whose certificate it is: "CN=Pump 7, O=Plant". */
	const char *subject;
	/** The certificate's thumbprint in hexadecimal; "" if unreadable. */
	const char *thumbprint;
	/** The file that decided (certificate or CRL), or NULL. */
	const char *file;
	/** One sentence without a full stop. */
	const char *text;
} clv_finding;

CLV_API size_t clv_verdict_count(const clv_verdict *verdict);
/** A row, in the order of the steps; NULL past the end or out of memory.
 * Texts are made at the first call. */
CLV_API const clv_finding *clv_verdict_finding(
    clv_verdict *verdict, size_t index);

/** Length of the chain that was judged, and its certificates, leaf first;
 * NULL past the end. Borrowed from the verdict. */
CLV_API size_t clv_verdict_chain_length(const clv_verdict *verdict);
CLV_API const uint8_t *clv_verdict_chain_der(
    const clv_verdict *verdict, size_t index, size_t *size);

#ifdef __cplusplus
}
#endif

#endif
