/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/**
 * What every public header needs: linkage, version, attributes.
 */
#ifndef CLAVIGER_API_H
#define CLAVIGER_API_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLV_VERSION_MAJOR 0
#define CLV_VERSION_MINOR 1
#define CLV_VERSION_PATCH 0
#define CLV_VERSION "0.1.0"

#if defined(__GNUC__)
#define CLV_API __attribute__((visibility("default")))
#define CLV_PRINTF(text, first) __attribute__((format(printf, text, first)))
#define CLV_MUST_USE __attribute__((warn_unused_result))
#else
#define CLV_API
#define CLV_PRINTF(text, first)
#define CLV_MUST_USE
#endif

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The version of the library that is running, such as "0.1.0". It may be
 * newer than the headers' #CLV_VERSION; within one major version the ABI only
 * grows. Static storage; any thread.
 */
CLV_API const char *clv_version(void);

#ifdef __cplusplus
}
#endif

#endif
