/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/**
 * Everything an application needs. Left out are <claviger/openssl.h>, which
 * needs OpenSSL's headers, and <claviger/backend.h>, for authors of backends.
 *
 * What holds for all functions, unless one of them says otherwise:
 *
 *  - NULL where something is asked for is an error of the caller and is not
 *    looked for: most likely the process ends there. NULL may be
 *    `clv_error **err` (nobody wants to know why), what clv_free() and
 *    clv_x_free() free, a `const clv_error *`, and what is said to be NULL
 *    "for ..." or "or NULL".
 *  - `**out` is the caller's to free, and NULL if the function fails; it need
 *    not be set before. A pointer that is returned is borrowed.
 *  - `*err` is NULL before the call, or an error, which is replaced.
 *  - Text ends with a 0 byte; times are seconds since 1970-01-01T00:00:00Z.
 */
#ifndef CLAVIGER_CLAVIGER_H
#define CLAVIGER_CLAVIGER_H

#include <claviger/algorithm.h>
#include <claviger/api.h>
#include <claviger/application.h>
#include <claviger/ask.h>
#include <claviger/audit.h>
#include <claviger/certificate.h>
#include <claviger/context.h>
#include <claviger/error.h>
#include <claviger/guard.h>
#include <claviger/key.h>
#include <claviger/live.h>
#include <claviger/log.h>
#include <claviger/seal.h>
#include <claviger/secret.h>
#include <claviger/statuscode.h>
#include <claviger/transaction.h>
#include <claviger/trust_data.h>
#include <claviger/uri.h>
#include <claviger/verify.h>

#endif
