/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "cryptoki.h"

#include <stdio.h>

struct meaning {
	CK_RV rv;
	const char *name;
	clv_status status;
	enum p11_fault fault;
	const char *reason; /* NULL: "the token refused" */
	const char *remedy;
	bool retryable;
};

#define PUT_IN "put the token in, or check its reader and connection"
#define UNBLOCK                                                   \
	"set a new PIN with the security officer's PIN, such as " \
	"pkcs11-tool --module MODULE --login --login-type so --init-pin"

#define OWN_NAMES                                                              \
	"give each key, with its public key and certificate, a CKA_ID of its " \
	"own (pkcs11-tool --set-id)"

/* In the order of their values. */
static const struct meaning meanings[] = {
    {CKR_CANCEL, "CKR_CANCEL", CLV_CANCELLED, P11_FAULT_NONE, "cancelled"},
    {CKR_HOST_MEMORY, "CKR_HOST_MEMORY", CLV_NO_MEMORY, P11_FAULT_NONE,
	"out of memory"},
    {CKR_SLOT_ID_INVALID, "CKR_SLOT_ID_INVALID", CLV_DEVICE_GONE,
	P11_FAULT_DEVICE, "the token's slot is gone", PUT_IN, true},
    {CKR_GENERAL_ERROR, "CKR_GENERAL_ERROR", CLV_IO, P11_FAULT_MODULE,
	"the module failed", NULL, true},
    {CKR_FUNCTION_FAILED, "CKR_FUNCTION_FAILED", CLV_IO, P11_FAULT_MODULE,
	"the token failed", NULL, true},
    {CKR_ARGUMENTS_BAD, "CKR_ARGUMENTS_BAD", CLV_UNSUPPORTED, P11_FAULT_NONE,
	"the module does not take these arguments"},
    {CKR_NEED_TO_CREATE_THREADS, "CKR_NEED_TO_CREATE_THREADS", CLV_UNSUPPORTED,
	P11_FAULT_NONE, "the module wants threads of its own"},
    {CKR_CANT_LOCK, "CKR_CANT_LOCK", CLV_UNSUPPORTED, P11_FAULT_NONE,
	"the module can't be used by several threads",
	"add serialize=yes to the URI's query"},
    {CKR_ATTRIBUTE_READ_ONLY, "CKR_ATTRIBUTE_READ_ONLY", CLV_UNSUPPORTED,
	P11_FAULT_NONE, "the token does not let this attribute be set"},
    {CKR_ATTRIBUTE_SENSITIVE, "CKR_ATTRIBUTE_SENSITIVE", CLV_POLICY,
	P11_FAULT_NONE, "the attribute is secret"},
    {CKR_ATTRIBUTE_TYPE_INVALID, "CKR_ATTRIBUTE_TYPE_INVALID", CLV_UNSUPPORTED,
	P11_FAULT_NONE, "the token does not know an attribute"},
    {CKR_ATTRIBUTE_VALUE_INVALID, "CKR_ATTRIBUTE_VALUE_INVALID",
	CLV_UNSUPPORTED, P11_FAULT_NONE,
	"the token does not take an attribute's value"},
    {CKR_ACTION_PROHIBITED, "CKR_ACTION_PROHIBITED", CLV_PERMISSION,
	P11_FAULT_NONE, "the token forbids it"},
    {CKR_DATA_INVALID, "CKR_DATA_INVALID", CLV_CRYPTO, P11_FAULT_NONE,
	"the token does not take this input"},
    {CKR_DATA_LEN_RANGE, "CKR_DATA_LEN_RANGE", CLV_CRYPTO, P11_FAULT_NONE,
	"the token does not take input of this size"},
    {CKR_DEVICE_ERROR, "CKR_DEVICE_ERROR", CLV_DEVICE_GONE, P11_FAULT_MODULE,
	"the connection to the token is broken", PUT_IN, true},
    {CKR_DEVICE_MEMORY, "CKR_DEVICE_MEMORY", CLV_TOO_LARGE, P11_FAULT_NONE,
	"the token has no memory left",
	"delete objects that are not needed any more"},
    {CKR_DEVICE_REMOVED, "CKR_DEVICE_REMOVED", CLV_DEVICE_GONE,
	P11_FAULT_DEVICE, "the token was taken out", PUT_IN, true},
    {CKR_ENCRYPTED_DATA_INVALID, "CKR_ENCRYPTED_DATA_INVALID", CLV_CRYPTO,
	P11_FAULT_NONE, "the token can't decrypt it"},
    {CKR_ENCRYPTED_DATA_LEN_RANGE, "CKR_ENCRYPTED_DATA_LEN_RANGE", CLV_CRYPTO,
	P11_FAULT_NONE, "the token can't decrypt it"},
    {CKR_FUNCTION_CANCELED, "CKR_FUNCTION_CANCELED", CLV_CANCELLED,
	P11_FAULT_NONE, "cancelled at the reader"},
    {CKR_FUNCTION_NOT_PARALLEL, "CKR_FUNCTION_NOT_PARALLEL", CLV_UNSUPPORTED,
	P11_FAULT_NONE, "the module does not do that"},
    {CKR_FUNCTION_NOT_SUPPORTED, "CKR_FUNCTION_NOT_SUPPORTED", CLV_UNSUPPORTED,
	P11_FAULT_NONE, "the module does not do that"},
    {CKR_KEY_HANDLE_INVALID, "CKR_KEY_HANDLE_INVALID", CLV_NOT_FOUND,
	P11_FAULT_SESSION, "the token does not know the key any more"},
    {CKR_KEY_SIZE_RANGE, "CKR_KEY_SIZE_RANGE", CLV_UNSUPPORTED, P11_FAULT_NONE,
	"the token does not do keys of this size"},
    {CKR_KEY_TYPE_INCONSISTENT, "CKR_KEY_TYPE_INCONSISTENT", CLV_UNSUPPORTED,
	P11_FAULT_NONE, "the key can't be used that way"},
    {CKR_KEY_FUNCTION_NOT_PERMITTED, "CKR_KEY_FUNCTION_NOT_PERMITTED",
	CLV_UNSUPPORTED, P11_FAULT_NONE,
	"the key's attributes do not permit that use"},
    {CKR_MECHANISM_INVALID, "CKR_MECHANISM_INVALID", CLV_UNSUPPORTED,
	P11_FAULT_NONE, "the token has no such mechanism"},
    {CKR_MECHANISM_PARAM_INVALID, "CKR_MECHANISM_PARAM_INVALID",
	CLV_UNSUPPORTED, P11_FAULT_NONE,
	"the token does not take the mechanism's parameters"},
    {CKR_OBJECT_HANDLE_INVALID, "CKR_OBJECT_HANDLE_INVALID", CLV_NOT_FOUND,
	P11_FAULT_SESSION, "the token does not know the object any more"},
    {CKR_OPERATION_ACTIVE, "CKR_OPERATION_ACTIVE", CLV_BUSY, P11_FAULT_BUSY,
	"another operation is under way in the session", NULL, true},
    {CKR_OPERATION_NOT_INITIALIZED, "CKR_OPERATION_NOT_INITIALIZED", CLV_IO,
	P11_FAULT_BUSY, "the token forgot the operation", NULL, true},
    {CKR_PIN_INCORRECT, "CKR_PIN_INCORRECT", CLV_AUTH, P11_FAULT_NONE,
	"the PIN is wrong"},
    {CKR_PIN_INVALID, "CKR_PIN_INVALID", CLV_AUTH, P11_FAULT_NONE,
	"the PIN has characters that the token does not take"},
    {CKR_PIN_LEN_RANGE, "CKR_PIN_LEN_RANGE", CLV_AUTH, P11_FAULT_NONE,
	"the PIN is too short or too long"},
    {CKR_PIN_EXPIRED, "CKR_PIN_EXPIRED", CLV_AUTH, P11_FAULT_NONE,
	"the PIN has expired",
	"set a new PIN, such as with pkcs11-tool --module MODULE --login "
	"--change-pin"},
    {CKR_PIN_LOCKED, "CKR_PIN_LOCKED", CLV_LOCKED, P11_FAULT_NONE,
	"the token has locked its PIN", UNBLOCK},
    {CKR_SESSION_CLOSED, "CKR_SESSION_CLOSED", CLV_IO, P11_FAULT_SESSION,
	"the session was closed", NULL, true},
    {CKR_SESSION_COUNT, "CKR_SESSION_COUNT", CLV_BUSY, P11_FAULT_NONE,
	"the token has no session left",
	"end other programs that use the token", true},
    {CKR_SESSION_HANDLE_INVALID, "CKR_SESSION_HANDLE_INVALID", CLV_IO,
	P11_FAULT_SESSION, "the session is gone", NULL, true},
    {CKR_SESSION_READ_ONLY, "CKR_SESSION_READ_ONLY", CLV_PERMISSION,
	P11_FAULT_NONE, "the token can only be read"},
    {CKR_SESSION_READ_ONLY_EXISTS, "CKR_SESSION_READ_ONLY_EXISTS", CLV_BUSY,
	P11_FAULT_NONE, "another session is open", NULL, true},
    {CKR_SESSION_READ_WRITE_SO_EXISTS, "CKR_SESSION_READ_WRITE_SO_EXISTS",
	CLV_BUSY, P11_FAULT_NONE, "the security officer is logged in", NULL,
	true},
    {CKR_SIGNATURE_INVALID, "CKR_SIGNATURE_INVALID", CLV_CRYPTO, P11_FAULT_NONE,
	"the signature is wrong"},
    {CKR_SIGNATURE_LEN_RANGE, "CKR_SIGNATURE_LEN_RANGE", CLV_CRYPTO,
	P11_FAULT_NONE, "the signature has a wrong size"},
    {CKR_TEMPLATE_INCOMPLETE, "CKR_TEMPLATE_INCOMPLETE", CLV_UNSUPPORTED,
	P11_FAULT_NONE, "the token wants attributes that we do not give"},
    {CKR_TEMPLATE_INCONSISTENT, "CKR_TEMPLATE_INCONSISTENT", CLV_UNSUPPORTED,
	P11_FAULT_NONE, "the token does not take this set of attributes"},
    {CKR_TOKEN_NOT_PRESENT, "CKR_TOKEN_NOT_PRESENT", CLV_DEVICE_GONE,
	P11_FAULT_DEVICE, "the token is not there", PUT_IN, true},
    {CKR_TOKEN_NOT_RECOGNIZED, "CKR_TOKEN_NOT_RECOGNIZED", CLV_DEVICE_GONE,
	P11_FAULT_DEVICE, "the reader does not recognise the token",
	"take the token out and put it in again", true},
    {CKR_TOKEN_WRITE_PROTECTED, "CKR_TOKEN_WRITE_PROTECTED", CLV_PERMISSION,
	P11_FAULT_NONE, "the token is write-protected"},
    {CKR_USER_ALREADY_LOGGED_IN, "CKR_USER_ALREADY_LOGGED_IN", CLV_BUSY,
	P11_FAULT_NONE, "the user is logged in already"},
    {CKR_USER_NOT_LOGGED_IN, "CKR_USER_NOT_LOGGED_IN", CLV_AUTH,
	P11_FAULT_SESSION, "the token wants its PIN"},
    {CKR_USER_PIN_NOT_INITIALIZED, "CKR_USER_PIN_NOT_INITIALIZED", CLV_AUTH,
	P11_FAULT_NONE, "the token has no user PIN yet", UNBLOCK},
    {CKR_USER_TYPE_INVALID, "CKR_USER_TYPE_INVALID", CLV_UNSUPPORTED,
	P11_FAULT_NONE, "the token has no such user"},
    {CKR_USER_ANOTHER_ALREADY_LOGGED_IN, "CKR_USER_ANOTHER_ALREADY_LOGGED_IN",
	CLV_BUSY, P11_FAULT_NONE, "another user is logged in", NULL, true},
    {CKR_USER_TOO_MANY_TYPES, "CKR_USER_TOO_MANY_TYPES", CLV_BUSY,
	P11_FAULT_NONE, "another user is logged in", NULL, true},
    {CKR_DOMAIN_PARAMS_INVALID, "CKR_DOMAIN_PARAMS_INVALID", CLV_UNSUPPORTED,
	P11_FAULT_NONE, "the token does not know the curve"},
    {CKR_CURVE_NOT_SUPPORTED, "CKR_CURVE_NOT_SUPPORTED", CLV_UNSUPPORTED,
	P11_FAULT_NONE, "the token does not have the curve"},
    {CKR_BUFFER_TOO_SMALL, "CKR_BUFFER_TOO_SMALL", CLV_IO, P11_FAULT_BUSY,
	"the token's answer is longer than it can be"},
    {CKR_CRYPTOKI_NOT_INITIALIZED, "CKR_CRYPTOKI_NOT_INITIALIZED", CLV_IO,
	P11_FAULT_MODULE, "the module was shut down", NULL, true},
    {CKR_CRYPTOKI_ALREADY_INITIALIZED, "CKR_CRYPTOKI_ALREADY_INITIALIZED",
	CLV_BUSY, P11_FAULT_NONE, "the module is initialised already"},
    {CKR_MUTEX_BAD, "CKR_MUTEX_BAD", CLV_INTERNAL, P11_FAULT_MODULE,
	"the module confused its locks"},
    {CKR_MUTEX_NOT_LOCKED, "CKR_MUTEX_NOT_LOCKED", CLV_INTERNAL,
	P11_FAULT_MODULE, "the module confused its locks"},
    {CKR_FUNCTION_REJECTED, "CKR_FUNCTION_REJECTED", CLV_CANCELLED,
	P11_FAULT_NONE, "rejected at the token"},
    {CLV_CKR_LIE, "bad answer", CLV_CORRUPT, P11_FAULT_BUSY,
	"the token gave an answer that can't be right"},
    {CLV_CKR_WRONG_SIGNATURE, "wrong signature", CLV_CRYPTO, P11_FAULT_BUSY,
	"the token gave a signature that its public key does not confirm",
	"see what has the key's CKA_ID on the token (pkcs11-tool -O): if that "
	"is another key's, " OWN_NAMES "; else do not trust this token"},
    {CLV_CKR_KEY_GONE, "key gone", CLV_NOT_FOUND, P11_FAULT_NONE,
	"the key is not on the token any more"},
    {CLV_CKR_KEY_CHANGED, "key changed", CLV_CHANGED, P11_FAULT_NONE,
	"another key has taken the place of the one that was opened",
	"open the key again"},
    {CLV_CKR_NO_SLOTS, "no slots", CLV_DEVICE_GONE, P11_FAULT_MODULE,
	"the module has no slots: no reader, or no connection", PUT_IN, true},
    {CLV_CKR_NO_SESSION, "no session", CLV_TIMEOUT, P11_FAULT_NONE,
	"all the token's sessions stayed in use", NULL, true},
    {CLV_CKR_AMBIGUOUS_PUBLIC, "ambiguous public key", CLV_AMBIGUOUS,
	P11_FAULT_NONE,
	"several keys have its CKA_ID, and it could not show by a signature "
	"which public key is its own",
	OWN_NAMES},
    {CLV_CKR_FOREIGN_PUBLIC, "another key's public key", CLV_AMBIGUOUS,
	P11_FAULT_NONE,
	"the public key that goes by the key's CKA_ID and label is another "
	"key's; its own is on the token, too",
	OWN_NAMES},
};

