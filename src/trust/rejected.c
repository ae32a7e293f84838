/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "trust/rejected.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "trust/rejected_folder.h"

#define DIGEST_SIZE 32
#define BUCKETS 256U
/* How long a flood may collect before it is written. */
#define GATHER_MS 250
#define WARN_SECONDS 60

/* In two chains: by digest, and by age in a ring whose head is `entries`. */
struct entry {
	struct entry *older;
	struct entry *newer;
	struct entry *next; /* in the bucket */
	uint8_t digest[DIGEST_SIZE];
	bool due;  /* to be written, or its file to be touched */
	bool seen; /* by a visitor, on disk */
	uint32_t size;
	uint8_t *der; /* behind this struct */
};

struct clv_rejected {
	struct clv_rejected_limits limits;
	struct clv_logger logger;
	struct clv_rejected_folder *folder;

	pthread_mutex_t lock; /* all that follows */
	pthread_cond_t wake;  /* for the thread */
	pthread_cond_t idle;  /* for those who flush */
	struct entry entries; /* newer: the oldest; older: the newest */
	struct entry *buckets[BUCKETS];
	size_t count;
	size_t bytes;
	uint64_t put;     /* certificates put so far */
	uint64_t written; /* of them, those that are dealt with */
	pthread_t thread;
	pid_t thread_owner; /* a forked child has no thread */
	bool hurry;
	bool stop;
	bool unwritten;      /* the last attempt to write has failed */
	time_t next_warning; /* for the thread alone */
};

static void
init_sync(struct clv_rejected *rejected)
{
	pthread_condattr_t attributes;

	(void)pthread_mutex_init(&rejected->lock, NULL);
	(void)pthread_condattr_init(&attributes);
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&rejected->wake, &attributes);
	(void)pthread_cond_init(&rejected->idle, &attributes);
	(void)pthread_condattr_destroy(&attributes);
}

clv_status
clv_rejected_new(const char *root, const struct clv_rejected_limits *limits,
    const struct clv_logger *logger, struct clv_rejected **out, clv_error **err)
{
	struct clv_rejected *rejected = calloc(1, sizeof(*rejected));
	clv_status status;

	*out = NULL;
	if (rejected == NULL)
		return clv_error_raise(
		    err, CLV_NO_MEMORY, NULL, "out of memory");
	status = clv_rejected_folder_new(root, limits, &rejected->folder, err);
	if (status != CLV_OK) {
		free(rejected);
		return status;
	}
	rejected->limits = *limits;
	rejected->logger = *logger;
	rejected->entries.older = &rejected->entries;
	rejected->entries.newer = &rejected->entries;
	init_sync(rejected);
	*out = rejected;
	return CLV_OK;
}

/* ---- what is remembered: under the lock ---- */

static struct entry **
bucket_of(struct clv_rejected *rejected, const uint8_t *digest)
{
	return &rejected->buckets[digest[0] % BUCKETS];
}

static struct entry *
find_entry(struct clv_rejected *rejected, const uint8_t *digest)
{
	struct entry *entry = *bucket_of(rejected, digest);

	while (entry != NULL && memcmp(entry->digest, digest, DIGEST_SIZE) != 0)
		entry = entry->next;
	return entry;
}

static void
unlink_age(struct entry *entry)
{
	entry->older->newer = entry->newer;
	entry->newer->older = entry->older;
}

static void
link_newest(struct clv_rejected *rejected, struct entry *entry)
{
	entry->older = rejected->entries.older;
	entry->newer = &rejected->entries;
	entry->older->newer = entry;
	entry->newer->older = entry;
}

static void
drop_entry(struct clv_rejected *rejected, struct entry *entry)
{
	struct entry **at = bucket_of(rejected, entry->digest);

	while (*at != entry)
		at = &(*at)->next;
	*at = entry->next;
	unlink_age(entry);
	rejected->count--;
	rejected->bytes -= entry->size;
	free(entry);
}

