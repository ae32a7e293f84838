/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "fuzz_directory.h"

#include "trust/journal.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#define CONTENT_MAX 4096U
#define WORLD_COUNT 5U

static const char *const folders[] = {
    "trusted/certs", "trusted/crl", "issuer/certs", "issuer/crl", ".claviger"};
#define FOLDERS (sizeof(folders) / sizeof(folders[0]))

static char base[64];
static char directory[80];

unsigned
script_byte(struct script *script)
{
	return script->at < script->end ? *script->at++ : 0;
}

/* ---- contents ---- */

struct whole {
	uint8_t *der;
	size_t size;
	char thumbprint[2 * SHA_DIGEST_LENGTH + 1];
};

/* TBSCertList of "CN=ca": nobody, and serial 5. */
#define CRL_HEAD                                           \
	"\x02\x01\x01\x30\x05\x06\x03\x2b\x65\x70"         \
	"\x30\x0d\x31\x0b\x30\x09\x06\x03\x55\x04\x03\x0c" \
	"\x02"                                             \
	"ca"                                               \
	"\x17\x0d"                                         \
	"300101000000Z"                                    \
	"\x17\x0d"                                         \
	"310101000000Z"
#define CRL_ONE                \
	"\x30\x14\x30\x12\x02" \
	"\x01\x05\x17\x0d"     \
	"300101000000Z"

static struct whole
make_crl(const char *tbs, size_t size)
{
	struct whole crl = {NULL, 0, ""};
	uint8_t draft[256] = {0x30, 0, 0x30};

	/* world_sign() looks at nothing behind the first value. */
	must(size < 0x70);
	draft[1] = (uint8_t)(size + 2);
	draft[3] = (uint8_t)size;
	memcpy(draft + 4, tbs, size);
	crl.der = world_sign(draft, size + 4, &crl.size);
	return crl;
}

static struct whole
copy_of(const struct clv_trust_cert *cert)
{
	struct whole whole = {malloc(cert->size), cert->size, ""};

	must(whole.der != NULL);
	memcpy(whole.der, cert->der, cert->size);
	return whole;
}

