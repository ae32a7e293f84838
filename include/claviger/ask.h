/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/**
 * Asking for a PIN or a password.
 *
 * When a store or key needs one, the library asks in this order: the secret
 * source of the URI (`pin-source`), the sources added to the context, the
 * callback. A source that has nothing (a credential that is not there, a
 * descriptor that is not open, an empty file, no terminal) is passed over; one
 * that is there and can't be read ends it with its error. If no source has
 * anything, the call fails with CLV_NOT_FOUND and says what each lacks; with
 * no source at all, or none that is left after a wrong value, with CLV_AUTH. A
 * source is tried once per value: what it gave is not offered to
 * the same key or token again after it was refused, and never on a token's
 * last try. What a token did not judge, because it or its connection failed, is
 * kept while that is repaired, and no source or person is asked for it again in
 * the same call. The callback may be asked again, with #clv_ask_request.attempt
 * counting up.
 *
 * Sources, as text:
 *
 *     prompt         the terminal /dev/tty, without echo
 *     fd:N           one line from descriptor N, or up to its end
 *     cred:NAME      the systemd credential NAME ($CREDENTIALS_DIRECTORY)
 *     keyring:NAME   a kernel key of type "user" with the description
 *                    NAME, searched in the session and user keyrings
 *     file:PATH      a file, guarded like a private key; works, but a secret
 *                    in a file should be avoided, and a warning says so
 *     SCHEME:PATH    a backend that can unseal, such as tpm2:FILE
 *
 * One newline at the end is not part of the secret.
 */
#ifndef CLAVIGER_ASK_H
#define CLAVIGER_ASK_H

#include <claviger/secret.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What the secret is for. */
typedef enum clv_ask_purpose {
	CLV_ASK_PASSWORD,     /**< open an encrypted key */
	CLV_ASK_NEW_PASSWORD, /**< protect a new key; ask twice */
	CLV_ASK_PIN,          /**< a token's user PIN */
	CLV_ASK_CONTEXT_PIN,  /**< the PIN again, for this one operation */
	CLV_ASK_KEY_AUTH,     /**< a TPM key's auth value */
	CLV_ASK_NEW_KEY_AUTH, /**< the same for a new key */
	CLV_ASK_OWNER_AUTH    /**< the TPM's owner authorisation */
} clv_ask_purpose;

enum clv_ask_flags {
	/** The value given before was wrong. */
	CLV_ASK_RETRY = 1,
	/** The device says that few tries are left. */
	CLV_ASK_COUNT_LOW = 2,
	/**
	 * A wrong value now locks the device: ask a person, explicitly. With
	 * #clv_ask_request.tries_left at -1 it is not known to: an earlier
	 * login with a value that was given before ended without an answer and
	 * may have cost a try, and only a person may give that one again.
	 */
	CLV_ASK_FINAL_TRY = 4,
	/** An empty value is allowed and means "none". */
	CLV_ASK_OPTIONAL = 8
};

/** One question. Zero or NULL means "not known". */
struct clv_ask_request {
	size_t struct_size; /**< sizeof of the library's struct */
	clv_ask_purpose purpose;
	const char *uri;   /**< of the key or store, redacted */
	const char *label; /**< of the token or key, for a person */
	unsigned attempt;  /**< 1 for the first question */
	int tries_left;    /**< before the device locks; -1 unknown */
	unsigned flags;    /**< bits of ::clv_ask_flags */
};

/**
 * Answers a question. Called without any lock held, on the thread whose call
 * needs the secret; several threads may ask at once. It may call the library.
 *
 * @return CLV_OK with `answer` set; CLV_CANCELLED to make the call fail;
 *         CLV_DEFERRED to make it fail with that class, so that the
 *         application can ask in its own time and repeat the call
 */
typedef clv_status clv_ask_fn(void *user, const struct clv_ask_request *request,
    clv_secret *answer, clv_error **err);

#ifdef __cplusplus
}
#endif

#endif
