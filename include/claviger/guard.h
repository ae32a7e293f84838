/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/**
 * The path guard: may this file be believed, and can others read this key?
 *
 * OPC UA Part 12 asks that a private key can be read and written only by the
 * accounts that run the application, and that TrustLists and configuration
 * can be written only by those who administer it. The guard judges a file
 * under one of three policies and either opens it or says what is wrong,
 * where, and which command mends it:
 *
 *     clv_guard *guard = NULL;
 *
 *     if (clv_guard_new(&guard, &err) != CLV_OK ||
 *         clv_guard_open(guard, CLV_GUARD_KEY, path, &fd, NULL, &err)
 *             != CLV_OK)
 *             fprintf(stderr, "%s\n  fix: %s\n", clv_error_message(err),
 *                 clv_error_remedy(err));
 *
 * It looks at opened objects, never at names: the path is walked from `/`
 * (for a relative path, also from the current directory up to `/`), every
 * directory and symbolic link on the way is pinned by a descriptor and
 * judged, and what is opened in the end is the very inode that was judged.
 * Judged are owner, mode, POSIX ACLs (with what the mode bits hide), every
 * parent directory, sticky bits, symbolic and hard links, type, size, and
 * file systems that can lie (FUSE) or that keep permissions elsewhere.
 *
 * Who is trusted: root (uid 0) always; the application's account, which is
 * the effective uid unless clv_guard_set_application() names another; and,
 * under CLV_GUARD_TRUST and CLV_GUARD_CONFIG, the administrators. The real
 * uid of a set-user-ID program is not trusted, nor is a group merely because
 * the process belongs to it.
 *
 * A clv_guard may be used by any number of threads at once while none of
 * them changes its settings. A report belongs to one thread at a time. Linux
 * with a mounted /proc is needed; without it everything is refused.
 */
#ifndef CLAVIGER_GUARD_H
#define CLAVIGER_GUARD_H

#include <claviger/error.h>
#include <claviger/secret.h>

#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/** What a file is for, and so who may do what to it. */
typedef enum clv_guard_policy {
	/** A private key: read and written by the application and root only. */
	CLV_GUARD_KEY = 1,
	/** Certificates, CRLs and their directories: written by the
	 * administrators, the application and root only; read by anybody. */
	CLV_GUARD_TRUST = 2,
	/** Configuration: as CLV_GUARD_TRUST. */
	CLV_GUARD_CONFIG = 3
} clv_guard_policy;

/** The verdict. A report is as bad as its worst finding. */
typedef enum clv_guard_grade {
	CLV_GUARD_SECURE = 0,
	/** It can be used, but should be mended: allowed by a setting, or one
	 * careless chmod away from insecure. */
	CLV_GUARD_WEAK = 1,
	/** It is refused. */
	CLV_GUARD_INSECURE = 2
} clv_guard_grade;

/** What a finding is about: stable, for programs. More may be added. */
typedef enum clv_guard_code {
	/** Its owner is not trusted: an owner can always change the mode. */
	CLV_GUARD_OWNER = 1,
	/** Its owner is not mapped into this user namespace. */
	CLV_GUARD_OWNER_UNMAPPED = 2,
	CLV_GUARD_OTHERS_READ = 3,
	CLV_GUARD_OTHERS_WRITE = 4,
	CLV_GUARD_GROUP_READ = 5,
	CLV_GUARD_GROUP_WRITE = 6,
	/** An ACL entry lets somebody read who may not. */
	CLV_GUARD_ACL_READ = 7,
	/** An ACL entry lets somebody write who may not. */
	CLV_GUARD_ACL_WRITE = 8,
	/** An ACL entry that only the mask holds back. */
	CLV_GUARD_ACL_SLEEPING = 9,
	/** A default ACL that new files in the directory would inherit. */
	CLV_GUARD_ACL_DEFAULT = 10,
	/** NFSv4 or Windows ACLs, or a damaged ACL: can't be judged. */
	CLV_GUARD_ACL_FOREIGN = 11,
	/** Others may replace it: its directory is writable and sticky, and
	 * the entry's owner is not trusted or it has a second name. */
	CLV_GUARD_STICKY = 12,
	/** A symbolic link whose owner is not trusted. */
	CLV_GUARD_LINK_OWNER = 13,
	/** More than 40 symbolic links. */
	CLV_GUARD_LINK_LOOP = 14,
	/** A link of /proc, which is no path at all. */
	CLV_GUARD_LINK_MAGIC = 15,
	/** The file has further names (hard links). */
	CLV_GUARD_HARD_LINK = 16,
	/** Not a regular file (or, where asked for, not a directory). */
	CLV_GUARD_TYPE = 17,
	CLV_GUARD_TOO_LARGE = 18,
	/** On a FUSE file system that somebody untrusted runs, or of which
	 * it is not known who runs it: it can claim any owner and mode. */
	CLV_GUARD_FUSE = 19,
	/** On a network or host-shared file system: a server decides. */
	CLV_GUARD_REMOTE = 20,
	/** The directory it starts from is not below `/` (any more). */
	CLV_GUARD_UNREACHABLE = 21,
	/** Others may execute a key file. */
	CLV_GUARD_EXECUTE = 22
} clv_guard_code;

