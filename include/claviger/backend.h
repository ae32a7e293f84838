/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/**
 * The contract between the library and a backend: a place where keys live.
 *
 * Only authors of backends need this header. A backend is one
 * `const struct clv_backend`; the library knows nothing else about it and
 * asks it for what it can do, never who it is. The suite
 * `claviger-backend-contract` tests whether a backend keeps the contract.
 *
 * What the library does for every backend: parses URIs; counts references;
 * hashes messages; checks sizes, and that key and scheme go together; pads
 * where a backend offers raw RSA only; makes EVP_PKEYs, certificates and
 * requests; hides why a decryption failed. What a backend does: finds,
 * makes and destroys keys, gets the secrets it needs through its host, and
 * does the private-key operation with as few device calls as possible.
 *
 * Threads: methods on one store or key may be called by many threads at
 * once; `key_close` and `store_close` only when no other call on that object
 * is under way. The library holds no lock while it calls a method, and a
 * backend holds none while it calls its host.
 */
#ifndef CLAVIGER_BACKEND_H
#define CLAVIGER_BACKEND_H

#include <claviger/algorithm.h>
#include <claviger/ask.h>
#include <claviger/guard.h>
#include <claviger/key.h>
#include <claviger/log.h>
#include <claviger/uri.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Changes whenever this header does in an incompatible way. */
#define CLV_BACKEND_API 1U

/*
 * The host: what the library offers to a backend.
 */

typedef struct clv_host clv_host;

/**
 * Gets a secret from the sources or a person, as ask.h says.
 * `request->attempt` starts at 1 and tells the host to move on to the next
 * source: attempt 2 after the first value was wrong, and so on.
 * `request->struct_size` need not be set.
 *
 * @param pin_source the URI's own source (`pin-source`), or NULL
 * @return CLV_AUTH if there is nobody to ask, or nobody has another one;
 *         CLV_NOT_FOUND if sources are named but none has anything;
 *         CLV_CANCELLED, CLV_DEFERRED
 */
CLV_API clv_status clv_host_ask(clv_host *host, const char *pin_source,
    const struct clv_ask_request *request, clv_secret *answer, clv_error **err);
/** Writes a line to the application's log. */
CLV_API void clv_host_log(clv_host *host, clv_log_level level,
    const char *format, ...) CLV_PRINTF(3, 4);
/** The guard to judge files with. Borrowed. */
CLV_API const clv_guard *clv_host_guard(const clv_host *host);

/*
 * What passes between them.
 */

/** A new key's wishes; strings are borrowed for the call. */
struct clv_key_spec {
	clv_algorithm algorithm;
	const char *label; /**< never NULL: checked, safe as a file name */
	bool label_given; /**< false: made up, so a clash means "try another" */
	const uint8_t *id; /**< NULL: the backend takes SHA-1 of the key */
	size_t id_size;
	/** Names and values of special options, in pairs, NULL at the end;
	 * only names listed in clv_backend.options occur. */
	const char *const *options;
};

/** What a backend says about an open key. Pointers live as long as the key. */
struct clv_key_facts {
	const char *uri; /**< complete and without secrets */
	const char *label;
	const uint8_t *id;
	size_t id_size;
	const uint8_t *public_key; /**< DER SubjectPublicKeyInfo */
	size_t public_key_size;
	unsigned properties; /**< bits of ::clv_key_property */
};

/**
 * A private-key operation, taken apart. For PSS the MGF1 hash is `hash` and
 * the salt `salt_size` bytes (the hash's size, unless an EVP user chose
 * another); for OAEP `hash` serves label and MGF1.
 */
struct clv_mechanism {
	clv_family family;
	clv_padding padding;
	clv_hash hash;
	size_t salt_size;
	bool decrypts;
};

/** Takes one key of a list; returns anything but CLV_OK to end the listing. */
typedef clv_status clv_list_fn(
    void *user, const struct clv_key_entry *entry, clv_error **err);

/** Takes one certificate (DER) of a store. */
typedef clv_status clv_certificate_fn(
    void *user, const uint8_t *der, size_t size, clv_error **err);

/*
 * The methods. "Required" ones are never NULL. An optional one that is NULL
 * means CLV_UNSUPPORTED, unless its comment says otherwise. `store` and `key`
 * are the backend's own objects. Every failure raises an error.
 */
struct clv_backend {
	/** #CLV_BACKEND_API. Checked before anything else is looked at. */
	unsigned api;
	/** Required: the URI scheme, lower case. */
	const char *scheme;
	/** Required: one line for people. */
	const char *description;
	/** Bits of ::clv_store_capability that every store of it has. */
	unsigned capabilities;
	/** Names of the special options of clv_key_options_set(), NULL at the
	 * end; NULL: none. */
	const char *const *options;

