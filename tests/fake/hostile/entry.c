/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What makes a loadable module of it; not for programs that link it. */

#include "fake/hostile_module.h"

__attribute__((visibility("default"))) CK_RV
C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	*list = hostile_module_functions();
	return CKR_OK;
}
