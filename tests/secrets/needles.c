/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "needles.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>

/* Pieces begin at every STEP bytes of a needle. */
#define STEP 8U
#define TABLE_SIZE 65536U
#define CHUNK (4U * 1024 * 1024)

static void
die(const char *what)
{
	perror(what);
	exit(2);
}

void
needles_add(
    struct needles *needles, const char *name, const void *bytes, size_t size)
{
	struct needle *needle = &needles->needle[needles->count];

	if (needles->count == NEEDLES_MAX || size < PIECE_SIZE)
		die(name);
	needle->bytes = malloc(size);
	if (needle->bytes == NULL)
		die("malloc");
	memcpy(needle->bytes, bytes, size);
	needle->size = size;
	(void)snprintf(needle->name, sizeof(needle->name), "%s", name);
	needles->count++;
}

void
needles_add_number(
    struct needles *needles, const char *name, const void *bytes, size_t size)
{
	const uint8_t *from = bytes;
	uint8_t turned[1024];
	char text[32];

	if (size > sizeof(turned))
		die(name);
	for (size_t i = 0; i < size; i++)
		turned[i] = from[size - 1 - i];
	(void)snprintf(text, sizeof(text), "%s (be)", name);
	needles_add(needles, text, bytes, size);
	(void)snprintf(text, sizeof(text), "%s (le)", name);
	needles_add(needles, text, turned, size);
}

static void
add_parameter(struct needles *needles, EVP_PKEY *pkey, const char *parameter,
    const char *name)
{
	BIGNUM *number = NULL;
	uint8_t bytes[1024];

	if (EVP_PKEY_get_bn_param(pkey, parameter, &number) != 1)
		die(parameter);
	needles_add_number(
	    needles, name, bytes, (size_t)BN_bn2bin(number, bytes));
	BN_clear_free(number);
}

/* The seed, and what it is expanded to before use (RFC 8032, 5.1.5). */
static void
add_seed(struct needles *needles, EVP_PKEY *pkey)
{
	uint8_t expanded[64];
	uint8_t seed[64];
	size_t size = sizeof(seed);

	if (EVP_PKEY_get_raw_private_key(pkey, seed, &size) != 1)
		die("raw private key");
	needles_add_number(needles, "seed", seed, size);
	if (EVP_PKEY_get_base_id(pkey) != EVP_PKEY_ED25519)
		return;
	if (EVP_Digest(seed, size, expanded, NULL, EVP_sha512(), NULL) != 1)
		die("SHA-512");
	needles_add(needles, "prefix", expanded + 32, 32);
}

void
needles_add_key(struct needles *needles, EVP_PKEY *pkey)
{
	static const char *const rsa[][2] = {
	    {OSSL_PKEY_PARAM_RSA_D, "d"},
	    {OSSL_PKEY_PARAM_RSA_FACTOR1, "p"},
	    {OSSL_PKEY_PARAM_RSA_FACTOR2, "q"},
	    {OSSL_PKEY_PARAM_RSA_EXPONENT1, "dP"},
	    {OSSL_PKEY_PARAM_RSA_EXPONENT2, "dQ"},
	    {OSSL_PKEY_PARAM_RSA_COEFFICIENT1, "qInv"},
	};

	switch (EVP_PKEY_get_base_id(pkey)) {
	case EVP_PKEY_RSA:
		for (size_t i = 0; i < 6; i++)
			add_parameter(needles, pkey, rsa[i][0], rsa[i][1]);
		break;
	case EVP_PKEY_EC:
		add_parameter(needles, pkey, OSSL_PKEY_PARAM_PRIV_KEY, "d");
		break;
	default:
		add_seed(needles, pkey);
	}
}

void
needles_clear(struct needles *needles)
{
	for (size_t i = 0; i < needles->count; i++)
		free(needles->needle[i].bytes);
	memset(needles, 0, sizeof(*needles));
}

/* Where a piece is, by a hash of its first eight bytes. */
struct piece {
	const uint8_t *bytes;
	size_t needle;
};

