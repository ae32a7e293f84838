/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* p11-kit's names for modules: NAME.module files (pkcs11.conf(5)). */

#include "module.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The administrator's come before the packages'. */
static const char *const directories[] = {
    "/etc/pkcs11/modules", P11_KIT_MODULE_CONFIGS};

static clv_status
unknown(const char *name, const char *why, clv_error **err)
{
	return clv_error_raise(err, CLV_NOT_FOUND,
	    &(struct clv_error_info){.operation = "find PKCS#11 module",
		.subject = name,
		.remedy = "see \"p11-kit list-modules\" for the names, or "
			  "give module-path"},
	    "%s", why);
}

static bool
is_name(const char *name)
{
	return *name != '\0' && *name != '.' && strlen(name) <= 64 &&
	    strspn(name,
		"abcdefghijklmnopqrstuvwxyz"
		"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789-_.") == strlen(name);
}

static char *
trim(char *text)
{
	size_t size;

	text += strspn(text, " \t");
	size = strlen(text);
	while (size > 0 && strchr(" \t\r\n", text[size - 1]) != NULL)
		size--;
	text[size] = '\0';
	return text;
}

/* The value of "module:" in the file; NULL if it has none. */
static char *
read_module_line(FILE *file)
{
	char *line = NULL;
	char *found = NULL;
	size_t room = 0;

	while (found == NULL && getline(&line, &room, file) >= 0) {
		char *start = trim(line);
		char *colon = strchr(start, ':');

		if (*start == '#' || colon == NULL)
			continue;
		*colon = '\0';
		if (strcmp(trim(start), "module") == 0)
			found = strdup(trim(colon + 1));
	}
	free(line);
	return found;
}

static FILE *
open_configuration(const char *name)
{
	FILE *file = NULL;

	for (size_t i = 0; file == NULL && i < 2; i++) {
		char *path = NULL;

		if (asprintf(&path, "%s/%s.module", directories[i], name) < 0)
			return NULL;
		file = fopen(path, "re");
		free(path);
	}
	return file;
}

clv_status
clv_p11_module_find(const char *name, char **path, clv_error **err)
{
	FILE *file = is_name(name) ? open_configuration(name) : NULL;
	char *module;

	*path = NULL;
	if (file == NULL)
		return unknown(name, "p11-kit has no module of that name", err);
	module = read_module_line(file);
	(void)fclose(file);
	if (module == NULL || *module == '\0') {
		free(module);
		return unknown(name, "its .module file names no module", err);
	}
	if (*module == '/') {
		*path = module;
		return CLV_OK;
	}
	if (asprintf(path, "%s/%s", P11_KIT_MODULE_PATH, module) < 0)
		*path = NULL;
	free(module);
	return *path != NULL ? CLV_OK : clv_p11_no_memory("find module", err);
}
