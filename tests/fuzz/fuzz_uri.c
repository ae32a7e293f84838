/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* URIs: what parses can be built again, and nothing shows a pin-value. */

#include <stdlib.h>
#include <string.h>

#include <claviger/uri.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* The PIN of "...pin-value=PIN" must not stand in what people see. */
static void
check_redaction(const clv_uri *uri, clv_uri_part part)
{
	size_t size = 0;
	const char *pin = clv_uri_get(uri, part, "pin-value", &size);
	const char *mark = strstr(clv_uri_redacted(uri), "pin-value=");

	/* Written in plain, it can be found; then "***" must follow. */
	if (pin != NULL && mark != NULL && strncmp(mark + 10, "***", 3) != 0)
		abort();
}

static void
check_building(const clv_uri *uri)
{
	clv_uri *again = NULL;
	char *text = NULL;

	if (clv_uri_path(uri) == NULL)
		return;
	/* Escaping may make it longer than is allowed. */
	if (clv_uri_build(clv_uri_scheme(uri), clv_uri_path(uri), uri, &text,
		NULL) != CLV_OK)
		abort();
	if (strlen(text) <= CLV_URI_MAX) {
		if (clv_uri_parse(text, &again, NULL) != CLV_OK ||
		    clv_uri_count(again, CLV_URI_QUERY) !=
			clv_uri_count(uri, CLV_URI_QUERY))
			abort();
		clv_uri_free(&again);
	}
	clv_free(text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *text = malloc(size + 1);
	clv_uri *uri = NULL;
	char *shown;

	if (text == NULL)
		return 0;
	memcpy(text, bytes, size);
	text[size] = '\0';
	shown = clv_uri_redact(text);
	if (shown == NULL)
		abort();
	clv_free(shown);
	if (clv_uri_parse(text, &uri, NULL) == CLV_OK) {
		check_redaction(uri, CLV_URI_PATH);
		check_redaction(uri, CLV_URI_QUERY);
		check_building(uri);
	} else if (uri != NULL) {
		abort();
	}
	clv_uri_free(&uri);
	free(text);
	return 0;
}
