/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "inject.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

static void
give_up(const char *what)
{
	perror(what);
	exit(2);
}

/* A first call that marks where counting begins. */
static void
run_child(int (*fn)(void *user), void *user)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
		_exit(99);
	(void)raise(SIGSTOP);
	_exit(fn(user));
}

static int
errno_of(enum fault fault)
{
	return fault == FAULT_EIO   ? EIO
	    : fault == FAULT_ENOSPC ? ENOSPC
				    : EINTR;
}

/* Whether a call can fail so: memory and process control are left alone, as
 * the kernel would. */
static bool
can_fail(unsigned long long call, enum fault fault)
{
	switch (call) {
	case SYS_exit_group:
	case SYS_exit:
	case SYS_munmap:
	case SYS_mprotect:
	case SYS_brk:
	case SYS_mmap:
	case SYS_madvise:
	case SYS_rt_sigreturn:
	case SYS_close:
		return false;
	case SYS_write:
	case SYS_read:
		return true;
	default:
		return fault != FAULT_SHORT;
	}
}

/* At the entry of the call. Returns whether the exit has to be changed. */
static bool
at_entry(pid_t child, enum fault fault, struct user_regs_struct *regs)
{
	if (fault == FAULT_SHORT) {
		regs->rdx = regs->rdx > 1 ? regs->rdx / 2 : regs->rdx;
		(void)ptrace(PTRACE_SETREGS, child, NULL, regs);
		return false;
	}
	regs->orig_rax = (unsigned long long)-1;
	(void)ptrace(PTRACE_SETREGS, child, NULL, regs);
	return true;
}

static void
at_exit_of(pid_t child, enum fault fault)
{
	struct user_regs_struct regs;

	(void)ptrace(PTRACE_GETREGS, child, NULL, &regs);
	regs.rax = (unsigned long long)-(long long)errno_of(fault);
	(void)ptrace(PTRACE_SETREGS, child, NULL, &regs);
}

static bool
next_stop(pid_t child, int *status)
{
	if (ptrace(PTRACE_SYSCALL, child, NULL, NULL) != 0)
		return false;
	return waitpid(child, status, 0) == child && WIFSTOPPED(*status);
}

static void
reap(pid_t child, int *status)
{
	(void)kill(child, SIGKILL);
	while (waitpid(child, status, 0) == child && !WIFEXITED(*status) &&
	    !WIFSIGNALED(*status))
		;
}

/* The rest of its life is its own. */
static void
let_go(pid_t child, int *status)
{
	(void)ptrace(PTRACE_DETACH, child, NULL, NULL);
	(void)waitpid(child, status, 0);
}

/* The call that is to go wrong has been entered. */
static void
spoil(pid_t child, enum fault fault, struct outcome *outcome, int *status)
{
	struct user_regs_struct regs;

	(void)ptrace(PTRACE_GETREGS, child, NULL, &regs);
	if (fault >= FAULT_EIO && !can_fail(regs.orig_rax, fault)) {
		reap(child, status);
		return;
	}
	outcome->injected = true;
	if (fault == FAULT_KILL_BEFORE) {
		reap(child, status);
		return;
	}
	if (fault >= FAULT_EIO && at_entry(child, fault, &regs)) {
		if (next_stop(child, status))
			at_exit_of(child, fault);
	} else if (fault == FAULT_KILL_AFTER) {
		(void)next_stop(child, status);
		reap(child, status);
		return;
	}
	let_go(child, status);
}

/* What inject_changes() tells. */
static bool changing[65536];

#define CHANGING (sizeof(changing) / sizeof(changing[0]))

static bool
can_change(const struct user_regs_struct *regs)
{
	switch (regs->orig_rax) {
	case SYS_openat:
		return (regs->rdx & (O_CREAT | O_TRUNC)) != 0 ||
		    (regs->rdx & O_TMPFILE) == O_TMPFILE;
	case SYS_open:
		return (regs->rsi & (O_CREAT | O_TRUNC)) != 0;
	case SYS_read:
	case SYS_pread64:
	case SYS_close:
	case SYS_stat:
	case SYS_fstat:
	case SYS_lstat:
	case SYS_newfstatat:
	case SYS_statx:
	case SYS_statfs:
	case SYS_fstatfs:
	case SYS_lseek:
	case SYS_access:
	case SYS_faccessat:
	case SYS_readlink:
	case SYS_readlinkat:
	case SYS_getdents64:
	case SYS_getxattr:
	case SYS_fgetxattr:
	case SYS_lgetxattr:
	case SYS_fcntl:
	case SYS_mmap:
	case SYS_munmap:
	case SYS_mprotect:
	case SYS_madvise:
	case SYS_brk:
	case SYS_getrandom:
	case SYS_geteuid:
	case SYS_getuid:
	case SYS_getpid:
	case SYS_futex:
	case SYS_inotify_init1:
	case SYS_inotify_add_watch:
	case SYS_inotify_rm_watch:
		return false;
	default:
		return true;
	}
}

static void
note_call(pid_t child, size_t at)
{
	struct user_regs_struct regs;

	if (at >= CHANGING)
		give_up("too many calls");
	(void)ptrace(PTRACE_GETREGS, child, NULL, &regs);
	changing[at] = can_change(&regs);
}

bool
inject_changes(size_t at)
{
	return at >= CHANGING || changing[at];
}

/* Steps from call to call; returns when the child has gone. */
static void
trace(pid_t child, enum fault fault, size_t at, struct outcome *outcome)
{
	bool entry = true;
	int status = 0;

	while (next_stop(child, &status)) {
		if (entry && outcome->calls == at && fault != FAULT_NONE) {
			spoil(child, fault, outcome, &status);
			break;
		}
		if (entry && fault == FAULT_NONE)
			note_call(child, outcome->calls);
		if (!entry)
			outcome->calls++;
		entry = !entry;
	}
	outcome->killed = !WIFEXITED(status);
	outcome->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* On one processor with the child: each waits for the other anyway. */
static void
stay_here(pid_t child)
{
	const int here = sched_getcpu();
	cpu_set_t set;

	if (here < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)here, &set);
	(void)sched_setaffinity(child, sizeof(set), &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

static void
move_freely(void)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	for (size_t i = 0; i < CPU_SETSIZE; i++)
		CPU_SET(i, &set);
	(void)sched_setaffinity(0, sizeof(set), &set);
}

struct outcome
inject(int (*fn)(void *user), void *user, enum fault fault, size_t at)
{
	struct outcome outcome = {.calls = 0};
	const pid_t child = fork();
	int status;

	if (child < 0)
		give_up("fork");
	if (child == 0)
		run_child(fn, user);
	stay_here(child);
	if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
		give_up("ptrace");
	(void)ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_EXITKILL);
	trace(child, fault, at, &outcome);
	move_freely();
	return outcome;
}
