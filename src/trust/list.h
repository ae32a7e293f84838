/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The inside of a clv_trust, for the files that make it up. */
#ifndef CLV_TRUST_LIST_H
#define CLV_TRUST_LIST_H

#include <claviger/trust.h>

#include <pthread.h>

#include "base/log.h"
#include "trust/files.h"
#include "trust/journal.h"
#include "trust/load.h"
#include "trust/notice.h"
#include "trust/rejected.h"
#include "trust/snapshot.h"
#include "trust/watch.h"

#define CLV_TRUST_MAX_FILES ((size_t)1000000)
#define CLV_TRUST_MAX_FILE_SIZE ((size_t)64 << 20)
#define CLV_TRUST_MAX_REJECTED ((size_t)128)
#define CLV_TRUST_MAX_REJECTED_SIZE ((size_t)1 << 20)

struct clv_trust_options {
	clv_guard *guard; /* NULL: the default one */
	struct clv_logger logger;
	bool create;
	bool polling;
	unsigned interval_ms;
	size_t max_files;
	size_t max_file_size;
	struct clv_rejected_limits rejected;
};

struct clv_trust {
	/* Never changed after clv_trust_open(). */
	char *path;
	clv_guard *guard;
	struct clv_logger logger;
	size_t max_files;
	struct clv_watch *watch;
	struct clv_rejected *rejected;
	struct clv_notices *notices;

	/* What readers take without a lock. */
	struct clv_trust_cell cell;

	/* One change at a time within this process; the lock file keeps the
	 * others away. Taken before `reading`. */
	pthread_mutex_t writing;

	/* For whoever reads the directories; all that follows. */
	pthread_mutex_t reading;
	struct clv_layout layout;
	struct clv_journal *journal; /* in force, not carried out; or NULL */
	/* What the journal on disk, in force or not, waits for: while it is
	 * there, every check asks again, since it is decided elsewhere. */
	struct clv_decision when;
	bool decided;
	_Atomic bool asking; /* read by everybody */
	struct clv_trust_files files;
	struct clv_trust_loader loader;
	struct clv_trust_engine *engine;
	/* Something failed half-way: everything is looked at again. */
	bool stale;
};

/* Whether nothing can have happened since the last refresh. Any thread, no
 * lock. */
bool clv_trust_is_quiet(clv_trust *trust);

/*
 * Brings the snapshot up to date. Returns at once if nothing has happened;
 * waits if another thread is at it.
 */
clv_status clv_trust_refresh(clv_trust *trust, clv_error **err);

#endif
