/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "errors.h"

struct meaning {
	TSS2_RC code;
	const char *name;
	clv_status status;
	const char *reason; /* NULL: the class says enough */
	const char *remedy;
	bool retryable;
};

static const char other_tpm[] =
    "the key belongs to another TPM or another parent, or the TPM was cleared";
static const char slots_full[] =
    "every slot of the TPM is taken by other programs";
static const char flush[] =
    "tpm2_flushcontext --transient-object, or use the resource manager: "
    "tcti=device:/dev/tpmrm0";
static const char flush_sessions[] =
    "tpm2_flushcontext --loaded-session, or use the resource manager: "
    "tcti=device:/dev/tpmrm0";
static const char not_there[] = "the object is not in the TPM (any more)";
static const char cannot[] = "the TPM or the key can't do that";
static const char is_busy[] = "the TPM stays busy";
static const char no_answer[] = "the TPM can't be reached";
static const char bad_answer[] = "the TPM's answer makes no sense";

/* clang-format off */
static const struct meaning meanings[] = {
	{TPM2_RC_INITIALIZE, "TPM_RC_INITIALIZE", CLV_DEVICE_GONE,
	    "the TPM was not started", "tpm2_startup --clear", false},
	{TPM2_RC_FAILURE, "TPM_RC_FAILURE", CLV_DEVICE_GONE,
	    "the TPM is in failure mode", "restart the machine", false},
	{TPM2_RC_SEQUENCE, "TPM_RC_SEQUENCE", CLV_IO, NULL, NULL, false},
	{TPM2_RC_DISABLED, "TPM_RC_DISABLED", CLV_UNSUPPORTED,
	    "the TPM has this command switched off", NULL, false},
	{TPM2_RC_EXCLUSIVE, "TPM_RC_EXCLUSIVE", CLV_BUSY, NULL, NULL, true},
	{TPM2_RC_AUTH_TYPE, "TPM_RC_AUTH_TYPE", CLV_UNSUPPORTED, cannot, NULL,
	    false},
	{TPM2_RC_AUTH_MISSING, "TPM_RC_AUTH_MISSING", CLV_UNSUPPORTED, cannot,
	    NULL, false},
	{TPM2_RC_POLICY, "TPM_RC_POLICY", CLV_UNSUPPORTED, cannot, NULL,
	    false},
	{TPM2_RC_PCR, "TPM_RC_PCR", CLV_POLICY, NULL, NULL, false},
	{TPM2_RC_UPGRADE, "TPM_RC_UPGRADE", CLV_BUSY,
	    "the TPM's firmware is being replaced", NULL, false},
	{TPM2_RC_TOO_MANY_CONTEXTS, "TPM_RC_TOO_MANY_CONTEXTS", CLV_BUSY,
	    slots_full, flush_sessions, true},
	{TPM2_RC_AUTH_UNAVAILABLE, "TPM_RC_AUTH_UNAVAILABLE", CLV_UNSUPPORTED,
	    "the key can't be used with an auth value, only by a policy",
	    NULL, false},
	{TPM2_RC_REBOOT, "TPM_RC_REBOOT", CLV_DEVICE_GONE,
	    "the TPM wants the machine to be restarted",
	    "restart the machine", false},
	{TPM2_RC_UNBALANCED, "TPM_RC_UNBALANCED", CLV_UNSUPPORTED, cannot,
	    NULL, false},
	{TPM2_RC_COMMAND_SIZE, "TPM_RC_COMMAND_SIZE", CLV_IO, NULL, NULL,
	    false},
	{TPM2_RC_COMMAND_CODE, "TPM_RC_COMMAND_CODE", CLV_UNSUPPORTED,
	    "the TPM does not know this command", NULL, false},
	{TPM2_RC_AUTHSIZE, "TPM_RC_AUTHSIZE", CLV_IO, NULL, NULL, false},
	{TPM2_RC_AUTH_CONTEXT, "TPM_RC_AUTH_CONTEXT", CLV_IO, NULL, NULL,
	    false},
	{TPM2_RC_NV_SPACE, "TPM_RC_NV_SPACE", CLV_TOO_LARGE,
	    "the TPM has no room for another persistent key",
	    "keep the key in a file (tpm2:DIRECTORY), or remove one: "
	    "tpm2_evictcontrol -C o -c HANDLE", false},
	{TPM2_RC_NV_DEFINED, "TPM_RC_NV_DEFINED", CLV_EXISTS,
	    "the persistent handle is in use", NULL, false},
	{TPM2_RC_BAD_CONTEXT, "TPM_RC_BAD_CONTEXT", CLV_IO, NULL, NULL,
	    false},
	{TPM2_RC_PARENT, "TPM_RC_PARENT", CLV_CORRUPT, other_tpm, NULL, false},
	{TPM2_RC_NEEDS_TEST, "TPM_RC_NEEDS_TEST", CLV_BUSY, is_busy, NULL,
	    true},
	{TPM2_RC_NO_RESULT, "TPM_RC_NO_RESULT", CLV_IO, NULL, NULL, false},
	{TPM2_RC_SENSITIVE, "TPM_RC_SENSITIVE", CLV_CORRUPT, other_tpm, NULL,
	    false},
	{TPM2_RC_ASYMMETRIC, "TPM_RC_ASYMMETRIC", CLV_UNSUPPORTED, cannot,
	    NULL, false},
	{TPM2_RC_ATTRIBUTES, "TPM_RC_ATTRIBUTES", CLV_UNSUPPORTED, cannot,
	    NULL, false},
	{TPM2_RC_HASH, "TPM_RC_HASH", CLV_UNSUPPORTED, cannot, NULL, false},
	{TPM2_RC_VALUE, "TPM_RC_VALUE", CLV_UNSUPPORTED, cannot, NULL, false},
	{TPM2_RC_HIERARCHY, "TPM_RC_HIERARCHY", CLV_UNSUPPORTED,
	    "the TPM's owner hierarchy is switched off",
	    "switch it on in the firmware's setup", false},
	{TPM2_RC_KEY_SIZE, "TPM_RC_KEY_SIZE", CLV_UNSUPPORTED,
	    "the TPM has no keys of this size", NULL, false},
	{TPM2_RC_MGF, "TPM_RC_MGF", CLV_UNSUPPORTED, cannot, NULL, false},
	{TPM2_RC_MODE, "TPM_RC_MODE", CLV_UNSUPPORTED, cannot, NULL, false},
	{TPM2_RC_TYPE, "TPM_RC_TYPE", CLV_UNSUPPORTED, cannot, NULL, false},
	{TPM2_RC_HANDLE, "TPM_RC_HANDLE", CLV_NOT_FOUND, not_there, NULL,
	    false},
	{TPM2_RC_KDF, "TPM_RC_KDF", CLV_UNSUPPORTED, cannot, NULL, false},
	{TPM2_RC_RANGE, "TPM_RC_RANGE", CLV_UNSUPPORTED, cannot, NULL, false},
	{TPM2_RC_AUTH_FAIL, "TPM_RC_AUTH_FAIL", CLV_AUTH,
	    "the auth value is wrong, and the TPM has counted that", NULL,
	    false},
	{TPM2_RC_NONCE, "TPM_RC_NONCE", CLV_IO, NULL, NULL, false},
	{TPM2_RC_PP, "TPM_RC_PP", CLV_POLICY, NULL, NULL, false},
	{TPM2_RC_SCHEME, "TPM_RC_SCHEME", CLV_UNSUPPORTED, cannot, NULL,
	    false},
	{TPM2_RC_SIZE, "TPM_RC_SIZE", CLV_TOO_LARGE, "the TPM refuses the size",
	    NULL, false},
	{TPM2_RC_SYMMETRIC, "TPM_RC_SYMMETRIC", CLV_UNSUPPORTED, cannot, NULL,
	    false},
	{TPM2_RC_TAG, "TPM_RC_TAG", CLV_IO, NULL, NULL, false},
	{TPM2_RC_SELECTOR, "TPM_RC_SELECTOR", CLV_IO, NULL, NULL, false},
	{TPM2_RC_INSUFFICIENT, "TPM_RC_INSUFFICIENT", CLV_IO, NULL, NULL,
	    false},
	{TPM2_RC_SIGNATURE, "TPM_RC_SIGNATURE", CLV_CRYPTO, NULL, NULL, false},
	{TPM2_RC_KEY, "TPM_RC_KEY", CLV_UNSUPPORTED, cannot, NULL, false},
	{TPM2_RC_POLICY_FAIL, "TPM_RC_POLICY_FAIL", CLV_UNSUPPORTED,
	    "the key can be used under its policy only", NULL, false},
	{TPM2_RC_INTEGRITY, "TPM_RC_INTEGRITY", CLV_CORRUPT, other_tpm, NULL,
	    false},
	{TPM2_RC_TICKET, "TPM_RC_TICKET", CLV_IO, NULL, NULL, false},
	{TPM2_RC_RESERVED_BITS, "TPM_RC_RESERVED_BITS", CLV_IO, NULL, NULL,
	    false},
	{TPM2_RC_BAD_AUTH, "TPM_RC_BAD_AUTH", CLV_AUTH,
	    "the auth value is wrong", NULL, false},
	{TPM2_RC_EXPIRED, "TPM_RC_EXPIRED", CLV_POLICY, NULL, NULL, false},
	{TPM2_RC_BINDING, "TPM_RC_BINDING", CLV_CORRUPT,
	    "the public and the private part are not of the same key", NULL,
	    false},
	{TPM2_RC_CURVE, "TPM_RC_CURVE", CLV_UNSUPPORTED,
	    "the TPM does not have this curve", NULL, false},
	{TPM2_RC_ECC_POINT, "TPM_RC_ECC_POINT", CLV_CORRUPT, NULL, NULL,
	    false},
	{TPM2_RC_CONTEXT_GAP, "TPM_RC_CONTEXT_GAP", CLV_BUSY, slots_full,
	    flush_sessions, true},
	{TPM2_RC_OBJECT_MEMORY, "TPM_RC_OBJECT_MEMORY", CLV_BUSY, slots_full,
	    flush, true},
	{TPM2_RC_SESSION_MEMORY, "TPM_RC_SESSION_MEMORY", CLV_BUSY,
	    slots_full, flush_sessions, true},
	{TPM2_RC_MEMORY, "TPM_RC_MEMORY", CLV_BUSY, slots_full, flush, true},
	{TPM2_RC_SESSION_HANDLES, "TPM_RC_SESSION_HANDLES", CLV_BUSY,
	    slots_full, flush_sessions, true},
	{TPM2_RC_OBJECT_HANDLES, "TPM_RC_OBJECT_HANDLES", CLV_BUSY,
	    slots_full, "restart the machine", false},
	{TPM2_RC_LOCALITY, "TPM_RC_LOCALITY", CLV_POLICY, NULL, NULL, false},
	{TPM2_RC_YIELDED, "TPM_RC_YIELDED", CLV_BUSY, is_busy, NULL, true},
	{TPM2_RC_CANCELED, "TPM_RC_CANCELED", CLV_BUSY,
	    "another program cancelled the command", NULL, true},
	{TPM2_RC_TESTING, "TPM_RC_TESTING", CLV_BUSY, is_busy, NULL, true},
	{TPM2_RC_REFERENCE_H0, "TPM_RC_REFERENCE_H0", CLV_NOT_FOUND,
	    not_there, NULL, true},
	{TPM2_RC_REFERENCE_H1, "TPM_RC_REFERENCE_H1", CLV_NOT_FOUND,
	    not_there, NULL, true},
	{TPM2_RC_REFERENCE_S0, "TPM_RC_REFERENCE_S0", CLV_BUSY,
	    "the session was flushed by another program", NULL, true},
	{TPM2_RC_NV_RATE, "TPM_RC_NV_RATE", CLV_BUSY,
	    "the TPM protects its memory from wear", NULL, true},
	{TPM2_RC_LOCKOUT, "TPM_RC_LOCKOUT", CLV_LOCKED,
	    "the TPM is locked after too many wrong auth values",
	    "wait, or: tpm2_dictionarylockout --clear-lockout", false},
	{TPM2_RC_RETRY, "TPM_RC_RETRY", CLV_BUSY, is_busy, NULL, true},
	{TPM2_RC_NV_UNAVAILABLE, "TPM_RC_NV_UNAVAILABLE", CLV_BUSY, is_busy,
	    NULL, true},
	{CLV_TPM_RC_MALFORMED, "TSS2_SYS_RC_MALFORMED_RESPONSE", CLV_IO,
	    bad_answer, NULL, false},
	{CLV_TPM_RC_FORGED, "TSS2_ESYS_RC_RSP_AUTH_FAILED", CLV_UNTRUSTED,
	    "the answer does not come from the TPM the session was made with",
	    "look for a device between processor and TPM", false},
	{CLV_TPM_RC_STRANGER, "TSS2_ESYS_RC_BAD_TR", CLV_UNTRUSTED,
	    "the parent key is not the one recorded when the key was made: "
	    "another TPM, a TPM that was cleared, or something between "
	    "processor and TPM", NULL, false},
	{CLV_TPM_RC_OWNED, "TSS2_ESYS_RC_INVALID_SESSIONS", CLV_PERMISSION,
	    "the TPM's owner has an auth value, so that the storage key can't "
	    "be made",
	    "let the owner make it persistent once: tpm2_createprimary -C o -P "
	    "AUTH -G ecc -a 'fixedtpm|fixedparent|sensitivedataorigin|"
	    "userwithauth|noda|restricted|decrypt' -c srk.ctx && "
	    "tpm2_evictcontrol -C o -P AUTH -c srk.ctx 0x81000001", false},
	{CLV_TPM_RC_TOO_LARGE, "TSS2_SYS_RC_INSUFFICIENT_CONTEXT",
	    CLV_TOO_LARGE, "more than a TPM command can hold", NULL, false},
	{CLV_TPM_RC_INTERNAL, "TSS2_SYS_RC_GENERAL_FAILURE", CLV_INTERNAL,
	    "OpenSSL refused", NULL, false},
	{CLV_TPM_RC_MEMORY, "TSS2_ESYS_RC_MEMORY", CLV_NO_MEMORY,
	    "out of memory", NULL, false},
	{TSS2_TCTI_RC_GENERAL_FAILURE, "TSS2_TCTI_RC_GENERAL_FAILURE",
	    CLV_DEVICE_GONE, no_answer, NULL, true},
	{TSS2_TCTI_RC_NOT_IMPLEMENTED, "TSS2_TCTI_RC_NOT_IMPLEMENTED",
	    CLV_UNSUPPORTED, no_answer, NULL, false},
	{TSS2_TCTI_RC_BAD_CONTEXT, "TSS2_TCTI_RC_BAD_CONTEXT",
	    CLV_DEVICE_GONE, no_answer, NULL, true},
	{TSS2_TCTI_RC_ABI_MISMATCH, "TSS2_TCTI_RC_ABI_MISMATCH",
	    CLV_UNSUPPORTED, no_answer, NULL, false},
	{TSS2_TCTI_RC_BAD_REFERENCE, "TSS2_TCTI_RC_BAD_REFERENCE",
	    CLV_INTERNAL, no_answer, NULL, false},
	{TSS2_TCTI_RC_INSUFFICIENT_BUFFER, "TSS2_TCTI_RC_INSUFFICIENT_BUFFER",
	    CLV_IO, bad_answer, NULL, false},
	{TSS2_TCTI_RC_BAD_SEQUENCE, "TSS2_TCTI_RC_BAD_SEQUENCE",
	    CLV_DEVICE_GONE, no_answer, NULL, true},
	{TSS2_TCTI_RC_NO_CONNECTION, "TSS2_TCTI_RC_NO_CONNECTION",
	    CLV_DEVICE_GONE, no_answer, NULL, true},
	{TSS2_TCTI_RC_TRY_AGAIN, "TSS2_TCTI_RC_TRY_AGAIN", CLV_BUSY, is_busy,
	    NULL, true},
	{TSS2_TCTI_RC_IO_ERROR, "TSS2_TCTI_RC_IO_ERROR", CLV_DEVICE_GONE,
	    no_answer, NULL, true},
	{TSS2_TCTI_RC_BAD_VALUE, "TSS2_TCTI_RC_BAD_VALUE", CLV_INVALID,
	    "tpm2-tss does not understand the TCTI", NULL, false},
	{TSS2_TCTI_RC_NOT_PERMITTED, "TSS2_TCTI_RC_NOT_PERMITTED",
	    CLV_PERMISSION, no_answer, NULL, false},
	{TSS2_TCTI_RC_MALFORMED_RESPONSE, "TSS2_TCTI_RC_MALFORMED_RESPONSE",
	    CLV_IO, bad_answer, NULL, false},
	{TSS2_TCTI_RC_NOT_SUPPORTED, "TSS2_TCTI_RC_NOT_SUPPORTED",
	    CLV_UNSUPPORTED, "there is no such TCTI", NULL, false},
	{TSS2_TCTI_RC_MEMORY, "TSS2_TCTI_RC_MEMORY", CLV_NO_MEMORY,
	    "out of memory", NULL, false},
};
/* clang-format on */

