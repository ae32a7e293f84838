/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "base/pkcs8.h"

#include "base/der.h"
#include "base/pbes2.h"
#include "base/pem.h"
#include "base/private_key.h"
#include "base/private_stack.h"

/* A person who types the wrong password this often has another problem. */
#define ATTEMPTS_MAX 5U

/* What the bytes are, before and after decryption. */
enum form { FORM_UNKNOWN, FORM_PKCS8, FORM_ENCRYPTED, FORM_RSA, FORM_EC };

/* A key on its way from what was given to strict PKCS#8. */
struct reading {
	struct clv_span input;
	clv_secret container;  /* DER, perhaps encrypted */
	clv_secret content;    /* DER of the key itself */
	clv_secret public_key; /* DER of a PUBLIC KEY block, or empty */
	enum form form;
	struct clv_pbes2 scheme;
	struct clv_span ciphertext; /* view of `container` */
	clv_secret password;
	clv_secret *out;
	struct clv_pkcs8_facts facts;
};

static void
reading_clear(struct reading *reading)
{
	clv_secret_clear(&reading->password);
	clv_secret_clear(&reading->content);
	clv_secret_clear(&reading->container);
	clv_secret_clear(&reading->public_key);
}

static clv_status
refuse(clv_error **err, clv_status status, const char *reason)
{
	return clv_error_raise(err, status,
	    &(struct clv_error_info){.operation = "read private key"}, "%s",
	    reason);
}

/* The form of DER by its first elements. It must be one SEQUENCE. */
static enum form
form_of(struct clv_span der)
{
	struct clv_span in;
	uint64_t version;

	if (!clv_der_take(&der, CLV_DER_SEQUENCE, &in) || der.size > 0)
		return FORM_UNKNOWN;
	if (clv_der_next_is(&in, CLV_DER_SEQUENCE))
		return FORM_ENCRYPTED;
	if (!clv_der_take_small(&in, &version))
		return FORM_UNKNOWN;
	if (clv_der_next_is(&in, CLV_DER_SEQUENCE))
		return FORM_PKCS8;
	if (clv_der_next_is(&in, CLV_DER_INTEGER))
		return FORM_RSA;
	return clv_der_next_is(&in, CLV_DER_OCTETS) ? FORM_EC : FORM_UNKNOWN;
}

static enum form
form_of_label(struct clv_span label)
{
	if (clv_span_equal(label, CLV_SPAN_TEXT("PRIVATE KEY")))
		return FORM_PKCS8;
	if (clv_span_equal(label, CLV_SPAN_TEXT("ENCRYPTED PRIVATE KEY")))
		return FORM_ENCRYPTED;
	if (clv_span_equal(label, CLV_SPAN_TEXT("RSA PRIVATE KEY")))
		return FORM_RSA;
	if (clv_span_equal(label, CLV_SPAN_TEXT("EC PRIVATE KEY")))
		return FORM_EC;
	return FORM_UNKNOWN;
}

/* Blocks that may stand beside a key and are not read. */
static bool
is_harmless(struct clv_span label)
{
	return clv_span_equal(label, CLV_SPAN_TEXT("PUBLIC KEY")) ||
	    clv_span_equal(label, CLV_SPAN_TEXT("CERTIFICATE")) ||
	    clv_span_equal(label, CLV_SPAN_TEXT("EC PARAMETERS"));
}

static bool
is_private(struct clv_span label)
{
	const struct clv_span end = CLV_SPAN_TEXT("PRIVATE KEY");

	if (label.size < end.size)
		return false;
	clv_span_skip(&label, label.size - end.size);
	return clv_span_equal(label, end);
}

static clv_status
take_block(struct clv_span *text, struct clv_pem_block *block, bool *found,
    clv_error **err)
{
	*found = false;
	switch (clv_pem_next(text, block)) {
	case CLV_PEM_END:
		return CLV_OK;
	case CLV_PEM_BROKEN:
		return refuse(err, CLV_CORRUPT,
		    "a PEM block has no proper end; the file was cut off or "
		    "damaged");
	case CLV_PEM_TEXT:
		return refuse(err, CLV_CORRUPT,
		    "something that is not PEM stands before or behind the "
		    "key");
	default:
		*found = true;
		return CLV_OK;
	}
}

/* Finds the one private key among the blocks, and a public key. */
static clv_status
find_key(struct clv_span text, struct clv_pem_block *key,
    struct clv_pem_block *public_key, clv_error **err)
{
	struct clv_pem_block block;
	bool more = true;
	clv_status status;

