/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/**
 * Stores and private keys.
 *
 * A store is where keys live: a directory, a token, a TPM. A key is one
 * private key in it. Both are named by a URI (uri.h); what differs between
 * kinds of store is in the URI only. Key bytes never leave the library.
 *
 *     clv_key *key = NULL;
 *     uint8_t signature[CLV_SIGNATURE_MAX];
 *     size_t size = sizeof(signature);
 *
 *     if (clv_key_open(context, "pem:/etc/app/key.pem", &key, &err) ||
 *         clv_key_sign(key, CLV_RSA_PKCS1_SHA256, message, message_size,
 *             signature, &size, &err))
 *             ...
 *     clv_key_free(&key);
 *
 * Stores and keys are reference-counted and may be used by any number of
 * threads at once. An operation under way keeps its key alive.
 *
 * Besides what each function names, every one may return CLV_INVALID (bad
 * arguments or URI), CLV_NO_MEMORY, CLV_IO, CLV_INTERNAL, and those that
 * reach a device CLV_DEVICE_GONE, CLV_BUSY, CLV_TIMEOUT; those that need a
 * secret CLV_AUTH, CLV_AUTH_LAST_TRY, CLV_LOCKED, CLV_CANCELLED,
 * CLV_DEFERRED.
 */
#ifndef CLAVIGER_KEY_H
#define CLAVIGER_KEY_H

#include <claviger/algorithm.h>
#include <claviger/context.h>
#include <claviger/uri.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct clv_store clv_store;
typedef struct clv_key clv_key;
typedef struct clv_key_options clv_key_options;
typedef struct clv_key_list clv_key_list;

/** Room for any signature of any key: RSA up to 16384 bits. */
#define CLV_SIGNATURE_MAX 2048U
/** Room for any decrypted message. */
#define CLV_PLAINTEXT_MAX 2048U

/*
 * Stores
 */

/**
 * Opens the store that `uri` names. Nothing is created; a store that does not
 * exist is CLV_NOT_FOUND.
 * @return CLV_UNSUPPORTED for an unknown scheme, CLV_NOT_FOUND,
 *         CLV_AMBIGUOUS, CLV_PERMISSION, CLV_POLICY
 */
CLV_API clv_status clv_store_open(
    clv_context *context, const char *uri, clv_store **out, clv_error **err);
/** Another reference to the same store, to be freed as well. */
CLV_API clv_store *clv_store_ref(clv_store *store);
CLV_API void clv_store_free(clv_store **store);
/** The redacted URI. Borrowed. */
CLV_API const char *clv_store_uri(const clv_store *store);
/** What the store can do: bits of ::clv_store_capability. */
CLV_API unsigned clv_store_capabilities(const clv_store *store);

enum clv_store_capability {
	CLV_STORE_GENERATES = 1,
	CLV_STORE_IMPORTS = 2,
	CLV_STORE_DELETES = 4,
	CLV_STORE_LISTS = 8,
	/** Keys cannot be read out of it, not even by root. */
	CLV_STORE_HARDWARE = 16,
	/** It keeps certificates beside keys (see certificate.h). */
	CLV_STORE_CERTIFICATES = 32,
	/** Keys are protected by a PIN, password or auth value. */
	CLV_STORE_SECRET = 64,
	/** That secret can be changed with clv_key_change_secret(). */
	CLV_STORE_CHANGES_SECRET = 128
};

/*
 * Making keys
 */

/** Options for new keys; one thread at a time. */
CLV_API clv_status clv_key_options_new(clv_key_options **out, clv_error **err);
CLV_API void clv_key_options_free(clv_key_options **options);
/**
 * What people call the key: 1 to 64 bytes of UTF-8 without control
 * characters, '/' or '\'; not "." or "..". Files are named after it. Without
 * a label the store makes one up from algorithm and time.
 */
CLV_API clv_status clv_key_options_set_label(
    clv_key_options *options, const char *label, clv_error **err);
/** The identifier that key, public key and certificate share on a token, 1
 * to 64 bytes (CKA_ID). Default: SHA-1 of the public key. */
CLV_API clv_status clv_key_options_set_id(
    clv_key_options *options, const void *id, size_t size, clv_error **err);
/**
 * Sets an option that only some kinds of store know, such as
 * "scrypt-n" = "65536" for pem. See the backend's documentation.
 *
 * tpm2 knows "lockout" = "on" or "off" (default): whether the TPM counts wrong
 * auth values for this key and refuses it for a while after too many. On is
 * recommended when a person chose the auth value, since that can be guessed;
 * off when nobody attends the device, since power cuts count as well.
 * @return CLV_INVALID when the key is made, if the store does not know it
 */
CLV_API clv_status clv_key_options_set(clv_key_options *options,
    const char *name, const char *value, clv_error **err);

