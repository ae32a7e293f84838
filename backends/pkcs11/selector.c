/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "selector.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static clv_status
invalid(const clv_uri *uri, const char *remedy, clv_error **err,
    const char *name, const char *problem)
{
	return clv_error_raise(err, CLV_INVALID,
	    &(struct clv_error_info){.operation = "read URI",
		.subject = clv_uri_redacted(uri),
		.remedy = remedy},
	    "%s: %s", name, problem);
}

static const char *
query(const clv_uri *uri, const char *name)
{
	return clv_uri_get(uri, CLV_URI_QUERY, name, NULL);
}

static clv_status
read_flag(const clv_uri *uri, const char *name, bool *flag, clv_error **err)
{
	const char *value = query(uri, name);

	*flag = value != NULL && strcmp(value, "yes") == 0;
	if (value == NULL || *flag || strcmp(value, "no") == 0)
		return CLV_OK;
	return invalid(uri, NULL, err, name, "is yes or no");
}

static clv_status
read_verify(const clv_uri *uri, struct p11_selector *selector, clv_error **err)
{
	const char *value = query(uri, "verify");

	selector->verify_always = value != NULL && strcmp(value, "always") == 0;
	if (value == NULL || selector->verify_always ||
	    strcmp(value, "auto") == 0)
		return CLV_OK;
	return invalid(uri, NULL, err, "verify", "is always or auto");
}

static clv_status
check_names(const clv_uri *uri, clv_error **err)
{
	static const char *const path[] = {"token", "manufacturer", "serial",
	    "model", "library-manufacturer", "library-description",
	    "library-version", "slot-manufacturer", "slot-description",
	    "object", "type", "id", NULL};
	static const char *const questions[] = {"module-path", "module-name",
	    "pin-source", "pin-value", "verify", "serialize",
	    "insecure-pin-value", "insecure-extractable", NULL};
	clv_status status;

	if (clv_uri_get(uri, CLV_URI_PATH, "slot-id", NULL) != NULL)
		return invalid(uri,
		    "name the token instead: token=LABEL or serial=NUMBER", err,
		    "slot-id", "slots get other numbers when readers change");
	status = clv_uri_allow(uri, CLV_URI_PATH, path, err);
	if (status == CLV_OK)
		status = clv_uri_allow(uri, CLV_URI_QUERY, questions, err);
	return status;
}

static clv_status
check_type(const clv_uri *uri, clv_error **err)
{
	const char *type = clv_uri_get(uri, CLV_URI_PATH, "type", NULL);

	if (type == NULL || strcmp(type, "private") == 0)
		return CLV_OK;
	return invalid(
	    uri, NULL, err, "type", "only private keys can be named");
}

static clv_status
check_module(
    const clv_uri *uri, const struct p11_selector *selector, clv_error **err)
{
	if (selector->module_path != NULL && selector->module_name != NULL)
		return invalid(uri, NULL, err, "module-name",
		    "module-path is given already");
	if (selector->module_path != NULL || selector->module_name != NULL)
		return CLV_OK;
	return invalid(uri,
	    "add ?module-path=/path/of/module.so, or module-name=NAME of a "
	    "module that p11-kit knows",
	    err, "module-path", "is needed: no module is loaded unasked");
}

static clv_status
read_pin(const clv_uri *uri, struct p11_selector *selector, clv_error **err)
{
	bool allowed;
	clv_status status;

	status = read_flag(uri, "insecure-pin-value", &allowed, err);
	if (status != CLV_OK)
		return status;
	selector->pin_source = query(uri, "pin-source");
	selector->pin_value = clv_uri_get(
	    uri, CLV_URI_QUERY, "pin-value", &selector->pin_value_size);
	if (selector->pin_value == NULL || allowed)
		return CLV_OK;
	return invalid(uri,
	    "use pin-source, such as pin-source=cred:pin; or allow it with "
	    "insecure-pin-value=yes",
	    err, "pin-value", "a PIN in a URI is seen by others");
}

/* A name that nobody looks at would let a key be made under another one. */
static clv_status
check_store(const clv_uri *uri, clv_error **err)
{
	static const char *const of_keys[] = {"object", "id", "type"};

	for (size_t i = 0; i < sizeof(of_keys) / sizeof(of_keys[0]); i++)
		if (clv_uri_get(uri, CLV_URI_PATH, of_keys[i], NULL) != NULL)
			return invalid(uri,
			    "leave it out; what a new key is called is its "
			    "label (--label)",
			    err, of_keys[i],
			    "names a key, and this is about the token");
	return CLV_OK;
}

clv_status
clv_p11_selector_read(const clv_uri *uri, bool of_key,
    struct p11_selector *selector, clv_error **err)
{
	clv_status status;

	*selector = (struct p11_selector){
	    .uri = uri,
	    .module_path = query(uri, "module-path"),
	    .module_name = query(uri, "module-name"),
	};
	if ((status = check_names(uri, err)) != CLV_OK ||
	    (!of_key && (status = check_store(uri, err)) != CLV_OK) ||
	    (status = check_type(uri, err)) != CLV_OK ||
	    (status = check_module(uri, selector, err)) != CLV_OK ||
	    (status = read_pin(uri, selector, err)) != CLV_OK ||
	    (status = read_verify(uri, selector, err)) != CLV_OK ||
	    (status = read_flag(uri, "serialize", &selector->serialise, err)) !=
		CLV_OK)
		return status;
	return read_flag(
	    uri, "insecure-extractable", &selector->extractable, err);
}

