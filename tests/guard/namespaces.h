/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#ifndef CLV_TESTS_GUARD_NAMESPACES_H
#define CLV_TESTS_GUARD_NAMESPACES_H

/*
 * Moves the calling process into a user namespace that maps root and APP to
 * themselves, and nobody else. Ends the process on failure.
 */
void enter_user_namespace(void);

/* A descriptor of such a namespace in which OTHER shows as APP. */
int user_namespace_of_other(void);

#endif
