/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/**
 * The audit log of an application: who changed what, when, and who was
 * refused.
 *
 *     DIR/state/audit/000001.jsonl, 000002.jsonl ...   records
 *                     head                             where the log ends
 *
 * One record is one line, a JSON object (JSON Lines), such as
 *
 *     {"seq":17,"prev":"9f86...","time":"2026-11-29T18:30:00.125Z",
 *      "event":"transaction-committed","outcome":"OK","uid":0,
 *      "account":"root","login":1000,"program":"claviger","pid":4711,
 *      "id":"...","changes":[{"group":"DefaultApplicationGroup",
 *      "type":"RsaSha256","thumbprint":"3F..."}]}
 *
 * (in one line). "seq" counts from 1; "prev" is the SHA-256 of the line before,
 * without its newline, and 64 zeros in record 1. So the records are a chain,
 * which goes on from file to file: `head -c -1 | sha256sum` of a line checks
 * it. "outcome" is the name of a clv_status, "uid" the effective user, "login"
 * the one who logged in, where the kernel knows. The library records
 *
 *     application-created   key-made, key-imported, key-destroyed
 *     transaction-committed (with its changes), -cancelled, -recovered
 *     group-added, slot-added, slot-removed (with what changed)
 *     refused               CLV_POLICY, CLV_CHANGED: an insecure claviger.conf,
 *                           key or certificate, a key that was exchanged. The
 *                           same refusal is recorded once an hour.
 *
 * and the program "trust-list-changed" for its trust commands: what is put
 * into a TrustList without a transaction, by clv_trust_add() or by hand, is
 * recorded by whoever does it, or not at all.
 *
 * Applications add what they know of with clv_audit_append(). Secrets in
 * URIs are replaced by "***", and what is not printable UTF-8 is escaped.
 *
 * A record is durable before the call that it tells of returns. That of a
 * commit is part of the commit: a crash neither loses nor doubles it. If it
 * can't be written, the commit is in force but not carried out, as with any
 * other of its files. All other calls succeed whether or not their record
 * could be written; a process that may not write to the directory records
 * nothing and fails nowhere for it.
 *
 * The log is bounded: a file that has reached `audit: file-size` of
 * claviger.conf (default 1 MiB) is followed by a new one, and of more than
 * `audit: files` (default 8) the oldest goes. Two processes may append at
 * once. What a crash left of a line is no record: it is recognised by the
 * missing newline and taken away by the next one who appends.
 *
 * clv_audit_verify() finds any record that was changed, removed, inserted or
 * moved, and records missing at the end. It can't find what the one did who
 * can write the directory and makes a new chain, `head` included: the log has
 * no secret. Against that, the directory is guarded (CLV_GUARD_CONFIG), and
 * the end of the chain can be kept elsewhere and compared later. After a power
 * cut, `head` may be some records behind; that records after it were taken
 * away before anybody appended can't be told then.
 *
 * A log that is gone altogether, also with all of DIR/state, is found, too:
 * once something was recorded, claviger.conf says so (`audit-begun: true`). The
 * next change begins a new log, the first record of which is
 *
 *     log-lost              the log was gone, or `head`, so that nobody knows
 *                           whether records are missing before this one
 *
 * Not found is what also put claviger.conf back to a time before. An end that
 * was kept elsewhere finds that.
 */
#ifndef CLAVIGER_AUDIT_H
#define CLAVIGER_AUDIT_H

#include <claviger/application.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Something that happened. Texts may be NULL; they are copied. Zero-initialise
 * it, so that fields added later are empty. */
struct clv_audit_event {
	/** What: 1 to 64 lower-case letters, digits and '-'. */
	const char *event;
	clv_status outcome;
	const char *group;
	const char *type;
	const char *key;         /**< a URI; it is redacted */
	const char *certificate; /**< a thumbprint */
	const char *detail;      /**< a sentence; 1,024 bytes are kept */
};

/**
 * Appends a record; durable when it returns. Any thread.
 * @return CLV_INVALID, CLV_PERMISSION (may be ignored by a reader), CLV_POLICY
 *         if others could write to the log, CLV_BUSY, CLV_IO, CLV_NO_MEMORY
 */
CLV_API clv_status clv_audit_append(const clv_application *application,
    const struct clv_audit_event *event, clv_error **err);

/** Gets a record: a JSON object with a closing 0, without newline. Returns
 * whether to go on. */
typedef bool clv_audit_visit_fn(void *user, const char *json, size_t size);

/**
 * Calls `fn` for each record, the oldest first, as they stand: see
 * clv_audit_verify() for whether they are to be believed. Takes no lock.
 * @return CLV_CANCELLED if the visitor stopped, CLV_POLICY, CLV_PERMISSION,
 *         CLV_IO, CLV_NO_MEMORY
 */
CLV_API clv_status clv_audit_visit(const clv_application *application,
    clv_audit_visit_fn *fn, void *user, clv_error **err);

/** Room for the end of a chain as text. */
#define CLV_AUDIT_END_SIZE 96U

/** What clv_audit_verify() saw. */
struct clv_audit_summary {
	uint64_t first;  /**< number of the oldest record; 0: there is none */
	uint64_t last;   /**< number of the newest */
	uint64_t broken; /**< number of the first wrong record; 0: none */
	size_t files;
	bool torn; /**< a crash left part of a line */
	/** "SEQ:SHA-256" of the newest record, to be kept elsewhere. */
	char end[CLV_AUDIT_END_SIZE];
};

/**
 * Checks the chain. Takes no lock.
 *
 * @param known   NULL, or the `end` of an earlier check: that record must be
 *                there unchanged, unless it has been rotated out
 * @return CLV_CORRUPT if the chain is broken: the error names the record, and
 *         so does `summary`; CLV_INVALID if `known` is no end; and those of
 *         clv_audit_visit()
 */
CLV_API clv_status clv_audit_verify(const clv_application *application,
    const char *known, struct clv_audit_summary *summary, clv_error **err);

#ifdef __cplusplus
}
#endif

#endif
