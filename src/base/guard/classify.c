/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Which policy fits a file of an application. */

#include "base/guard/classify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <claviger/secret.h>

#include "base/guard/internal.h"

#define HEAD_SIZE 65536U

/* Part 12, Annex F, and the names other stacks use. */
static const char *const trust_places[] = {
    "trusted", "issuer", "issuers", "rejected", "certs", "crl", "crls", NULL};
static const char *const key_suffixes[] = {
    ".key", ".p12", ".pfx", ".p8", ".pk8", ".tss", NULL};
static const char *const trust_suffixes[] = {
    ".der", ".cer", ".crt", ".crl", NULL};

static bool
is_one_of(const char *text, size_t size, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strlen(*names) == size && memcmp(text, *names, size) == 0)
			return true;
	return false;
}

static bool
has_suffix(const char *path, const char *const *suffixes)
{
	const size_t size = strlen(path);

	for (; *suffixes != NULL; suffixes++) {
		const size_t length = strlen(*suffixes);

		if (size > length &&
		    strcasecmp(path + size - length, *suffixes) == 0)
			return true;
	}
	return false;
}

/* Looks at the last three components only: what an application's directory
 * is called further up says nothing. */
static clv_guard_policy
policy_of_place(const char *path)
{
	size_t end = strlen(path);
	clv_guard_policy policy = CLV_GUARD_CONFIG;

	for (int i = 0; i < 3 && end > 0; i++) {
		size_t start = end;

		while (start > 0 && path[start - 1] != '/')
			start--;
		if (end - start == 7 && memcmp(path + start, "private", 7) == 0)
			return CLV_GUARD_KEY;
		if (is_one_of(path + start, end - start, trust_places))
			policy = CLV_GUARD_TRUST;
		for (end = start; end > 0 && path[end - 1] == '/';)
			end--;
	}
	return policy;
}

static bool
has_pem(const unsigned char *bytes, size_t size, const char *label)
{
	static const char begin[] = "-----BEGIN ";
	const unsigned char *at = bytes;
	const unsigned char *end = bytes + size;

	while ((at = memmem(at, (size_t)(end - at), begin,
		    sizeof(begin) - 1)) != NULL) {
		const unsigned char *line =
		    memchr(at, '\n', (size_t)(end - at));

		if (line == NULL)
			line = end;
		if (memmem(at, (size_t)(line - at), label, strlen(label)) !=
		    NULL)
			return true;
		at = line;
	}
	return false;
}

/* Skips the head of a DER element; NULL if there is none of this tag. */
static const unsigned char *
enter_der(const unsigned char *at, const unsigned char *end, int tag)
{
	if (end - at < 2 || at[0] != tag)
		return NULL;
	if (at[1] < 0x80)
		return at + 2;
	at += 2 + (at[1] & 0x7F);
	return at <= end ? at : NULL;
}

static bool
starts_with(const unsigned char *at, const unsigned char *end,
    const void *bytes, size_t size)
{
	return (size_t)(end - at) >= size && memcmp(at, bytes, size) == 0;
}

/* PKCS#8, PKCS#1, RFC 5915, PKCS#12, encrypted PKCS#8, TSS2 PRIVATE KEY. */
static bool
is_der_key(const unsigned char *bytes, size_t size)
{
	static const struct {
		unsigned char bytes[9];
		size_t size;
	} plain[] = {{{0x02, 1, 0, 0x30}, 4}, {{0x02, 1, 1, 0x30}, 4},
	    {{0x02, 1, 0, 0x02}, 4}, {{0x02, 1, 1, 0x04}, 4},
	    {{0x02, 1, 3, 0x30}, 4},
	    {{0x06, 6, 0x67, 0x81, 0x05, 0x0A, 1, 3}, 8}};
	/* 1.2.840.113549.1.5 and .12, behind the OID's tag and length. */
	static const unsigned char pkcs5[] = {
	    0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 5};
	static const unsigned char pkcs12[] = {
	    0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 12};
	const unsigned char *end = bytes + size;
	const unsigned char *at = enter_der(bytes, end, 0x30);

	if (at == NULL)
		return false;
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
		if (starts_with(at, end, plain[i].bytes, plain[i].size))
			return true;
	at = enter_der(at, end, 0x30);
	if (at != NULL)
		at = enter_der(at, end, 0x06);
	return at != NULL &&
	    (starts_with(at, end, pkcs5, sizeof(pkcs5)) ||
		starts_with(at, end, pkcs12, sizeof(pkcs12)));
}

clv_guard_policy
clv_guard_policy_of_content(const unsigned char *bytes, size_t size)
{
	if (has_pem(bytes, size, "PRIVATE KEY-----") || is_der_key(bytes, size))
		return CLV_GUARD_KEY;
	if (has_pem(bytes, size, "CERTIFICATE-----") ||
	    has_pem(bytes, size, "X509 CRL-----"))
		return CLV_GUARD_TRUST;
	return CLV_GUARD_CONFIG;
}

/* The beginning of a regular file; nothing else is opened. It may be a key:
 * the bytes go into a secret. */
static bool
read_head(int directory, const char *path, clv_secret *head)
{
	char pinned_path[CLV_GUARD_FD_PATH];
	const int pinned = openat(directory, path, O_PATH | O_CLOEXEC);
	struct stat stat;
	ssize_t size = -1;
	int fd = -1;

	if (pinned < 0)
		return false;
	if (fstat(pinned, &stat) != 0 || !S_ISREG(stat.st_mode))
		goto out;
	clv_guard_fd_path(pinned, pinned_path);
	fd = open(pinned_path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || clv_secret_alloc(head, HEAD_SIZE, NULL) != CLV_OK)
		goto out;
	size = read(fd, head->data, HEAD_SIZE);
	if (size >= 0)
		head->size = (size_t)size;
out:
	if (fd >= 0)
		(void)close(fd);
	(void)close(pinned);
	return size >= 0;
}

clv_guard_policy
clv_guard_classify_at(int directory, const char *name, const char *path)
{
	clv_guard_policy content = CLV_GUARD_CONFIG;
	clv_guard_policy place;
	clv_secret head = CLV_SECRET_INIT;

	if (read_head(directory, name, &head))
		content = clv_guard_policy_of_content(head.data, head.size);
	clv_secret_clear(&head);
	if (content == CLV_GUARD_KEY)
		return CLV_GUARD_KEY;
	place = policy_of_place(path);
	if (place != CLV_GUARD_CONFIG)
		return place;
	if (content != CLV_GUARD_CONFIG)
		return content;
	if (has_suffix(path, key_suffixes))
		return CLV_GUARD_KEY;
	return has_suffix(path, trust_suffixes) ? CLV_GUARD_TRUST
						: CLV_GUARD_CONFIG;
}

clv_guard_policy
clv_guard_classify(const char *path)
{
	return clv_guard_classify_at(AT_FDCWD, path, path);
}
