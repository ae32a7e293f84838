/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * An automounter: a directory on which a tmpfs is mounted when somebody goes
 * there, by a process that speaks the kernel's autofs protocol itself.
 */
#ifndef CLV_TESTS_FAKE_AUTOMOUNT_H
#define CLV_TESTS_FAKE_AUTOMOUNT_H

#include <stdbool.h>

/*
 * Makes `mountpoint` one, as root; a process serves it until the caller's
 * ends. What is mounted is a tmpfs with these options and an empty file "key"
 * in it; NULL: nothing can be mounted. False with errno on failure.
 */
bool automount_start(const char *mountpoint, const char *options);

#endif
