/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Keys that come from outside, in the IsoApplet's own form. */
#ifndef CLV_FAKE_ISOCARD_IMPORT_H
#define CLV_FAKE_ISOCARD_IMPORT_H

#include <openssl/evp.h>

#include "fake/card/tlv.h"

/* 7F48 { parts of an RSA key } or E0 { a curve and a secret }. NULL: not
 * supported. The caller frees it. */
EVP_PKEY *import_key(struct bytes data);

/* The name of the curve whose prime is in tag 81, or NULL. */
const char *import_curve(struct bytes parameters);

#endif
