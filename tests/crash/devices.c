/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * crash-devices [--every N] [--home pkcs11|tpm2] [--scenario NAME]: while a
 * changing call is at work, its token is
 * pulled, refuses the PIN or fails, or its TPM is reset, lost or fails, at
 * every Nth Cryptoki call or TPM command. The application must be wholly old
 * or wholly new, and after recovery no key be left in the device that nothing
 * uses.
 */

#include <dlfcn.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake/fault_tcti.h"
#include "fake/p11_proxy.h"
#include "fake/swtpm_lab.h"
#include "homes.h"
#include "must.h"
#include "tree.h"

#define SCRIPT "CLAVIGER_P11_PROXY_SCRIPT"

/* What can go wrong with a device. */
struct device {
	const char *home;
	const char *const *troubles;
	/* Before the child: the next run gets trouble `number` at call `at`;
	 * SIZE_MAX: none. */
	void (*prepare)(struct lab *lab, size_t number, size_t at);
	/* In the child, before the call and after it: how many calls there
	 * were. */
	void (*begin)(size_t number, size_t at);
	size_t (*end)(void);
	/* After the child. */
	void (*mend)(struct lab *lab);
	void (*start)(struct lab *lab);
};

struct count {
	size_t faults;
	size_t failed;
	size_t violations;
};

struct report {
	int result;
	size_t calls;
};

static struct report *report;

/* ---- a token behind the proxy ---- */

static char module_line[512];

static const char *const token_troubles[] = {
    "fault * CKR_DEVICE_ERROR at %zu",
    "fault * CKR_DEVICE_ERROR at %zu late",
    "fault * CKR_DEVICE_REMOVED after %zu",
    "pull * at %zu",
    "blink * at %zu",
    "fault * CKR_DEVICE_MEMORY at %zu",
    "fault C_Login CKR_PIN_INCORRECT at %zu",
    NULL,
};

/* The proxy takes the module's place in the store's URI. */
static void
start_token(struct lab *lab)
{
	char *module;

	home_find("pkcs11")->start(lab);
	module = strstr(lab->store, "?module-path=") + 13;
	(void)snprintf(module_line, sizeof(module_line), "module %s", module);
	(void)snprintf(module,
	    sizeof(lab->store) - (size_t)(module - lab->store), "%s",
	    PROXY_PATH);
	must(setenv(SCRIPT, module_line, 1) == 0, "setenv");
}

static void
prepare_token(struct lab *lab, size_t number, size_t at)
{
	char script[640];
	int size = snprintf(script, sizeof(script), "%s", module_line);

	(void)lab;
	if (at != SIZE_MAX) {
		size += snprintf(
		    script + size, sizeof(script) - (size_t)size, "; ");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		(void)snprintf(script + size, sizeof(script) - (size_t)size,
		    token_troubles[number], at + 1);
#pragma GCC diagnostic pop
	}
	must(setenv(SCRIPT, script, 1) == 0, "setenv");
}

static void
begin_token(size_t number, size_t at)
{
	(void)number;
	(void)at;
}

static size_t
end_token(void)
{
	const struct p11_proxy_control *(*control)(void);
	void *module = dlopen(PROXY_PATH, RTLD_NOW | RTLD_LOCAL);

	must(module != NULL, "proxy");
	*(void **)&control = dlsym(module, P11_PROXY_CONTROL);
	return (size_t)control()->calls(NULL);
}

/* A PIN that was refused is not tried again: but it was the right one. */
static void
mend_token(struct lab *lab)
{
	char path[96];

	must(setenv(SCRIPT, module_line, 1) == 0, "setenv");
	(void)snprintf(path, sizeof(path), "%s/seen", lab->base);
	tree_remove(path);
	must(mkdir(path, 0700) == 0, path);
}

/* ---- a TPM behind the fault TCTI ---- */

static const char *const tpm_troubles[] = {"lost before", "lost after",
    "lost for ever", "FAILURE", "BAD_AUTH", "LOCKOUT for ever", "reset", NULL};

static void
reset_tpm(void *user)
{
	struct swtpm_lab *swtpm = user;

	swtpm_lab_kill(swtpm);
	if (swtpm_lab_restart(swtpm) != 0)
		abort();
}

static struct fault
tpm_fault(size_t number)
{
	static const struct fault faults[] = {
	    {FAULT_LOST, 0, 0, 1, 0, NULL, NULL},
	    {FAULT_LOST_AFTER, 0, 0, 1, 0, NULL, NULL},
	    {FAULT_LOST, 0, 0, 0, 0, NULL, NULL},
	    {FAULT_ANSWER, 0, 0, 1, TPM2_RC_FAILURE, NULL, NULL},
	    {FAULT_ANSWER, 0, 0, 1, TPM2_RC_BAD_AUTH | TPM2_RC_S | TPM2_RC_1,
		NULL, NULL},
	    {FAULT_ANSWER, 0, 0, 0, TPM2_RC_LOCKOUT, NULL, NULL},
	    {FAULT_HOOK, 0, 0, 1, 0, reset_tpm, NULL},
	};

	return faults[number];
}

static void
start_tpm(struct lab *lab)
{
	char *tcti;
	char rest[256];

	home_find("tpm2")->start(lab);
	tcti = strstr(lab->store, "tcti=") + 5;
	(void)snprintf(rest, sizeof(rest), "%s", tcti);
	(void)snprintf(tcti, sizeof(lab->store) - (size_t)(tcti - lab->store),
	    "fault:%s", rest);
}