	*key = *public_key = (struct clv_pem_block){0};
	for (;;) {
		status = take_block(&text, &block, &more, err);
		if (status != CLV_OK || !more)
			break;
		if (clv_span_equal(block.label, CLV_SPAN_TEXT("PUBLIC KEY")))
			*public_key = block;
		if (is_harmless(block.label))
			continue;
		if (!is_private(block.label))
			return refuse(err, CLV_CORRUPT,
			    "an unexpected PEM block stands beside the key");
		if (key->label.data != NULL)
			return refuse(err, CLV_CORRUPT,
			    "it holds more than one private key");
		*key = block;
	}
	if (status == CLV_OK && key->label.data == NULL)
		return refuse(err, CLV_CORRUPT, "it holds no private key");
	return status;
}

static clv_status
open_pem(struct reading *reading, clv_error **err)
{
	struct clv_pem_block block;
	struct clv_pem_block public_key;
	clv_status status = find_key(reading->input, &block, &public_key, err);
	const bool legacy = block.headers.size > 0;

	if (status != CLV_OK)
		return status;
	reading->form = form_of_label(block.label);
	if (reading->form == FORM_UNKNOWN)
		return refuse(err, CLV_UNSUPPORTED,
		    "this kind of private key is not supported; PKCS#8, RSA "
		    "and EC keys are");
	if (legacy &&
	    (reading->form == FORM_PKCS8 || reading->form == FORM_ENCRYPTED))
		return refuse(
		    err, CLV_CORRUPT, "a PKCS#8 key has no PEM headers");
	status = clv_pem_decode(&block, &reading->container, err);
	if (status == CLV_OK && public_key.label.data != NULL)
		status = clv_pem_decode(&public_key, &reading->public_key, err);
	if (status != CLV_OK || !legacy)
		return status;
	reading->ciphertext =
	    (struct clv_span){reading->container.data, reading->container.size};
	reading->facts.encrypted = true;
	return clv_pbes2_parse_headers(block.headers, &reading->scheme, err);
}

static clv_status
open_der(struct reading *reading, clv_error **err)
{
	reading->form = form_of(reading->input);
	if (reading->form == FORM_UNKNOWN)
		return refuse(err, CLV_CORRUPT,
		    "it is damaged, or not a private key in DER");
	return clv_secret_set(
	    &reading->container, reading->input.data, reading->input.size, err);
}

/* Gets the container, and what the key in it is encrypted with. */
static clv_status
open_container(void *argument, clv_error **err)
{
	struct reading *reading = argument;
	clv_status status;

	if (reading->input.size == 0)
		return refuse(err, CLV_CORRUPT, "it is empty");
	if (reading->input.data[0] == CLV_DER_SEQUENCE)
		status = open_der(reading, err);
	else
		status = open_pem(reading, err);
	if (status == CLV_OK && reading->form == FORM_ENCRYPTED) {
		const struct clv_span der = {
		    reading->container.data, reading->container.size};

		reading->facts.encrypted = true;
		reading->form = FORM_PKCS8;
		status = clv_pbes2_parse(
		    der, &reading->scheme, &reading->ciphertext, err);
	}
	reading->facts.weak = reading->scheme.weak;
	reading->facts.scrypt_n = reading->scheme.scrypt.n;
	reading->facts.traditional = reading->form != FORM_PKCS8;
	return status;
}

/* A wrong password passes the padding now and then; what it gives is then
 * no key. */
static clv_status
decrypt(void *argument, clv_error **err)
{
	struct reading *reading = argument;
	const clv_status status = clv_pbes2_decrypt(&reading->scheme,
	    reading->ciphertext, &reading->password, &reading->content, err);
	const struct clv_span content = {
	    reading->content.data, reading->content.size};

	if (status == CLV_OK && form_of(content) != reading->form) {
		clv_secret_clear(&reading->content);
		return refuse(err, CLV_AUTH, "the password is wrong");
	}
	return status;
}

static clv_status
parse(
    const struct reading *reading, struct clv_private_key *key, clv_error **err)
{
	const struct clv_span content = {
	    reading->content.data, reading->content.size};

	switch (reading->form) {
	case FORM_RSA:
		return clv_private_key_parse_rsa(content, key, err);
	case FORM_EC:
		return clv_private_key_parse_ec(content, NULL, key, err);
	default:
		return clv_private_key_parse(content, key, err);
	}
}

