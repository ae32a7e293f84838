/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/**
 * A password that stands in no file: small secrets sealed to this machine.
 *
 * A sealed secret is a file that only this machine's TPM can open, so that a
 * copy of the disk is worth nothing. It is a source of secrets (ask.h): the
 * password of a PEM key, or the PIN of a token, for a device where nobody can
 * type.
 *
 *     claviger seal --out /etc/app/pin.sealed
 *     claviger key show pem:/etc/app/key.pem \
 *         --pin-source tpm2:/etc/app/pin.sealed
 *
 * Whoever may read the file and use the TPM on this machine can unseal it:
 * the file is created with mode 0600, and refused when others can read it.
 */
#ifndef CLAVIGER_SEAL_H
#define CLAVIGER_SEAL_H

#include <claviger/context.h>
#include <claviger/secret.h>

#ifdef __cplusplus
extern "C" {
#endif

/**
 * Encrypts a secret so that only this machine's device can decrypt it, and
 * stores it in a new file.
 *
 * @param uri    where: `tpm2:FILE`, with `?tcti=...` for another TPM than the
 *               usual one
 * @param secret 1 to 128 bytes
 * @return CLV_EXISTS if the file is there, CLV_TOO_LARGE, CLV_UNSUPPORTED if
 *         that kind of store can't seal, CLV_DEVICE_GONE, CLV_PERMISSION,
 *         CLV_POLICY
 */
CLV_API clv_status clv_seal(clv_context *context, const char *uri,
    const clv_secret *secret, clv_error **err);

/**
 * The reverse. `out` is replaced; on failure it is empty.
 * @return CLV_NOT_FOUND, CLV_CORRUPT (also if it was sealed by another TPM),
 *         CLV_POLICY, CLV_PERMISSION, CLV_UNSUPPORTED, CLV_DEVICE_GONE
 */
CLV_API clv_status clv_unseal(
    clv_context *context, const char *uri, clv_secret *out, clv_error **err);

#ifdef __cplusplus
}
#endif

#endif
