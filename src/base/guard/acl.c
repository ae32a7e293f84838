/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "base/guard/acl.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/guard/internal.h"

/* linux/posix_acl_xattr.h: a version, then entries, all little-endian. */
#define ACL_VERSION 2U
#define HEADER_SIZE 4U
#define ENTRY_SIZE 8U

static const char access_name[] = "system.posix_acl_access";
static const char default_name[] = "system.posix_acl_default";

/* ACLs of other kinds, which decide beside or instead of the mode bits. */
static const char *const foreign_names[] = {"system.nfs4_acl", "system.nfs4acl",
    "system.richacl", "system.cifs_acl", "system.cifs_ntsd",
    "system.cifs_ntsd_full", "system.smb3_acl", "system.smb3_ntsd",
    "system.smb3_ntsd_full", "security.NTACL"};

void
clv_acl_free(struct clv_acl *acl)
{
	free(acl->entries);
	*acl = (struct clv_acl){NULL, 0};
}

static struct clv_acl_entry
decode_entry(const unsigned char *bytes)
{
	struct {
		uint16_t tag;
		uint16_t rights;
		uint32_t id;
	} raw;

	memcpy(&raw, bytes, sizeof(raw));
	return (struct clv_acl_entry){.tag = le16toh(raw.tag),
	    .rights = le16toh(raw.rights),
	    .id = le32toh(raw.id)};
}

/* One owner, one owning group, one "others"; at most one mask, and one where
 * there are named entries; no other tags and rights. */
static bool
is_well_formed(const struct clv_acl *acl)
{
	size_t seen[CLV_ACL_OTHERS + 1] = {0};

	for (size_t i = 0; i < acl->count; i++) {
		const struct clv_acl_entry *entry = &acl->entries[i];

		switch (entry->tag) {
		case CLV_ACL_OWNER:
		case CLV_ACL_USER:
		case CLV_ACL_OWNING_GROUP:
		case CLV_ACL_GROUP:
		case CLV_ACL_MASK:
		case CLV_ACL_OTHERS:
			break;
		default:
			return false;
		}
		if (entry->rights > 7)
			return false;
		seen[entry->tag]++;
	}
	return seen[CLV_ACL_OWNER] == 1 && seen[CLV_ACL_OWNING_GROUP] == 1 &&
	    seen[CLV_ACL_OTHERS] == 1 && seen[CLV_ACL_MASK] <= 1 &&
	    (seen[CLV_ACL_MASK] == 1 ||
		seen[CLV_ACL_USER] + seen[CLV_ACL_GROUP] == 0);
}

bool
clv_acl_parse(const void *bytes, size_t size, struct clv_acl *acl)
{
	const unsigned char *at = bytes;
	uint32_t version;

	*acl = (struct clv_acl){NULL, 0};
	errno = EINVAL;
	if (size < HEADER_SIZE + 3 * ENTRY_SIZE ||
	    (size - HEADER_SIZE) % ENTRY_SIZE != 0)
		return false;
	memcpy(&version, at, sizeof(version));
	if (le32toh(version) != ACL_VERSION)
		return false;

	acl->count = (size - HEADER_SIZE) / ENTRY_SIZE;
	acl->entries = calloc(acl->count, sizeof(*acl->entries));
	if (acl->entries == NULL)
		return false;
	for (size_t i = 0; i < acl->count; i++)
		acl->entries[i] =
		    decode_entry(at + HEADER_SIZE + i * ENTRY_SIZE);
	if (is_well_formed(acl))
		return true;
	clv_acl_free(acl);
	errno = EINVAL;
	return false;
}

size_t
clv_acl_size(const struct clv_acl *acl)
{
	return HEADER_SIZE + acl->count * ENTRY_SIZE;
}

void
clv_acl_encode(const struct clv_acl *acl, void *bytes)
{
	const uint32_t version = htole32(ACL_VERSION);
	unsigned char *at = bytes;

	memcpy(at, &version, sizeof(version));
	for (size_t i = 0; i < acl->count; i++) {
		const uint16_t tag = htole16(acl->entries[i].tag);
		const uint16_t rights = htole16(acl->entries[i].rights);
		const uint32_t id = htole32(acl->entries[i].id);
		unsigned char *entry = at + HEADER_SIZE + i * ENTRY_SIZE;

		memcpy(entry, &tag, sizeof(tag));
		memcpy(entry + 2, &rights, sizeof(rights));
		memcpy(entry + 4, &id, sizeof(id));
	}
}

