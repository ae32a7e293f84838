/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * What all processes of a user remember of PINs that a token refused, over
 * restarts, so that none is tried twice: a service that is restarted for ever
 * would lock the card in seconds.
 *
 * One file per token in $XDG_STATE_HOME/claviger, $STATE_DIRECTORY,
 * /var/lib/claviger (root) or ~/.local/state/claviger holds salted scrypt
 * hashes: of refused PINs, and of those whose login is under way or ended
 * without an answer. They are written before C_Login, so that whoever dies in
 * it, or just after it, leaves word of the value that it may have spent; a
 * PIN that was accepted is taken out again. Without such a directory this
 * process remembers alone.
 */
#ifndef CLV_PKCS11_ATTEMPTS_H
#define CLV_PKCS11_ATTEMPTS_H

#include <openssl/types.h>

#include <claviger/secret.h>

#include "place.h"

#define P11_VALUE_SIZE 31U

struct p11_attempts {
	int fd;
	bool lasting; /* false: in this process only */
	char path[512];
	OSSL_LIB_CTX *openssl;
	unsigned char value[P11_VALUE_SIZE]; /* the hash of the PIN */
	bool hashed;
};

/* What is remembered of one PIN. */
struct p11_past {
	bool refused;
	/* A login with it ended in a fault, and the token did not tell whether
	 * that cost a try. */
	bool unsure;
	/* So many in a row never ended, because their process died in them. */
	unsigned unfinished;
};

/* How a login ended. */
enum p11_outcome {
	P11_LOGIN_ACCEPTED,
	P11_LOGIN_REFUSED,
	P11_LOGIN_UNJUDGED, /* it did not cost a try */
	P11_LOGIN_UNKNOWN   /* it may have cost one */
};

/*
 * Opens and locks the token's file; another process's login is waited for.
 * Close it as soon as the login is over, and open it anew for the next PIN.
 * CLV_BUSY, CLV_IO.
 */
clv_status clv_p11_attempts_open(struct p11_attempts *attempts,
    const struct p11_identity *token, OSSL_LIB_CTX *openssl, clv_error **err);
void clv_p11_attempts_close(struct p11_attempts *attempts);

clv_status clv_p11_attempts_recall(struct p11_attempts *attempts,
    const clv_secret *pin, struct p11_past *past, clv_error **err);

/*
 * To be called before and after C_Login; a PIN that was right a moment ago may
 * do without the first. Where one is accepted, all others whose logins got no
 * answer are known to be wrong.
 */
clv_status clv_p11_attempts_begin(
    struct p11_attempts *attempts, const clv_secret *pin, clv_error **err);
clv_status clv_p11_attempts_end(struct p11_attempts *attempts,
    const clv_secret *pin, enum p11_outcome outcome, clv_error **err);

#endif
