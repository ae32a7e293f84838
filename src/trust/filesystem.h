/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#ifndef CLV_TRUST_FILESYSTEM_H
#define CLV_TRUST_FILESYSTEM_H

#include <stdbool.h>

/* Whether every change of the file system behind `fd` goes through this
 * kernel, so that inotify sees it. False for those that are not known. */
bool clv_filesystem_is_local(int fd);

#endif
