/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "inject.h"

#include <errno.h>
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
		if (!entry)
			outcome->calls++;
		entry = !entry;
	}
	outcome->killed = !WIFEXITED(status);
	outcome->exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
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
	if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status))
		give_up("ptrace");
	(void)ptrace(PTRACE_SETOPTIONS, child, NULL, PTRACE_O_EXITKILL);
	trace(child, fault, at, &outcome);
	return outcome;
}