void
clv_acl_from_mode(
    unsigned mode, struct clv_acl_entry entries[3], struct clv_acl *acl)
{
	entries[0] = (struct clv_acl_entry){
	    CLV_ACL_OWNER, (uint16_t)(mode >> 6 & 7), UINT32_MAX};
	entries[1] = (struct clv_acl_entry){
	    CLV_ACL_OWNING_GROUP, (uint16_t)(mode >> 3 & 7), UINT32_MAX};
	entries[2] = (struct clv_acl_entry){
	    CLV_ACL_OTHERS, (uint16_t)(mode & 7), UINT32_MAX};
	*acl = (struct clv_acl){entries, 3};
}

unsigned
clv_acl_mask(const struct clv_acl *acl)
{
	for (size_t i = 0; i < acl->count; i++)
		if (acl->entries[i].tag == CLV_ACL_MASK)
			return acl->entries[i].rights;
	return 7;
}

bool
clv_acl_is_masked(const struct clv_acl_entry *entry)
{
	return entry->tag == CLV_ACL_USER || entry->tag == CLV_ACL_GROUP ||
	    entry->tag == CLV_ACL_OWNING_GROUP;
}

bool
clv_acl_is_extended(const struct clv_acl *acl)
{
	return acl->count > 3;
}

static int
kind_of(const char *name)
{
	if (strcmp(name, access_name) == 0)
		return CLV_ACL_KIND_ACCESS;
	if (strcmp(name, default_name) == 0)
		return CLV_ACL_KIND_DEFAULT;
	for (size_t i = 0; i < sizeof(foreign_names) / sizeof(char *); i++)
		if (strcmp(name, foreign_names[i]) == 0)
			return CLV_ACL_KIND_FOREIGN;
	return 0;
}

static int
kinds_in(const char *names, size_t size)
{
	int kinds = 0;

	for (size_t at = 0; at < size; at += strlen(names + at) + 1)
		kinds |= kind_of(names + at);
	return kinds;
}

int
clv_acl_list(int fd)
{
	char path[CLV_GUARD_FD_PATH];
	char few[512];
	char *many;
	ssize_t size;
	int kinds = -1;

	size = flistxattr(fd, few, sizeof(few));
	clv_guard_fd_path(fd, path);
	if (size < 0 && errno == EBADF) /* O_PATH */
		size = listxattr(path, few, sizeof(few));
	if (size >= 0)
		return kinds_in(few, (size_t)size);
	if (errno == ENOTSUP)
		return 0;
	if (errno != ERANGE)
		return -1;

	if ((many = malloc(XATTR_LIST_MAX)) == NULL)
		return -1;
	size = listxattr(path, many, XATTR_LIST_MAX);
	if (size >= 0)
		kinds = kinds_in(many, (size_t)size);
	free(many);
	return kinds;
}

static const char *
attribute_name(enum clv_acl_kinds kind)
{
	return kind == CLV_ACL_KIND_DEFAULT ? default_name : access_name;
}

bool
clv_acl_read(int fd, enum clv_acl_kinds kind, struct clv_acl *acl)
{
	char path[CLV_GUARD_FD_PATH];
	unsigned char *bytes;
	ssize_t size;
	bool done;

	*acl = (struct clv_acl){NULL, 0};
	if ((bytes = malloc(XATTR_SIZE_MAX)) == NULL)
		return false;
	clv_guard_fd_path(fd, path);
	size = getxattr(path, attribute_name(kind), bytes, XATTR_SIZE_MAX);
	if (size < 0)
		done = errno == ENODATA || errno == ENOTSUP;
	else
		done = clv_acl_parse(bytes, (size_t)size, acl);
	free(bytes);
	return done;
}

bool
clv_acl_write(int fd, enum clv_acl_kinds kind, const struct clv_acl *acl)
{
	char path[CLV_GUARD_FD_PATH];
	const size_t size = clv_acl_size(acl);
	unsigned char *bytes = malloc(size);
	bool done;

	if (bytes == NULL)
		return false;
	clv_acl_encode(acl, bytes);
	clv_guard_fd_path(fd, path);
	done = setxattr(path, attribute_name(kind), bytes, size, 0) == 0;
	free(bytes);
	return done;
}
