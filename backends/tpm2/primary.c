/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * The storage key above ours. Most files name the owner hierarchy, which
 * means the TCG's default ECC storage root key: it is made again from its
 * template, always the same, or found at the usual persistent handle when its
 * name proves that it is the same.
 */

#include "commands.h"

#include <string.h>

#include <openssl/evp.h>

#include "base/crypto.h"

/* Where an administrator would have made it persistent (TCG EK Credential
 * Profile and Provisioning Guidance). */
#define USUAL_SRK 0x81000001U

#define SRK_ATTRIBUTES                                                      \
	(TPMA_OBJECT_USERWITHAUTH | TPMA_OBJECT_RESTRICTED |                \
	    TPMA_OBJECT_DECRYPT | TPMA_OBJECT_NODA | TPMA_OBJECT_FIXEDTPM | \
	    TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN)

const TPM2B_PUBLIC clv_tpm_srk_template = {
    .publicArea =
	{
	    .type = TPM2_ALG_ECC,
	    .nameAlg = TPM2_ALG_SHA256,
	    .objectAttributes = SRK_ATTRIBUTES,
	    .parameters.eccDetail =
		{
		    .symmetric = {.algorithm = TPM2_ALG_AES,
			.keyBits.aes = 128,
			.mode.aes = TPM2_ALG_CFB},
		    .scheme.scheme = TPM2_ALG_NULL,
		    .curveID = TPM2_ECC_NIST_P256,
		    .kdf.scheme = TPM2_ALG_NULL,
		},
	},
};

TSS2_RC
clv_tpm_name_of(const TPM2B_PUBLIC *public_area, TPM2B_NAME *name)
{
	const TPM2_ALG_ID hash = public_area->publicArea.nameAlg;
	uint8_t bytes[sizeof(TPMT_PUBLIC)];
	size_t size = 0;

	name->size = 0;
	if (clv_tpm_hash_size(hash) == 0)
		return TPM2_RC_HASH;
	if (Tss2_MU_TPMT_PUBLIC_Marshal(&public_area->publicArea, bytes,
		sizeof(bytes), &size) != TSS2_RC_SUCCESS)
		return CLV_TPM_RC_MALFORMED;
	if (EVP_Q_digest(clv_crypto_context(), clv_tpm_hash_name(hash), NULL,
		bytes, size, name->name + 2, NULL) != 1)
		return CLV_TPM_RC_INTERNAL;
	clv_tpm_write_u16(name->name, hash);
	name->size = (UINT16)(2 + clv_tpm_hash_size(hash));
	return TSS2_RC_SUCCESS;
}

bool
clv_tpm_name_equal(const TPM2B_NAME *a, const TPM2B_NAME *b)
{
	return a->size == b->size && memcmp(a->name, b->name, a->size) == 0;
}

bool
clv_tpm_is_like_srk(const TPM2B_PUBLIC *public_area)
{
	const TPMT_PUBLIC *template = &clv_tpm_srk_template.publicArea;
	const TPMT_PUBLIC *area = &public_area->publicArea;

	return area->type == template->type &&
	    area->objectAttributes == template->objectAttributes &&
	    area->parameters.eccDetail.curveID ==
	    template->parameters.eccDetail.curveID;
}

/* Something that can be salted to and that keys can live under. */
static bool
is_storage_key(const TPM2B_PUBLIC *public_area)
{
	const TPMT_PUBLIC *area = &public_area->publicArea;

	return (area->type == TPM2_ALG_ECC || area->type == TPM2_ALG_RSA) &&
	    (area->objectAttributes & TPMA_OBJECT_RESTRICTED) != 0 &&
	    (area->objectAttributes & TPMA_OBJECT_DECRYPT) != 0;
}

static TSS2_RC
accept(struct clv_tpm_primary *primary, const TPM2B_NAME *recorded)
{
	if (!is_storage_key(&primary->public_area))
		return TPM2_RC_TYPE;
	if (recorded->size == 0)
		return TSS2_RC_SUCCESS;
	if (!clv_tpm_name_equal(&primary->name, recorded))
		return CLV_TPM_RC_STRANGER;
	primary->recorded = true;
	return TSS2_RC_SUCCESS;
}