static clv_status
compare_public(const struct reading *reading, const struct clv_private_key *key,
    clv_error **err)
{
	const struct clv_span claimed = {
	    reading->public_key.data, reading->public_key.size};
	uint8_t der[CLV_SPKI_MAX];
	const size_t size = clv_public_key_write(key, der, NULL);

	if (claimed.size == 0 ||
	    clv_span_equal(claimed, (struct clv_span){der, size}))
		return CLV_OK;
	return refuse(err, CLV_CORRUPT,
	    "the public key beside the private key is another's");
}

static clv_status
convert(void *argument, clv_error **err)
{
	struct reading *reading = argument;
	struct clv_private_key key;
	uint8_t point[CLV_POINT_MAX];
	clv_status status = parse(reading, &key, err);

	if (status == CLV_OK)
		status = clv_private_key_check(&key, point, err);
	if (status == CLV_OK)
		status = compare_public(reading, &key, err);
	if (status == CLV_OK)
		status = clv_private_key_write(&key, reading->out, err);
	if (status == CLV_OK)
		reading->facts.algorithm = key.algorithm;
	return status;
}

/* Asks until the password is right. The asking happens on the caller's stack:
 * nobody knows how much of it a callback wants. */
static clv_status
unlock(struct reading *reading, clv_pkcs8_password_fn *ask, void *user,
    clv_error **err)
{
	clv_status status = CLV_AUTH;

	if (ask == NULL)
		return refuse(err, CLV_AUTH, "the key needs a password");
	for (unsigned attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
		status = ask(user, attempt, &reading->password, err);
		if (status != CLV_OK)
			return status;
		status = clv_run_privately(decrypt, reading, err);
		clv_secret_clear(&reading->password);
		if (status != CLV_AUTH)
			return status;
		if (attempt < ATTEMPTS_MAX)
			clv_error_free(err);
	}
	return status;
}

clv_status
clv_pkcs8_read(const clv_secret *pem_or_der, clv_pkcs8_password_fn *ask,
    void *user, clv_secret *pkcs8, struct clv_pkcs8_facts *facts,
    clv_error **err)
{
	struct reading reading = {
	    .input = {pem_or_der->data, pem_or_der->size}, .out = pkcs8};
	clv_status status;

	clv_secret_clear(pkcs8);
	status = clv_run_privately(open_container, &reading, err);
	if (status == CLV_OK && reading.facts.encrypted)
		status = unlock(&reading, ask, user, err);
	else if (status == CLV_OK)
		clv_secret_move(&reading.content, &reading.container);
	if (status == CLV_OK)
		status = clv_run_privately(convert, &reading, err);
	if (facts != NULL)
		*facts = reading.facts;
	reading_clear(&reading);
	return status;
}

clv_status
clv_pkcs8_inspect(const clv_secret *pem_or_der, clv_secret *public_key,
    struct clv_pkcs8_facts *facts, clv_error **err)
{
	struct reading reading = {
	    .input = {pem_or_der->data, pem_or_der->size}};
	const clv_status status =
	    clv_run_privately(open_container, &reading, err);
	const struct clv_span der = {
	    reading.public_key.data, reading.public_key.size};

	*facts = reading.facts;
	clv_secret_clear(public_key);
	if (status == CLV_OK && der.size > 0) {
		facts->algorithm = clv_public_key_read(der, NULL);
		clv_secret_move(public_key, &reading.public_key);
	}
	reading_clear(&reading);
	return status;
}

static bool
looks_like_pem_key(struct clv_span text)
{
	struct clv_pem_block block;

	for (;;) {
		switch (clv_pem_next(&text, &block)) {
		case CLV_PEM_BLOCK:
			if (is_private(block.label))
				return true;
			break;
		case CLV_PEM_BROKEN:
			return is_private(block.label);
		case CLV_PEM_TEXT:
			break; /* the next line may be better */
		default:
			return false;
		}
	}
}

bool
clv_pkcs8_looks_like_key(const void *bytes, size_t size)
{
	const struct clv_span input = {bytes, size};
	struct clv_span in = input;
	struct clv_span outer;
	struct clv_span identifier;
	struct clv_span oid;

	if (size == 0)
		return false;
	switch (form_of(input)) {
	case FORM_UNKNOWN:
		return looks_like_pem_key(input);
	case FORM_ENCRYPTED:
		/* As a certificate, it begins with two SEQUENCEs; but an
		 * AlgorithmIdentifier begins with an OID. */
		return clv_der_take(&in, CLV_DER_SEQUENCE, &outer) &&
		    clv_der_take(&outer, CLV_DER_SEQUENCE, &identifier) &&
		    clv_der_take(&identifier, CLV_DER_OID, &oid) &&
		    clv_der_next_is(&outer, CLV_DER_OCTETS);
	default:
		return true;
	}
}
