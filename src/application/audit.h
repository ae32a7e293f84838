/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The inside of the audit log: see <claviger/audit.h> for its format. */
#ifndef CLV_APPLICATION_AUDIT_H
#define CLV_APPLICATION_AUDIT_H

#include <claviger/audit.h>

#include <stdio.h>

#include "application/application.h"

#define CLV_AUDIT_DIRECTORY "state/audit"
#define CLV_AUDIT_HEAD "head"
#define CLV_AUDIT_HASH 65 /* SHA-256 in hexadecimal with the closing 0 */
/* A longer line is no record. */
#define CLV_AUDIT_LINE_MAX 32768U
#define CLV_AUDIT_FILE_MAX ((size_t)64 << 20)
#define CLV_AUDIT_FILES_MAX 1000U
#define CLV_AUDIT_ID_SIZE 65

/* ---- records (audit_record.c) ---- */

/* Prints a JSON string with its quotes, or nothing but its name for NULL. */
void clv_audit_print_text(FILE *out, const char *text);

/*
 * What a record says, without its number and link: `"time":...}`. The time is
 * now, and the one who did it this process. `id` and `changes` (a JSON array)
 * may be NULL. Free `*body` with free().
 */
clv_status clv_audit_make_body(const struct clv_audit_event *event,
    const char *id, const char *changes, char **body, clv_error **err);

/* The whole line with its newline. Free it with free(); NULL: no memory. */
char *clv_audit_make_line(
    uint64_t sequence, const char *previous, const char *body, size_t *size);

/* Number and link of a line without newline; false if it is no record. */
bool clv_audit_read_line(const char *line, size_t size, uint64_t *sequence,
    char previous[CLV_AUDIT_HASH]);

void clv_audit_hash(const char *line, size_t size, char hash[CLV_AUDIT_HASH]);

/* An id made of texts; ended by NULL. */
void clv_audit_make_id(char id[CLV_AUDIT_ID_SIZE], ...)
    __attribute__((sentinel));

/* Whether a line has an id, and how many seconds ago it was written. */
bool clv_audit_has_id(
    const char *line, size_t size, const char *id, int64_t *age);

/* ---- where the log ends (audit_head.c) ---- */

/*
 * `head` has two places of one line each, written by turns, so that one is
 * always whole:
 *
 *     FIRST LAST HASH CHECK
 *
 * FIRST is the oldest record that rotation left, HASH that of LAST, CHECK the
 * first digits of the SHA-256 of all before it.
 */
struct clv_audit_head {
	uint64_t first; /* 0: nothing is known */
	uint64_t last;
	char hash[CLV_AUDIT_HASH];
};

/* Never fails: what is damaged is not known. */
void clv_audit_head_read(int fd, struct clv_audit_head *head);
clv_status clv_audit_head_write(
    int fd, const struct clv_audit_head *head, bool durable, clv_error **err);

/* ---- files (audit_files.c) ---- */

struct clv_audit_files {
	uint64_t numbers[CLV_AUDIT_FILES_MAX]; /* ascending */
	size_t count;
};

/* Room for the name of a file. */
#define CLV_AUDIT_NAME 32

void clv_audit_name(uint64_t number, char name[CLV_AUDIT_NAME]);
clv_status clv_audit_files_list(
    int directory, struct clv_audit_files *files, clv_error **err);
/* CLV_NOT_FOUND if nothing was ever recorded. */
clv_status clv_audit_open_directory(
    const clv_application *application, int *fd, clv_error **err);
/* The same; makes what is missing. */
clv_status clv_audit_make_directory(
    const clv_application *application, int *fd, clv_error **err);
/* Root must not make what the application's account can't write. */
void clv_audit_give(
    const clv_application *application, int directory, const char *name);
clv_status clv_audit_read_file(const clv_application *application,
    int directory, uint64_t number, char **bytes, size_t *size,
    clv_error **err);

/* Whether a log must be there: something was recorded, or was committed and
 * carried out, which is only over when the log has it. */
bool clv_audit_must_exist(const clv_application *application);

/* ---- appending (audit_append.c) ---- */

enum clv_audit_repeat {
	CLV_AUDIT_ALWAYS,
	CLV_AUDIT_ONCE,  /* unless the log has a record with this id */
	CLV_AUDIT_HOURLY /* unless it has one that is less than an hour old */
};

/* Appends what clv_audit_make_body() made. */
clv_status clv_audit_write(const clv_application *application, const char *body,
    const char *id, enum clv_audit_repeat repeat, clv_error **err);

/* Whether clv_audit_write() could work, before it has to. Makes the
 * directory. */
clv_status clv_audit_prepare(
    const clv_application *application, clv_error **err);

/* ---- events (audit_event.c): failures to record are ignored ---- */

/* A key in a store was made, imported or destroyed. */
void clv_audit_tell_key(const clv_application *application, const char *event,
    const char *group, const char *type, const char *uri);

struct clv_redo;
struct clv_generation;

/*
 * What the log will say of a commit becomes part of its record; `config` is
 * that afterwards. Fails if the log could not be written.
 */
clv_status clv_audit_put_redo(const clv_application *application,
    const char *event, const struct clv_generation *last,
    const struct clv_config *config, struct clv_redo *redo, clv_error **err);

/* Says so, once, before the record is removed. */
clv_status clv_audit_tell_redo(const clv_application *application,
    const struct clv_redo *redo, clv_error **err);

/* Something was refused: CLV_POLICY or CLV_CHANGED; others are not told. */
void clv_audit_tell_refusal(const clv_application *application,
    const char *group, const char *type, clv_status status,
    const clv_error *problem);

/* Anything else that happened to the application. */
void clv_audit_tell(const clv_application *application, const char *event,
    const char *group, const char *type, const char *detail);

#endif
