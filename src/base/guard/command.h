/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The shell commands that mend findings. All are malloc'ed; NULL if memory
 * runs out, which costs the reader a hint and no more. */
#ifndef CLV_BASE_GUARD_COMMAND_H
#define CLV_BASE_GUARD_COMMAND_H

#include "base/guard/internal.h"

/* chmod or setfacl, such that nothing forbidden is left of the mode bits and
 * the access ACL; or of the default ACL. */
char *clv_guard_rights_command(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, bool is_default);
/* chown to whom the policy trusts most. */
char *clv_guard_owner_command(
    const struct clv_guard_case *judged, const struct clv_guard_object *object);
/* Gives a hard-linked file an inode of its own. */
char *clv_guard_unlink_command(const struct clv_guard_object *object);

#endif
