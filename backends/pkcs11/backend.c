/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * pkcs11: keys on smart cards, on HSMs and in software tokens.
 *
 * libp11 and Cryptoki
 *
 * libp11 (0.4.12 is what we have measured) introduces modules to us and finds
 * their slots and tokens when a module is first used: attached.c. All else
 * goes directly to Cryptoki, on the same module, initialised once. That split
 * is not to our taste but to libp11's behaviour:
 *
 *   - Its sessions. PKCS11_open_session, _login, _enumerate_keys, _certs and
 *     the EVP_PKEYs draw on its own pool of sessions, which waits for ever if
 *     C_OpenSession fails (the token is out), and never learns that sessions
 *     were lost. Whatever needs a session is ours therefore: session.c.
 *   - Its EVP keys. An EVP_PKEY needs PKCS11_enumerate_keys, which reads every
 *     key of the token (300 objects: 1,068 calls, where we make 32) and finds
 *     none if one of them is an Ed25519 key. Once made, it signs with two
 *     calls, as we do, and as fast; but it returns what the token gave, wrong
 *     or not, and does not live through a loss. So keys sign in sign.c, and
 *     the library makes EVP_PKEYs of them as it does for every backend.
 *   - Keys. It generates RSA only, imports RSA only, sets no CKA_EXTRACTABLE
 *     and no usage: generate.c, import.c.
 *   - Letting go. PKCS11_release_all_slots, PKCS11_open_session in the other
 *     mode and PKCS11_CTX_unload close all sessions or finalise the module,
 *     for everybody in the process. PKCS11_update_slots crashes with two
 *     slots. So it looks at slots once, while nobody can have a session, and
 *     is freed without unloading; where a token is looked for later, because
 *     it was pulled or its slot changed, place.c does it.
 *   - Numbers. It believes them: a module that counts more slots the second
 *     time than the first makes it read past its own array. We look first
 *     whether the module agrees with itself (place.c); one that lies at random
 *     could still bring libp11 down, so fuzzing goes without it
 *     (attached_none.c), as can a build that has no libp11.
 *   - PINs. It keeps them in ordinary memory and would spend a token's last
 *     try: login.c.
 *   - Initialising. It asks for the system's locks, with which OpenSC 0.23
 *     waits for itself for ever when a card is pulled in mid-operation. So
 *     module.c comes first, with locks of ours (mutex.c), and libp11 finds
 *     the module initialised.
 *
 * Constants and structures are those of p11-kit's header; of p11-kit itself
 * only the modules' names are used (module_name.c). Its library would load all
 * modules that are configured.
 *
 * The floors
 *
 *   sign.c key.c list.c generate.c import.c delete.c certificate.c
 *                                  the methods
 *   object.c public.c encode.c verify.c match.c   objects, public keys to check
 *                                  with, and whose they are
 *   run.c login.c pin.c attempts.c   a session, logged in; once more after
 *                                  what went wrong was repaired
 *   store.c selector.c             RFC 7512
 *   token.c session.c place.c      sessions, and where the token is
 *   module.c visit.c gate.c process.c mutex.c   the module: once per process,
 *                                  starting anew, forks
 *
 * Rules
 *
 * A signature is two calls, C_SignInit and C_Sign, with a session that the
 * thread had before; nothing is looked up, asked or checked beforehand, and no
 * lock is held in a call. What fails is classified (cryptoki.c) and repaired:
 * a lost session is replaced, the token looked for in all slots, a module that
 * does not answer started anew; then the work is done once more. Numbers,
 * lengths and handles from a module are claims. Threads enter and leave the
 * module through its gate, so that it starts anew only while nobody is inside.
 * Modules stay mapped until the process ends.
 */

#include "key.h"

extern const struct clv_backend clv_backend_pkcs11;

const struct clv_backend clv_backend_pkcs11 = {
    .api = CLV_BACKEND_API,
    .scheme = "pkcs11",
    .description = "smart cards and HSMs (PKCS#11)",
    .capabilities = CLV_STORE_GENERATES | CLV_STORE_IMPORTS |
	CLV_STORE_DELETES | CLV_STORE_LISTS | CLV_STORE_CERTIFICATES |
	CLV_STORE_SECRET,
    .store_open = clv_p11_store_open,
    .store_close = clv_p11_store_close,
    .store_capabilities = clv_p11_store_capabilities,
    .key_list = clv_p11_key_list,
    .key_open = clv_p11_key_open,
    .key_generate = clv_p11_key_generate,
    .key_import = clv_p11_key_import,
    .key_delete = clv_p11_key_delete,
    .key_close = clv_p11_key_close,
    .key_facts = clv_p11_key_facts,
    .key_can = clv_p11_key_can,
    .key_sign = clv_p11_key_sign,
    .key_decrypt = clv_p11_key_decrypt,
    .key_rsa_raw = clv_p11_key_raw,
    .key_has_rsa_raw = clv_p11_key_has_raw,
    .certificates_read = clv_p11_certificates_read,
    .certificates_write = clv_p11_certificates_write,
};
