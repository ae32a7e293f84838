/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * The guard's matrix: named cases, each an arrangement of files, a question,
 * and the exact set of findings. The accounts below are numbers only; they
 * need no entry in /etc/passwd.
 */
#ifndef CLV_TESTS_GUARD_MATRIX_H
#define CLV_TESTS_GUARD_MATRIX_H

#include <stdbool.h>
#include <stddef.h>

#include <claviger/guard.h>

enum accounts {
	ROOT = 0,
	APP = 61001,
	OTHER = 61002,
	ADMIN = 61003,
	MEMBER = 61004, /* of ADMINS, in the cases that have a group file */
	ADMINS = 61010,
	READERS = 61020,
	NOBODY = 65534
};

enum guard_ways { ALL_WAYS, ABSOLUTE_PATH, BELOW_DESCRIPTOR };

struct guard_case {
	const char *name;
	clv_guard_policy policy;
	/*
	 * Steps, separated by ';', that build the case in its own directory:
	 *   dir PATH MODE OWNER[:GROUP]      file PATH MODE OWNER[:GROUP]
	 *   link PATH TARGET [OWNER]         hard PATH EXISTING
	 *   acl PATH ENTRIES                 default PATH ENTRIES
	 *   fifo PATH   socket PATH   null PATH   sparse PATH SIZE
	 *   ntacl PATH                       own . MODE OWNER[:GROUP]
	 * Accounts by the names above in lower case. In TARGET, '@' stands
	 * for the case's directory.
	 */
	const char *steps;
	/* Settings, separated by ';': admin ID, admins ID, readers ID, max N,
	 * noadmin, unmapped, strict, app ID. The application is APP. */
	const char *settings;
	/* What is judged, relative to the case's directory. */
	const char *path;
	/*
	 * Findings, separated by ';', in any order: GRADE CODE PATH [fix].
	 * "error STATUS" if judging itself fails. Empty: secure.
	 */
	const char *expect;
	/* Done in the process that judges, as root, before it judges: mounts
	 * and the like, for which it has namespaces of its own. */
	void (*stage)(const char *directory);
	/* How the judging process changes itself after that: NULL for both
	 * root and APP. */
	void (*become)(void);
	/* Judge in these ways only, and do not mend. */
	enum guard_ways ways;
};

struct guard_family {
	const char *name;
	const struct guard_case *cases;
	size_t count;
};

extern const struct guard_family guard_family_modes;
extern const struct guard_family guard_family_acls;
extern const struct guard_family guard_family_ancestors;
extern const struct guard_family guard_family_links;
extern const struct guard_family guard_family_types;
extern const struct guard_family guard_family_mounts;
extern const struct guard_family guard_family_callers;

#define GUARD_FAMILY(noun, title, table)                  \
	const struct guard_family guard_family_##noun = { \
	    title, table, sizeof(table) / sizeof((table)[0])}

/* Ends the process with a message unless `done`; says why from errno. */
void must(bool done, const char *what);

/* Makes a case's directory by its steps, and removes it. */
void guard_lab_build(const char *directory, const char *steps);
void guard_lab_remove(const char *directory);

#endif
