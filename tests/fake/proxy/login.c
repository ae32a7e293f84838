/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "login.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "sessions.h"
#include "shared.h"
#include "token.h"

static int tries_max; /* 0: the module's own rules */
static bool always_authenticate;
static char *pinpad;              /* what the person at the pinpad types */
static _Atomic uint64_t last_pin; /* hash of the PIN that was right last */

bool
login_set(char **words, const char **problem)
{
	struct p11_proxy_shared *shared = shared_state();
	const char *argument = words[1];

	*problem = NULL;
	if (strcmp(words[0], "always-authenticate") == 0) {
		always_authenticate = true;
	} else if (argument == NULL) {
		return false;
	} else if (strcmp(words[0], "pinpad") == 0) {
		free(pinpad);
		pinpad = strdup(argument);
	} else if (strcmp(words[0], "pin-tries") == 0) {
		tries_max = (int)strtol(argument, NULL, 10);
		if (shared->tries_left > tries_max)
			shared->tries_left = tries_max;
	} else {
		return false;
	}
	return true;
}

void
login_reset(void)
{
	tries_max = 0;
	shared_state()->tries_left = INT32_MAX;
	always_authenticate = false;
	free(pinpad);
	pinpad = NULL;
}

void
login_show(CK_FLAGS *flags)
{
	const int left = shared_state()->tries_left;

	if (pinpad != NULL)
		*flags |= CKF_PROTECTED_AUTHENTICATION_PATH;
	if (tries_max == 0)
		return;
	*flags &= ~(CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY |
	    CKF_USER_PIN_LOCKED);
	if (left <= 0)
		*flags |= CKF_USER_PIN_LOCKED;
	else if (left == 1)
		*flags |= CKF_USER_PIN_FINAL_TRY;
	if (left > 0 && left < tries_max)
		*flags |= CKF_USER_PIN_COUNT_LOW;
}

/* A card counts before it compares, so that pulling it in between gains
 * nothing; here it keeps processes from sharing the last try. */
static bool
take_try(void)
{
	struct p11_proxy_shared *shared = shared_state();

	if (tries_max == 0)
		return true;
	if (atomic_fetch_sub(&shared->tries_left, 1) > 0)
		return true;
	shared->tries_left++;
	return false;
}

static bool
is_wrong_pin(CK_RV rv)
{
	return rv == CKR_PIN_INCORRECT || rv == CKR_PIN_INVALID ||
	    rv == CKR_PIN_LEN_RANGE;
}

/* FNV-1a: a test may search the process's memory for the PIN. */
static uint64_t
hash_pin(const CK_BYTE *pin, CK_ULONG size)
{
	uint64_t hash = 0xcbf29ce484222325U;

	for (CK_ULONG i = 0; i < size; i++)
		hash = (hash ^ pin[i]) * 0x100000001b3U;
	return hash;
}

/* Several processes may fail with the same value at once: the one that finds
 * it there repeats it. */
static void
note_failure(struct p11_proxy_shared *shared, uint64_t value)
{
	uint64_t there = 0;

	shared->failed_logins++;
	for (int i = 0; i < P11_PROXY_VALUES; i++, there = 0) {
		if (atomic_compare_exchange_strong(
			&shared->failed_values[i], &there, value))
			return;
		if (there == value) {
			shared->repeated_failures++;
			return;
		}
	}
}

static CK_RV
settle_try(CK_RV rv, uint64_t value)
{
	struct p11_proxy_shared *shared = shared_state();

	if (rv == CKR_OK)
		shared->logins++;
	else if (is_wrong_pin(rv))
		note_failure(shared, value);
	if (tries_max == 0)
		return rv;
	if (rv == CKR_OK)
		shared->tries_left = tries_max;
	else if (!is_wrong_pin(rv))
		shared->tries_left++;
	else if (shared->tries_left <= 0)
		return CKR_PIN_LOCKED;
	return rv;
}

static CK_RV
login_for_operation(
    CK_SESSION_HANDLE session, const CK_BYTE *pin, CK_ULONG size)
{
	if (!sessions_waiting(session))
		return CKR_OPERATION_NOT_INITIALIZED;
	if (pin == NULL || hash_pin(pin, size) != last_pin)
		return CKR_PIN_INCORRECT;
	sessions_set_waiting(session, false);
	return CKR_OK;
}

