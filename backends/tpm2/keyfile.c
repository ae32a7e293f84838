/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "keyfile.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/pem.h>

#include "base/der.h"
#include "base/pem.h"

#define PEM_NAME "TSS2 PRIVATE KEY"
#define BEGIN_LINE "-----BEGIN " PEM_NAME "-----"
#define NAME_LINE "Parent-Name: "

/* The contents of OBJECT IDENTIFIER 2.23.133.10.1.{3,4,5} but for the end. */
static const uint8_t oid_stem[] = {0x67, 0x81, 0x05, 0x0a, 0x01};

/* Besides those of base/der.h. */
enum tag {
	TAG_BOOLEAN = 0x01,
	TAG_UTF8 = 0x0c,
	TAG_EMPTY_AUTH = 0xa0,  /* [0] BOOLEAN */
	TAG_POLICY = 0xa1,      /* [1] */
	TAG_SECRET = 0xa2,      /* [2] */
	TAG_AUTH_POLICY = 0xa3, /* [3] */
	TAG_DESCRIPTION = 0xa4, /* [4] UTF8String */
	TAG_RSA_PARENT = 0xa5   /* [5] BOOLEAN */
};

struct reader {
	const char *subject;
	clv_error **err;
};

static clv_status
damaged(const struct reader *reader, const char *what)
{
	return clv_error_raise(reader->err, CLV_CORRUPT,
	    &(struct clv_error_info){
		.operation = "read TPM key", .subject = reader->subject},
	    "%s", what);
}

static clv_status
unsupported(const struct reader *reader, const char *what)
{
	return clv_error_raise(reader->err, CLV_UNSUPPORTED,
	    &(struct clv_error_info){
		.operation = "read TPM key", .subject = reader->subject},
	    "%s", what);
}

/* ---- DER ---- */

/* tpm2-openssl writes 1 for true, which DER does not allow. */
static bool
take_boolean(struct clv_span *from, uint8_t outer, bool *value)
{
	struct clv_span explicit, content;

	if (!clv_der_take(from, outer, &explicit) ||
	    !clv_der_take(&explicit, TAG_BOOLEAN, &content) ||
	    explicit.size != 0 || content.size != 1)
		return false;
	*value = content.data[0] != 0;
	return true;
}

static bool
take_handle(struct clv_span *from, TPM2_HANDLE *handle)
{
	uint64_t value = 0;

	if (!clv_der_take_small(from, &value) || value > UINT32_MAX)
		return false;
	*handle = (TPM2_HANDLE)value;
	return true;
}

static clv_status
read_kind(const struct reader *reader, struct clv_span *from,
    enum clv_tpm_keyfile_kind *kind)
{
	struct clv_span oid;

	if (!clv_der_take(from, CLV_DER_OID, &oid))
		return damaged(reader, "it does not begin with a type");
	if (oid.size != sizeof(oid_stem) + 1 ||
	    memcmp(oid.data, oid_stem, sizeof(oid_stem)) != 0)
		return unsupported(reader, "its type is unknown");
	switch (oid.data[sizeof(oid_stem)]) {
	case 3:
		*kind = CLV_TPM_LOADABLE;
		return CLV_OK;
	case 5:
		*kind = CLV_TPM_SEALED;
		return CLV_OK;
	default:
		return unsupported(
		    reader, "only loadable keys and sealed secrets are read");
	}
}

/* The optional fields that stand before the parent. */
static clv_status
read_options(const struct reader *reader, struct clv_span *from,
    struct clv_tpm_keyfile *out)
{
	struct clv_span skipped, text;
	bool rsa_parent = false;

	/* Absent means false, whatever some programs write. */
	if (clv_der_next_is(from, TAG_EMPTY_AUTH) &&
	    !take_boolean(from, TAG_EMPTY_AUTH, &out->empty_auth))
		return damaged(reader, "emptyAuth is malformed");
	if (clv_der_next_is(from, TAG_POLICY) ||
	    clv_der_next_is(from, TAG_AUTH_POLICY))
		return unsupported(reader, "keys with a policy are not read");
	if (clv_der_next_is(from, TAG_SECRET))
		return unsupported(reader, "keys to be imported are not read");
	if (clv_der_next_is(from, TAG_DESCRIPTION) &&
	    (!clv_der_take(from, TAG_DESCRIPTION, &skipped) ||
		!clv_der_take(&skipped, TAG_UTF8, &text) || skipped.size != 0))
		return damaged(reader, "the description is malformed");
	if (clv_der_next_is(from, TAG_RSA_PARENT) &&
	    !take_boolean(from, TAG_RSA_PARENT, &rsa_parent))
		return damaged(reader, "rsaParent is malformed");
	if (rsa_parent)
		return unsupported(reader,
		    "its parent is the RSA storage key; make that persistent "
		    "and name its handle");
	return CLV_OK;
}

