/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Names of files in a TrustList's directories, and thumbprints as text. */
#ifndef CLV_TRUST_NAMES_H
#define CLV_TRUST_NAMES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CLV_THUMBPRINT_SIZE 20 /* SHA-1: CertificateDigest, Part 6, 3.1.1 */
#define CLV_THUMBPRINT_TEXT 41 /* hexadecimal with the closing 0 */

/* The most bytes of a common name that a file name takes, so that the whole
 * stays under 143 bytes, which is what eCryptfs leaves of NAME_MAX. */
#define CLV_TRUST_NAME_CN 88
#define CLV_TRUST_NAME_SIZE 144

/* Upper case, as OPC UA products write it. */
void clv_thumbprint_print(
    const uint8_t digest[CLV_THUMBPRINT_SIZE], char text[CLV_THUMBPRINT_TEXT]);

/* Reads 40 hexadecimal digits in either case; colons and blanks between bytes
 * are skipped, as certificate viewers print them. */
bool clv_thumbprint_parse(
    const char *text, uint8_t digest[CLV_THUMBPRINT_SIZE]);

/*
 * "COMMON NAME [THUMBPRINT].EXTENSION" (Part 12, F.1). The common name is
 * whatever a certificate says, so it is never taken as it is: what a file
 * system, a shell, a terminal or another product's reader could stumble over
 * becomes '+', it never begins with '.', '-' or a blank, and it is cut where a
 * character ends. Without a usable common name: "[THUMBPRINT].EXTENSION".
 *
 * `common_name` need not be UTF-8 and may hold zero bytes. `extension` is
 * without the dot, at most 8 bytes.
 */
void clv_trust_name_print(const uint8_t *common_name, size_t size,
    const uint8_t digest[CLV_THUMBPRINT_SIZE], const char *extension,
    char name[CLV_TRUST_NAME_SIZE]);

#endif
