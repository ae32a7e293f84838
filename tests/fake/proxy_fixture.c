/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "proxy_fixture.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

const struct p11_proxy_control *proxy;
CK_FUNCTION_LIST *p11;
struct lab_softhsm softhsm;
CK_SESSION_HANDLE session;
CK_OBJECT_HANDLE private_key, public_key;

static char dir[LAB_PATH];

void
run(const char *directives)
{
	const char *problem = proxy->run(directives);

	if (problem != NULL)
		fail_msg("%s", problem);
}

void
renew_session(void)
{
	CK_SLOT_ID slot;
	CK_TOKEN_INFO info;

	assert_rv(CKR_OK, p11_find_token(p11, LAB_LABEL, &slot, &info));
	assert_rv(CKR_OK, p11->C_CloseAllSessions(slot));
	assert_rv(CKR_OK, p11_open(p11, LAB_LABEL, &session));
	assert_rv(CKR_OK, p11_login(p11, session, CKU_USER, LAB_PIN));
	assert_rv(CKR_OK,
	    p11_find_key(p11, session, CKO_PRIVATE_KEY, 1, &private_key));
	assert_rv(
	    CKR_OK, p11_find_key(p11, session, CKO_PUBLIC_KEY, 1, &public_key));
}

CK_RV
sign_p256(CK_BYTE *signature, CK_ULONG *size)
{
	CK_BYTE unseen[64];
	CK_ULONG unseen_size = sizeof(unseen);

	return p11_sign(p11, session, CKM_ECDSA, private_key,
	    signature != NULL ? signature : unseen,
	    size != NULL ? size : &unseen_size);
}

CK_RV
verify_p256(CK_BYTE *signature, CK_ULONG size)
{
	return p11_verify(p11, session, CKM_ECDSA, public_key, signature, size);
}

static const struct p11_proxy_control *
load_control(void)
{
	const struct p11_proxy_control *(*control)(void);
	void *module = dlopen(PROXY_PATH, RTLD_NOW | RTLD_LOCAL);

	if (module == NULL)
		fail_msg("%s", dlerror());
	*(void **)&control = dlsym(module, P11_PROXY_CONTROL);
	assert_non_null(control);
	return control();
}

int
proxy_start(void **state)
{
	char directive[LAB_PATH + 16];

	(void)state;
	assert_int_equal(lab_dir_make(dir), 0);
	assert_int_equal(lab_softhsm_start(&softhsm, dir), 0);
	proxy = load_control();
	snprintf(directive, sizeof(directive), "module %s", softhsm.module);
	run(directive);
	assert_non_null(p11 = p11_load(PROXY_PATH));
	/* Without the flag SoftHSM does not lock, and threads corrupt it. */
	assert_rv(CKR_OK,
	    p11->C_Initialize(
		&(CK_C_INITIALIZE_ARGS){.flags = CKF_OS_LOCKING_OK}));
	assert_rv(CKR_OK, p11_open(p11, LAB_LABEL, &session));
	assert_rv(CKR_OK, p11_login(p11, session, CKU_USER, LAB_PIN));
	assert_rv(CKR_OK, p11_generate_p256(p11, session, 1));
	renew_session();
	return 0;
}

int
proxy_calm(void **state)
{
	(void)state;
	return proxy->run("reset; insert; release; slot-offset 0") != NULL;
}

int
proxy_stop(void **state)
{
	(void)state;
	assert_rv(CKR_OK, p11->C_Finalize(NULL));
	lab_dir_remove(dir);
	return 0;
}