static void
add_entry(struct clv_rejected *rejected, const uint8_t *digest, const void *der,
    size_t size)
{
	struct entry *entry = malloc(sizeof(*entry) + size);
	struct entry **bucket = bucket_of(rejected, digest);

	/* Out of memory: one rejected certificate less to look at. */
	if (entry == NULL)
		return;
	while (rejected->count > 0 &&
	    (rejected->count >= rejected->limits.count ||
		rejected->bytes + size > rejected->limits.bytes))
		drop_entry(rejected, rejected->entries.newer);
	entry->der = (uint8_t *)(entry + 1);
	memcpy(entry->digest, digest, DIGEST_SIZE);
	memcpy(entry->der, der, size);
	entry->size = (uint32_t)size;
	entry->due = true;
	entry->seen = false;
	entry->next = *bucket;
	*bucket = entry;
	link_newest(rejected, entry);
	rejected->count++;
	rejected->bytes += size;
}

/* ---- the thread ---- */

static bool
is_due(struct entry *entry)
{
	const bool due = entry->due;

	entry->due = false;
	return due;
}

static bool
is_any(struct entry *entry)
{
	entry->due = false;
	return true;
}

static bool
is_unseen(struct entry *entry)
{
	return !entry->seen;
}

/* Copies of those that are chosen, oldest first, in one block. */
static struct clv_rejected_item *
copy_entries(
    struct clv_rejected *rejected, bool choose(struct entry *), size_t *count)
{
	const size_t head = rejected->count * sizeof(struct clv_rejected_item);
	struct clv_rejected_item *items = malloc(head + rejected->bytes + 1);
	uint8_t *to = (uint8_t *)items + head;

	*count = 0;
	for (struct entry *entry = rejected->entries.newer;
	     items != NULL && entry != &rejected->entries;
	     entry = entry->newer) {
		if (!choose(entry))
			continue;
		memcpy(to, entry->der, entry->size);
		items[(*count)++] = (struct clv_rejected_item){to, entry->size};
		to += entry->size;
	}
	return items;
}

/* Whoever knocks at the door must not be able to fill the log. */
static void
warn(struct clv_rejected *rejected, const clv_error *err)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	if (now.tv_sec < rejected->next_warning)
		return;
	rejected->next_warning = now.tv_sec + WARN_SECONDS;
	clv_log_line(
	    &rejected->logger, CLV_LOG_WARNING, "%s", clv_error_message(err));
}

static void
write_due(struct clv_rejected *rejected)
{
	const uint64_t put = rejected->put;
	struct clv_rejected_item *items;
	clv_error *err = NULL;
	size_t count = 0;
	bool failed;

	items = copy_entries(
	    rejected, rejected->unwritten ? is_any : is_due, &count);
	(void)pthread_mutex_unlock(&rejected->lock);
	failed = items != NULL &&
	    clv_rejected_folder_write(rejected->folder, items, count, &err) !=
		CLV_OK;
	if (failed)
		warn(rejected, err);
	clv_error_free(&err);
	free(items);
	(void)pthread_mutex_lock(&rejected->lock);
	rejected->unwritten = failed;
	rejected->written = put;
	(void)pthread_cond_broadcast(&rejected->idle);
}

static void
gather(struct clv_rejected *rejected)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += GATHER_MS * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000L;
	until.tv_nsec %= 1000000000L;
	while (!rejected->stop && !rejected->hurry &&
	    pthread_cond_timedwait(&rejected->wake, &rejected->lock, &until) ==
		0)
		;
}

static void *
run(void *user)
{
	struct clv_rejected *rejected = user;

	(void)pthread_mutex_lock(&rejected->lock);
	for (;;) {
		while (!rejected->stop && rejected->written == rejected->put)
			(void)pthread_cond_wait(
			    &rejected->wake, &rejected->lock);
		if (rejected->written == rejected->put)
			break;
		gather(rejected);
		rejected->hurry = false;
		write_due(rejected);
	}
	(void)pthread_mutex_unlock(&rejected->lock);
	return NULL;
}