static bool
read_public(struct clv_span bytes, TPM2B_PUBLIC *out)
{
	size_t used = 0;

	if (bytes.size < 2 || clv_tpm_read_u16(bytes.data) != bytes.size - 2 ||
	    Tss2_MU_TPMT_PUBLIC_Unmarshal(bytes.data + 2, bytes.size - 2, &used,
		&out->publicArea) != TSS2_RC_SUCCESS)
		return false;
	out->size = (UINT16)used;
	return used == bytes.size - 2;
}

static bool
read_private(struct clv_span bytes, TPM2B_PRIVATE *out)
{
	if (bytes.size <= 2 || clv_tpm_read_u16(bytes.data) != bytes.size - 2 ||
	    bytes.size - 2 > sizeof(out->buffer))
		return false;
	out->size = (UINT16)(bytes.size - 2);
	memcpy(out->buffer, bytes.data + 2, out->size);
	return true;
}

/* The hierarchies and persistent handles; 0 is how the first drafts wrote
 * the owner. */
static bool
is_parent(TPM2_HANDLE *parent)
{
	if (*parent == 0)
		*parent = TPM2_RH_OWNER;
	return *parent == TPM2_RH_OWNER || *parent == TPM2_RH_ENDORSEMENT ||
	    *parent == TPM2_RH_NULL || *parent == TPM2_RH_PLATFORM ||
	    *parent >> TPM2_HR_SHIFT == TPM2_HT_PERSISTENT;
}

/* What kind and public area say must agree. */
static bool
is_of_kind(const struct clv_tpm_keyfile *file)
{
	const TPMI_ALG_PUBLIC type = file->public_area.publicArea.type;

	return file->kind == CLV_TPM_SEALED
	    ? type == TPM2_ALG_KEYEDHASH
	    : type == TPM2_ALG_RSA || type == TPM2_ALG_ECC;
}

static clv_status
read_der(const struct reader *reader, struct clv_span der,
    struct clv_tpm_keyfile *out)
{
	struct clv_span fields, public_area, private_area;
	clv_status status;

	if (!clv_der_take(&der, CLV_DER_SEQUENCE, &fields) || der.size != 0)
		return damaged(reader, "it is not one DER sequence");
	if ((status = read_kind(reader, &fields, &out->kind)) != CLV_OK ||
	    (status = read_options(reader, &fields, out)) != CLV_OK)
		return status;
	if (!take_handle(&fields, &out->parent) || !is_parent(&out->parent))
		return damaged(reader, "its parent is no parent");
	if (!clv_der_take(&fields, CLV_DER_OCTETS, &public_area) ||
	    !read_public(public_area, &out->public_area))
		return damaged(reader, "the public part is malformed");
	if (!clv_der_take(&fields, CLV_DER_OCTETS, &private_area) ||
	    !read_private(private_area, &out->private_area))
		return damaged(reader, "the private part is malformed");
	if (fields.size != 0)
		return damaged(reader, "something follows the private part");
	if (!is_of_kind(out))
		return damaged(reader, "its type and its public part differ");
	return CLV_OK;
}

/* ---- PEM ---- */

static const char *
find_text(const char *in, size_t size, const char *what)
{
	return memmem(in, size, what, strlen(what));
}

static int
hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	return -1;
}

/* The line before the PEM text, if it is there. */
static bool
read_name(const char *text, size_t size, TPM2B_NAME *name)
{
	const char *end = text + size;
	const char *at = find_text(text, size, NAME_LINE);

	name->size = 0;
	if (at == NULL)
		return true;
	if (at != text && at[-1] != '\n')
		return false;
	for (at += strlen(NAME_LINE); end - at >= 2 && *at != '\n'; at += 2) {
		const int high = hex_digit(at[0]), low = hex_digit(at[1]);

		if (high < 0 || low < 0 || name->size == sizeof(name->name))
			return false;
		name->name[name->size++] = (BYTE)(high << 4 | low);
	}
	return at < end && *at == '\n' && name->size >= 2 &&
	    clv_tpm_hash_size(clv_tpm_read_u16(name->name)) + 2 == name->size;
}

/* Exactly one key, and nothing but white space after it. */
static clv_status
read_pem(const struct reader *reader, struct clv_span text, clv_secret *der)
{
	struct clv_pem_block block, next;

	if (clv_pem_next(&text, &block) != CLV_PEM_BLOCK)
		return damaged(reader, "its PEM text is malformed");
	if (!clv_span_equal(block.label, CLV_SPAN_TEXT(PEM_NAME)) ||
	    block.headers.size != 0)
		return damaged(reader, "it has headers");
	if (clv_pem_next(&text, &next) != CLV_PEM_END)
		return damaged(reader, "something follows the key");
	if (clv_pem_decode(&block, der, NULL) != CLV_OK)
		return damaged(reader, "its base64 text is malformed");
	return CLV_OK;
}

