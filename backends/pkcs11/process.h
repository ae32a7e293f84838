/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Telling a forked child from its parent, without a system call. */
#ifndef CLV_PKCS11_PROCESS_H
#define CLV_PKCS11_PROCESS_H

/* A number that this process keeps, and that none of its ancestors has had;
 * neither 0 nor P11_NO_PROCESS. */
unsigned long clv_p11_process(void);

#define P11_NO_PROCESS ((unsigned long)-1)

#endif
