/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Cryptoki as p11-kit's header has it, and what its return values mean. */
#ifndef CLV_PKCS11_CRYPTOKI_H
#define CLV_PKCS11_CRYPTOKI_H

#include <p11-kit/pkcs11.h>

#include <claviger/error.h>

/* Our own codes, from the range that the standard leaves to vendors. */
#define CLV_CKR(number) (CKR_VENDOR_DEFINED | 0x434c5600UL | (number))
/* The step has raised its own error. */
#define CLV_CKR_RAISED CLV_CKR(1)
/* The device gave something that can't be: a length, a count, a value. */
#define CLV_CKR_LIE CLV_CKR(2)
/* The signature does not fit the public key. */
#define CLV_CKR_WRONG_SIGNATURE CLV_CKR(3)
/* The key that was open is not on the token (any more). */
#define CLV_CKR_KEY_GONE CLV_CKR(4)
/* Another key is where the open one was. */
#define CLV_CKR_KEY_CHANGED CLV_CKR(5)
/* No session became free in time. */
#define CLV_CKR_NO_SESSION CLV_CKR(6)
/* The module has no slots at all, as network clients without a connection. */
#define CLV_CKR_NO_SLOTS CLV_CKR(7)
/* Several public keys may be the private key's own. */
#define CLV_CKR_AMBIGUOUS_PUBLIC CLV_CKR(8)
/* The public key that has the private key's name is another one's. */
#define CLV_CKR_FOREIGN_PUBLIC CLV_CKR(9)
/* Memory ran out on our side. */
#define CLV_CKR_NO_MEMORY CKR_HOST_MEMORY
/* The token is not in any slot. */
#define CLV_CKR_NO_TOKEN CKR_TOKEN_NOT_PRESENT

/* What has to be repaired before the same call is worth another try. */
enum p11_fault {
	P11_FAULT_NONE,    /* nothing: the failure is an answer */
	P11_FAULT_SESSION, /* sessions, logins or handles are gone */
	P11_FAULT_BUSY,    /* this one session is in a wrong state */
	P11_FAULT_DEVICE,  /* the token left its slot, maybe for another */
	P11_FAULT_MODULE   /* nothing can be trusted: ask, then start anew */
};

enum p11_fault clv_p11_fault(CK_RV rv);

/* "CKR_PIN_INCORRECT", or a number in hexadecimal written into `room`. */
#define P11_NAME_ROOM 24U
const char *clv_p11_rv_name(CK_RV rv, char room[P11_NAME_ROOM]);

/*
 * Turns a return value into an error of the class, with the reason and the
 * remedy, that its meaning asks for. Returns the status; an error raised
 * before (CLV_CKR_RAISED) must not come here.
 */
clv_status clv_p11_raise(
    CK_RV rv, const char *operation, const char *subject, clv_error **err);

clv_status clv_p11_no_memory(const char *operation, clv_error **err);

/* Cryptoki's structures take pointers that are not const for what is only
 * read. */
void *clv_p11_unconst(const void *bytes);

#endif
