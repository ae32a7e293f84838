/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What a new PIV card holds: a number of its own, keys and certificates. */
#ifndef CLV_FAKE_PIVCARD_PROVISION_H
#define CLV_FAKE_PIVCARD_PROVISION_H

/* The kind of the store's records that are data objects, by their tag. */
#define PIV_OBJECTS 2U

/*
 * Card Holder Unique Identifier; and in
 *   9A authentication        P-256     PIN once
 *   9C digital signature     RSA-2048  PIN before each use
 *   9D key management        RSA-2048  PIN once
 *   9E card authentication   P-256     no PIN
 * a key with a self-signed certificate. Other algorithms can be chosen with
 * the variables PIVCARD_9A ... PIVCARD_9E: rsa2048, rsa3072, P-256, P-384.
 */
void provision_new_card(void);

#endif
