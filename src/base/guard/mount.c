/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "base/guard/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/guard/internal.h"

/* linux/magic.h and the sources of those file systems. */
static const struct {
	uint64_t magic;
	enum clv_mount_kind kind;
} magics[] = {
    {0x65735546, CLV_MOUNT_FUSE},   /* fuse, fuseblk, virtiofs */
    {0x6969, CLV_MOUNT_REMOTE},     /* nfs */
    {0x517B, CLV_MOUNT_REMOTE},     /* smb */
    {0xFF534D42, CLV_MOUNT_REMOTE}, /* cifs */
    {0xFE534D42, CLV_MOUNT_REMOTE}, /* smb2 */
    {0x01021997, CLV_MOUNT_REMOTE}, /* 9p */
    {0x00C36400, CLV_MOUNT_REMOTE}, /* ceph */
    {0x5346414F, CLV_MOUNT_REMOTE}, /* afs */
    {0x6B414653, CLV_MOUNT_REMOTE}, /* kafs */
    {0x73757245, CLV_MOUNT_REMOTE}, /* coda */
    {0x564C, CLV_MOUNT_REMOTE},     /* ncp */
    {0x0BD00BD0, CLV_MOUNT_REMOTE}, /* lustre */
    {0x786F4256, CLV_MOUNT_REMOTE}, /* vboxsf */
    {0xBACBACBC, CLV_MOUNT_REMOTE}, /* vmhgfs */
};

enum clv_mount_kind
clv_mount_classify(uint64_t magic)
{
	for (size_t i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (magics[i].magic == magic)
			return magics[i].kind;
	return CLV_MOUNT_LOCAL;
}

/* The field at `at`, which ends at a space or the end of the line; `at` is
 * moved behind it. */
struct field {
	const char *text;
	size_t size;
};

static bool
next_field(const char **at, struct field *field)
{
	*at += strspn(*at, " ");
	field->text = *at;
	field->size = strcspn(*at, " \n");
	*at += field->size;
	return field->size > 0;
}

static bool
is_field(const struct field *field, const char *text)
{
	return field->size == strlen(text) &&
	    memcmp(field->text, text, field->size) == 0;
}

static bool
starts_with(const struct field *field, const char *text)
{
	return field->size >= strlen(text) &&
	    memcmp(field->text, text, strlen(text)) == 0;
}

/* Decimal digits up to one of the bytes in `ends`. */
static bool
parse_number(const char *text, const char *ends, uint32_t *number)
{
	char *end = NULL;
	unsigned long long value;

	if (*text < '0' || *text > '9')
		return false;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno != 0 || value > UINT32_MAX || strchr(ends, *end) == NULL)
		return false;
	*number = (uint32_t)value;
	return true;
}

static bool
parse_device(const struct field *field, struct clv_mount_line *out)
{
	const char *colon = memchr(field->text, ':', field->size);

	return colon != NULL && parse_number(field->text, ":", &out->major) &&
	    parse_number(colon + 1, " ", &out->minor);
}

/* user_id=N among "a,b=c,..."; given twice, nobody knows which one holds. */
static void
parse_options(const struct field *field, struct clv_mount_line *out)
{
	static const char name[] = "user_id=";
	const char *at = field->text;
	const char *end = field->text + field->size;
	unsigned times = 0;

	while (at < end) {
		const size_t size = strcspn(at, ", \n");

		if (size >= sizeof(name) &&
		    memcmp(at, name, sizeof(name) - 1) == 0) {
			times++;
			out->has_user = parse_number(
			    at + sizeof(name) - 1, ", \n", &out->user);
		}
		at += size + 1;
	}
	out->has_user = out->has_user && times == 1;
}

/* ID PARENT MAJOR:MINOR ROOT MOUNTPOINT OPTIONS [TAG]... - TYPE SOURCE
 * OPTIONS; spaces within a field are escaped. */
