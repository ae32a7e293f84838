/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "attempts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "gate.h"

/*
 * The file: a header of 32 bytes, then records of 32 bytes. None of them lies
 * across the border of a disk's sector, so a write is there or not.
 */
#define MAGIC "CLVPIN2\n"
#define SALT_SIZE 16U
#define RECORDS_MAX 64U

/* The binary logarithm of scrypt's N, for new files: 16 MiB and some 30 ms for
 * each guess. A file's own is kept, so that its hashes go on to count. */
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
#define COST 1U
#else
#define COST 14U
#endif
#define COST_MAX 15U
#define SCRYPT_R 8U
#define LOCK_MS 60000U

struct header {
	char magic[8];
	unsigned char salt[SALT_SIZE];
	unsigned char reserved;
	unsigned char cost;
	unsigned char reserved_too[6];
};

/* All zero: free. */
struct record {
	unsigned char value[P11_VALUE_SIZE];
	unsigned char state;
};

/* A record's state: 0 if the PIN was refused, else logins without an end, and
 * whether one had a doubtful end. */
#define UNFINISHED 0x7fU
#define UNSURE 0x80U

/* Stands in for the file where there is no place for it; keyed by token, but
 * shared by all, as PINs are few. */
static struct {
	struct p11_gate gate;
	int fd; /* 0: none yet */
} memory = {.gate = P11_GATE_INIT};

static clv_status
failed(const struct p11_attempts *attempts, const char *what, clv_error **err)
{
	return clv_error_raise(err, CLV_IO,
	    &(struct clv_error_info){.operation = "remember PIN attempts",
		.subject = attempts->path,
		.domain = CLV_DOMAIN_ERRNO,
		.code = errno},
	    "can't %s the file", what);
}

