/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "input.h"

/* Bytes below are honest. */
#define LIES 0xc0

static const uint8_t *next_byte, *end;
static size_t calls, calls_at_end;

void
input_set(const uint8_t *data, size_t size)
{
	next_byte = data;
	end = size > 0 ? data + size : data;
	calls = calls_at_end = 0;
}

size_t
input_calls(void)
{
	return calls;
}

size_t
input_calls_at_end(void)
{
	return calls_at_end;
}

static unsigned
take(void)
{
	return next_byte == end ? 0 : *next_byte++;
}

static CK_ULONG
take_number(unsigned bytes)
{
	CK_ULONG number = 0;

	while (bytes-- > 0)
		number = number << 8 | take();
	return number;
}

CK_RV
input_verdict(void)
{
	static const CK_RV errors[] = {
	    CKR_HOST_MEMORY,
	    CKR_SLOT_ID_INVALID,
	    CKR_GENERAL_ERROR,
	    CKR_FUNCTION_FAILED,
	    CKR_ARGUMENTS_BAD,
	    CKR_ATTRIBUTE_SENSITIVE,
	    CKR_ATTRIBUTE_TYPE_INVALID,
	    CKR_ATTRIBUTE_VALUE_INVALID,
	    CKR_BUFFER_TOO_SMALL,
	    CKR_CRYPTOKI_ALREADY_INITIALIZED,
	    CKR_CRYPTOKI_NOT_INITIALIZED,
	    CKR_DATA_INVALID,
	    CKR_DATA_LEN_RANGE,
	    CKR_DEVICE_ERROR,
	    CKR_DEVICE_MEMORY,
	    CKR_DEVICE_REMOVED,
	    CKR_ENCRYPTED_DATA_INVALID,
	    CKR_FUNCTION_CANCELED,
	    CKR_FUNCTION_NOT_SUPPORTED,
	    CKR_KEY_FUNCTION_NOT_PERMITTED,
	    CKR_KEY_HANDLE_INVALID,
	    CKR_KEY_TYPE_INCONSISTENT,
	    CKR_MECHANISM_INVALID,
	    CKR_MECHANISM_PARAM_INVALID,
	    CKR_OBJECT_HANDLE_INVALID,
	    CKR_OPERATION_ACTIVE,
	    CKR_OPERATION_NOT_INITIALIZED,
	    CKR_PIN_EXPIRED,
	    CKR_PIN_INCORRECT,
	    CKR_PIN_LEN_RANGE,
	    CKR_PIN_LOCKED,
	    CKR_SESSION_CLOSED,
	    CKR_SESSION_COUNT,
	    CKR_SESSION_HANDLE_INVALID,
	    CKR_SESSION_READ_ONLY,
	    CKR_TEMPLATE_INCONSISTENT,
	    CKR_TOKEN_NOT_PRESENT,
	    CKR_TOKEN_NOT_RECOGNIZED,
	    CKR_TOKEN_WRITE_PROTECTED,
	    CKR_USER_ALREADY_LOGGED_IN,
	    CKR_USER_NOT_LOGGED_IN,
	    CKR_USER_PIN_NOT_INITIALIZED,
	};
	const size_t count = sizeof(errors) / sizeof(errors[0]);
	unsigned byte;

	calls++;
	if (next_byte == end) {
		calls_at_end++;
		return CKR_DEVICE_REMOVED;
	}
	byte = take();
	if (byte < LIES)
		return CKR_OK;
	return byte - LIES < count ? errors[byte - LIES] : take_number(4);
}

bool
input_wants_lie(void)
{
	return take() >= LIES;
}

CK_ULONG
input_number(CK_ULONG honest)
{
	const unsigned byte = take();

	if (byte < LIES)
		return honest;
	switch (byte & 0x0f) {
	case 0:
		return 0;
	case 1:
		return honest + 1;
	case 2:
		return honest - 1;
	case 3:
		return honest * 2;
	case 4:
		return honest / 2;
	case 5:
		return CK_UNAVAILABLE_INFORMATION; /* all bits */
	case 6:
		return CK_UNAVAILABLE_INFORMATION >> 1;
	case 7:
		return 0x80000000;
	case 8:
		return 0xffffffff;
	case 9:
		return take_number(8);
	case 10:
		return take_number(2);
	default:
		return take_number(1);
	}
}

void
input_spoil(void *bytes, size_t size)
{
	uint8_t *to = bytes;
	const unsigned byte = take();

	if (byte < LIES || size == 0)
		return;
	if (byte < 0xe0) {
		to[take_number(2) % size] ^= (uint8_t)(1U << (byte & 7));
		return;
	}
	/* From the stream, as much as there is. */
	for (size_t i = 0; i < size && next_byte != end; i++)
		to[i] = (uint8_t)take();
}
