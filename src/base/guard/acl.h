/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * POSIX ACLs as Linux keeps them in extended attributes. Read through the
 * attribute rather than libacl, because a descriptor opened with O_PATH has
 * no other way, and because the raw form shows what a library would mend.
 */
#ifndef CLV_BASE_GUARD_ACL_H
#define CLV_BASE_GUARD_ACL_H

#include <claviger/error.h>

#include <sys/types.h>

enum clv_acl_tag {
	CLV_ACL_OWNER = 0x01,
	CLV_ACL_USER = 0x02,
	CLV_ACL_OWNING_GROUP = 0x04,
	CLV_ACL_GROUP = 0x08,
	CLV_ACL_MASK = 0x10,
	CLV_ACL_OTHERS = 0x20
};

enum clv_acl_right { CLV_ACL_EXECUTE = 1, CLV_ACL_WRITE = 2, CLV_ACL_READ = 4 };

struct clv_acl_entry {
	uint16_t tag;
	uint16_t rights;
	uint32_t id; /* of CLV_ACL_USER and CLV_ACL_GROUP */
};

struct clv_acl {
	struct clv_acl_entry *entries; /* NULL: there is no ACL */
	size_t count;
};

/* As clv_acl_read() reads it; several may hold at once. */
enum clv_acl_kinds {
	CLV_ACL_KIND_ACCESS = 1,
	CLV_ACL_KIND_DEFAULT = 2,
	CLV_ACL_KIND_FOREIGN = 4 /* one that can't be judged */
};

void clv_acl_free(struct clv_acl *acl);
/* False if the bytes are no well-formed ACL; then `acl` is empty. Sets errno
 * to ENOMEM or EINVAL. */
bool clv_acl_parse(const void *bytes, size_t size, struct clv_acl *acl);
/* The inverse. `bytes` has room for clv_acl_size(). */
size_t clv_acl_size(const struct clv_acl *acl);
void clv_acl_encode(const struct clv_acl *acl, void *bytes);

/* Mode bits as an ACL of three entries, which the caller provides. */
void clv_acl_from_mode(
    unsigned mode, struct clv_acl_entry entries[3], struct clv_acl *acl);
/* What limits named entries and the owning group: 7 if there is no mask. */
unsigned clv_acl_mask(const struct clv_acl *acl);
/* Whether an entry is of the class that the mask limits. */
bool clv_acl_is_masked(const struct clv_acl_entry *entry);
/* Whether there are entries beyond those of the mode bits. */
bool clv_acl_is_extended(const struct clv_acl *acl);

/* Which ACLs the object behind an O_PATH descriptor has: clv_acl_kinds, or
 * -1 and errno. */
int clv_acl_list(int fd);
/* Reads the access or the default ACL. Empty if there is none; false and
 * errno on failure, EINVAL if it is malformed. */
bool clv_acl_read(int fd, enum clv_acl_kinds kind, struct clv_acl *acl);
/* Writes one. */
bool clv_acl_write(int fd, enum clv_acl_kinds kind, const struct clv_acl *acl);

#endif