/* Under the lock. Signals are for the application's threads. */
static bool
start_thread(struct clv_rejected *rejected)
{
	const pid_t self = getpid();
	sigset_t all;
	sigset_t before;
	int result;

	if (rejected->thread_owner == self)
		return true;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	result = pthread_create(&rejected->thread, NULL, run, rejected);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (result != 0)
		return false;
	rejected->thread_owner = self;
	return true;
}

/* ---- for others ---- */

void
clv_rejected_put(struct clv_rejected *rejected, const void *der, size_t size)
{
	uint8_t digest[DIGEST_SIZE];
	struct entry *entry;

	if (rejected->limits.count == 0 || size > rejected->limits.bytes ||
	    size > UINT32_MAX ||
	    EVP_Digest(der, size, digest, NULL, EVP_sha256(), NULL) != 1)
		return;
	(void)pthread_mutex_lock(&rejected->lock);
	entry = find_entry(rejected, digest);
	if (entry != NULL) {
		unlink_age(entry);
		link_newest(rejected, entry);
		entry->due = true;
	} else {
		add_entry(rejected, digest, der, size);
	}
	/* Once it is awake, the thread looks by itself. */
	if (rejected->put++ == rejected->written && start_thread(rejected))
		(void)pthread_cond_signal(&rejected->wake);
	(void)pthread_mutex_unlock(&rejected->lock);
}

void
clv_rejected_flush(struct clv_rejected *rejected)
{
	(void)pthread_mutex_lock(&rejected->lock);
	if (rejected->written != rejected->put && start_thread(rejected)) {
		const uint64_t put = rejected->put;

		while (rejected->written < put) {
			rejected->hurry = true;
			(void)pthread_cond_signal(&rejected->wake);
			(void)pthread_cond_wait(
			    &rejected->idle, &rejected->lock);
		}
	}
	(void)pthread_mutex_unlock(&rejected->lock);
}

void
clv_rejected_free(struct clv_rejected **rejected)
{
	struct clv_rejected *self = rejected != NULL ? *rejected : NULL;

	if (self == NULL)
		return;
	(void)pthread_mutex_lock(&self->lock);
	self->stop = true;
	(void)pthread_cond_signal(&self->wake);
	(void)pthread_mutex_unlock(&self->lock);
	if (self->thread_owner == getpid())
		(void)pthread_join(self->thread, NULL);
	while (self->count > 0)
		drop_entry(self, self->entries.newer);
	clv_rejected_folder_free(&self->folder);
	(void)pthread_cond_destroy(&self->wake);
	(void)pthread_cond_destroy(&self->idle);
	(void)pthread_mutex_destroy(&self->lock);
	free(self);
	*rejected = NULL;
}

/* ---- looking ---- */

/* What is on disk is told from there; where nothing can be written, what is
 * remembered is better than nothing. */
struct visit {
	struct clv_rejected *rejected;
	clv_rejected_fn *fn;
	void *user;
	bool more;
};

static bool
visit_file(void *user, const char *name, const uint8_t *der, size_t size)
{
	struct visit *visit = user;
	uint8_t digest[DIGEST_SIZE];
	struct entry *entry;

	if (EVP_Digest(der, size, digest, NULL, EVP_sha256(), NULL) == 1) {
		(void)pthread_mutex_lock(&visit->rejected->lock);
		entry = find_entry(visit->rejected, digest);
		if (entry != NULL)
			entry->seen = true;
		(void)pthread_mutex_unlock(&visit->rejected->lock);
	}
	visit->more = visit->fn(visit->user, name, der, size);
	return visit->more;
}

static void
visit_memory(struct visit *visit)
{
	struct clv_rejected *rejected = visit->rejected;
	struct clv_rejected_item *items;
	size_t count = 0;

	(void)pthread_mutex_lock(&rejected->lock);
	items = rejected->unwritten ? copy_entries(rejected, is_unseen, &count)
				    : NULL;
	(void)pthread_mutex_unlock(&rejected->lock);
	while (items != NULL && visit->more && count-- > 0) {
		char name[CLV_TRUST_NAME_SIZE];

		if (clv_rejected_folder_name(&items[count], name))
			visit->more = visit->fn(visit->user, name,
			    items[count].der, items[count].size);
	}
	free(items);
}

