/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/**
 * Errors: what failed, why, and what a person can do about it.
 *
 * Every fallible function returns a ::clv_status and takes a last argument
 * `clv_error **err`. Pass NULL if the class alone is enough. Otherwise `*err`
 * must be NULL on entry; on failure the function stores a new error object
 * there, which the caller frees with clv_error_free(). On success `*err` is
 * left alone. Nothing is kept per thread.
 *
 *     clv_error *err = NULL;
 *
 *     if (clv_key_open(context, uri, &key, &err) != CLV_OK) {
 *             fprintf(stderr, "%s\n", clv_error_message(err));
 *             if (clv_error_remedy(err))
 *                     fprintf(stderr, "  fix: %s\n", clv_error_remedy(err));
 *             clv_error_free(&err);
 *     }
 *
 * No text of an error contains a secret: URIs are redacted, and a PIN, a
 * password or key material never reaches an error object.
 */
#ifndef CLAVIGER_ERROR_H
#define CLAVIGER_ERROR_H

#include <claviger/api.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * The class of a failure: stable, for programs. Zero is success, all others
 * are negative. New classes may be added; treat an unknown one as "failed".
 */
typedef enum clv_status {
	CLV_OK = 0,
	/** The caller's argument, URI, option or input can't be right. */
	CLV_INVALID = -1,
	/** No such object. */
	CLV_NOT_FOUND = -2,
	/** More than one object fits; name it more exactly. */
	CLV_AMBIGUOUS = -3,
	/** An object of that name is there already; nothing was changed. */
	CLV_EXISTS = -4,
	/** PIN or password missing or wrong. */
	CLV_AUTH = -5,
	/** The next wrong PIN locks the device, or the token misses tries and
	 * this PIN may have cost one in a login that ended without an answer;
	 * nothing was tried, and a person has to decide. */
	CLV_AUTH_LAST_TRY = -6,
	/** The device refuses PINs until it is unlocked or time has passed. */
	CLV_LOCKED = -7,
	/** In use by another; try again later. */
	CLV_BUSY = -8,
	/** Token, card, reader or TPM is not there (any more). */
	CLV_DEVICE_GONE = -9,
	/** The operating system denies access. */
	CLV_PERMISSION = -10,
	/** A security rule refuses: the path guard, key attributes, sizes. */
	CLV_POLICY = -11,
	/** The backend, device or key can't do that. */
	CLV_UNSUPPORTED = -12,
	/** The object is not the one that was opened before. */
	CLV_CHANGED = -13,
	/** Stored data is damaged or not what it claims to be. */
	CLV_CORRUPT = -14,
	/** Reading or writing failed. */
	CLV_IO = -15,
	/** No answer in time. */
	CLV_TIMEOUT = -16,
	/** A person or the application cancelled. */
	CLV_CANCELLED = -17,
	/** Out of memory; nothing was changed. */
	CLV_NO_MEMORY = -18,
	/** Over a documented limit of size, count or depth. */
	CLV_TOO_LARGE = -19,
	/** The answer will come later: ask again (see ask.h). */
	CLV_DEFERRED = -20,
	/** A cryptographic operation failed; for a decryption, no more than
	 * that is told. */
	CLV_CRYPTO = -21,
	/** A signature, certificate or other proof does not hold. */
	CLV_UNTRUSTED = -22,
	/** A defect in this library or in a backend. Please report it. */
	CLV_INTERNAL = -23
} clv_status;

/** Whose code clv_error_code() is. */
typedef enum clv_error_domain {
	CLV_DOMAIN_NONE = 0,
	CLV_DOMAIN_ERRNO,   /**< errno, such as EACCES */
	CLV_DOMAIN_OPENSSL, /**< ERR_get_error(3ssl) */
	CLV_DOMAIN_PKCS11,  /**< CK_RV, such as CKR_PIN_INCORRECT */
	CLV_DOMAIN_TPM2,    /**< TSS2_RC, such as TPM_RC_LOCKOUT */
	CLV_DOMAIN_OPCUA    /**< StatusCode, such as BadCertificateInvalid */
} clv_error_domain;

typedef struct clv_error clv_error;

/** The class by name, such as "NOT_FOUND". Static; any thread. */
CLV_API const char *clv_status_name(clv_status status);

/**
 * Frees `*err` and sets it to NULL. Accepts NULL and a pointer to NULL.
 */
CLV_API void clv_error_free(clv_error **err);

/*
 * The parts of an error. Strings are borrowed and live as long as the error;
 * those marked "or NULL" may be absent. All accept NULL (CLV_OK, NULL, 0).
 * An error object does not change after it was made: any thread may read it.
 */

CLV_API clv_status clv_error_status(const clv_error *err);
/** One line: "OPERATION SUBJECT: REASON (CODE_NAME)". Never NULL. What a
 * terminal would not show, such as a newline in a file's name, is escaped:
 * \xHH. The parts that follow are as they are. */
CLV_API const char *clv_error_message(const clv_error *err);
/** What was being done, such as "open key"; or NULL. */
CLV_API const char *clv_error_operation(const clv_error *err);
/** The redacted URI, or the path, it was done to; or NULL. */
CLV_API const char *clv_error_subject(const clv_error *err);
/** Why it failed, for a person. */
CLV_API const char *clv_error_reason(const clv_error *err);
/** A command, or a sentence, that mends it; or NULL. */
CLV_API const char *clv_error_remedy(const clv_error *err);
CLV_API clv_error_domain clv_error_get_domain(const clv_error *err);
/** The native code in its domain, 0 if there is none. */
CLV_API int64_t clv_error_code(const clv_error *err);
/** The native code by name, such as "CKR_PIN_INCORRECT"; or NULL. */
CLV_API const char *clv_error_code_name(const clv_error *err);
/** Whether the same call can succeed later without anybody mending. */
CLV_API bool clv_error_retryable(const clv_error *err);

/**
 * What clv_error_raise() stores. Every pointer may be NULL and is copied.
 * Zero-initialise it, so that fields added later are empty.
 */
struct clv_error_info {
	const char *operation;
	const char *subject; /**< redacted: see clv_uri_redact() */
	const char *remedy;
	const char *code_name; /**< NULL: found for errno and OpenSSL */
	int64_t code;
	clv_error_domain domain;
	bool retryable;
};

/**
 * Makes an error: for backends and callbacks. Stores it in `*err` (an error
 * already there is replaced) unless `err` is NULL, and returns `status`, so
 * that a function can end with `return clv_error_raise(...)`. `info` may be
 * NULL. If memory runs out, the stored error says so. errno and OpenSSL's
 * error queue are left alone.
 *
 * @param reason printf format of one sentence without a full stop
 */
CLV_API clv_status clv_error_raise(clv_error **err, clv_status status,
    const struct clv_error_info *info, const char *reason, ...)
    CLV_PRINTF(4, 5);

#ifdef __cplusplus
}
#endif

#endif