static bool
fits(const clv_uri *uri, const char *name, const char *value)
{
	const char *wanted = clv_uri_get(uri, CLV_URI_PATH, name, NULL);

	return wanted == NULL || strcmp(wanted, value) == 0;
}

/* "2.6" as RFC 7512 has it; "2" means "2.0". */
static bool
fits_version(const clv_uri *uri, CK_VERSION version)
{
	char with[16];
	char without[8];

	(void)snprintf(
	    with, sizeof(with), "%u.%u", version.major, version.minor);
	(void)snprintf(without, sizeof(without), "%u", version.major);
	return fits(uri, "library-version", with) ||
	    (version.minor == 0 && fits(uri, "library-version", without));
}

bool
clv_p11_selector_fits_module(
    const struct p11_selector *selector, const CK_INFO *info)
{
	char text[33];

	clv_p11_unpad(text, sizeof(text), info->manufacturerID,
	    sizeof(info->manufacturerID));
	if (!fits(selector->uri, "library-manufacturer", text))
		return false;
	clv_p11_unpad(text, sizeof(text), info->libraryDescription,
	    sizeof(info->libraryDescription));
	return fits(selector->uri, "library-description", text) &&
	    fits_version(selector->uri, info->libraryVersion);
}

bool
clv_p11_selector_fits_token(
    const clv_uri *uri, const struct p11_identity *token)
{
	return fits(uri, "token", token->label) &&
	    fits(uri, "manufacturer", token->manufacturer) &&
	    fits(uri, "model", token->model) &&
	    fits(uri, "serial", token->serial);
}

bool
clv_p11_selector_fits(
    const struct p11_selector *selector, const struct p11_place *place)
{
	return clv_p11_selector_fits_token(selector->uri, &place->token) &&
	    fits(selector->uri, "slot-description", place->slot_description) &&
	    fits(selector->uri, "slot-manufacturer", place->slot_manufacturer);
}

/* Appends NAME=VALUE, the value escaped. */
static bool
append(FILE *to, const char *lead, const char *name, const void *value,
    size_t size)
{
	char *encoded = NULL;
	bool done;

	if (clv_uri_encode(value, size, &encoded, NULL) != CLV_OK)
		return false;
	done = fprintf(to, "%s%s=%s", lead, name, encoded) > 0;
	clv_free(encoded);
	return done;
}

static bool
append_id(FILE *to, const uint8_t *id, size_t size)
{
	bool done = fputs(";id=", to) >= 0;

	/* All escaped, as RFC 7512, 2.3 recommends. */
	for (size_t i = 0; i < size && done; i++)
		done = fprintf(to, "%%%02X", id[i]) > 0;
	return done;
}

static bool
append_query(FILE *to, const clv_uri *uri)
{
	const size_t count = clv_uri_count(uri, CLV_URI_QUERY);
	const char *lead = "?";
	bool done = true;

	for (size_t i = 0; i < count && done; i++) {
		const char *name = clv_uri_name(uri, CLV_URI_QUERY, i);
		const char *value;
		size_t size;

		if (strcmp(name, "pin-value") == 0)
			continue;
		value = clv_uri_get(uri, CLV_URI_QUERY, name, &size);
		/* A path reads better with its slashes. */
		if (strspn(value,
			"abcdefghijklmnopqrstuvwxyz"
			"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			"0123456789-._~/:") == size)
			done = fprintf(to, "%s%s=%s", lead, name, value) > 0;
		else
			done = append(to, lead, name, value, size);
		lead = "&";
	}
	return done;
}

static bool
append_path(FILE *to, const struct p11_identity *token, const char *label,
    const uint8_t *id, size_t id_size)
{
	const char *lead = "pkcs11:";
	bool done = true;

	const struct {
		const char *name;
		const char *value;
	} parts[] = {
	    {"token", token->label},
	    {"manufacturer", token->manufacturer},
	    {"model", token->model},
	    {"serial", token->serial},
	    {"object", label},
	};
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]) && done; i++) {
		if (*parts[i].value == '\0')
			continue;
		done = append(to, lead, parts[i].name, parts[i].value,
		    strlen(parts[i].value));
		lead = ";";
	}
	if (done && *lead == 'p')
		done = fputs("pkcs11:", to) >= 0;
	if (done && id_size > 0)
		done = append_id(to, id, id_size);
	return done && fputs(";type=private", to) >= 0;
}

clv_status
clv_p11_uri_build(const struct p11_identity *token, const char *label,
    const uint8_t *id, size_t id_size, const clv_uri *from, char **out,
    clv_error **err)
{
	size_t size = 0;
	FILE *to;
	bool done;

	*out = NULL;
	to = open_memstream(out, &size);
	if (to == NULL)
		return clv_p11_no_memory("build URI", err);
	done = append_path(to, token, label, id, id_size) &&
	    append_query(to, from);
	if (fclose(to) == 0 && done)
		return CLV_OK;
	free(*out);
	*out = NULL;
	return clv_p11_no_memory("build URI", err);
}
