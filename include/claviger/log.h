/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/**
 * What the library tells while it works. Messages hold no secrets; their
 * wording may change. At CLV_LOG_DEBUG each use of a private key is a line,
 *
 *     file:/etc/pump/key.pem, sign: OK, 1204 us
 *
 * which says of a decryption neither whether it succeeded nor how long it took.
 */
#ifndef CLAVIGER_LOG_H
#define CLAVIGER_LOG_H

#include <claviger/api.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum clv_log_level {
	CLV_LOG_ERROR = 1, /**< something is broken and stays so */
	CLV_LOG_WARNING,   /**< it works, but less safely than it should */
	CLV_LOG_NOTICE,    /**< rare and good to know: a device recovered */
	CLV_LOG_INFO,      /**< what was done */
	CLV_LOG_DEBUG      /**< each use of a private key */
} clv_log_level;

/**
 * Gets one line without a newline, valid during the call. May be called from
 * any thread that uses the library, and from several at once; no lock of the
 * library is held. Must not call back into the library.
 */
typedef void clv_log_fn(void *user, clv_log_level level, const char *line);

#ifdef __cplusplus
}
#endif

#endif
