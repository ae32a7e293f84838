/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * The kernel hands every system call of the child back to it as SIGSYS
 * (syscall user dispatch); the handler counts, does the call from the one
 * place that is let through, and spoils the one that is to go wrong. That is
 * some ten times as fast as stopping the child by ptrace(2).
 */

#include "inject.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#ifndef PR_SET_SYSCALL_USER_DISPATCH
#define PR_SET_SYSCALL_USER_DISPATCH 59
#define PR_SYS_DISPATCH_ON 1
#endif

#define HANDLER_STACK 65536
#define CALLS_MAX 65536

/* What parent and child share. */
struct report {
	size_t calls;
	bool injected;
	bool changing[CALLS_MAX];
};

static struct report *report;

/* ---- in the child ---- */

static enum fault wanted;
static size_t wanted_at;
/* Nonzero: calls are handed back. Read by the kernel. */
static volatile char blocking;

/* The only instructions that make system calls while that is so. */
extern char inject_begin[], inject_end[];
extern long inject_call(
    long call, long a, long b, long c, long d, long e, long f);
extern void inject_return(void);

__asm__(".pushsection .text\n"
	".globl inject_begin, inject_end, inject_call, inject_return\n"
	"inject_begin:\n"
	"inject_call:\n"
	"	mov %rdi, %rax\n"
	"	mov %rsi, %rdi\n"
	"	mov %rdx, %rsi\n"
	"	mov %rcx, %rdx\n"
	"	mov %r8, %r10\n"
	"	mov %r9, %r8\n"
	"	mov 8(%rsp), %r9\n"
	"	syscall\n"
	"	ret\n"
	"inject_return:\n"
	"	mov $15, %eax\n" /* rt_sigreturn */
	"	syscall\n"
	"	nop\n"
	"inject_end:\n"
	".popsection\n");

/* Whether a call can fail so: memory, locks and process control are left
 * alone, as the kernel would. */
static bool
can_fail(long call, enum fault fault)
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
	case SYS_futex: /* glibc aborts at what the kernel never says */
		return false;
	case SYS_write:
	case SYS_read:
		return true;
	default:
		return fault != FAULT_SHORT;
	}
}

static bool
opens_to_change(long flags)
{
	return (flags & (O_CREAT | O_TRUNC)) != 0 ||
	    (flags & O_TMPFILE) == O_TMPFILE;
}

/* Whether a call may change files. */
static bool
can_change(const greg_t *registers)
{
	switch (registers[REG_RAX]) {
	case SYS_openat:
		return opens_to_change(registers[REG_RDX]);
	case SYS_open:
		return opens_to_change(registers[REG_RSI]);
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
die(void)
{
	(void)inject_call(SYS_kill, inject_call(SYS_getpid, 0, 0, 0, 0, 0, 0),
	    SIGKILL, 0, 0, 0, 0);
	for (;;)
		(void)inject_call(SYS_pause, 0, 0, 0, 0, 0, 0);
}

static long
do_call(const greg_t *registers)
{
	return inject_call(registers[REG_RAX], registers[REG_RDI],
	    registers[REG_RSI], registers[REG_RDX], registers[REG_R10],
	    registers[REG_R8], registers[REG_R9]);
}

/* The call that is to go wrong. The rest of the child's life is its own. */
static long
spoil(greg_t *registers)
{
	blocking = 0;
	if (wanted >= FAULT_EIO && !can_fail(registers[REG_RAX], wanted))
		die();
	report->injected = true;
	switch (wanted) {
	case FAULT_EIO:
		return -EIO;
	case FAULT_ENOSPC:
		return -ENOSPC;
	case FAULT_EINTR:
		return -EINTR;
	case FAULT_SHORT:
		if (registers[REG_RDX] > 1)
			registers[REG_RDX] /= 2;
		return do_call(registers);
	case FAULT_KILL_AFTER:
		(void)do_call(registers);
		die();
		break;
	default:
		die();
		break;
	}
	return 0;
}

/* Who blocks all signals must not block this one. */
static long
mask_signals(const greg_t *registers)
{
	uint64_t mask;
	const uint64_t *set = (const uint64_t *)(uintptr_t)registers[REG_RSI];

	if (set == NULL)
		return do_call(registers);
	mask = *set & ~(UINT64_C(1) << (SIGSYS - 1));
	return inject_call(SYS_rt_sigprocmask, registers[REG_RDI],
	    (long)(uintptr_t)&mask, registers[REG_RDX], registers[REG_R10], 0,
	    0);
}

static void
handle(int signal, siginfo_t *info, void *context)
{
	greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
	const size_t at = report->calls;

	(void)signal;
	(void)info;
	if (wanted == FAULT_NONE && at < CALLS_MAX)
		report->changing[at] = can_change(registers);
	report->calls = at + 1;
	if (wanted != FAULT_NONE && at == wanted_at)
		registers[REG_RAX] = spoil(registers);
	else if (registers[REG_RAX] == SYS_rt_sigprocmask)
		registers[REG_RAX] = mask_signals(registers);
	else
		registers[REG_RAX] = do_call(registers);
}

/* As the kernel has it; the C library would put its own return in. */
struct kernel_action {
	void (*handler)(int signal, siginfo_t *info, void *context);
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

static bool
take_calls(void)
{
	static char stack[HANDLER_STACK];
	const stack_t other = {.ss_sp = stack, .ss_size = sizeof(stack)};
	const struct kernel_action action = {handle,
	    SA_SIGINFO | SA_ONSTACK | 0x04000000 /* SA_RESTORER */,
	    inject_return, 0};

	if (sigaltstack(&other, NULL) != 0 ||
	    syscall(SYS_rt_sigaction, SIGSYS, &action, NULL, 8) != 0 ||
	    prctl(PR_SET_SYSCALL_USER_DISPATCH, PR_SYS_DISPATCH_ON,
		inject_begin, inject_end - inject_begin, &blocking) != 0)
		return false;
	blocking = 1;
	return true;
}

static void
run_child(int (*fn)(void *user), void *user)
{
	if (!take_calls())
		_exit(99);
	_exit(fn(user));
}

/* ---- in the parent ---- */

static void
give_up(const char *what)
{
	perror(what);
	exit(2);
}

static void
need_report(void)
{
	if (report != NULL)
		return;
	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (report == MAP_FAILED)
		give_up("mmap");
}

bool
inject_changes(size_t at)
{
	return at >= CALLS_MAX || report->changing[at];
}

struct outcome
inject(int (*fn)(void *user), void *user, enum fault fault, size_t at)
{
	struct outcome outcome = {.calls = 0};
	pid_t child;
	int status;

	need_report();
	report->calls = 0;
	report->injected = false;
	wanted = fault;
	wanted_at = at;
	child = fork();
	if (child < 0)
		give_up("fork");
	if (child == 0)
		run_child(fn, user);
	if (waitpid(child, &status, 0) != child)
		give_up("waitpid");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 99)
		give_up("system calls can't be taken");
	outcome.killed = !WIFEXITED(status);
	outcome.exit_status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	outcome.calls = report->calls;
	outcome.injected = report->injected;
	return outcome;
}
