/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/**
 * Everything an application needs. Left out are <claviger/openssl.h>, which
 * needs OpenSSL's headers, and <claviger/backend.h>, for authors of backends.
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