	/**
	 * Required. Opens the store that `uri` names or, if `of_key`, the one
	 * that the key named by `uri` lives in. Refuses attributes it does
	 * not know. `host` stays valid until store_close.
	 */
	clv_status (*store_open)(clv_host *host, const clv_uri *uri,
	    bool of_key, void **store, clv_error **err);
	/** Required. Never fails; releases all the store has. */
	void (*store_close)(void *store);
	/** Optional: further capabilities of this store; NULL: none. */
	unsigned (*store_capabilities)(void *store);

	/** Required. Calls `fn` for each private key, usable or not. */
	clv_status (*key_list)(
	    void *store, clv_list_fn *fn, void *user, clv_error **err);
	/** Required. Exactly one match, or CLV_NOT_FOUND, CLV_AMBIGUOUS. */
	clv_status (*key_open)(
	    void *store, const clv_uri *uri, void **key, clv_error **err);
	/** Optional. Durable on success, without trace on failure. */
	clv_status (*key_generate)(void *store, const struct clv_key_spec *spec,
	    void **key, clv_error **err);
	/** Optional. `pkcs8` is one strict DER PrivateKeyInfo (RFC 5958),
	 * already checked; `spec->algorithm` is its algorithm. */
	clv_status (*key_import)(void *store, const struct clv_key_spec *spec,
	    const clv_secret *pkcs8, void **key, clv_error **err);
	/** Optional. Removes private and public halves. */
	clv_status (*key_delete)(
	    void *store, const clv_uri *uri, clv_error **err);
	/** Optional. See clv_key_change_secret(). */
	clv_status (*key_change_secret)(
	    void *store, const clv_uri *uri, clv_error **err);

	/** Required. Never fails; wipes what it kept of the key. */
	void (*key_close)(void *key);
	/** Required. Fills `facts`. Never touches the device. */
	void (*key_facts)(void *key, struct clv_key_facts *facts);
	/**
	 * Required. Whether `sign` or `decrypt` does this operation. Never
	 * touches the device. For what it denies, the library pads and calls
	 * `rsa_raw` if that is there.
	 */
	bool (*key_can)(void *key, const struct clv_mechanism *mechanism);
	/**
	 * Required. Signs. `input` is the digest, of the size of
	 * `mechanism->hash` (for ECDSA cut to the curve's order); for EdDSA
	 * the message. `signature` has exactly the room of the key's
	 * signature size, and is filled completely: ECDSA as r and s.
	 */
	clv_status (*key_sign)(void *key, const struct clv_mechanism *mechanism,
	    const uint8_t *input, size_t input_size, uint8_t *signature,
	    clv_error **err);
	/**
	 * Optional. Decrypts and removes the padding. `plaintext` has room
	 * for the modulus's bytes. A ciphertext or padding that is wrong is
	 * CLV_CRYPTO and nothing else. The library prefers `rsa_raw` for
	 * PKCS#1 v1.5, to keep secret whether the padding was right.
	 */
	clv_status (*key_decrypt)(void *key,
	    const struct clv_mechanism *mechanism, const uint8_t *ciphertext,
	    size_t ciphertext_size, uint8_t *plaintext, size_t *size,
	    clv_error **err);
	/**
	 * Optional. RSA without padding: `input` and `output` have the
	 * modulus's bytes, input < modulus. key_has_rsa_raw says whether this
	 * key has it.
	 */
	clv_status (*key_rsa_raw)(
	    void *key, const uint8_t *input, uint8_t *output, clv_error **err);
	/** Optional; NULL: every RSA key has it if key_rsa_raw is there. */
	bool (*key_has_rsa_raw)(void *key);

	/** Optional. Calls `fn` for each certificate stored with the key: its
	 * own first, then its issuers. */
	clv_status (*certificates_read)(
	    void *key, clv_certificate_fn *fn, void *user, clv_error **err);
	/** Optional. Replaces the certificates stored with the key: the
	 * first is its own. None: removes them. */
	clv_status (*certificates_write)(void *key,
	    const uint8_t *const *certificates, const size_t *sizes,
	    size_t count, clv_error **err);

	/** Optional. Encrypts a small secret so that only this device can
	 * decrypt it, and stores it where `uri` says. */
	clv_status (*seal)(clv_host *host, const clv_uri *uri,
	    const clv_secret *secret, clv_error **err);
	/** Optional. The reverse; makes SCHEME:PATH a source of secrets. */
	clv_status (*unseal)(clv_host *host, const clv_uri *uri,
	    clv_secret *secret, clv_error **err);
};

#ifdef __cplusplus
}
#endif

#endif