/**
 * Generates a key pair inside the store. Durable when it returns; a failure
 * leaves nothing behind, unless the device is gone and does not come back: what
 * it may have kept then is logged as a warning.
 * @param options NULL for defaults
 * @return CLV_UNSUPPORTED for the algorithm, CLV_EXISTS for a label in use (of
 *         several who take one at the same time, at most one gets it),
 *         CLV_PERMISSION, CLV_POLICY
 */
CLV_API clv_status clv_key_generate(clv_store *store, clv_algorithm algorithm,
    const clv_key_options *options, clv_key **out, clv_error **err);

/**
 * Stores a key that was made elsewhere. A key that has been outside is weaker
 * than one that was not; prefer clv_key_generate().
 * @param pem_or_der  PKCS#8, plain or encrypted, or a traditional private
 *                    key, in PEM or DER; the password of an encrypted one is
 *                    asked for (::CLV_ASK_PASSWORD)
 * @return CLV_CORRUPT if it is not a valid key, CLV_UNSUPPORTED for its kind,
 *         CLV_EXISTS
 */
CLV_API clv_status clv_key_import(clv_store *store,
    const clv_secret *pem_or_der, const clv_key_options *options, clv_key **out,
    clv_error **err);

/*
 * Finding keys
 */

/**
 * Opens the one private key that `uri` names, and its store as needed. Where
 * several keys of a token share an id, and their labels do not tell which
 * public key is whose, the key signs once to show it.
 * @return CLV_NOT_FOUND, CLV_AMBIGUOUS (also if a key could not show which
 *         public key is its own), CLV_CORRUPT, CLV_PERMISSION, CLV_POLICY,
 *         CLV_UNSUPPORTED if there is no public key for it
 */
CLV_API clv_status clv_key_open(
    clv_context *context, const char *uri, clv_key **out, clv_error **err);
/** The same in a store that is open; `uri` must name a key in it. */
CLV_API clv_status clv_key_open_in(
    clv_store *store, const char *uri, clv_key **out, clv_error **err);
CLV_API clv_key *clv_key_ref(clv_key *key);
/** Gives a reference up; with the last one all traces of the key are wiped
 * from memory. Accepts NULL. */
CLV_API void clv_key_free(clv_key **key);

/** One key of a list. Strings are borrowed from the list. */
struct clv_key_entry {
	const char *uri; /**< opens this key */
	const char *label;
	clv_algorithm algorithm; /**< NONE if it could not be read */
	const uint8_t *id;
	size_t id_size;
	/** Why the entry can't be used, NULL if it can. */
	const char *problem;
};

/**
 * Lists every private key, also those that can't be used (with the problem).
 * Asks for a PIN only if the store hides its keys without one.
 * @return CLV_TOO_LARGE rather than a part of them, if a token claims to have
 *         more than 65,536 keys
 */
CLV_API clv_status clv_key_list_get(
    clv_store *store, clv_key_list **out, clv_error **err);
CLV_API size_t clv_key_list_count(const clv_key_list *list);
/** Entry `index`; NULL past the end. Borrowed. */
CLV_API const struct clv_key_entry *clv_key_list_at(
    const clv_key_list *list, size_t index);
CLV_API void clv_key_list_free(clv_key_list **list);

/**
 * Destroys the key that `uri` names, with its public half and its certificate,
 * and nothing of another key that has the same id. Durable when it returns.
 * Handles that are open fail from then on or go on until freed, depending on
 * the store.
 * @return CLV_NOT_FOUND, CLV_AMBIGUOUS, CLV_PERMISSION, CLV_UNSUPPORTED
 */
CLV_API clv_status clv_key_delete(
    clv_context *context, const char *uri, clv_error **err);

/**
 * Changes the password or auth value of a key. The old one is asked for as
 * ::CLV_ASK_PASSWORD or ::CLV_ASK_KEY_AUTH, the new one as
 * ::CLV_ASK_NEW_PASSWORD or ::CLV_ASK_NEW_KEY_AUTH. Old or new after a crash.
 * @return CLV_UNSUPPORTED if the store has none
 */
CLV_API clv_status clv_key_change_secret(
    clv_context *context, const char *uri, clv_error **err);

/*
 * Asking a key: no device is touched. Borrowed, as long as the key lives.
 */

/** The full URI, without secrets; opens this key again. */
CLV_API const char *clv_key_uri(const clv_key *key);
CLV_API const char *clv_key_label(const clv_key *key);
CLV_API clv_algorithm clv_key_algorithm(const clv_key *key);
/** Modulus or field size. */
CLV_API unsigned clv_key_bits(const clv_key *key);
/** The identifier on the token; NULL with size 0 if there is none. */
CLV_API const uint8_t *clv_key_id(const clv_key *key, size_t *size);
/** The public key, DER SubjectPublicKeyInfo (RFC 5280, 4.1.2.7). */
CLV_API const uint8_t *clv_key_public(const clv_key *key, size_t *size);
/** Bytes of a signature; raw r and s for ECDSA. */
CLV_API size_t clv_key_signature_size(const clv_key *key);
/** Properties: bits of ::clv_key_property. */
CLV_API unsigned clv_key_properties(const clv_key *key);

