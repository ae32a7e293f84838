/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "names.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "fake/p11_proxy.h"

/* Made of <p11-kit/pkcs11.h> by CMake. */
static const struct constant {
	const char *name;
	CK_ULONG value;
} constants[] = {
#include "pkcs11_constants.inc"
};

#define NAME_OF(function) #function,
static const char *const functions[] = {P11_PROXY_EACH_FUNCTION(NAME_OF)};
#undef NAME_OF

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool
name_value(const char *prefix, const char *name, CK_ULONG *value)
{
	char *end;

	for (size_t i = 0; i < COUNT(constants); i++)
		if (strcmp(constants[i].name, name) == 0) {
			*value = constants[i].value;
			return strncmp(name, prefix, strlen(prefix)) == 0;
		}
	*value = strtoul(name, &end, 0);
	return end != name && *end == '\0';
}

const char *
name_of_rv(CK_RV rv)
{
	for (size_t i = 0; i < COUNT(constants); i++)
		if (constants[i].value == rv &&
		    strncmp(constants[i].name, "CKR_", 4) == 0)
			return constants[i].name;
	return NULL;
}

int
name_function(const char *name)
{
	for (size_t i = 0; i < COUNT(functions); i++)
		if (strcmp(functions[i], name) == 0)
			return (int)i;
	return -1;
}

const char *
name_of_function(int function)
{
	return functions[function];
}