CK_RV
login_login(
    CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_BYTE *pin, CK_ULONG size)
{
	CK_RV rv;

	if (user == CKU_SO)
		return real->C_Login(session, user, pin, size);
	if (pinpad != NULL) {
		if (pin != NULL)
			return CKR_ARGUMENTS_BAD;
		pin = (CK_BYTE *)pinpad;
		size = strlen(pinpad);
	}
	if (!take_try())
		return CKR_PIN_LOCKED;
	if (user == CKU_CONTEXT_SPECIFIC && always_authenticate)
		rv = login_for_operation(session, pin, size);
	else
		rv = real->C_Login(session, user, pin, size);
	if (rv == CKR_OK && pin != NULL)
		last_pin = hash_pin(pin, size);
	return settle_try(rv, pin != NULL ? hash_pin(pin, size) : 0);
}

CK_RV
login_set_pin(CK_SESSION_HANDLE session, CK_BYTE *old, CK_ULONG old_size,
    CK_BYTE *new, CK_ULONG new_size)
{
	CK_RV rv;

	if (!take_try())
		return CKR_PIN_LOCKED;
	rv = real->C_SetPIN(session, old, old_size, new, new_size);
	if (rv == CKR_OK && new != NULL)
		last_pin = hash_pin(new, new_size);
	return settle_try(rv, old != NULL ? hash_pin(old, old_size) : 0);
}

CK_RV
login_init_pin(CK_SESSION_HANDLE session, CK_BYTE *pin, CK_ULONG size)
{
	const CK_RV rv = real->C_InitPIN(session, pin, size);

	if (rv == CKR_OK && tries_max > 0)
		shared_state()->tries_left = tries_max;
	return rv;
}

static bool
is_private_key(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
	CK_OBJECT_CLASS class = 0;
	CK_ATTRIBUTE wanted = {CKA_CLASS, &class, sizeof(class)};

	return real->C_GetAttributeValue(session, object, &wanted, 1) ==
	    CKR_OK &&
	    class == CKO_PRIVATE_KEY;
}

CK_RV
login_get_attribute_value(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
    CK_ATTRIBUTE *attributes, CK_ULONG count)
{
	const CK_RV rv =
	    real->C_GetAttributeValue(session, object, attributes, count);

	for (CK_ULONG i = 0; always_authenticate && i < count; i++)
		if (attributes[i].type == CKA_ALWAYS_AUTHENTICATE &&
		    attributes[i].pValue != NULL &&
		    attributes[i].ulValueLen == sizeof(CK_BBOOL) &&
		    is_private_key(session, object))
			*(CK_BBOOL *)attributes[i].pValue = CK_TRUE;
	return rv;
}

static CK_RV
begin_operation(CK_SESSION_HANDLE session, CK_RV rv)
{
	if (rv == CKR_OK && always_authenticate)
		sessions_set_waiting(session, true);
	return rv;
}

CK_RV
login_sign_init(
    CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	if (token_hides(mechanism))
		return CKR_MECHANISM_INVALID;
	return begin_operation(
	    session, real->C_SignInit(session, mechanism, key));
}

CK_RV
login_decrypt_init(
    CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
	if (token_hides(mechanism))
		return CKR_MECHANISM_INVALID;
	return begin_operation(
	    session, real->C_DecryptInit(session, mechanism, key));
}

static bool
must_login(CK_SESSION_HANDLE session)
{
	return always_authenticate && sessions_waiting(session);
}

/* An error ends the operation, so the module's own is finished unseen. */
CK_RV
login_sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG size,
    CK_BYTE *signature, CK_ULONG *signature_size)
{
	CK_BYTE unseen[2048];
	CK_ULONG unseen_size = sizeof(unseen);

	if (!must_login(session) || signature == NULL)
		return real->C_Sign(
		    session, data, size, signature, signature_size);
	real->C_Sign(session, data, size, unseen, &unseen_size);
	sessions_set_waiting(session, false);
	return CKR_USER_NOT_LOGGED_IN;
}

CK_RV
login_decrypt(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG size,
    CK_BYTE *plain, CK_ULONG *plain_size)
{
	CK_BYTE unseen[2048];
	CK_ULONG unseen_size = sizeof(unseen);

	if (!must_login(session) || plain == NULL)
		return real->C_Decrypt(session, data, size, plain, plain_size);
	real->C_Decrypt(session, data, size, unseen, &unseen_size);
	sessions_set_waiting(session, false);
	return CKR_USER_NOT_LOGGED_IN;
}