enum clv_key_property {
	CLV_KEY_HARDWARE = 1,            /**< lives in a device */
	CLV_KEY_EXTRACTABLE = 2,         /**< its bytes can be read out */
	CLV_KEY_GENERATED_LOCAL = 4,     /**< was made where it lives */
	CLV_KEY_WEAK_PROTECTION = 8,     /**< such as legacy PEM encryption */
	CLV_KEY_ALWAYS_AUTHENTICATE = 16 /**< a PIN for every operation */
};

/*
 * Using a key
 */

/**
 * Signs a message.
 *
 * @param signature gets the signature: RSA and EdDSA as defined, ECDSA as r
 *                  and s (see clv_ecdsa_to_der())
 * @param size      in: room, at least clv_key_signature_size(); out: bytes
 * @return CLV_UNSUPPORTED if key or device has no such scheme, CLV_INVALID if
 *         there is too little room
 */
CLV_API clv_status clv_key_sign(clv_key *key, clv_scheme scheme,
    const void *message, size_t message_size, uint8_t *signature, size_t *size,
    clv_error **err);

/**
 * Signs a digest that the caller made with the scheme's hash. Not for EdDSA
 * (CLV_UNSUPPORTED), which needs the message.
 */
CLV_API clv_status clv_key_sign_digest(clv_key *key, clv_scheme scheme,
    const void *digest, size_t digest_size, uint8_t *signature, size_t *size,
    clv_error **err);

/**
 * Decrypts one RSA block.
 *
 * A ciphertext that is wrong is CLV_CRYPTO, whatever is wrong with it, and
 * for CLV_RSA_PKCS1 not even that: it decrypts to random bytes that depend on
 * key and ciphertext only, so that nobody can use the caller as a padding
 * oracle (Bleichenbacher; see also RFC 8017, 7.2.2).
 *
 * @param plaintext gets the message; the caller wipes it
 * @param size      in: room, at least the modulus's bytes; out: bytes
 * @return CLV_CRYPTO, CLV_UNSUPPORTED, CLV_INVALID if `ciphertext_size` is
 *         not the modulus's size
 */
CLV_API clv_status clv_key_decrypt(clv_key *key, clv_scheme scheme,
    const void *ciphertext, size_t ciphertext_size, uint8_t *plaintext,
    size_t *size, clv_error **err);

/** How a key does a scheme. */
typedef enum clv_key_path {
	CLV_PATH_NONE = 0, /**< not at all */
	CLV_PATH_NATIVE,   /**< the backend does all of it */
	CLV_PATH_PADDED    /**< padded here, raw RSA in the device */
} clv_key_path;

/** How the key would do a scheme, as far as known without trying. */
CLV_API clv_key_path clv_key_can(const clv_key *key, clv_scheme scheme);

/** One OPC UA security policy and whether a key serves it. */
struct clv_probe_entry {
	const char *policy; /**< name after '#' in the policy URI, static */
	bool serves;        /**< proven by operations just now */
	bool deprecated;    /**< by OPC 10000-7 */
	clv_key_path sign;
	clv_key_path decrypt; /**< NONE if the policy does not decrypt */
	const char *reason;   /**< why not, static or NULL */
};

/** Room for every policy that clv_key_probe() knows. */
#define CLV_PROBE_MAX 32U

/**
 * Finds out which OPC UA security policies the key really serves: signs and
 * verifies, encrypts and decrypts, with each scheme a policy needs.
 *
 * @param entries room for #CLV_PROBE_MAX
 * @param count   gets how many were filled: the policies of the key's family
 * @return what ended it and says nothing about the key, as clv_key_sign()
 *         returns it: CLV_DEVICE_GONE, CLV_AUTH ...; then `*count` is 0
 */
CLV_API clv_status clv_key_probe(clv_key *key, struct clv_probe_entry *entries,
    size_t *count, clv_error **err);

/*
 * ECDSA signatures
 */

/**
 * Turns r and s (each half of `size`) into DER (RFC 3279, 2.2.3).
 * @param der_size in: room, `size + 9` suffices; out: bytes
 */
CLV_API clv_status clv_ecdsa_to_der(const uint8_t *raw, size_t size,
    uint8_t *der, size_t *der_size, clv_error **err);
/**
 * The reverse, strict.
 * @param size bytes of the raw form: twice the curve's
 */
CLV_API clv_status clv_ecdsa_from_der(const uint8_t *der, size_t der_size,
    uint8_t *raw, size_t size, clv_error **err);

#ifdef __cplusplus
}
#endif

#endif
