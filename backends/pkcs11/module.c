/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "module.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/crypto.h"

#include "attached.h"
#include "mutex.h"
#include "process.h"

/* How long to wait for a module that another thread is loading. */
#define ENTER_MS 30000U

static struct {
	struct p11_gate gate;
	struct p11_module *first;
} registry = {.gate = P11_GATE_INIT};

static clv_status
cannot_load(
    const char *path, const char *why, const char *remedy, clv_error **err)
{
	return clv_error_raise(err, CLV_NOT_FOUND,
	    &(struct clv_error_info){.operation = "load PKCS#11 module",
		.subject = path,
		.remedy = remedy},
	    "%s", why);
}

/*
 * Locks from us first (see mutex.h); a module that refuses them gets the
 * system's; one that refuses those as well is used by one thread at a time.
 * Called with nobody else inside.
 */
CK_RV
clv_p11_module_initialise(struct p11_module *module)
{
	CK_C_INITIALIZE_ARGS arguments = {
	    .CreateMutex = clv_p11_mutex_create,
	    .DestroyMutex = clv_p11_mutex_destroy,
	    .LockMutex = clv_p11_mutex_lock,
	    .UnlockMutex = clv_p11_mutex_unlock,
	};
	CK_RV rv = module->f->C_Initialize(&arguments);

	if (rv == CKR_CANT_LOCK || rv == CKR_ARGUMENTS_BAD) {
		memset(&arguments, 0, sizeof(arguments));
		arguments.flags = CKF_OS_LOCKING_OK;
		rv = module->f->C_Initialize(&arguments);
	}
	if (rv == CKR_CANT_LOCK || rv == CKR_ARGUMENTS_BAD) {
		module->one_at_a_time = true;
		rv = module->f->C_Initialize(NULL);
	}
	if (rv == CKR_CRYPTOKI_ALREADY_INITIALIZED)
		return CKR_OK; /* by others: `ours` stays as it is */
	if (rv == CKR_OK)
		module->ours = true;
	return rv;
}

/* A table with holes is not worth starting with. */
static bool
has_all_functions(const CK_FUNCTION_LIST *f)
{
	return f->C_Initialize && f->C_Finalize && f->C_GetInfo &&
	    f->C_GetSlotList && f->C_GetSlotInfo && f->C_GetTokenInfo &&
	    f->C_GetMechanismInfo && f->C_OpenSession && f->C_CloseSession &&
	    f->C_GetSessionInfo && f->C_Login && f->C_CreateObject &&
	    f->C_DestroyObject && f->C_GetAttributeValue &&
	    f->C_SetAttributeValue && f->C_FindObjectsInit &&
	    f->C_FindObjects && f->C_FindObjectsFinal && f->C_DecryptInit &&
	    f->C_Decrypt && f->C_SignInit && f->C_Sign && f->C_GenerateKeyPair;
}

