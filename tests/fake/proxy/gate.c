/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "gate.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "names.h"
#include "script.h"
#include "sessions.h"
#include "shared.h"
#include "token.h"

/* Held for reading by calls in the wrapped module, for writing while a pulled
 * token's sessions are closed: modules do not expect that to happen within a
 * call. Whoever waits to write comes first, or busy threads would never let
 * them. */
#define GATE PTHREAD_RWLOCK_WRITER_NONRECURSIVE_INITIALIZER_NP
static pthread_rwlock_t in_module = GATE;
static pthread_once_t fork_once = PTHREAD_ONCE_INIT;

void
gate_close(void)
{
	pthread_rwlock_wrlock(&in_module);
}

void
gate_open(void)
{
	pthread_rwlock_unlock(&in_module);
}

/* Another thread's call does not exist in the child, what it held does. */
static void
renew_in_child(void)
{
	in_module = (pthread_rwlock_t)GATE;
	rules_renew_in_child();
	sessions_renew_in_child();
}

static void
watch_fork(void)
{
	pthread_atfork(NULL, NULL, renew_in_child);
}

/* May block for long, so it must not keep a token from being pulled. */
static bool
holds_gate(const struct call *call)
{
	return call->function != P11_PROXY_C_WaitForSlotEvent;
}

static bool
uses_session(const struct call *call)
{
	switch (call->function) {
	case P11_PROXY_C_OpenSession:
	case P11_PROXY_C_CloseAllSessions:
	case P11_PROXY_C_WaitForSlotEvent:
		return false;
	default:
		return call->function > P11_PROXY_C_InitToken;
	}
}

static void
count(const struct call *call)
{
	struct p11_proxy_shared *shared = shared_state();
	const uint32_t now = ++shared->under_way;
	uint32_t most = shared->most_under_way;

	shared->calls[call->function]++;
	while (now > most &&
	    !atomic_compare_exchange_weak(&shared->most_under_way, &most, now))
		;
}

static void
sleep_for(CK_ULONG microseconds)
{
	const struct timespec time = {
	    .tv_sec = (time_t)(microseconds / 1000000),
	    .tv_nsec = (long)(microseconds % 1000000) * 1000,
	};

	clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

static void
hang(CK_ULONG microseconds)
{
	const uint32_t before = shared_state()->releases;
	const CK_ULONG step = 1000;

	for (CK_ULONG waited = 0;
	     (microseconds == 0 || waited < microseconds) &&
	     shared_state()->releases == before;
	     waited += step)
		sleep_for(step);
}

/* What happens before the call. True if it is not to happen any more. */
static bool
follow(const struct plan *plan, struct call *call)
{
	for (int i = 0; i < plan->count; i++) {
		const struct rule *rule = &plan->rules[i];

		if (rule->action == RULE_DELAY)
			sleep_for(rule->value);
		else if (rule->action == RULE_HANG)
			hang(rule->value);
		else if (rule->action == RULE_PULL)
			token_pull(false);
		else if (rule->action == RULE_BLINK)
			token_pull(true);
		if ((rule->action == RULE_FAULT && !rule->late) ||
		    rule->action == RULE_PRETEND) {
			call->rv = rule->value;
			return true;
		}
	}
	return false;
}

static bool
token_is_gone(struct call *call)
{
	bool first;

	if (!token_pull_is_unnoticed())
		return false;
	gate_close();
	first = token_was_pulled();
	gate_open();
	if (!first || !uses_session(call))
		return false;
	call->rv = CKR_DEVICE_REMOVED;
	return true;
}

bool
gate_enter(struct call *call, struct plan *plan)
{
	pthread_once(&fork_once, watch_fork);
	clock_gettime(CLOCK_MONOTONIC, &call->start);
	count(call);
	rules_match(call, plan);
	call->entered = false;
	if (follow(plan, call) || token_is_gone(call))
		return false;
	if (holds_gate(call))
		pthread_rwlock_rdlock(&in_module);
	call->entered = true;
	return true;
}

static void
write_log(int fd, const struct call *call)
{
	struct timespec now;
	char line[256];
	const char *name = name_of_rv(call->rv);
	int size;

	clock_gettime(CLOCK_MONOTONIC, &now);
	size =
	    snprintf(line, sizeof(line), "%ld %s session=%lu %s(0x%lx) %ldus\n",
		syscall(SYS_gettid), name_of_function(call->function),
		call->session, name != NULL ? name : "CKR", call->rv,
		(now.tv_sec - call->start.tv_sec) * 1000000 +
		    (now.tv_nsec - call->start.tv_nsec) / 1000);
	if (write(fd, line, (size_t)size) != size)
		perror("claviger-p11-proxy: log");
}

CK_RV
gate_leave(struct call *call, const struct plan *plan)
{
	struct p11_proxy_shared *shared = shared_state();
	const CK_RV before = call->rv;

	if (call->entered && holds_gate(call))
		pthread_rwlock_unlock(&in_module);
	for (int i = 0; i < plan->count; i++)
		if (plan->rules[i].action == RULE_FAULT && plan->rules[i].late)
			call->rv = plan->rules[i].value;
	if (call->rv == CKR_OK && call->entered)
		rules_lie(plan, call);
	if (call->rv != CKR_OK && (!call->entered || call->rv != before))
		shared->faults[call->function]++;
	if (script_log() >= 0)
		write_log(script_log(), call);
	shared->under_way--;
	return call->rv;
}
