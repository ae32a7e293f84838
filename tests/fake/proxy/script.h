/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Reads directives and hands them to rules, token and the rest. */
#ifndef CLV_FAKE_PROXY_SCRIPT_H
#define CLV_FAKE_PROXY_SCRIPT_H

/* NULL, or what is wrong; the text stays until the thread's next call. */
const char *script_run(const char *directives);
const char *script_run_file(const char *path);

/* What the directives `module` and `log` said last. */
const char *script_module(void);
int script_log(void); /* a descriptor, or -1 */

#endif