bool
clv_tpm_keyfile_recognise(const void *text, size_t size)
{
	return find_text(text, size, BEGIN_LINE) != NULL;
}

clv_status
clv_tpm_keyfile_parse(const void *text, size_t size, const char *subject,
    struct clv_tpm_keyfile *out, clv_error **err)
{
	const struct reader reader = {subject, err};
	const char *begin = find_text(text, size, BEGIN_LINE);
	clv_secret der = CLV_SECRET_INIT;
	size_t before;
	clv_status status;

	memset(out, 0, sizeof(*out));
	if (size > CLV_TPM_KEYFILE_MAX)
		return damaged(&reader, "it is too large for a TPM key");
	if (begin == NULL)
		return damaged(&reader, "it holds no " PEM_NAME);
	before = (size_t)(begin - (const char *)text);
	if (!read_name(text, before, &out->parent_name))
		return damaged(&reader, "its Parent-Name line is malformed");
	status = read_pem(&reader,
	    (struct clv_span){(const uint8_t *)begin, size - before}, &der);
	if (status == CLV_OK)
		status = read_der(
		    &reader, (struct clv_span){der.data, der.size}, out);
	clv_secret_clear(&der);
	return status;
}

/* ---- writing ---- */

static void
put_octets(struct clv_der_writer *out, const uint8_t *bytes, size_t size)
{
	clv_der_put_element(
	    out, CLV_DER_OCTETS, (struct clv_span){bytes, size});
}

/* Both parts, the last one first. */
static bool
put_areas(struct clv_der_writer *out, const struct clv_tpm_keyfile *file)
{
	uint8_t bytes[sizeof(TPM2B_PUBLIC) + sizeof(TPM2B_PRIVATE)];
	size_t size = 0;

	if (Tss2_MU_TPM2B_PRIVATE_Marshal(&file->private_area, bytes,
		sizeof(bytes), &size) != TSS2_RC_SUCCESS)
		return false;
	put_octets(out, bytes, size);
	size = 0;
	if (Tss2_MU_TPM2B_PUBLIC_Marshal(&file->public_area, bytes,
		sizeof(bytes), &size) != TSS2_RC_SUCCESS)
		return false;
	put_octets(out, bytes, size);
	return true;
}

/* Always written: tpm2-openssl 1.1.1 reads its absence as true. */
static void
put_empty_auth(struct clv_der_writer *out, bool empty_auth)
{
	const uint8_t boolean[] = {TAG_BOOLEAN, 1, empty_auth ? 0xff : 0};

	clv_der_put_element(out, TAG_EMPTY_AUTH, CLV_SPAN_OF(boolean));
}

static void
put_kind(struct clv_der_writer *out, enum clv_tpm_keyfile_kind kind)
{
	uint8_t oid[sizeof(oid_stem) + 1];

	memcpy(oid, oid_stem, sizeof(oid_stem));
	oid[sizeof(oid_stem)] = kind == CLV_TPM_SEALED ? 5 : 3;
	clv_der_put_element(out, CLV_DER_OID, CLV_SPAN_OF(oid));
}

static bool
write_der(const struct clv_tpm_keyfile *file, struct clv_der_writer *out)
{
	if (!put_areas(out, file))
		return false;
	clv_der_put_small(out, file->parent);
	put_empty_auth(out, file->empty_auth);
	put_kind(out, file->kind);
	clv_der_wrap(out, CLV_DER_SEQUENCE, 0);
	return !out->full;
}

static bool
write_name(BIO *to, const TPM2B_NAME *name)
{
	if (name->size == 0)
		return true;
	if (BIO_puts(to, NAME_LINE) <= 0)
		return false;
	for (size_t i = 0; i < name->size; i++)
		if (BIO_printf(to, "%02x", name->name[i]) != 2)
			return false;
	return BIO_puts(to, "\n") == 1;
}

clv_status
clv_tpm_keyfile_format(const struct clv_tpm_keyfile *file, char **text,
    size_t *size, clv_error **err)
{
	uint8_t buffer[CLV_TPM_KEYFILE_MAX / 2];
	struct clv_der_writer der;
	BIO *bio = BIO_new(BIO_s_mem());
	char *content;
	long length;

	*text = NULL;
	clv_der_begin(&der, buffer, sizeof(buffer));
	if (bio == NULL || !write_der(file, &der) ||
	    !write_name(bio, &file->parent_name) ||
	    PEM_write_bio(
		bio, PEM_NAME, "", der.at, (long)clv_der_written(&der)) <= 0)
		goto out;
	length = BIO_get_mem_data(bio, &content);
	*text = strndup(content, (size_t)length);
	*size = (size_t)length;
out:
	BIO_free(bio);
	if (*text == NULL)
		return clv_error_raise(err, CLV_NO_MEMORY, NULL,
		    "out of memory for a TPM key file");
	return CLV_OK;
}
