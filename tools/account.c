/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "account.h"

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pwd.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "program.h"

/* A kernel may have a second system call interface with other numbers; where
 * it is not known here, there is none. */
#if defined(__x86_64__)
#define INTERFACE AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && defined(__AARCH64EL__)
#define INTERFACE AUDIT_ARCH_AARCH64
#elif defined(__s390x__)
#define INTERFACE AUDIT_ARCH_S390X
#endif
#ifdef INTERFACE
#define ONLY_INTERFACE                                                      \
	BPF_STMT(                                                           \
	    BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)), \
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, INTERFACE, 1, 0),           \
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
#else
#define ONLY_INTERFACE
#endif
#define X32 0x40000000U

/* The half of an argument that ioctl(2) takes its request from. */
#define REQUEST                                   \
	(offsetof(struct seccomp_data, args[1]) + \
	    (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__ ? 4U : 0U))

/*
 * A PKCS#11 module that the account chose runs in this process, with the
 * terminal of whoever called it: TIOCSTI would type into root's shell.
 */
static bool
forbid_typing(void)
{
	struct sock_filter steps[] = {
	    ONLY_INTERFACE BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, X32, 4, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_ioctl, 0, 4),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, REQUEST),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 1, 0),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCLINUX, 0, 1),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	const struct sock_fprog program = {
	    .len = sizeof(steps) / sizeof(steps[0]), .filter = steps};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static const struct passwd *
find(const char *user)
{
	const struct passwd *account = getpwnam(user);
	unsigned long id;
	char *end = NULL;

	if (account != NULL || *user < '0' || *user > '9')
		return account;
	errno = 0;
	id = strtoul(user, &end, 10);
	return *end == '\0' && errno == 0 && id < (uid_t)-1
	    ? getpwuid((uid_t)id)
	    : NULL;
}

/* Nothing of root's is left: not even a saved id. */
static bool
change(const struct passwd *account)
{
	return initgroups(account->pw_name, account->pw_gid) == 0 &&
	    setresgid(account->pw_gid, account->pw_gid, account->pw_gid) == 0 &&
	    setresuid(account->pw_uid, account->pw_uid, account->pw_uid) == 0 &&
	    setuid(0) != 0 && forbid_typing() &&
	    /* Changing ids may have allowed it again. */
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

/* Where libraries look for the account's settings, and where the PINs are
 * remembered that a token refused: root's directories do not serve. */
static bool
move_home(const struct passwd *account)
{
	static const char *const names[] = {"XDG_CONFIG_HOME",
	    "XDG_RUNTIME_DIR", "XDG_STATE_HOME", "XDG_DATA_HOME",
	    "XDG_CACHE_HOME", "STATE_DIRECTORY"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		(void)unsetenv(names[i]);
	return setenv("HOME", account->pw_dir, 1) == 0 &&
	    setenv("USER", account->pw_name, 1) == 0 &&
	    setenv("LOGNAME", account->pw_name, 1) == 0;
}

bool
account_become(const char *user)
{
	const struct passwd *account = find(user);

	if (account == NULL) {
		(void)program_refuse(
		    NULL, "--application %s: there is no such account", user);
		return false;
	}
	if (account->pw_uid == geteuid())
		return true;
	if (geteuid() != 0) {
		(void)program_refuse("run it as root (sudo claviger ...)",
		    "--application %s: only root can act as another account",
		    user);
		return false;
	}
	if (move_home(account) && change(account))
		return true;
	(void)program_refuse(
	    NULL, "--application %s: %s", user, strerror(errno));
	return false;
}
