/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Two usual ways to replace key and certificate. If the harness finds nothing
 * wrong with these, it is worth nothing. */

#include "scenarios.h"

#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The one file that a pattern finds in the application. */
static bool
find(const struct lab *lab, const char *pattern, char path[256])
{
	glob_t found;
	char text[160];
	bool good;

	(void)snprintf(text, sizeof(text), "%s/%s", lab->work, pattern);
	good = glob(text, 0, NULL, &found) == 0 && found.gl_pathc > 0;
	if (good)
		(void)snprintf(path, 256, "%s", found.gl_pathv[0]);
	globfree(&found);
	return good;
}

static bool
overwrite(const char *path, const void *bytes, size_t size, int flags)
{
	const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0644);
	const bool good = fd >= 0 && write(fd, bytes, size) == (ssize_t)size &&
	    fsync(fd) == 0;

	if (fd >= 0)
		(void)close(fd);
	return good;
}

static int
run_truncate(void *user)
{
	const struct lab *lab = user;
	char path[256];

	if (!find(lab, "pki/own/certs/*.der", path))
		return 1;
	return overwrite(path, lab->renewal, lab->renewal_size, O_TRUNC) ? 0
									 : 1;
}

/* The pending key's file and its certificate over the present ones. */
static int
run_renames(void *user)
{
	const struct lab *lab = user;
	char certificate[256];
	char fresh[300];
	char key[256];
	char pending[256];
	char keys[512];

	if (!find(lab, "pki/own/certs/*.der", certificate) ||
	    !find(lab, "pki/own/private/*.pem", key))
		return 1;
	(void)snprintf(
	    pending, sizeof(pending), "%s/pki/own/private", lab->work);
	(void)snprintf(fresh, sizeof(fresh), "%s.new", certificate);
	(void)snprintf(keys, sizeof(keys), "%s/state/keys", lab->work);
	if (!find(lab, "pki/own/private/EccNistP256-*.pem", pending) ||
	    !find(lab, "pki/own/private/[!E]*.pem", key) ||
	    !overwrite(fresh, lab->next, lab->next_size, O_EXCL))
		return 1;
	return unlink(keys) == 0 && rename(pending, key) == 0 &&
		rename(fresh, certificate) == 0
	    ? 0
	    : 1;
}

const struct scenario controls[] = {
    {"truncate in place", false, run_truncate, print_renewal, false, false,
	false},
    {"renames without a record", true, run_renames, print_next, false, false,
	false},
};
const size_t control_count = sizeof(controls) / sizeof(controls[0]);