clv_status
clv_rejected_visit(struct clv_rejected *rejected, clv_rejected_fn *fn,
    void *user, clv_error **err)
{
	struct visit visit = {rejected, fn, user, true};
	clv_status status;

	clv_rejected_flush(rejected);
	(void)pthread_mutex_lock(&rejected->lock);
	for (struct entry *entry = rejected->entries.newer;
	     entry != &rejected->entries; entry = entry->newer)
		entry->seen = false;
	(void)pthread_mutex_unlock(&rejected->lock);
	status = clv_rejected_folder_visit(
	    rejected->folder, visit_file, &visit, err);
	if (status == CLV_OK)
		visit_memory(&visit);
	return status;
}

struct search {
	const uint8_t *thumbprint;
	uint8_t *der;
	size_t size;
	char *name;
	clv_status status;
};

static bool
match(void *user, const char *name, const uint8_t *der, size_t size)
{
	struct search *search = user;
	uint8_t digest[CLV_THUMBPRINT_SIZE];

	if (EVP_Digest(der, size, digest, NULL, EVP_sha1(), NULL) != 1 ||
	    memcmp(digest, search->thumbprint, sizeof(digest)) != 0)
		return true;
	if (search->der != NULL) {
		/* Two names for the same are fine. */
		if (search->size != size || memcmp(search->der, der, size) != 0)
			search->status = CLV_AMBIGUOUS;
		return search->status == CLV_OK;
	}
	search->der = malloc(size);
	search->name = strdup(name);
	if (search->der == NULL || search->name == NULL) {
		search->status = CLV_NO_MEMORY;
		return false;
	}
	memcpy(search->der, der, size);
	search->size = size;
	return true;
}

static clv_status
raise_search(const struct search *search, clv_error **err)
{
	char text[CLV_THUMBPRINT_TEXT];
	const bool found = search->status != CLV_OK;

	clv_thumbprint_print(search->thumbprint, text);
	return clv_error_raise(err, found ? search->status : CLV_NOT_FOUND,
	    &(struct clv_error_info){
		.operation = "find rejected certificate", .subject = text},
	    "%s",
	    search->status == CLV_AMBIGUOUS
		? "different certificates have this thumbprint; believe none"
		: found ? "out of memory"
			: "no rejected certificate has this thumbprint");
}

clv_status
clv_rejected_find(struct clv_rejected *rejected,
    const uint8_t thumbprint[CLV_THUMBPRINT_SIZE], uint8_t **der, size_t *size,
    char **name, clv_error **err)
{
	struct search search = {.thumbprint = thumbprint};
	clv_status status;

	*der = NULL;
	*size = 0;
	*name = NULL;
	status = clv_rejected_visit(rejected, match, &search, err);
	if (status == CLV_OK && (search.status != CLV_OK || search.der == NULL))
		status = raise_search(&search, err);
	if (status != CLV_OK) {
		free(search.der);
		free(search.name);
		return status;
	}
	*der = search.der;
	*size = search.size;
	*name = search.name;
	return CLV_OK;
}

clv_status
clv_rejected_remove(struct clv_rejected *rejected, const uint8_t *der,
    size_t size, const char *name, clv_error **err)
{
	uint8_t digest[DIGEST_SIZE];
	struct entry *entry;

	if (EVP_Digest(der, size, digest, NULL, EVP_sha256(), NULL) == 1) {
		(void)pthread_mutex_lock(&rejected->lock);
		entry = find_entry(rejected, digest);
		if (entry != NULL)
			drop_entry(rejected, entry);
		(void)pthread_mutex_unlock(&rejected->lock);
	}
	return clv_rejected_folder_remove(rejected->folder, name, err);
}