/** The code as a word, such as "others-read". Static; any thread. */
CLV_API const char *clv_guard_code_name(clv_guard_code code);
/** "secure", "weak" or "insecure". Static; any thread. */
CLV_API const char *clv_guard_grade_name(clv_guard_grade grade);
/** "key", "trust" or "config". Static; any thread. */
CLV_API const char *clv_guard_policy_name(clv_guard_policy policy);

/**
 * One thing that is wrong. Strings live as long as the report. Fields may be
 * added at the end.
 */
typedef struct clv_guard_finding {
	clv_guard_code code;
	clv_guard_grade grade; /**< CLV_GUARD_WEAK or CLV_GUARD_INSECURE */
	/** The object at fault, free of symbolic links: the file itself or a
	 * directory or link on the way to it. */
	const char *path;
	/** One sentence for a person, without the path and full stop. */
	const char *reason;
	/** The exact shell command that mends it, quoted; NULL if there is
	 * none, such as for a file of the wrong type. */
	const char *command;
	/** Whether clv_guard_fix() may do it: it takes rights away on the
	 * judged file or directory itself, and nothing else; the way there
	 * is not insecure, and the file has no second name. */
	bool fixable;
	/** What to do where there is no command; NULL where there is one. */
	const char *advice;
} clv_guard_finding;

/* ---- settings ---- */

typedef struct clv_guard clv_guard;

/** The largest file a new guard accepts, in bytes. */
#define CLV_GUARD_MAX_SIZE_DEFAULT (64ULL * 1024 * 1024)

/**
 * A guard that trusts root and the effective uid of the caller.
 * @return CLV_NO_MEMORY
 */
CLV_API clv_status clv_guard_new(clv_guard **out, clv_error **err);
CLV_API void clv_guard_free(clv_guard **guard);
/**
 * A copy of the settings. Free it with clv_guard_free().
 * @return CLV_NO_MEMORY
 */
CLV_API clv_status clv_guard_copy(
    const clv_guard *guard, clv_guard **out, clv_error **err);

/**
 * Names the account that runs the application: a user name, or a uid in
 * decimal digits. Without this call it is the effective uid at the time of
 * clv_guard_new().
 * @return CLV_NOT_FOUND, CLV_INVALID
 */
CLV_API clv_status clv_guard_set_application(
    clv_guard *guard, const char *user, clv_error **err);

/**
 * Whether the application's own account may write trust lists and
 * configuration (default: true, which push management needs).
 */
CLV_API void clv_guard_set_application_administers(
    clv_guard *guard, bool administers);

/**
 * Adds an account that may write trust lists and configuration: a name or
 * decimal digits. Has no effect on CLV_GUARD_KEY.
 * @return CLV_NOT_FOUND, CLV_INVALID, CLV_NO_MEMORY
 */
CLV_API clv_status clv_guard_add_administrator(
    clv_guard *guard, const char *user, clv_error **err);
/** The same for a group: all its members are trusted. */
CLV_API clv_status clv_guard_add_administrators(
    clv_guard *guard, const char *group, clv_error **err);

