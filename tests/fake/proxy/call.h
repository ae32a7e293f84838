/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* One Cryptoki call on its way through the proxy. */
#ifndef CLV_FAKE_PROXY_CALL_H
#define CLV_FAKE_PROXY_CALL_H

#include <stdint.h>
#include <time.h>

#include <p11-kit/pkcs11.h>

struct call {
	int function; /* enum p11_proxy_function */
	CK_SESSION_HANDLE session;
	CK_RV rv;

	/* What the caller reads afterwards, for lies: `output` holds *length
	 * times `unit` bytes, or `unit` bytes where there is no length. */
	void *output;
	CK_ULONG *length;
	size_t unit;
	CK_ATTRIBUTE *attributes;
	CK_ULONG attribute_count;

	struct timespec start;
	_Bool entered; /* the wrapped module was called */
};

#endif
