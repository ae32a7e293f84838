/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Certificates and CRLs as a person is shown them. */
#ifndef CLV_TRUST_ITEM_H
#define CLV_TRUST_ITEM_H

#include <claviger/trust.h>

#include "trust/files.h"
#include "trust/names.h"

/* An item and the texts it points to. */
struct clv_trust_item_text {
	clv_trust_item item;
	char thumbprint[CLV_THUMBPRINT_TEXT];
	char subject[512];
	char issuer[512];
	char file[512];
};

/* The text lives on; the DER is the certificate's or CRL's. */
void clv_trust_item_from_cert(struct clv_trust_item_text *text,
    const struct clv_trust_cert *cert, clv_trust_mask list);
void clv_trust_item_from_crl(struct clv_trust_item_text *text,
    const struct clv_trust_crl *crl, clv_trust_mask list);

/* A file's name for a terminal. */
void clv_trust_item_set_file(
    struct clv_trust_item_text *text, const char *file);

/* The names that their files get. */
void clv_trust_name_cert(
    const struct clv_trust_cert *cert, char name[CLV_TRUST_NAME_SIZE]);
void clv_trust_name_crl(
    const struct clv_trust_crl *crl, char name[CLV_TRUST_NAME_SIZE]);

clv_trust_mask clv_trust_mask_of(bool crl, enum clv_trust_where where);

#endif