/**
 * Lets the members of a group read keys. This is weak, and reported so, but
 * no longer refused.
 * @return CLV_NOT_FOUND, CLV_INVALID, CLV_NO_MEMORY
 */
CLV_API clv_status clv_guard_add_insecure_readers(
    clv_guard *guard, const char *group, clv_error **err);

/**
 * In a user namespace (a rootless container), files of accounts outside it
 * appear as those of uid 65534. Such an owner is refused unless this is set;
 * then it is trusted and reported as weak. Outside user namespaces it has no
 * effect.
 */
CLV_API void clv_guard_set_insecure_unmapped(clv_guard *guard, bool allowed);

/**
 * The largest regular file that is accepted, in bytes (default
 * #CLV_GUARD_MAX_SIZE_DEFAULT).
 */
CLV_API void clv_guard_set_max_size(clv_guard *guard, uint64_t bytes);

/** Refuse what is weak, too (default: false). */
CLV_API void clv_guard_set_strict(clv_guard *guard, bool strict);

/* ---- judging ---- */

typedef struct clv_guard_report clv_guard_report;

CLV_API void clv_guard_report_free(clv_guard_report **report);
CLV_API clv_guard_grade clv_guard_report_grade(const clv_guard_report *report);
CLV_API clv_guard_policy clv_guard_report_policy(
    const clv_guard_report *report);
/** The judged object's path, absolute and free of symbolic links; where the
 * walk had to stop, the path up to there. Borrowed. */
CLV_API const char *clv_guard_report_path(const clv_guard_report *report);
CLV_API size_t clv_guard_report_count(const clv_guard_report *report);
/** Finding `index`, in the order of the walk; NULL past the end. Borrowed. */
CLV_API const clv_guard_finding *clv_guard_report_finding(
    const clv_guard_report *report, size_t index);
/** The first of the worst findings; NULL if there is none. Borrowed. */
CLV_API const clv_guard_finding *clv_guard_report_worst(
    const clv_guard_report *report);

/**
 * Judges a regular file or a directory and reports all findings. Does not
 * open it, and does not fail merely because it is insecure: see
 * clv_guard_report_grade(). Free the report with clv_guard_report_free().
 *
 * @return CLV_NOT_FOUND (a part of the path is missing), CLV_PERMISSION (the
 *         caller may not search a directory), CLV_INVALID, CLV_UNSUPPORTED
 *         (no /proc), CLV_CHANGED (it changes all the time; retryable),
 *         CLV_IO, CLV_NO_MEMORY
 */
CLV_API clv_status clv_guard_check(const clv_guard *guard,
    clv_guard_policy policy, const char *path, clv_guard_report **report,
    clv_error **err);

/**
 * As clv_guard_check(), for a path that is relative to an open directory
 * (`AT_FDCWD`: the current one). The directories above it are judged, too.
 * An empty path means the directory itself.
 */
CLV_API clv_status clv_guard_check_at(const clv_guard *guard,
    clv_guard_policy policy, int directory, const char *path,
    clv_guard_report **report, clv_error **err);

/**
 * Opens a regular file for reading (O_CLOEXEC) if it is not insecure. FIFOs,
 * devices, sockets and directories are never opened, and a file lease never
 * makes this wait.
 *
 * @param fd      gets the descriptor, which the caller closes; -1 on failure
 * @param report  NULL, or gets the findings: also when the result is
 *                CLV_POLICY or CLV_TOO_LARGE. The caller frees it.
 * @return CLV_POLICY: the error names the worst finding, its path and reason,
 *         and has the mending command as its remedy. CLV_TOO_LARGE: nothing
 *         but its size is wrong. CLV_BUSY (a lease; retryable) and those of
 *         clv_guard_check()
 */
CLV_API clv_status clv_guard_open(const clv_guard *guard,
    clv_guard_policy policy, const char *path, int *fd,
    clv_guard_report **report, clv_error **err);

/** As clv_guard_open(), relative to a directory: see clv_guard_check_at(). */
CLV_API clv_status clv_guard_open_at(const clv_guard *guard,
    clv_guard_policy policy, int directory, const char *path, int *fd,
    clv_guard_report **report, clv_error **err);

