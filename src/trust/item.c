/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/item.h"

#include <string.h>

#include "trust/distinguished_name.h"
#include "trust/text.h"

clv_trust_mask
clv_trust_mask_of(bool crl, enum clv_trust_where where)
{
	if (where == CLV_TRUST_TRUSTED)
		return crl ? CLV_TRUST_TRUSTED_CRLS
			   : CLV_TRUST_TRUSTED_CERTIFICATES;
	return crl ? CLV_TRUST_ISSUER_CRLS : CLV_TRUST_ISSUER_CERTIFICATES;
}

void
clv_trust_item_set_file(struct clv_trust_item_text *text, const char *file)
{
	struct clv_text to = clv_text_of(text->file, sizeof(text->file));

	if (file != NULL)
		clv_text_add_utf8(&to, (const uint8_t *)file, strlen(file), "");
	text->item.file = text->file;
}

void
clv_trust_item_from_cert(struct clv_trust_item_text *text,
    const struct clv_trust_cert *cert, clv_trust_mask list)
{
	clv_thumbprint_print(cert->thumbprint, text->thumbprint);
	(void)clv_trust_cert_subject_text(
	    cert, text->subject, sizeof(text->subject));
	(void)clv_trust_cert_issuer_text(
	    cert, text->issuer, sizeof(text->issuer));
	text->item = (clv_trust_item){.list = list,
	    .der = cert->der,
	    .size = cert->size,
	    .thumbprint = text->thumbprint,
	    .subject = text->subject,
	    .issuer = text->issuer,
	    .not_before = cert->not_before,
	    .not_after = cert->not_after,
	    .is_ca = (cert->flags & CLV_CERT_CA) != 0};
	clv_trust_item_set_file(text, cert->file);
}

void
clv_trust_item_from_crl(struct clv_trust_item_text *text,
    const struct clv_trust_crl *crl, clv_trust_mask list)
{
	clv_thumbprint_print(crl->thumbprint, text->thumbprint);
	(void)clv_trust_crl_issuer_text(
	    crl, text->issuer, sizeof(text->issuer));
	text->item = (clv_trust_item){.list = list,
	    .der = crl->der,
	    .size = crl->size,
	    .thumbprint = text->thumbprint,
	    .subject = text->issuer,
	    .issuer = text->issuer,
	    .not_before = crl->this_update,
	    .not_after = crl->next_update,
	    .revoked = crl->entry_count,
	    .is_crl = true};
	clv_trust_item_set_file(text, crl->file);
}

void
clv_trust_name_cert(
    const struct clv_trust_cert *cert, char name[CLV_TRUST_NAME_SIZE])
{
	char common_name[256];
	const size_t size =
	    clv_trust_cert_common_name(cert, common_name, sizeof(common_name));

	clv_trust_name_print(
	    (const uint8_t *)common_name, size, cert->thumbprint, "der", name);
}

void
clv_trust_name_crl(
    const struct clv_trust_crl *crl, char name[CLV_TRUST_NAME_SIZE])
{
	struct clv_der whole =
	    clv_der_of(crl->der + crl->issuer.at, crl->issuer.size);
	struct clv_der contents = {whole.end, whole.end};
	char common_name[256];
	size_t size;

	(void)clv_der_read(&whole, CLV_DER_SEQUENCE, &contents);
	size = clv_name_common_name(contents, common_name, sizeof(common_name));
	clv_trust_name_print(
	    (const uint8_t *)common_name, size, crl->thumbprint, "crl", name);
}
