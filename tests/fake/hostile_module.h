/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * A PKCS#11 module that answers every call from a string of bytes: return
 * values, lengths, counts, handles, contents. For fuzz targets: linked
 * (clv-hostile-module), or loaded as claviger-hostile-p11.so, which exports the
 * same functions besides C_GetFunctionList.
 *
 * A byte of 0 asks for the plausible answer, so that an input of zeros walks
 * straight through: one slot, one token, an RSA-2048 and a P-256 key with
 * their public halves and a certificate; the P-256 key really signs. Any other
 * byte may make the answer wrong. When the bytes are used up every call
 * returns CKR_DEVICE_REMOVED, so that nothing goes on for ever.
 *
 * The module never reads or writes outside of what the caller gave it: it lies,
 * it does not attack memory that nobody could defend. For one thread.
 */
#ifndef CLV_HOSTILE_MODULE_H
#define CLV_HOSTILE_MODULE_H

#include <stddef.h>
#include <stdint.h>

#include <p11-kit/pkcs11.h>

/* The bytes must stay until the next call of this function. Forgets all
 * sessions and operations. */
void hostile_module_set_input(const uint8_t *data, size_t size);

CK_FUNCTION_LIST *hostile_module_functions(void);

/* Cryptoki calls, and how many of them came after the last byte, since the
 * input was set. */
size_t hostile_module_calls(void);
size_t hostile_module_calls_at_end(void);

#endif
