/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What bench-tpm2 compares with: bare ESYS, with one key loaded. */
#ifndef CLV_BENCH_TPM2_ESYS_H
#define CLV_BENCH_TPM2_ESYS_H

#include <stdbool.h>

struct bare;

/* Makes and loads a key with an auth value. */
struct bare *bare_open(const char *tcti, bool rsa);
void bare_close(struct bare **bare);
/* Signs a digest, authorised by password (in clear on the bus) or by a salted
 * session with parameter encryption that is kept. */
bool bare_sign(struct bare *bare, bool protected);
/* OAEP with SHA-256. */
bool bare_decrypt(struct bare *bare, bool protected);
/* Primary, session, load, sign, flush. */
bool bare_cold(struct bare *bare);

#endif
