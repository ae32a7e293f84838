/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Giving PEM: RFC 7468. */

#include "program.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#define LINE 64U

char *
program_pem(const char *label, const uint8_t *der, size_t size)
{
	unsigned char *base64 = malloc(4 * ((size + 2) / 3) + 1);
	char *body = calloc(1, 2 * size + 8);
	char *pem = NULL;

	if (base64 != NULL && body != NULL) {
		size_t left = (size_t)EVP_EncodeBlock(base64, der, (int)size);
		const unsigned char *from = base64;
		char *to = body;

		while (left > 0) {
			const size_t line = left < LINE ? left : LINE;

			memcpy(to, from, line);
			to[line] = '\n';
			to += line + 1;
			from += line;
			left -= line;
		}
		if (asprintf(&pem, "-----BEGIN %s-----\n%s-----END %s-----\n",
			label, body, label) < 0)
			pem = NULL;
	}
	free(base64);
	free(body);
	return pem;
}

int
program_give_pem(const struct program *program, const char *path,
    const char *name, const char *pem)
{
	const bool has_file = path != NULL && strcmp(path, "-") != 0;
	cJSON *document;

	if (pem == NULL)
		return program_refuse(NULL, "out of memory");
	if ((has_file || !program->json) &&
	    !program_write(path, pem, strlen(pem)))
		return EXIT_REFUSED;
	if (!program->json)
		return EXIT_DONE;
	document = cJSON_CreateObject();
	cJSON_AddStringToObject(document, name, pem);
	if (has_file)
		cJSON_AddStringToObject(document, "file", path);
	return program_print_json(&document);
}