struct table {
	struct piece piece[TABLE_SIZE];
	struct needles *needles;
};

static size_t
hash(const uint8_t *bytes)
{
	uint64_t word;

	memcpy(&word, bytes, sizeof(word));
	return (size_t)((word * 0x9E3779B97F4A7C15ULL) >> 48);
}

static struct table *
table_new(struct needles *needles)
{
	struct table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		die("calloc");
	table->needles = needles;
	for (size_t i = 0; i < needles->count; i++) {
		const struct needle *needle = &needles->needle[i];

		for (size_t at = 0; at + PIECE_SIZE <= needle->size;
		     at += STEP) {
			size_t slot = hash(needle->bytes + at);

			while (table->piece[slot].bytes != NULL)
				slot = (slot + 1) % TABLE_SIZE;
			table->piece[slot] =
			    (struct piece){needle->bytes + at, i};
		}
	}
	return table;
}

static void
look(struct table *table, const uint8_t *bytes, size_t size)
{
	for (size_t at = 0; at + PIECE_SIZE <= size; at++) {
		size_t slot = hash(bytes + at);

		for (; table->piece[slot].bytes != NULL;
		     slot = (slot + 1) % TABLE_SIZE)
			if (memcmp(table->piece[slot].bytes, bytes + at,
				PIECE_SIZE) == 0)
				table->needles
				    ->hits[table->piece[slot].needle]++;
	}
}

static void
tell_region(const struct needles *needles, size_t before, const char *region)
{
	if (needles_hits(needles) > before && getenv("SECRET_SCAN_VERBOSE"))
		printf("  found in %s", region);
}

static void
scan_range(
    struct table *table, int fd, uint64_t from, uint64_t to, uint8_t *buffer)
{
	while (from < to) {
		const size_t want =
		    to - from < CHUNK ? (size_t)(to - from) : CHUNK;
		const ssize_t got = pread(fd, buffer, want, (off_t)from);

		if (got <= 0)
			return; /* not readable, such as a guard page */
		look(table, buffer, (size_t)got);
		if ((size_t)got <= PIECE_SIZE || from + (size_t)got >= to)
			return;
		/* Pieces may lie across two chunks. */
		from += (size_t)got - PIECE_SIZE + 1;
	}
}

bool
needles_scan_process(struct needles *needles, int pid)
{
	struct table *table = table_new(needles);
	uint8_t *buffer = malloc(CHUNK);
	unsigned long from;
	unsigned long to;
	char path[64];
	char line[512];
	FILE *maps;
	int memory;

	(void)snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	memory = open(path, O_RDONLY | O_CLOEXEC);
	(void)snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	if (memory < 0 || maps == NULL || buffer == NULL)
		die(path);
	while (fgets(line, sizeof(line), maps) != NULL) {
		const size_t before = needles_hits(needles);

		if (sscanf(line, "%lx-%lx r", &from, &to) != 2 ||
		    strstr(line, "[v") != NULL)
			continue;
		scan_range(table, memory, from, to, buffer);
		tell_region(needles, before, line);
	}
	(void)fclose(maps);
	(void)close(memory);
	free(buffer);
	free(table);
	return true;
}

bool
needles_scan_file(struct needles *needles, const char *path)
{
	struct table *table;
	uint8_t *buffer;
	struct stat about;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &about) != 0)
		return false;
	table = table_new(needles);
	buffer = malloc(CHUNK);
	if (buffer == NULL)
		die("malloc");
	scan_range(table, fd, 0, (uint64_t)about.st_size, buffer);
	(void)close(fd);
	free(buffer);
	free(table);
	return true;
}

size_t
needles_hits(const struct needles *needles)
{
	size_t sum = 0;

	for (size_t i = 0; i < needles->count; i++)
		sum += needles->hits[i];
	return sum;
}

void
needles_tell(const struct needles *needles, const char *where)
{
	for (size_t i = 0; i < needles->count; i++)
		if (needles->hits[i] > 0)
			printf("  %s: %zu pieces of %s\n", where,
			    needles->hits[i], needles->needle[i].name);
}
