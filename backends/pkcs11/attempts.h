/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * What all processes of a user remember of PINs that a token refused, over
 * restarts, so that none is tried twice: a service that is restarted for ever
 * would lock the card in seconds.
 *
 * One file per token in $XDG_STATE_HOME/claviger, $STATE_DIRECTORY,
 * /var/lib/claviger (root) or ~/.local/state/claviger holds salted scrypt
 * hashes of refused PINs, and marks a login that is under way. Without such a
 * directory this process remembers alone.
 */
#ifndef CLV_PKCS11_ATTEMPTS_H
#define CLV_PKCS11_ATTEMPTS_H

#include <openssl/types.h>

#include <claviger/secret.h>

#include "place.h"

struct p11_attempts {
	int fd;
	bool lasting; /* false: in this process only */
	char path[512];
	OSSL_LIB_CTX *openssl;
};

/*
 * Opens and locks the token's file; another process's login is waited for.
 * Close it as soon as the login is over. CLV_BUSY, CLV_IO.
 */
clv_status clv_p11_attempts_open(struct p11_attempts *attempts,
    const struct p11_identity *token, OSSL_LIB_CTX *openssl, clv_error **err);
void clv_p11_attempts_close(struct p11_attempts *attempts);

/* Whether this PIN was refused before. */
clv_status clv_p11_attempts_is_bad(struct p11_attempts *attempts,
    const clv_secret *pin, bool *bad, clv_error **err);
clv_status clv_p11_attempts_add_bad(
    struct p11_attempts *attempts, const clv_secret *pin, clv_error **err);

/*
 * How many logins in a row began and never ended, because their process died
 * in them: any of them may have been a wrong PIN.
 */
unsigned clv_p11_attempts_unfinished(const struct p11_attempts *attempts);
/* To be called before and after C_Login. */
clv_status clv_p11_attempts_begin(
    struct p11_attempts *attempts, clv_error **err);
void clv_p11_attempts_end(struct p11_attempts *attempts);

#endif