static const struct meaning *
find_meaning(CK_RV rv)
{
	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
		if (meanings[i].rv == rv)
			return &meanings[i];
	return NULL;
}

enum p11_fault
clv_p11_fault(CK_RV rv)
{
	/* Most of the time: the table has no line for it. */
	const struct meaning *meaning = rv != CKR_OK ? find_meaning(rv) : NULL;

	return meaning != NULL ? meaning->fault : P11_FAULT_NONE;
}

const char *
clv_p11_rv_name(CK_RV rv, char room[P11_NAME_ROOM])
{
	const struct meaning *meaning = find_meaning(rv);

	if (meaning != NULL)
		return meaning->name;
	(void)snprintf(room, P11_NAME_ROOM, "CKR 0x%lx", rv);
	return room;
}

clv_status
clv_p11_raise(
    CK_RV rv, const char *operation, const char *subject, clv_error **err)
{
	static const struct meaning other = {
	    .status = CLV_IO, .reason = "the token refused"};
	const struct meaning *meaning = find_meaning(rv);
	char room[P11_NAME_ROOM];

	if (meaning == NULL)
		meaning = &other;
	return clv_error_raise(err, meaning->status,
	    &(struct clv_error_info){.operation = operation,
		.subject = subject,
		.remedy = meaning->remedy,
		.domain = CLV_DOMAIN_PKCS11,
		.code = (int64_t)rv,
		.code_name = clv_p11_rv_name(rv, room),
		.retryable = meaning->retryable},
	    "%s", meaning->reason);
}

clv_status
clv_p11_no_memory(const char *operation, clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = operation}, "out of memory");
}

void *
clv_p11_unconst(const void *bytes)
{
	return (void *)(uintptr_t)bytes;
}
