/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "slots.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>

#define RECORDS 60
#define RECORDS_ROOM 64
#define MAGIC 0x3330544f4c53564cULL /* "LVSLOT03" */
#define LOCK_WAIT_MS 120000
#define NOBODY 0 /* is no owner's number */

/* One object or session. Every field is a claim, checked before use. */
struct record {
	uint32_t kind;
	uint32_t handle;
	struct clv_tpm_epoch epoch;
	uint64_t serial; /* of this use of the record */
	uint64_t owner;  /* a number of one connection's own */
	uint64_t space;  /* the pid's namespace */
	uint64_t pid;
	uint64_t pid_start;
	uint64_t used;
	uint32_t intended;
	uint32_t before_count;
	uint32_t before[CLV_TPM_SLOT_BEFORE];
	uint16_t name_size;
	uint8_t name[sizeof(((TPM2B_NAME *)0)->name)];
};

struct page {
	uint64_t magic;
	/* Somebody waits for the exclusive lock until then (monotonic ms). */
	_Atomic uint64_t wanted_until;
	_Atomic uint64_t numbers; /* the last owner's or record's */
	struct record records[RECORDS];
};

struct clv_tpm_slots {
	int directory;
	int fd;
	struct page *page;
	struct record self; /* what our records begin with */
	char name[64];
};

static uint64_t
now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static uint64_t
now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* ---- who is who ---- */

