/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * tpm2: keys in a TPM 2.0, which never leave it.
 *
 * Why there is no ESYS in here
 *
 * tpm2-tss lends us its TCTIs (the ways to a TPM) and its marshalling (MU).
 * Commands and sessions are our own: frame.c, commands.c and session.c, 1,000
 * lines that stand where ESYS and SYS would. The reason was measured with
 * tpm2-tss 3.2.1 and a software TPM (bench-tpm2 does it again):
 *
 *   P-256 signature, key kept                      ESYS      ours
 *   password in clear on the bus                 0.47 ms       -
 *   salted session with encryption, kept         3.51 ms    0.5 ms
 *
 * ESYS makes an OSSL_LIB_CTX for each hash, HMAC and cipher of a session, 3 ms
 * of the caller's CPU for each command, and has no way to be given other
 * cryptography before version 4. Fewer sessions do not help, as one protected
 * command needs five hashes; caching its contexts from outside would mean to
 * replace OpenSSL's functions under it. Our way is 75,000 instructions for a
 * signature, nearly all of them those five hashes (crypto.c), and it lets us
 * see the TPM's answers before anything else does: what a hostile chip, a bus
 * or an interposer can put into them is checked in one place, and tested byte
 * by byte (test_tpm2_tamper.c, fuzz_tpm2_answers.c, fuzz_tpm2_use.c).
 *
 * What protects what
 *
 *   - Auth values, secrets and plaintexts travel in an HMAC session with
 *     parameter encryption, salted to the storage key: session.c, share.c.
 *   - That the storage key is the TPM's own and not that of somebody in
 *     between is known by its name, recorded with each key that we make
 *     (keyfile.h; parent-name in the URI of a persistent key), and compared
 *     before anything is salted to it. Keys that others made have no name
 *     recorded, and at the moment when a key is made there is none to compare
 *     with: there a passive listener learns nothing, but an interposer that is
 *     there from the beginning could.
 *   - Keys stay loaded, the session stays open: a signature is one command.
 *     Without a resource manager our processes share slots and clean up after
 *     those that died, and after answers that were lost or disturbed: what is
 *     provably ours does not stay in the TPM, and what is not is left alone.
 *     How far that goes is said in slots.h.
 *
 * Lockout
 *
 * A TPM counts wrong auth values of all lockable keys together, and, with
 * such a key in use, power cuts as well; then it refuses all of them for
 * hours. A device that nobody attends must not be locked by its power supply:
 * our keys are exempt ("noDA"). For an auth value that a person chose, and
 * that can be guessed, the option "lockout" = "on" of a new key has the TPM
 * defend it, and is recommended. State, tries left and recovery time are in
 * the error; no stored value is tried when it is the last one; and a TPM that
 * has no resource manager is told to shut down when we let go of it.
 */

#include "key.h"

static unsigned
capabilities_of(void *handle)
{
	const struct clv_tpm_store *store = handle;

	return store->directory != NULL ? CLV_STORE_CHANGES_SECRET : 0;
}

static const char *const options[] = {"lockout", NULL};

extern const struct clv_backend clv_backend_tpm2;

const struct clv_backend clv_backend_tpm2 = {
    .api = CLV_BACKEND_API,
    .scheme = "tpm2",
    .description = "Keys in a TPM 2.0 (tpm2-tss)",
    .capabilities = CLV_STORE_GENERATES | CLV_STORE_IMPORTS |
	CLV_STORE_DELETES | CLV_STORE_LISTS | CLV_STORE_HARDWARE |
	CLV_STORE_SECRET,
    .options = options,
    .store_open = clv_tpm_store_open,
    .store_close = clv_tpm_store_close,
    .store_capabilities = capabilities_of,
    .key_list = clv_tpm_key_list,
    .key_open = clv_tpm_key_open,
    .key_generate = clv_tpm_key_generate,
    .key_import = clv_tpm_key_import,
    .key_delete = clv_tpm_key_delete,
    .key_change_secret = clv_tpm_key_change_secret,
    .key_close = clv_tpm_key_close,
    .key_facts = clv_tpm_key_facts,
    .key_can = clv_tpm_key_can,
    .key_sign = clv_tpm_key_sign,
    .key_decrypt = clv_tpm_key_decrypt,
    .key_rsa_raw = clv_tpm_key_rsa_raw,
    .key_has_rsa_raw = clv_tpm_key_has_rsa_raw,
    .seal = clv_tpm_seal,
    .unseal = clv_tpm_unseal_file,
};