bool
clv_tpm_rc_is_refusal(TSS2_RC rc)
{
	const TSS2_RC layer = rc & TSS2_RC_LAYER_MASK;

	return rc != TSS2_RC_SUCCESS &&
	    (layer == TSS2_TPM_RC_LAYER || layer == TSS2_RESMGR_TPM_RC_LAYER ||
		layer == TSS2_RESMGR_RC_LAYER);
}

TSS2_RC
clv_tpm_rc_base(TSS2_RC rc)
{
	if (!clv_tpm_rc_is_refusal(rc))
		return rc;
	rc &= ~TSS2_RC_LAYER_MASK;
	/* Part 2, 6.6.2: format 1 has its own code in six bits */
	return rc & TPM2_RC_FMT1 ? rc & 0xbfU : rc;
}

/* Part 2, 6.6.2: of format 1, a parameter's number has a bit of its own, and
 * the highest bit of the others tells sessions from handles. */
bool
clv_tpm_rc_is_session(TSS2_RC rc)
{
	return clv_tpm_rc_is_refusal(rc) && (rc & TPM2_RC_FMT1) != 0 &&
	    (rc & TPM2_RC_P) == 0 && (rc & TPM2_RC_S) != 0;
}

bool
clv_tpm_rc_is_lost(TSS2_RC rc)
{
	const TSS2_RC layer = rc & TSS2_RC_LAYER_MASK;

	return rc == CLV_TPM_RC_MALFORMED ||
	    (layer == TSS2_TCTI_RC_LAYER && rc != CLV_TPM_RC_BUSY);
}

static const struct meaning *
find(TSS2_RC rc)
{
	static const struct meaning unknown = {0, "TSS2_RC", CLV_IO,
	    "the TPM or the software below refuses", NULL, false};
	const TSS2_RC base = clv_tpm_rc_base(rc);

	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (meanings[i].code == base)
			return &meanings[i];
	return &unknown;
}

const char *
clv_tpm_rc_name(TSS2_RC rc)
{
	return find(rc)->name;
}

clv_status
clv_tpm_rc_status(TSS2_RC rc)
{
	return rc == TSS2_RC_SUCCESS ? CLV_OK : find(rc)->status;
}

clv_status
clv_tpm_raise(
    clv_error **err, TSS2_RC rc, const char *operation, const char *subject)
{
	const struct meaning *meaning = find(rc);

	return clv_error_raise(err, meaning->status,
	    &(struct clv_error_info){.operation = operation,
		.subject = subject,
		.remedy = meaning->remedy,
		.domain = CLV_DOMAIN_TPM2,
		.code = rc,
		.code_name = meaning->name,
		.retryable = meaning->retryable},
	    "%s, response code 0x%x",
	    meaning->reason ? meaning->reason : "the TPM refuses", rc);
}
