/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include <claviger/statuscode.h>

#include <stdlib.h>

struct entry {
	clv_statuscode code;
	const char *name;
};

/* Sorted by code. */
static const struct entry entries[] = {
    {CLV_SC_GOOD, "Good"},
    {CLV_SC_GOOD_ENTRY_INSERTED, "GoodEntryInserted"},
    {CLV_SC_GOOD_ENTRY_REPLACED, "GoodEntryReplaced"},
    {CLV_SC_UNCERTAIN, "Uncertain"},
    {CLV_SC_BAD, "Bad"},
    {CLV_SC_BAD_UNEXPECTED_ERROR, "BadUnexpectedError"},
    {CLV_SC_BAD_INTERNAL_ERROR, "BadInternalError"},
    {CLV_SC_BAD_OUT_OF_MEMORY, "BadOutOfMemory"},
    {CLV_SC_BAD_RESOURCE_UNAVAILABLE, "BadResourceUnavailable"},
    {CLV_SC_BAD_COMMUNICATION_ERROR, "BadCommunicationError"},
    {CLV_SC_BAD_ENCODING_ERROR, "BadEncodingError"},
    {CLV_SC_BAD_DECODING_ERROR, "BadDecodingError"},
    {CLV_SC_BAD_ENCODING_LIMITS_EXCEEDED, "BadEncodingLimitsExceeded"},
    {CLV_SC_BAD_TIMEOUT, "BadTimeout"},
    {CLV_SC_BAD_SERVICE_UNSUPPORTED, "BadServiceUnsupported"},
    {CLV_SC_BAD_NOTHING_TO_DO, "BadNothingToDo"},
    {CLV_SC_BAD_TOO_MANY_OPERATIONS, "BadTooManyOperations"},
    {CLV_SC_BAD_CERTIFICATE_INVALID, "BadCertificateInvalid"},
    {CLV_SC_BAD_SECURITY_CHECKS_FAILED, "BadSecurityChecksFailed"},
    {CLV_SC_BAD_CERTIFICATE_TIME_INVALID, "BadCertificateTimeInvalid"},
    {CLV_SC_BAD_CERTIFICATE_ISSUER_TIME_INVALID,
	"BadCertificateIssuerTimeInvalid"},
    {CLV_SC_BAD_CERTIFICATE_HOST_NAME_INVALID, "BadCertificateHostNameInvalid"},
    {CLV_SC_BAD_CERTIFICATE_URI_INVALID, "BadCertificateUriInvalid"},
    {CLV_SC_BAD_CERTIFICATE_USE_NOT_ALLOWED, "BadCertificateUseNotAllowed"},
    {CLV_SC_BAD_CERTIFICATE_ISSUER_USE_NOT_ALLOWED,
	"BadCertificateIssuerUseNotAllowed"},
    {CLV_SC_BAD_CERTIFICATE_UNTRUSTED, "BadCertificateUntrusted"},
    {CLV_SC_BAD_CERTIFICATE_REVOCATION_UNKNOWN,
	"BadCertificateRevocationUnknown"},
    {CLV_SC_BAD_CERTIFICATE_ISSUER_REVOCATION_UNKNOWN,
	"BadCertificateIssuerRevocationUnknown"},
    {CLV_SC_BAD_CERTIFICATE_REVOKED, "BadCertificateRevoked"},
    {CLV_SC_BAD_CERTIFICATE_ISSUER_REVOKED, "BadCertificateIssuerRevoked"},
    {CLV_SC_BAD_USER_ACCESS_DENIED, "BadUserAccessDenied"},
    {CLV_SC_BAD_IDENTITY_TOKEN_INVALID, "BadIdentityTokenInvalid"},
    {CLV_SC_BAD_IDENTITY_TOKEN_REJECTED, "BadIdentityTokenRejected"},
    {CLV_SC_BAD_SECURE_CHANNEL_ID_INVALID, "BadSecureChannelIdInvalid"},
    {CLV_SC_BAD_NONCE_INVALID, "BadNonceInvalid"},
    {CLV_SC_BAD_SESSION_ID_INVALID, "BadSessionIdInvalid"},
    {CLV_SC_BAD_REQUEST_CANCELLED_BY_CLIENT, "BadRequestCancelledByClient"},
    {CLV_SC_BAD_NODE_ID_INVALID, "BadNodeIdInvalid"},
    {CLV_SC_BAD_NODE_ID_UNKNOWN, "BadNodeIdUnknown"},
    {CLV_SC_BAD_NOT_READABLE, "BadNotReadable"},
    {CLV_SC_BAD_NOT_WRITABLE, "BadNotWritable"},
    {CLV_SC_BAD_OUT_OF_RANGE, "BadOutOfRange"},
    {CLV_SC_BAD_NOT_SUPPORTED, "BadNotSupported"},
    {CLV_SC_BAD_NOT_FOUND, "BadNotFound"},
    {CLV_SC_BAD_NOT_IMPLEMENTED, "BadNotImplemented"},
    {CLV_SC_BAD_SECURITY_MODE_REJECTED, "BadSecurityModeRejected"},
    {CLV_SC_BAD_SECURITY_POLICY_REJECTED, "BadSecurityPolicyRejected"},
    {CLV_SC_BAD_TOO_MANY_SESSIONS, "BadTooManySessions"},
    {CLV_SC_BAD_APPLICATION_SIGNATURE_INVALID,
	"BadApplicationSignatureInvalid"},
    {CLV_SC_BAD_NO_DELETE_RIGHTS, "BadNoDeleteRights"},
    {CLV_SC_BAD_WRITE_NOT_SUPPORTED, "BadWriteNotSupported"},
    {CLV_SC_BAD_METHOD_INVALID, "BadMethodInvalid"},
    {CLV_SC_BAD_ARGUMENTS_MISSING, "BadArgumentsMissing"},
    {CLV_SC_BAD_OUT_OF_SERVICE, "BadOutOfService"},
    {CLV_SC_BAD_ENTRY_EXISTS, "BadEntryExists"},
    {CLV_SC_BAD_NO_ENTRY_EXISTS, "BadNoEntryExists"},
    {CLV_SC_BAD_INVALID_ARGUMENT, "BadInvalidArgument"},
    {CLV_SC_BAD_CONNECTION_REJECTED, "BadConnectionRejected"},
    {CLV_SC_BAD_DISCONNECT, "BadDisconnect"},
    {CLV_SC_BAD_CONNECTION_CLOSED, "BadConnectionClosed"},
    {CLV_SC_BAD_INVALID_STATE, "BadInvalidState"},
    {CLV_SC_BAD_REQUEST_TOO_LARGE, "BadRequestTooLarge"},
    {CLV_SC_BAD_RESPONSE_TOO_LARGE, "BadResponseTooLarge"},
    {CLV_SC_BAD_REQUEST_NOT_ALLOWED, "BadRequestNotAllowed"},
    {CLV_SC_BAD_TOO_MANY_ARGUMENTS, "BadTooManyArguments"},
    {CLV_SC_BAD_SECURITY_MODE_INSUFFICIENT, "BadSecurityModeInsufficient"},
    {CLV_SC_BAD_TRANSACTION_PENDING, "BadTransactionPending"},
    {CLV_SC_BAD_TRANSACTION_FAILED, "BadTransactionFailed"},
    {CLV_SC_BAD_CERTIFICATE_CHAIN_INCOMPLETE, "BadCertificateChainIncomplete"},
    {CLV_SC_BAD_REQUEST_NOT_COMPLETE, "BadRequestNotComplete"},
    {CLV_SC_BAD_CERTIFICATE_POLICY_CHECK_FAILED,
	"BadCertificatePolicyCheckFailed"},
    {CLV_SC_BAD_TICKET_REQUIRED, "BadTicketRequired"},
    {CLV_SC_BAD_TICKET_INVALID, "BadTicketInvalid"},
};

static int
compare(const void *key, const void *element)
{
	const clv_statuscode code = *(const clv_statuscode *)key;
	const struct entry *entry = element;

	return (code > entry->code) - (code < entry->code);
}

const char *
clv_statuscode_name(clv_statuscode code)
{
	static const char *const severities[] = {
	    "Good", "Uncertain", "Bad", "Bad"};
	const clv_statuscode high = code & UINT32_C(0xFFFF0000);
	const struct entry *found = bsearch(&high, entries,
	    sizeof(entries) / sizeof(entries[0]), sizeof(entries[0]), compare);

	return found != NULL ? found->name : severities[code >> 30];
}

bool
clv_statuscode_is_bad(clv_statuscode code)
{
	return (code & CLV_SC_BAD) != 0;
}
