/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include <claviger/api.h>

const char *
clv_version(void)
{
	return CLV_VERSION;
}