/* The handle is the hierarchy's or that of an object that is persistent. */
static bool
is_hierarchy(TPM2_HANDLE parent)
{
	return parent >> TPM2_HR_SHIFT == TPM2_HT_PERMANENT;
}

static TSS2_RC
find_persistent(struct clv_tpm_link *link, TPM2_HANDLE handle,
    struct clv_tpm_primary *found)
{
	const TSS2_RC rc = clv_tpm_read_public(
	    link, handle, &found->public_area, &found->name);

	found->handle = handle;
	return rc;
}

/* Whether the usual persistent handle holds the very key; the TPM need not
 * make it again then, which takes a real one a third of a second. */
static bool
find_usual(struct clv_tpm_link *link, const TPM2B_NAME *recorded,
    struct clv_tpm_primary *found)
{
	return found->parent == TPM2_RH_OWNER && recorded->size != 0 &&
	    find_persistent(link, USUAL_SRK, found) == TSS2_RC_SUCCESS &&
	    accept(found, recorded) == TSS2_RC_SUCCESS;
}

static TSS2_RC
make(struct clv_tpm_link *link, const TPM2B_NAME *recorded,
    struct clv_tpm_primary *made)
{
	TSS2_RC rc;

	made->transient = true;
	do {
		clv_tpm_make_room(link, false);
		made->handle = 0;
		rc = clv_tpm_intend(
		    link, CLV_TPM_SLOT_OBJECT, recorded, &made->slot);
		if (rc == TSS2_RC_SUCCESS)
			rc = clv_tpm_create_primary(link, made->parent,
			    &clv_tpm_srk_template, &made->handle,
			    &made->public_area, &made->name);
		rc = clv_tpm_settle(
		    link, made->slot, rc, made->handle, &made->name);
	} while (clv_tpm_rc_base(rc) == TPM2_RC_OBJECT_MEMORY &&
	    clv_tpm_take_slot(link, CLV_TPM_SLOT_OBJECT, false));
	return rc;
}

static bool
wants_auth(TSS2_RC rc)
{
	const TSS2_RC base = clv_tpm_rc_base(rc);

	return base == TPM2_RC_BAD_AUTH || base == TPM2_RC_AUTH_FAIL;
}

/* The hierarchy's storage key. Where the owner has an auth value, only one that
 * was made persistent can be used. */
static TSS2_RC
find_in_hierarchy(struct clv_tpm_link *link, const TPM2B_NAME *recorded,
    struct clv_tpm_primary *found)
{
	const struct clv_tpm_primary unknown = {
	    .parent = found->parent, .slot = -1};
	TSS2_RC rc;

	if (find_usual(link, recorded, found))
		return TSS2_RC_SUCCESS;
	*found = unknown;
	rc = make(link, recorded, found);
	if (!wants_auth(rc))
		return rc;
	*found = unknown;
	if (found->parent == TPM2_RH_OWNER && recorded->size == 0 &&
	    find_persistent(link, USUAL_SRK, found) == TSS2_RC_SUCCESS &&
	    clv_tpm_is_like_srk(&found->public_area))
		return TSS2_RC_SUCCESS;
	return CLV_TPM_RC_OWNED;
}

TSS2_RC
clv_tpm_primary_find(
    struct clv_tpm_link *link, TPM2_HANDLE parent, const TPM2B_NAME *recorded)
{
	struct clv_tpm_primary found = {.parent = parent, .slot = -1};
	TSS2_RC rc;

	if (link->primary.parent == parent && link->primary.handle != 0)
		return accept(&link->primary, recorded);
	clv_tpm_flush_primary(link);
	rc = is_hierarchy(parent) ? find_in_hierarchy(link, recorded, &found)
				  : find_persistent(link, parent, &found);
	if (rc != TSS2_RC_SUCCESS)
		return rc;
	rc = accept(&found, recorded);
	link->primary = found;
	if (rc != TSS2_RC_SUCCESS)
		clv_tpm_flush_primary(link);
	return rc;
}