/**
 * As clv_guard_open_at(), for a directory, such as one that holds a trust
 * list: the descriptor can be read with fdopendir(3) and serves
 * clv_guard_open_entry().
 */
CLV_API clv_status clv_guard_open_directory(const clv_guard *guard,
    clv_guard_policy policy, int directory, const char *path, int *fd,
    clv_guard_report **report, clv_error **err);

/**
 * As clv_guard_open_at(), for one entry of a directory that
 * clv_guard_open_directory() has just opened under the same policy: what
 * stands above is not judged again, so that a list of thousands of files
 * costs no more than it must. A symbolic link is followed with the full
 * judgement.
 *
 * @param name  one component: no '/', not "." or ".."
 */
CLV_API clv_status clv_guard_open_entry(const clv_guard *guard,
    clv_guard_policy policy, int directory, const char *name, int *fd,
    clv_guard_report **report, clv_error **err);

/**
 * Opens as clv_guard_open_at() does and reads the whole file into `out`,
 * without copies elsewhere. An empty file gives an empty secret.
 *
 * @param max  in bytes, at most #CLV_SECRET_MAX
 * @return CLV_TOO_LARGE over `max`, and those of clv_guard_open()
 */
CLV_API clv_status clv_guard_read_secret(const clv_guard *guard,
    clv_guard_policy policy, int directory, const char *path, size_t max,
    clv_secret *out, clv_error **err);

/**
 * The same into ordinary memory, for what is not secret. A 0 byte follows
 * the content. Free `*out` with clv_free().
 */
CLV_API clv_status clv_guard_read(const clv_guard *guard,
    clv_guard_policy policy, int directory, const char *path, size_t max,
    unsigned char **out, size_t *size, clv_error **err);

/* ---- mending ---- */

/**
 * Does what the fixable findings of a report ask for: takes away mode bits
 * and ACL entries of the judged object itself, by descriptor, if it still is
 * the object that was judged. Nothing is ever given, chowned, moved or
 * removed. Then judges again and replaces `*report`.
 *
 * @param mended  NULL, or gets how many findings are gone
 * @return CLV_PERMISSION (not the owner), CLV_CHANGED (another object has
 *         its place), and those of clv_guard_check(); `*report` is then left
 *         as it was, although some findings may be mended
 */
CLV_API clv_status clv_guard_fix(const clv_guard *guard,
    clv_guard_report **report, size_t *mended, clv_error **err);

/* ---- a whole application ---- */

/**
 * Which policy fits an object of an application's directory: a private key
 * (PEM or DER, encrypted or not) is a key wherever it lies; then its place
 * decides (`own/private`, `trusted`, `issuer`, `rejected`, ...), and then its
 * name. What is not recognised, or can't be read, is CLV_GUARD_CONFIG unless
 * place or name tell otherwise.
 */
CLV_API clv_guard_policy clv_guard_classify(const char *path);

/**
 * Called for each object that was visited. Exactly one of `report` and
 * `failure` is not NULL; both are borrowed. `fixed` is the number of
 * findings that were mended. Returns whether to go on.
 */
typedef bool clv_guard_visit_fn(void *user, const char *path,
    clv_guard_policy policy, const clv_guard_report *report, size_t fixed,
    const clv_error *failure);

/**
 * Judges a file, or a directory with everything in it, each object under the
 * policy that clv_guard_classify() finds for it, and with `fix` mends it.
 * Symbolic links in the tree are judged where they lead, but neither mended
 * there nor descended into. Bounded: 64 levels, 1,000,000 objects.
 *
 * @param worst  the worst grade after mending; CLV_GUARD_INSECURE if an
 *               object could not be judged
 * @return CLV_CANCELLED if the visitor stopped, CLV_TOO_LARGE, and for the
 *         starting point itself those of clv_guard_check()
 */
CLV_API clv_status clv_guard_survey(const clv_guard *guard, const char *path,
    bool fix, clv_guard_visit_fn *visit, void *user, clv_guard_grade *worst,
    clv_error **err);

#ifdef __cplusplus
}
#endif

#endif
