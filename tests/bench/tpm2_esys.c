/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "tpm2_esys.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <tss2/tss2_esys.h>
#include <tss2/tss2_tctildr.h>

#define NONE ESYS_TR_NONE, ESYS_TR_NONE

struct bare {
	TSS2_TCTI_CONTEXT *tcti;
	ESYS_CONTEXT *esys;
	ESYS_TR primary;
	ESYS_TR session;
	ESYS_TR key;
	bool rsa;
	TPM2B_PUBLIC *public_area;
	TPM2B_PRIVATE *private_area;
	TPM2B_PUBLIC_KEY_RSA ciphertext;
};

static const TPM2B_AUTH auth = {.size = 6, .buffer = "a word"};
static const TPM2B_DATA no_data;
static const TPML_PCR_SELECTION no_pcrs;

static const TPM2B_PUBLIC srk = {
    .publicArea =
	{
	    .type = TPM2_ALG_ECC,
	    .nameAlg = TPM2_ALG_SHA256,
	    .objectAttributes = TPMA_OBJECT_USERWITHAUTH |
		TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT |
		TPMA_OBJECT_NODA | TPMA_OBJECT_FIXEDTPM |
		TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN,
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

static TPM2B_PUBLIC
template_of(bool rsa)
{
	TPM2B_PUBLIC out = {0};
	TPMT_PUBLIC *area = &out.publicArea;

	area->nameAlg = TPM2_ALG_SHA256;
	area->objectAttributes = TPMA_OBJECT_USERWITHAUTH |
	    TPMA_OBJECT_SIGN_ENCRYPT | TPMA_OBJECT_NODA | TPMA_OBJECT_FIXEDTPM |
	    TPMA_OBJECT_FIXEDPARENT | TPMA_OBJECT_SENSITIVEDATAORIGIN |
	    (rsa ? TPMA_OBJECT_DECRYPT : 0);
	area->type = rsa ? TPM2_ALG_RSA : TPM2_ALG_ECC;
	if (rsa) {
		area->parameters.rsaDetail =
		    (TPMS_RSA_PARMS){.symmetric.algorithm = TPM2_ALG_NULL,
			.scheme.scheme = TPM2_ALG_NULL,
			.keyBits = 2048};
	} else {
		area->parameters.eccDetail =
		    (TPMS_ECC_PARMS){.symmetric.algorithm = TPM2_ALG_NULL,
			.scheme.scheme = TPM2_ALG_NULL,
			.curveID = TPM2_ECC_NIST_P256,
			.kdf.scheme = TPM2_ALG_NULL};
	}
	return out;
}

static bool
make_primary(struct bare *bare)
{
	static const TPM2B_SENSITIVE_CREATE empty;

	return Esys_CreatePrimary(bare->esys, ESYS_TR_RH_OWNER,
		   ESYS_TR_PASSWORD, NONE, &empty, &srk, &no_data, &no_pcrs,
		   &bare->primary, NULL, NULL, NULL, NULL) == TSS2_RC_SUCCESS;
}

static bool
start_session(struct bare *bare)
{
	const TPMT_SYM_DEF aes = {.algorithm = TPM2_ALG_AES,
	    .keyBits.aes = 128,
	    .mode.aes = TPM2_ALG_CFB};

	return Esys_StartAuthSession(bare->esys, bare->primary, ESYS_TR_NONE,
		   ESYS_TR_NONE, NONE, NULL, TPM2_SE_HMAC, &aes,
		   TPM2_ALG_SHA256, &bare->session) == TSS2_RC_SUCCESS &&
	    Esys_TRSess_SetAttributes(bare->esys, bare->session,
		TPMA_SESSION_CONTINUESESSION | TPMA_SESSION_DECRYPT |
		    TPMA_SESSION_ENCRYPT,
		0xff) == TSS2_RC_SUCCESS;
}

static bool
make_key(struct bare *bare)
{
	const TPM2B_SENSITIVE_CREATE sensitive = {.sensitive.userAuth = auth};
	const TPM2B_PUBLIC template = template_of(bare->rsa);

	return Esys_Create(bare->esys, bare->primary, bare->session, NONE,
		   &sensitive, &template, &no_data, &no_pcrs,
		   &bare->private_area, &bare->public_area, NULL, NULL,
		   NULL) == TSS2_RC_SUCCESS;
}

static bool
load_key(struct bare *bare)
{
	return Esys_Load(bare->esys, bare->primary, bare->session, NONE,
		   bare->private_area, bare->public_area,
		   &bare->key) == TSS2_RC_SUCCESS &&
	    Esys_TR_SetAuth(bare->esys, bare->key, &auth) == TSS2_RC_SUCCESS;
}

/* Something to decrypt. */
static bool
make_ciphertext(struct bare *bare)
{
	const TPM2B_PUBLIC_KEY_RSA *n =
	    &bare->public_area->publicArea.unique.rsa;
	BIGNUM *modulus = BN_bin2bn(n->buffer, n->size, NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *make = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY_CTX *seal = NULL;
	EVP_PKEY *key = NULL;
	OSSL_PARAM *parameters;
	size_t size = sizeof(bare->ciphertext.buffer);
	bool good;

	(void)OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, modulus);
	(void)OSSL_PARAM_BLD_push_uint(build, OSSL_PKEY_PARAM_RSA_E, 65537);
	parameters = OSSL_PARAM_BLD_to_param(build);
	good = EVP_PKEY_fromdata_init(make) == 1 &&
	    EVP_PKEY_fromdata(make, &key, EVP_PKEY_PUBLIC_KEY, parameters) ==
		1 &&
	    (seal = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL)) != NULL &&
	    EVP_PKEY_encrypt_init(seal) == 1 &&
	    EVP_PKEY_CTX_set_rsa_padding(seal, RSA_PKCS1_OAEP_PADDING) == 1 &&
	    EVP_PKEY_CTX_set_rsa_oaep_md_name(seal, "SHA256", NULL) == 1 &&
	    EVP_PKEY_encrypt(seal, bare->ciphertext.buffer, &size,
		(const unsigned char *)"plain", 5) == 1;
	bare->ciphertext.size = (UINT16)size;
	EVP_PKEY_CTX_free(seal);
	EVP_PKEY_CTX_free(make);
	EVP_PKEY_free(key);
	OSSL_PARAM_free(parameters);
	OSSL_PARAM_BLD_free(build);
	BN_free(modulus);
	return good;
}

struct bare *
bare_open(const char *tcti, bool rsa)
{
	struct bare *bare = calloc(1, sizeof(*bare));

	if (bare == NULL)
		return NULL;
	bare->rsa = rsa;
	bare->key = bare->session = bare->primary = ESYS_TR_NONE;
	if (Tss2_TctiLdr_Initialize(tcti, &bare->tcti) == TSS2_RC_SUCCESS &&
	    Esys_Initialize(&bare->esys, bare->tcti, NULL) == TSS2_RC_SUCCESS &&
	    make_primary(bare) && start_session(bare) && make_key(bare) &&
	    load_key(bare) && (!rsa || make_ciphertext(bare)))
		return bare;
	bare_close(&bare);
	return NULL;
}

static void
flush_all(struct bare *bare)
{
	(void)Esys_FlushContext(bare->esys, bare->key);
	(void)Esys_FlushContext(bare->esys, bare->session);
	(void)Esys_FlushContext(bare->esys, bare->primary);
}

void
bare_close(struct bare **bare)
{
	if (*bare == NULL)
		return;
	if ((*bare)->esys != NULL)
		flush_all(*bare);
	Esys_Free((*bare)->public_area);
	Esys_Free((*bare)->private_area);
	Esys_Finalize(&(*bare)->esys);
	Tss2_TctiLdr_Finalize(&(*bare)->tcti);
	free(*bare);
	*bare = NULL;
}

bool
bare_sign(struct bare *bare, bool protected)
{
	const TPMT_SIG_SCHEME scheme = {
	    .scheme = bare->rsa ? TPM2_ALG_RSASSA : TPM2_ALG_ECDSA,
	    .details.any.hashAlg = TPM2_ALG_SHA256};
	const TPMT_TK_HASHCHECK ticket = {
	    .tag = TPM2_ST_HASHCHECK, .hierarchy = TPM2_RH_NULL};
	const TPM2B_DIGEST digest = {.size = 32};
	TPMT_SIGNATURE *signature = NULL;
	const bool good =
	    Esys_Sign(bare->esys, bare->key,
		protected ? bare->session : ESYS_TR_PASSWORD, NONE, &digest,
		&scheme, &ticket, &signature) == TSS2_RC_SUCCESS;

	Esys_Free(signature);
	return good;
}

bool
bare_decrypt(struct bare *bare, bool protected)
{
	const TPMT_RSA_DECRYPT scheme = {
	    .scheme = TPM2_ALG_OAEP, .details.oaep.hashAlg = TPM2_ALG_SHA256};
	TPM2B_PUBLIC_KEY_RSA *message = NULL;
	const bool good = Esys_RSA_Decrypt(bare->esys, bare->key,
			      protected ? bare->session : ESYS_TR_PASSWORD,
			      NONE, &bare->ciphertext, &scheme, &no_data,
			      &message) == TSS2_RC_SUCCESS;

	Esys_Free(message);
	return good;
}

bool
bare_cold(struct bare *bare)
{
	flush_all(bare);
	return make_primary(bare) && start_session(bare) && load_key(bare) &&
	    bare_sign(bare, true);
}