/* The directory is ours alone, or it does not serve. */
static bool
is_private(int directory)
{
	struct stat info;

	return fstat(directory, &info) == 0 && S_ISDIR(info.st_mode) &&
	    (info.st_uid == geteuid() || info.st_uid == 0) &&
	    (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static int
open_directory(const char *base, const char *below)
{
	char path[400];
	int directory;

	if (base == NULL || base[0] != '/' ||
	    (size_t)snprintf(path, sizeof(path), "%s%s", base, below) >=
		sizeof(path))
		return -1;
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return -1;
	directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (directory >= 0 && is_private(directory))
		return directory;
	if (directory >= 0)
		(void)close(directory);
	return -1;
}

static int
open_home(void)
{
	const char *home = secure_getenv("HOME");
	char path[300];

	if (home == NULL ||
	    (size_t)snprintf(path, sizeof(path), "%s/.local", home) >=
		sizeof(path))
		return -1;
	(void)mkdir(path, 0700);
	(void)strcat(path, "/state");
	(void)mkdir(path, 0700);
	return open_directory(path, "/claviger");
}

/* What is set is meant: where it does not serve, no other is taken. */
static int
open_state_directory(void)
{
	const char *state_home = secure_getenv("XDG_STATE_HOME");
	const char *state = secure_getenv("STATE_DIRECTORY");

	if (state_home != NULL)
		return open_directory(state_home, "/claviger");
	if (state != NULL) /* systemd.exec(5) */
		return open_directory(state, "");
	if (geteuid() == 0)
		return open_directory("/var/lib", "/claviger");
	return open_home();
}

/* A name that tells nothing, and the same for the same token. */
static bool
name_file(const struct p11_attempts *attempts, const struct p11_identity *token,
    char name[64])
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	size_t size = 0;

	if (EVP_Q_digest(attempts->openssl, "SHA256", NULL, token,
		sizeof(*token), digest, &size) != 1)
		return false;
	(void)strcpy(name, "token-");
	for (size_t i = 0; i < 12; i++)
		(void)snprintf(name + 6 + 2 * i, 3, "%02x", digest[i]);
	(void)strcat(name, ".pins");
	return true;
}

static bool
open_file(struct p11_attempts *attempts, const struct p11_identity *token)
{
	const int directory = open_state_directory();
	char link[64];
	char name[64];
	ssize_t size;

	if (directory < 0 || !name_file(attempts, token, name)) {
		if (directory >= 0)
			(void)close(directory);
		return false;
	}
	attempts->fd = openat(directory, name,
	    O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
	(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", directory);
	size = readlink(link, attempts->path, sizeof(attempts->path) - 66);
	attempts->path[size > 0 ? size : 0] = '\0';
	(void)strcat(strcat(attempts->path, "/"), name);
	(void)close(directory);
	return attempts->fd >= 0;
}

/* Each open is a description of its own, so that flock() keeps threads
 * apart. */
static bool
open_memory(struct p11_attempts *attempts)
{
	(void)clv_p11_gate_lock(&memory.gate);
	if (memory.fd == 0)
		memory.fd = memfd_create("claviger-pins", MFD_CLOEXEC);
	(void)snprintf(attempts->path, sizeof(attempts->path),
	    "/proc/self/fd/%d", memory.fd);
	if (memory.fd < 0)
		memory.fd = 0;
	else
		attempts->fd = open(attempts->path, O_RDWR | O_CLOEXEC);
	clv_p11_gate_unlock(&memory.gate);
	return attempts->fd >= 0;
}

static bool
lock(int fd)
{
	const struct timespec deadline = clv_p11_deadline(LOCK_MS);
	const struct timespec nap = {0, 5000000};
	struct timespec now;

	while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
		(void)clock_gettime(CLOCK_MONOTONIC, &now);
		if ((errno != EWOULDBLOCK && errno != EINTR) ||
		    now.tv_sec > deadline.tv_sec)
			return false;
		(void)nanosleep(&nap, NULL);
	}
	return true;
}

static bool
read_header(const struct p11_attempts *attempts, struct header *header)
{
	return pread(attempts->fd, header, sizeof(*header), 0) ==
	    (ssize_t)sizeof(*header) &&
	    memcmp(header->magic, MAGIC, sizeof(header->magic)) == 0 &&
	    header->cost >= 1 && header->cost <= COST_MAX;
}

/* A new or damaged file starts anew. */
static clv_status
prepare(struct p11_attempts *attempts, clv_error **err)
{
	struct header header = {.magic = MAGIC};

	if (read_header(attempts, &header))
		return CLV_OK;
	memset(&header, 0, sizeof(header));
	memcpy(header.magic, MAGIC, sizeof(header.magic));
	header.cost = COST;
	if (RAND_bytes_ex(attempts->openssl, header.salt, SALT_SIZE, 0) != 1)
		return clv_error_raise(
		    err, CLV_INTERNAL, NULL, "no random numbers");
	if (ftruncate(attempts->fd, 0) != 0 ||
	    pwrite(attempts->fd, &header, sizeof(header), 0) !=
		(ssize_t)sizeof(header))
		return failed(attempts, "write", err);
	return CLV_OK;
}

clv_status
clv_p11_attempts_open(struct p11_attempts *attempts,
    const struct p11_identity *token, OSSL_LIB_CTX *openssl, clv_error **err)
{
	clv_status status;

	*attempts = (struct p11_attempts){.fd = -1, .openssl = openssl};
	attempts->lasting = open_file(attempts, token);
	if (!attempts->lasting && !open_memory(attempts))
		return failed(attempts, "open", err);
	if (!lock(attempts->fd))
		status = clv_error_raise(err, CLV_BUSY,
		    &(struct clv_error_info){.operation = "log in",
			.subject = attempts->path,
			.retryable = true},
		    "another process has been logging in for a minute");
	else
		status = prepare(attempts, err);
	if (status != CLV_OK)
		clv_p11_attempts_close(attempts);
	return status;
}

void
clv_p11_attempts_close(struct p11_attempts *attempts)
{
	if (attempts->fd >= 0)
		(void)close(attempts->fd);
	attempts->fd = -1;
}

static clv_status
hash_pin(struct p11_attempts *attempts, const clv_secret *pin, clv_error **err)
{
	struct header header;

	if (attempts->hashed)
		return CLV_OK;
	if (!read_header(attempts, &header))
		return failed(attempts, "read", err);
	if (EVP_PBE_scrypt_ex((const char *)pin->data, pin->size, header.salt,
		SALT_SIZE, 1UL << header.cost, SCRYPT_R, 1, 64UL << 20,
		attempts->value, P11_VALUE_SIZE, attempts->openssl, NULL) != 1)
		return clv_error_raise(
		    err, CLV_INTERNAL, NULL, "can't hash a PIN");
	attempts->hashed = true;
	return CLV_OK;
}

static bool
is_free(const struct record *record)
{
	static const struct record none;

	return memcmp(record, &none, sizeof(none)) == 0;
}

static bool
is_of(const struct record *record, const struct p11_attempts *attempts)
{
	return !is_free(record) &&
	    memcmp(record->value, attempts->value, P11_VALUE_SIZE) == 0;
}

/* How many records there are, free ones included. */
static size_t
read_records(
    const struct p11_attempts *attempts, struct record records[RECORDS_MAX])
{
	const ssize_t size = pread(attempts->fd, records,
	    RECORDS_MAX * sizeof(*records), sizeof(struct header));

	return size > 0 ? (size_t)size / sizeof(*records) : 0;
}

static bool
write_records(const struct p11_attempts *attempts, const struct record *records,
    size_t count)
{
	const size_t size = count * sizeof(*records);

	return pwrite(attempts->fd, records, size, sizeof(struct header)) ==
	    (ssize_t)size;
}

clv_status
clv_p11_attempts_recall(struct p11_attempts *attempts, const clv_secret *pin,
    struct p11_past *past, clv_error **err)
{
	struct record records[RECORDS_MAX];
	const size_t count = read_records(attempts, records);
	clv_status status = CLV_OK;

	*past = (struct p11_past){0};
	for (size_t i = 0; status == CLV_OK && i < count; i++) {
		if (is_free(&records[i]))
			continue;
		status = hash_pin(attempts, pin, err);
		if (status != CLV_OK || !is_of(&records[i], attempts))
			continue;
		past->refused = records[i].state == 0;
		past->unsure = (records[i].state & UNSURE) != 0;
		past->unfinished = records[i].state & UNFINISHED;
	}
	return status;
}

/* The record of the PIN that was hashed, or room for it; the oldest gives
 * way. */
static size_t
find_room(const struct p11_attempts *attempts,
    struct record records[RECORDS_MAX], size_t *count)
{
	size_t room = *count;

	for (size_t i = *count; i-- > 0;)
		if (is_of(&records[i], attempts))
			return i;
		else if (is_free(&records[i]))
			room = i;
	if (room == RECORDS_MAX) {
		room--;
		memmove(records, records + 1, room * sizeof(*records));
	}
	if (room == *count)
		(*count)++;
	memset(&records[room], 0, sizeof(*records));
	memcpy(records[room].value, attempts->value, P11_VALUE_SIZE);
	return room;
}

static clv_status
note(struct p11_attempts *attempts, struct record records[RECORDS_MAX],
    size_t count, bool at_once, clv_error **err)
{
	if (!write_records(attempts, records, count) ||
	    (at_once && fdatasync(attempts->fd) != 0 && errno != EINVAL))
		return failed(attempts, "write", err);
	return CLV_OK;
}

clv_status
clv_p11_attempts_begin(
    struct p11_attempts *attempts, const clv_secret *pin, clv_error **err)
{
	struct record records[RECORDS_MAX];
	size_t count = read_records(attempts, records);
	clv_status status = hash_pin(attempts, pin, err);
	unsigned unfinished;
	size_t at;

	if (status != CLV_OK)
		return status;
	at = find_room(attempts, records, &count);
	unfinished = records[at].state & UNFINISHED;
	if (unfinished < UNFINISHED)
		unfinished++;
	records[at].state = (unsigned char)unfinished;
	return note(attempts, records, count, true, err);
}

/* The user has one PIN: it can't be any of the others. They may be other
 * tokens', though, where this process remembers for all. */
static void
settle(
    const struct p11_attempts *attempts, struct record *records, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_of(&records[i], attempts))
			memset(&records[i], 0, sizeof(records[i]));
		else if (attempts->lasting)
			records[i].state = 0;
}

static bool
has_open_ones(const struct record *records, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (records[i].state != 0)
			return true;
	return false;
}

static clv_status
end_accepted(
    struct p11_attempts *attempts, const clv_secret *pin, clv_error **err)
{
	struct record records[RECORDS_MAX];
	const size_t count = read_records(attempts, records);
	clv_status status;

	if (!has_open_ones(records, count))
		return CLV_OK;
	status = hash_pin(attempts, pin, err);
	if (status != CLV_OK)
		return status;
	settle(attempts, records, count);
	return note(attempts, records, count, false, err);
}

static clv_status
end_refused(
    struct p11_attempts *attempts, const clv_secret *pin, clv_error **err)
{
	struct record records[RECORDS_MAX];
	size_t count = read_records(attempts, records);
	clv_status status = hash_pin(attempts, pin, err);

	if (status != CLV_OK)
		return status;
	records[find_room(attempts, records, &count)].state = 0;
	return note(attempts, records, count, true, err);
}

/* As if it had not begun, but for the doubt. */
static clv_status
end_open(struct p11_attempts *attempts, unsigned doubt, clv_error **err)
{
	struct record records[RECORDS_MAX];
	const size_t count = read_records(attempts, records);

	for (size_t i = 0; attempts->hashed && i < count; i++) {
		struct record *record = &records[i];
		unsigned unfinished = record->state & UNFINISHED;

		if (!is_of(record, attempts) || unfinished == 0)
			continue;
		record->state = (unsigned char)((unfinished - 1) | doubt);
		if (record->state == 0)
			memset(record, 0, sizeof(*record));
		return note(attempts, records, count, doubt != 0, err);
	}
	return CLV_OK;
}

clv_status
clv_p11_attempts_end(struct p11_attempts *attempts, const clv_secret *pin,
    enum p11_outcome outcome, clv_error **err)
{
	switch (outcome) {
	case P11_LOGIN_ACCEPTED:
		return end_accepted(attempts, pin, err);
	case P11_LOGIN_REFUSED:
		return end_refused(attempts, pin, err);
	case P11_LOGIN_UNKNOWN:
		return end_open(attempts, UNSURE, err);
	case P11_LOGIN_UNJUDGED:
	default:
		return end_open(attempts, 0, err);
	}
}