bool
clv_mount_parse(const char *line, struct clv_mount_line *out)
{
	struct field field;

	*out = (struct clv_mount_line){0};
	for (int i = 0; i < 6; i++) {
		if (!next_field(&line, &field))
			return false;
		if (i == 2 && !parse_device(&field, out))
			return false;
	}
	do {
		if (!next_field(&line, &field))
			return false;
	} while (!is_field(&field, "-"));

	if (!next_field(&line, &field))
		return false;
	out->is_fuse = is_field(&field, "fuse") ||
	    is_field(&field, "fuseblk") || starts_with(&field, "fuse.") ||
	    starts_with(&field, "fuseblk.");
	if (!next_field(&line, &field) || !next_field(&line, &field))
		return false;
	parse_options(&field, out);
	return true;
}

/* What is known of a FUSE file system's keeper. */
enum keeper {
	KEEPER_UNKNOWN, /* not mounted where this process can see it */
	KEEPER_TRUSTED,
	KEEPER_UNTRUSTED,
	KEEPER_HOST /* virtiofs: the machine's host */
};

static enum keeper
keeper_of_line(
    const struct clv_guard_case *judged, const struct clv_mount_line *line)
{
	if (!line->is_fuse)
		return KEEPER_HOST;
	if (!line->has_user)
		return KEEPER_UNKNOWN;
	return clv_guard_trusts_user(judged->guard, judged->policy,
		   line->user) == CLV_GUARD_TRUSTED
	    ? KEEPER_TRUSTED
	    : KEEPER_UNTRUSTED;
}

/* All lines of the device show the same options: the first one tells. */
static enum keeper
find_keeper(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, uint32_t *user)
{
	FILE *file = fopen("/proc/thread-self/mountinfo", "re");
	enum keeper keeper = KEEPER_UNKNOWN;
	struct clv_mount_line line;
	char *text = NULL;
	size_t size = 0;

	if (file == NULL)
		return KEEPER_UNKNOWN;
	while (getline(&text, &size, file) > 0) {
		if (!clv_mount_parse(text, &line) ||
		    line.major != object->stat.stx_dev_major ||
		    line.minor != object->stat.stx_dev_minor)
			continue;
		keeper = keeper_of_line(judged, &line);
		*user = line.user;
		break;
	}
	free(text);
	(void)fclose(file);
	return keeper;
}

static clv_status
report_mount(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, clv_guard_code code,
    clv_guard_grade grade, const char *reason, clv_error **err)
{
	return clv_guard_report_add(judged->report,
	    &(clv_guard_finding){.code = code,
		.grade = grade,
		.path = object->path,
		.reason = reason},
	    NULL, err);
}

static clv_status
judge_fuse(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, clv_error **err)
{
	char reason[128];
	uint32_t user = 0;

	switch (find_keeper(judged, object, &user)) {
	case KEEPER_TRUSTED:
		return CLV_OK;
	case KEEPER_HOST:
		return report_mount(judged, object, CLV_GUARD_REMOTE,
		    CLV_GUARD_WEAK,
		    "it lies on a file system of this machine's host, which "
		    "decides who may read and write",
		    err);
	case KEEPER_UNTRUSTED:
		(void)snprintf(reason, sizeof(reason),
		    "it lies on a FUSE file system that uid %u runs, who can "
		    "claim any owner and mode",
		    user);
		return report_mount(judged, object, CLV_GUARD_FUSE,
		    CLV_GUARD_INSECURE, reason, err);
	case KEEPER_UNKNOWN:
		break;
	}
	return report_mount(judged, object, CLV_GUARD_FUSE, CLV_GUARD_INSECURE,
	    "it lies on a FUSE file system of which it is not known who runs "
	    "it",
	    err);
}

clv_status
clv_guard_judge_mount(const struct clv_guard_case *judged,
    const struct clv_guard_object *object, clv_error **err)
{
	struct statfs stat;

	if (fstatfs(object->fd, &stat) != 0)
		return clv_guard_system_error(
		    object->path, "its file system is not known", err);
	switch (clv_mount_classify((uint32_t)stat.f_type)) {
	case CLV_MOUNT_LOCAL:
		break;
	case CLV_MOUNT_FUSE:
		return judge_fuse(judged, object, err);
	case CLV_MOUNT_REMOTE:
		return report_mount(judged, object, CLV_GUARD_REMOTE,
		    CLV_GUARD_WEAK,
		    "it lies on a network file system, whose server decides "
		    "who may read and write",
		    err);
	}
	return CLV_OK;
}