/* Field 22 of /proc/PID/stat; 0 if there is no such process. */
static uint64_t
start_of(uint64_t pid)
{
	char path[64], text[1024];
	uint64_t start = 0;
	const char *at;
	ssize_t got;
	int fd;

	(void)snprintf(
	    path, sizeof(path), "/proc/%llu/stat", (unsigned long long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	got = read(fd, text, sizeof(text) - 1);
	(void)close(fd);
	if (got <= 0)
		return 0;
	text[got] = '\0';
	/* the name in parentheses may contain anything */
	at = strrchr(text, ')');
	for (int field = 2; at != NULL && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (at != NULL)
		start = strtoull(at + 1, NULL, 10);
	return start;
}

static uint64_t
pid_space(void)
{
	struct stat status;

	return stat("/proc/self/ns/pid", &status) == 0 ? (uint64_t)status.st_ino
						       : 0;
}

static bool
is_own(const struct clv_tpm_slots *slots, const struct record *record)
{
	return record->owner == slots->self.owner &&
	    record->pid == slots->self.pid;
}

/* Only what can be seen from here can be known to be dead. Intentions of our
 * own are orphans, too, when anybody asks: none is under way then. */
static bool
is_orphan(const struct clv_tpm_slots *slots, const struct record *record)
{
	if (record->owner == NOBODY ||
	    (record->intended && is_own(slots, record)))
		return true;
	if (record->space != slots->self.space || record->space == 0 ||
	    record->pid == 0)
		return false;
	if (kill((pid_t)record->pid, 0) != 0 && errno == ESRCH)
		return true;
	return start_of(record->pid) != record->pid_start;
}

/* ---- the file ---- */

/* A directory that nobody but this account can change. */
static int
open_private(const char *path)
{
	struct stat status;
	int fd;

	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return -1;
	fd = open(path, O_DIRECTORY | O_NOFOLLOW | O_RDONLY | O_CLOEXEC);
	if (fd >= 0 &&
	    (fstat(fd, &status) != 0 || status.st_uid != geteuid() ||
		(status.st_mode & 0077) != 0)) {
		(void)close(fd);
		fd = -1;
	}
	return fd;
}

static int
open_directory(void)
{
	const char *given = secure_getenv("CLAVIGER_RUNTIME_DIR");
	const char *session = secure_getenv("XDG_RUNTIME_DIR");
	const unsigned uid = (unsigned)geteuid();
	char path[4096];
	int fd = -1;

	if (given != NULL && *given != '\0')
		return open_private(given);
	if (uid == 0 && (fd = open_private("/run/claviger")) >= 0)
		return fd;
	if (session != NULL && *session == '/') {
		(void)snprintf(path, sizeof(path), "%s/claviger", session);
		fd = open_private(path);
	}
	if (fd < 0) {
		(void)snprintf(
		    path, sizeof(path), "/run/user/%u/claviger", uid);
		fd = open_private(path);
	}
	if (fd < 0) {
		(void)snprintf(path, sizeof(path), "/tmp/claviger-%u", uid);
		fd = open_private(path);
	}
	return fd;
}

static bool
name_file(struct clv_tpm_slots *slots, const char *tcti)
{
	uint8_t hash[EVP_MAX_MD_SIZE];
	size_t at = (size_t)snprintf(slots->name, sizeof(slots->name), "tpm2-");

	if (EVP_Q_digest(
		NULL, "SHA2-256", NULL, tcti, strlen(tcti), hash, NULL) != 1)
		return false;
	for (size_t i = 0; i < 16; i++)
		at += (size_t)snprintf(slots->name + at,
		    sizeof(slots->name) - at, "%02x", hash[i]);
	return true;
}

static bool
take_lock(int fd, bool exclusive)
{
	int rc;

	do
		rc = flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB);
	while (rc != 0 && errno == EINTR);
	return rc == 0;
}

/* Opens the file and waits for its lock; the last one to leave removes it, so
 * that the locked file must still be the one of this name. */
static bool
open_locked(struct clv_tpm_slots *slots)
{
	const uint64_t deadline = now_ms() + LOCK_WAIT_MS;
	struct stat status;

	while (now_ms() < deadline) {
		slots->fd = openat(slots->directory, slots->name,
		    O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		if (slots->fd < 0)
			return false;
		while (!take_lock(slots->fd, true))
			if (now_ms() >= deadline || usleep(500) != 0)
				return false;
		if (fstat(slots->fd, &status) == 0 && status.st_nlink == 1)
			return S_ISREG(status.st_mode) &&
			    status.st_uid == geteuid();
		(void)close(slots->fd);
		slots->fd = -1;
	}
	return false;
}

static bool
map_page(struct clv_tpm_slots *slots)
{
	if (ftruncate(slots->fd, sizeof(struct page)) != 0)
		return false;
	slots->page = mmap(NULL, sizeof(struct page), PROT_READ | PROT_WRITE,
	    MAP_SHARED, slots->fd, 0);
	if (slots->page == MAP_FAILED) {
		slots->page = NULL;
		return false;
	}
	if (slots->page->magic != MAGIC) {
		memset(slots->page, 0, sizeof(*slots->page));
		slots->page->magic = MAGIC;
	}
	slots->self.space = pid_space();
	slots->self.pid = (uint64_t)getpid();
	slots->self.pid_start = start_of(slots->self.pid);
	slots->self.owner = atomic_fetch_add(&slots->page->numbers, 1) + 1;
	return true;
}

static void
destroy(struct clv_tpm_slots **slots)
{
	struct clv_tpm_slots *gone = *slots;

	if (gone->page != NULL)
		(void)munmap(gone->page, sizeof(*gone->page));
	if (gone->fd >= 0)
		(void)close(gone->fd);
	if (gone->directory >= 0)
		(void)close(gone->directory);
	free(gone);
	*slots = NULL;
}

struct clv_tpm_slots *
clv_tpm_slots_open(const char *tcti)
{
	struct clv_tpm_slots *slots = calloc(1, sizeof(*slots));

	if (slots == NULL)
		return NULL;
	slots->fd = -1;
	slots->directory = open_directory();
	if (slots->directory < 0 || !name_file(slots, tcti) ||
	    !open_locked(slots) || !map_page(slots))
		destroy(&slots);
	else
		clv_tpm_slots_unlock(slots);
	return slots;
}

void
clv_tpm_slots_close(struct clv_tpm_slots **slots)
{
	bool empty = true;

	if (*slots == NULL)
		return;
	if (take_lock((*slots)->fd, true)) {
		for (size_t i = 0; i < RECORDS; i++)
			if ((*slots)->page->records[i].kind !=
			    CLV_TPM_SLOT_FREE)
				empty = false;
		if (empty)
			(void)unlinkat((*slots)->directory, (*slots)->name, 0);
	}
	destroy(slots);
}

void
clv_tpm_slots_abandon(struct clv_tpm_slots **slots)
{
	if (*slots != NULL)
		destroy(slots);
}

/* ---- locks ---- */

/* Shared users come and go all the time; they stand back for a moment when
 * somebody waits for the exclusive lock, which would never be free otherwise.
 */
static void
stand_back(struct clv_tpm_slots *slots, bool exclusive)
{
	const uint64_t until = atomic_load(&slots->page->wanted_until);
	const uint64_t now = now_ms();

	if (exclusive)
		atomic_store(&slots->page->wanted_until, now + 20);
	else if (until > now && until - now <= 20)
		(void)usleep(1000);
}

TSS2_RC
clv_tpm_slots_lock(struct clv_tpm_slots *slots, bool exclusive)
{
	uint64_t deadline;

	if (slots == NULL)
		return TSS2_RC_SUCCESS;
	if (!exclusive)
		stand_back(slots, false);
	if (take_lock(slots->fd, exclusive))
		return TSS2_RC_SUCCESS;
	deadline = now_ms() + LOCK_WAIT_MS;
	while (now_ms() < deadline) {
		stand_back(slots, exclusive);
		(void)usleep(200);
		if (take_lock(slots->fd, exclusive)) {
			if (exclusive)
				atomic_store(&slots->page->wanted_until, 0);
			return TSS2_RC_SUCCESS;
		}
	}
	return CLV_TPM_RC_BUSY;
}

void
clv_tpm_slots_unlock(struct clv_tpm_slots *slots)
{
	if (slots != NULL)
		(void)flock(slots->fd, LOCK_UN);
}

/* ---- records ---- */

static clv_tpm_claim
claim_of(const struct clv_tpm_slots *slots, const struct record *record)
{
	return (clv_tpm_claim)(record->serial % (1ULL << 48) * RECORDS_ROOM) +
	    (clv_tpm_claim)(record - slots->page->records);
}

/* NULL if the record is used for something else by now. */
static struct record *
find(struct clv_tpm_slots *slots, clv_tpm_claim claim)
{
	const clv_tpm_claim place = claim % RECORDS_ROOM;
	struct record *record;

	if (slots == NULL || claim < 0 || place >= RECORDS)
		return NULL;
	record = &slots->page->records[place];
	return record->kind != CLV_TPM_SLOT_FREE &&
		claim_of(slots, record) == claim
	    ? record
	    : NULL;
}

static void
set_name(struct record *record, const TPM2B_NAME *name)
{
	record->name_size = name->size;
	memcpy(record->name, name->name, sizeof(record->name));
}

clv_tpm_claim
clv_tpm_slots_intend(
    struct clv_tpm_slots *slots, const struct clv_tpm_slot *slot)
{
	for (size_t i = 0; slots != NULL && i < RECORDS; i++) {
		struct record *record = &slots->page->records[i];

		if (record->kind != CLV_TPM_SLOT_FREE)
			continue;
		*record = slots->self;
		record->serial = atomic_fetch_add(&slots->page->numbers, 1) + 1;
		record->epoch = slot->epoch;
		set_name(record, &slot->name);
		record->intended = 1;
		record->before_count = (uint32_t)slot->before_count;
		memcpy(record->before, slot->before, sizeof(record->before));
		record->used = now_ns();
		record->kind = slot->kind;
		return claim_of(slots, record);
	}
	return -1;
}

bool
clv_tpm_slots_settle(struct clv_tpm_slots *slots, clv_tpm_claim claim,
    TPM2_HANDLE handle, const TPM2B_NAME *name)
{
	struct record *record = find(slots, claim);

	if (record == NULL)
		return true;
	if (name != NULL)
		set_name(record, name);
	for (size_t i = 0; i < record->before_count && i < CLV_TPM_SLOT_BEFORE;
	     i++)
		if (record->before[i] == handle)
			return false;
	record->handle = handle;
	record->intended = 0;
	return true;
}

void
clv_tpm_slots_doubt(struct clv_tpm_slots *slots, clv_tpm_claim claim)
{
	struct record *record = find(slots, claim);

	if (record != NULL)
		record->intended = 1;
}

void
clv_tpm_slots_remove(struct clv_tpm_slots *slots, clv_tpm_claim claim)
{
	struct record *record = find(slots, claim);

	if (record != NULL)
		record->kind = CLV_TPM_SLOT_FREE;
}

void
clv_tpm_slots_give_up(struct clv_tpm_slots *slots)
{
	for (size_t i = 0; slots != NULL && i < RECORDS; i++)
		if (is_own(slots, &slots->page->records[i]))
			slots->page->records[i].owner = NOBODY;
}

bool
clv_tpm_slots_still(struct clv_tpm_slots *slots, clv_tpm_claim claim)
{
	struct record *record = find(slots, claim);

	if (slots == NULL || claim < 0)
		return true;
	if (record == NULL || !is_own(slots, record))
		return false;
	record->used = now_ns();
	return true;
}

static void
describe(const struct record *record, struct clv_tpm_slot *slot)
{
	*slot =
	    (struct clv_tpm_slot){.kind = (enum clv_tpm_slot_kind)record->kind,
		.handle = record->handle,
		.epoch = record->epoch};
	slot->intended = record->intended != 0;
	if (record->name_size <= sizeof(slot->name.name)) {
		slot->name.size = record->name_size;
		memcpy(slot->name.name, record->name, record->name_size);
	}
	if (record->before_count <= CLV_TPM_SLOT_BEFORE) {
		slot->before_count = record->before_count;
		memcpy(slot->before, record->before, sizeof(slot->before));
	}
}

bool
clv_tpm_slots_victim(struct clv_tpm_slots *slots, enum clv_tpm_slot_kind kind,
    clv_tpm_claim *claim, struct clv_tpm_slot *slot)
{
	const struct record *oldest = NULL;

	for (size_t i = 0; slots != NULL && i < RECORDS; i++) {
		const struct record *record = &slots->page->records[i];

		if (record->kind == kind && !record->intended &&
		    !is_own(slots, record) &&
		    (oldest == NULL || record->used < oldest->used)) {
			oldest = record;
			*claim = claim_of(slots, record);
		}
	}
	if (oldest != NULL)
		describe(oldest, slot);
	return oldest != NULL;
}

bool
clv_tpm_slots_claimed(
    struct clv_tpm_slots *slots, clv_tpm_claim claim, TPM2_HANDLE handle)
{
	for (size_t i = 0; slots != NULL && i < RECORDS; i++) {
		const struct record *record = &slots->page->records[i];

		if (claim_of(slots, record) != claim &&
		    record->kind != CLV_TPM_SLOT_FREE && !record->intended &&
		    record->handle == handle)
			return true;
	}
	return false;
}

bool
clv_tpm_slots_orphan(struct clv_tpm_slots *slots, bool own,
    clv_tpm_claim *claim, struct clv_tpm_slot *slot)
{
	for (size_t i = 0; slots != NULL && i < RECORDS; i++) {
		const struct record *record = &slots->page->records[i];

		if (record->kind == CLV_TPM_SLOT_FREE ||
		    (!is_orphan(slots, record) &&
			!(own && is_own(slots, record))))
			continue;
		describe(record, slot);
		*claim = claim_of(slots, record);
		return true;
	}
	return false;
}