static void
prepare_tpm(struct lab *lab, size_t number, size_t at)
{
	(void)lab;
	(void)number;
	(void)at;
}

static void
begin_tpm(size_t number, size_t at)
{
	struct fault fault;

	fault_tcti_reset();
	if (at == SIZE_MAX)
		return;
	fault = tpm_fault(number);
	fault.skip = (unsigned)at;
	fault.user = home_swtpm();
	fault_tcti_add(&fault);
}

static size_t
end_tpm(void)
{
	return fault_tcti_count(0);
}

/* The one that a child started has died with it. */
static void
mend_tpm(struct lab *lab)
{
	struct swtpm_lab *swtpm = home_swtpm();

	(void)lab;
	if (waitpid(swtpm->pid, NULL, WNOHANG) == 0)
		return;
	must(swtpm_lab_restart(swtpm) == 0, "swtpm");
}

static const struct device devices[] = {
    {"pkcs11", token_troubles, prepare_token, begin_token, end_token,
	mend_token, start_token},
    {"tpm2", tpm_troubles, prepare_tpm, begin_tpm, end_tpm, mend_tpm,
	start_tpm},
};

/* ---- runs ---- */

/* Returns whether it ended by itself. */
static bool
run_apart(struct lab *lab, const struct device *device,
    const struct scenario *scenario, size_t number, size_t at)
{
	int status = 0;
	pid_t child;

	lab_reset(lab, scenario);
	device->prepare(lab, number, at);
	*report = (struct report){.result = 1};
	child = fork();
	must(child >= 0, "fork");
	if (child == 0) {
		device->begin(number, at);
		report->result = scenario->run(lab);
		report->calls = device->end();
		_exit(0);
	}
	must(waitpid(child, &status, 0) == child, "waitpid");
	device->mend(lab);
	return WIFEXITED(status);
}

static void
try_one(struct lab *lab, const struct device *device,
    const struct scenario *scenario, size_t number, size_t at,
    struct count *count)
{
	const char *wrong = !run_apart(lab, device, scenario, number, at)
	    ? "it crashed"
	    : lab_verify(lab, scenario, report->result == 0);

	count->faults++;
	count->failed += report->result != 0 ? 1 : 0;
	if (wrong == NULL)
		return;
	count->violations++;
	if (count->violations <= 20)
		(void)printf("VIOLATION %s, %s, %s, call %zu: %s\n",
		    device->home, scenario->name, device->troubles[number], at,
		    wrong);
}

static void
try_all(struct lab *lab, const struct device *device,
    const struct scenario *scenario, size_t every, struct count *count)
{
	size_t calls;

	if (!run_apart(lab, device, scenario, 0, SIZE_MAX) ||
	    report->result != 0)
		must(false, scenario->name);
	calls = report->calls;
	/* A TPM gets few commands. */
	every = every < calls / 3 ? every : calls / 3 + 1;
	for (size_t i = 0; device->troubles[i] != NULL; i++)
		for (size_t at = (i + every / 2) % every; at < calls;
		     at += every)
			try_one(lab, device, scenario, i, at, count);
	(void)printf("%s, %s: %zu calls of the device\n", device->home,
	    scenario->name, calls);
}

struct plan {
	size_t every;
	const char *home; /* NULL: all */
	const char *scenario;
};

static void
run(const struct device *device, const struct plan *plan, struct count *total)
{
	struct home home = *home_find(device->home);
	struct count count = {0, 0, 0};
	struct lab lab;

	home.start = device->start;
	lab_make(&lab, home_root(), &home);
	for (size_t i = 0; i < scenario_count; i++)
		if (plan->scenario == NULL ||
		    strcmp(plan->scenario, scenarios[i].name) == 0)
			try_all(
			    &lab, device, &scenarios[i], plan->every, &count);
	lab_remove(&lab);
	(void)printf("%s: %zu faults, %zu calls failed, %zu violations\n",
	    device->home, count.faults, count.failed, count.violations);
	total->failed += count.failed;
	total->violations += count.violations;
}

static bool
read_options(int argc, char **argv, struct plan *plan)
{
	static const struct option options[] = {
	    {"every", required_argument, NULL, 'e'},
	    {"home", required_argument, NULL, 'h'},
	    {"scenario", required_argument, NULL, 's'}, {NULL, 0, NULL, 0}};
	int option;

	*plan = (struct plan){.every = 1};
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case 'e':
			plan->every = strtoul(optarg, NULL, 10);
			break;
		case 'h':
			plan->home = optarg;
			break;
		case 's':
			plan->scenario = optarg;
			break;
		default:
			return false;
		}
	return plan->every > 0;
}

int
main(int argc, char **argv)
{
	struct count count = {0, 0, 0};
	struct plan plan;

	if (!read_options(argc, argv, &plan))
		return 2;
	(void)setvbuf(stdout, NULL, _IONBF, 0);
	report = mmap(NULL, sizeof(*report), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(report != MAP_FAILED, "mmap");
	for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
		if (plan.home == NULL ||
		    strcmp(plan.home, devices[i].home) == 0)
			run(&devices[i], &plan, &count);
	return count.violations == 0 && count.failed > 0 ? 0 : 1;
}