static clv_status
load_library(struct p11_module *module, clv_error **err)
{
	CK_C_GetFunctionList get = NULL;
	void *symbol;

	/* Modules leave threads and exit handlers behind: never unmapped. */
	module->library =
	    dlopen(module->path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (module->library == NULL)
		return cannot_load(module->path, dlerror(),
		    "check module-path, and install the module's package", err);
	symbol = dlsym(module->library, "C_GetFunctionList");
	if (symbol != NULL)
		memcpy(&get, &symbol, sizeof(get));
	if (get == NULL || get(&module->f) != CKR_OK || module->f == NULL ||
	    module->f->version.major < 2 || !has_all_functions(module->f))
		return cannot_load(module->path,
		    "not a PKCS#11 module of version 2 or later", NULL, err);
	return CLV_OK;
}

/* Makes it known to us and to libp11. */
static clv_status
introduce(struct p11_module *module, clv_error **err)
{
	CK_RV rv = clv_p11_module_initialise(module);

	if (rv == CKR_OK) {
		module->starts = 1;
		module->libp11 = clv_p11_attach(module->path);
		if (module->libp11 == NULL)
			return cannot_load(module->path,
			    "the module does not introduce itself", NULL, err);
		rv = module->f->C_GetInfo(&module->info);
	}
	if (rv != CKR_OK)
		return clv_p11_raise(
		    rv, "start PKCS#11 module", module->path, err);
	return CLV_OK;
}

static clv_status
start(struct p11_module *module, clv_error **err)
{
	struct p11_visit visit;
	clv_status status = load_library(module, err);

	if (status != CLV_OK)
		return status;
	clv_p11_visit_begin(module, &visit);
	status = introduce(module, err);
	clv_p11_visit_end(&visit);
	if (status != CLV_OK)
		return status;
	module->openssl = clv_crypto_context();
	if (module->openssl == NULL)
		return clv_p11_no_memory("load PKCS#11 module", err);
	return CLV_OK;
}

/* Not what others initialised, and in a child not what the parent did. */
static void
finalise(struct p11_module *module)
{
	struct p11_visit visit;

	clv_p11_visit_begin(module, &visit);
	if (module->starts > 0 && module->ours && !module->inherited &&
	    atomic_load(&module->gate.process) == clv_p11_process())
		(void)module->f->C_Finalize(NULL);
	clv_p11_visit_end(&visit);
	module->ours = false;
}

static void
module_destroy(struct p11_module *module)
{
	finalise(module);
	clv_p11_detach(module->libp11);
	clv_p11_gate_destroy(&module->gate);
	free(module->path);
	free(module);
}

static struct p11_module *
module_new(char *path)
{
	struct p11_module *module = calloc(1, sizeof(*module));
	const char *name = strrchr(path, '/');

	if (module == NULL)
		return NULL;
	module->path = path;
	module->references = 1;
	module->fragile = strncmp(name + 1, "p11-kit-", 8) == 0;
	clv_p11_gate_init(&module->gate);
	return module;
}

/* A child has not got the parent's threads that were loading something. */
static void
forget_unready(void)
{
	struct p11_module **link = &registry.first;

	while (*link != NULL)
		if ((*link)->ready)
			link = &(*link)->next;
		else
			*link = (*link)->next;
}

static void
lock_registry(void)
{
	if (clv_p11_gate_lock(&registry.gate))
		forget_unready();
}

static struct p11_module *
find_module(const char *path)
{
	struct p11_module *module = registry.first;

	while (module != NULL && strcmp(module->path, path) != 0)
		module = module->next;
	return module;
}

static void
unlink_module(struct p11_module *module)
{
	struct p11_module **link = &registry.first;

	while (*link != module)
		link = &(*link)->next;
	*link = module->next;
}

/* The module if it is known, once it is ready; else NULL. Locked. */
static struct p11_module *
find_ready(const char *path)
{
	struct p11_module *module;

	while ((module = find_module(path)) != NULL && !module->ready) {
		const struct timespec deadline = clv_p11_deadline(ENTER_MS);

		if (!clv_p11_gate_wait(&registry.gate, &deadline))
			return NULL;
	}
	if (module != NULL)
		module->references++;
	return module;
}

static clv_status
open_real_path(char *path, struct p11_module **out, clv_error **err)
{
	struct p11_module *module;
	clv_status status;

	lock_registry();
	*out = find_ready(path);
	if (*out != NULL) {
		clv_p11_gate_unlock(&registry.gate);
		free(path);
		return CLV_OK;
	}
	module = module_new(path);
	if (module == NULL) {
		clv_p11_gate_unlock(&registry.gate);
		free(path);
		return clv_p11_no_memory("load PKCS#11 module", err);
	}
	module->next = registry.first;
	registry.first = module;
	clv_p11_gate_unlock(&registry.gate);

	status = start(module, err);

	lock_registry();
	module->ready = status == CLV_OK;
	if (status != CLV_OK)
		unlink_module(module);
	clv_p11_gate_changed(&registry.gate);
	clv_p11_gate_unlock(&registry.gate);
	if (status != CLV_OK)
		module_destroy(module);
	else
		*out = module;
	return status;
}

clv_status
clv_p11_module_open(const char *path, struct p11_module **out, clv_error **err)
{
	char *real;

	*out = NULL;
	if (path[0] != '/')
		return clv_error_raise(err, CLV_INVALID,
		    &(struct clv_error_info){.operation = "load PKCS#11 module",
			.subject = path,
			.remedy = "give module-path from the root on"},
		    "the module's path is relative");
	real = realpath(path, NULL);
	if (real == NULL)
		return clv_error_raise(err, CLV_NOT_FOUND,
		    &(struct clv_error_info){.operation = "load PKCS#11 module",
			.subject = path,
			.remedy = "check module-path, and install the "
				  "module's package",
			.domain = CLV_DOMAIN_ERRNO,
			.code = errno},
		    "no such module");
	return open_real_path(real, out, err);
}

void
clv_p11_module_close(struct p11_module **module)
{
	struct p11_module *last = *module;

	*module = NULL;
	if (last == NULL)
		return;
	lock_registry();
	if (--last->references > 0) {
		clv_p11_gate_unlock(&registry.gate);
		return;
	}
	/* Whoever opens it now waits until it is finalised. */
	last->ready = false;
	clv_p11_gate_unlock(&registry.gate);
	finalise(last);
	lock_registry();
	unlink_module(last);
	clv_p11_gate_changed(&registry.gate);
	clv_p11_gate_unlock(&registry.gate);
	module_destroy(last);
}