static void
fingerprint(struct whole *whole)
{
	uint8_t digest[SHA_DIGEST_LENGTH];

	must(whole->der != NULL);
	(void)SHA1(whole->der, whole->size, digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		(void)snprintf(whole->thumbprint + 2 * i, 3, "%02X", digest[i]);
}

static const struct whole *
wholes(void)
{
	static struct whole all[WORLD_COUNT];
	const struct world *world = world_get();

	if (all[0].der != NULL)
		return all;
	all[0] = copy_of(world->ca);
	all[1] = copy_of(world->leaf);
	all[2] = make_crl(CRL_HEAD, sizeof(CRL_HEAD) - 1);
	all[3] = make_crl(CRL_HEAD CRL_ONE, sizeof(CRL_HEAD CRL_ONE) - 1);
	all[4].der = malloc(all[1].size + all[0].size);
	must(all[4].der != NULL);
	memcpy(all[4].der, all[1].der, all[1].size);
	memcpy(all[4].der + all[1].size, all[0].der, all[0].size);
	all[4].size = all[1].size + all[0].size;
	for (size_t i = 0; i < WORLD_COUNT; i++)
		fingerprint(&all[i]);
	return all;
}

const char *
script_thumbprint(unsigned which)
{
	return wholes()[which % 4].thumbprint;
}

static size_t
put_pem(uint8_t *out, const struct whole *whole, bool crl)
{
	const char *label = crl ? "X509 CRL" : "CERTIFICATE";
	int size = sprintf((char *)out, "-----BEGIN %s-----\n", label);

	size += EVP_EncodeBlock(out + size, whole->der, (int)whole->size);
	size += sprintf((char *)out + size, "\n-----END %s-----\n", label);
	return (size_t)size;
}

static size_t
put_raw(struct script *script, uint8_t *out)
{
	size_t size = script_byte(script);
	const size_t left = (size_t)(script->end - script->at);

	size = size < left ? size : left;
	memcpy(out, script->at, size);
	script->at += size;
	return size;
}

void
script_content(struct script *script, struct script_content *content)
{
	static uint8_t buffer[CONTENT_MAX];
	const unsigned which = script_byte(script);
	const struct whole *whole = &wholes()[which % WORLD_COUNT];
	const unsigned how = which / WORLD_COUNT % 6;

	content->bytes = buffer;
	content->size = whole->size;
	memcpy(buffer, whole->der, whole->size);
	if (how == 1)
		content->size = put_raw(script, buffer);
	else if (how == 2 && which % WORLD_COUNT != 4)
		content->size = put_pem(buffer, whole, which % WORLD_COUNT > 1);
	else if (how == 3)
		content->size -= 1 + script_byte(script) % whole->size;
	else if (how == 4)
		buffer[script_byte(script) * whole->size / 256] ^= 0x01;
	else if (how == 5)
		content->size += put_raw(script, buffer + content->size);
}

/* ---- names ---- */

/* Few names, so that they meet; or bytes of the input. */
static void
take_name(struct script *script, char name[256])
{
	static const char *const few[] = {"a.der", "b", "c.crl", "..data",
	    ".hidden", "journal", "done", "lock"};
	const unsigned which = script_byte(script);
	uint8_t raw[256];
	size_t size;

	if (which % 16 < 8) {
		(void)strcpy(name, few[which % 8]);
		return;
	}
	if (which % 16 < 14) {
		(void)strcpy(name, few[which % 2]);
		return;
	}
	size = put_raw(script, raw);
	for (size_t i = 0; i < size; i++)
		name[i] = raw[i] == '/' || raw[i] == '\0' ? '_' : (char)raw[i];
	name[size] = '\0';
	if (size == 0 || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		(void)strcpy(name, "_");
}

static void
take_path(struct script *script, char path[512])
{
	const unsigned folder = script_byte(script) % (4 * FOLDERS);
	char name[256];

	take_name(script, name);
	/* Mostly the four. */
	(void)snprintf(path, 512, "%s/%s/%s", directory,
	    folders[folder < FOLDERS ? folder : folder % 4], name);
}

/* ---- what is done ---- */

static void
write_file(const char *path, int flags, const struct script_content *content)
{
	const int fd = open(
	    path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK | flags, 0644);

	if (fd < 0)
		return;
	must(
	    write(fd, content->bytes, content->size) == (ssize_t)content->size);
	(void)close(fd);
}

static void
do_write(struct script *script, const char *path, bool whole)
{
	struct script_content content;
	char temporary[96];
	struct stat about;

	script_content(script, &content);
	/* Writing to a FIFO would wait for a reader. */
	if (!whole) {
		if (lstat(path, &about) == 0 && !S_ISREG(about.st_mode))
			return;
		write_file(path, O_TRUNC, &content);
		return;
	}
	(void)snprintf(temporary, sizeof(temporary), "%s/new", base);
	write_file(temporary, O_TRUNC, &content);
	if (rename(temporary, path) != 0)
		(void)unlink(temporary);
}

static void
do_link(struct script *script, const char *path)
{
	/* What they lead to does not change: that is not watched. */
	static const char *const targets[] = {"/nonexistent", ".", "/dev/null",
	    "/proc/self/environ", "../../../good", "..", "a.der/x", "/"};

	(void)!symlink(targets[script_byte(script) % 8], path);
}

static void
do_chmod(struct script *script, const char *path)
{
	static const mode_t modes[] = {
	    0644, 0600, 0666, 0000, 0755, 0664, 0777, 04755};
	struct stat about;

	if (lstat(path, &about) == 0 && !S_ISLNK(about.st_mode))
		(void)chmod(path, modes[script_byte(script) % 8]);
}

/* Folders that go, come back, or are open to all for a while. */
static void
do_structure(struct script *script)
{
	static const char *const moves[][2] = {{"issuer", "issuers"},
	    {"issuers", "issuer"}, {"trusted/certs", "trusted/away"},
	    {"trusted/away", "trusted/certs"}, {"trusted/crl", "trusted/gone"},
	    {"trusted/gone", "trusted/crl"}, {".claviger", "state"},
	    {"state", ".claviger"}};
	const unsigned which = script_byte(script);
	char from[128], to[128];

	(void)snprintf(
	    from, sizeof(from), "%s/%s", directory, moves[which % 8][0]);
	(void)snprintf(to, sizeof(to), "%s/%s", directory, moves[which % 8][1]);
	if ((which & 0x18) == 0x18)
		(void)chmod(from, (which & 0x20) != 0 ? 0777 : 0755);
	else
		(void)rename(from, to);
}

/* As another process that was killed behind its commit. */
static void
do_journal(struct script *script)
{
	struct clv_journal *journal = NULL;
	struct script_content content, file;
	uint8_t *text = NULL;
	char path[128], name[256];

	must(clv_journal_new(&journal, NULL) == CLV_OK);
	for (unsigned i = script_byte(script) % 4; i > 0; i--) {
		const enum clv_trust_folder folder =
		    (enum clv_trust_folder)(script_byte(script) % 4);

		take_name(script, name);
		script_content(script, &content);
		if ((script_byte(script) & 3) == 0)
			(void)!clv_journal_remove(journal, folder, name, NULL);
		else
			(void)!clv_journal_add(journal, folder, name,
			    content.bytes, content.size, NULL);
	}
	clv_journal_seal(journal);
	must(clv_journal_encode(journal, &text, &content.size, NULL) == CLV_OK);
	content.bytes = text;
	(void)snprintf(path, sizeof(path), "%s/.claviger/journal", directory);
	write_file(path, O_TRUNC, &content);
	if ((script_byte(script) & 3) == 0) {
		/* It was carried out and could not be removed. */
		(void)snprintf(
		    path, sizeof(path), "%s/.claviger/done", directory);
		journal->nonce[CLV_NONCE_SIZE - 1] = '\n';
		file.bytes = (const uint8_t *)journal->nonce;
		file.size = CLV_NONCE_SIZE;
		write_file(path, O_TRUNC, &file);
	}
	free(text);
	clv_journal_free(&journal);
}

void
script_do(struct script *script, unsigned what)
{
	char path[512], other[512];

	if (what == 10) {
		do_structure(script);
		return;
	}
	if (what == 11) {
		do_journal(script);
		return;
	}
	take_path(script, path);
	switch (what) {
	case 0:
	case 1:
	case 2:
		do_write(script, path, true);
		break;
	case 3:
		do_write(script, path, false);
		break;
	case 4:
		(void)unlink(path);
		(void)rmdir(path);
		break;
	case 5:
		take_path(script, other);
		(void)rename(path, other);
		break;
	case 6:
		do_link(script, path);
		break;
	case 7:
		do_chmod(script, path);
		break;
	case 8:
		(void)mkdir(path, 0755);
		break;
	default:
		(void)mkfifo(path, 0644);
		break;
	}
}

/* ---- the directory ---- */

static int
remove_one(
    const char *path, const struct stat *about, int kind, struct FTW *where)
{
	(void)about;
	(void)kind;
	(void)where;
	return remove(path);
}

static void
remove_base(void)
{
	(void)nftw(base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *
script_directory(void)
{
	return directory;
}

static void
make_base(void)
{
	const char *where = getenv("TMPDIR");
	struct script_content good = {wholes()[0].der, wholes()[0].size};
	char path[96];

	(void)snprintf(base, sizeof(base), "%s/clv-fuzz-XXXXXX",
	    where != NULL ? where : "/tmp");
	must(mkdtemp(base) != NULL);
	(void)snprintf(directory, sizeof(directory), "%s/pki", base);
	(void)snprintf(path, sizeof(path), "%s/good", base);
	write_file(path, O_TRUNC, &good);
	(void)atexit(remove_base);
}

void
script_directory_make(void)
{
	static const char *const parts[] = {"", "trusted", "trusted/certs",
	    "trusted/crl", "issuer", "issuer/certs", "issuer/crl", ".claviger",
	    "rejected", "rejected/certs"};
	char path[128];

	if (base[0] == '\0')
		make_base();
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		(void)snprintf(
		    path, sizeof(path), "%s/%s", directory, parts[i]);
		must(mkdir(path, 0755) == 0);
	}
}

void
script_directory_clear(void)
{
	must(nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0);
}
