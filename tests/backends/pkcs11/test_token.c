/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* The backend's parts by themselves: a token that is given up, and tokens with
 * more objects than anybody expects. */

#include "p11_lab.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "object.h"

static struct p11_token *
open_token(struct p11_module *module)
{
	struct p11_place *places = NULL;
	struct p11_token *token = NULL;
	size_t count = 0;

	assert_int_equal(clv_p11_places_find(module, &places, &count), CKR_OK);
	for (size_t i = 0; i < count && token == NULL; i++)
		if (places[i].initialised)
			assert_int_equal(
			    clv_p11_token_open(module, &places[i], &token),
			    CKR_OK);
	free(places);
	assert_non_null(token);
	return token;
}

/* Nobody can get into the module, as in a child where it does not start. */
static void
test_token__is_given_up_where_the_module_stays_away(void **state)
{
	struct p11_module *module = NULL;
	struct p11_token *token;
	int result = 0;
	pid_t child;

	(void)state;
	assert_ok(clv_p11_module_open(lab.proxy_path, &module, &err));
	token = open_token(module);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)lab.proxy->run("fault C_Initialize CKR_HOST_MEMORY");
		clv_p11_token_close(&token);
		_exit(token == NULL && module->tokens == NULL ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &result, 0), child);
	assert_true(WIFEXITED(result));
	assert_int_equal(WEXITSTATUS(result), 0);
	clv_p11_token_close(&token);
	clv_p11_module_close(&module);
}

/* A module that has so many objects and no more. */
static CK_ULONG there;

static CK_RV
find_init(CK_SESSION_HANDLE session, CK_ATTRIBUTE *wanted, CK_ULONG count)
{
	(void)session;
	(void)wanted;
	(void)count;
	return CKR_OK;
}

static CK_RV
find(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *found, CK_ULONG most,
    CK_ULONG *count)
{
	(void)session;
	*count = there < most ? there : most;
	for (CK_ULONG i = 0; i < *count; i++)
		found[i] = there--;
	return CKR_OK;
}

static CK_RV
find_final(CK_SESSION_HANDLE session)
{
	(void)session;
	return CKR_OK;
}

static void
test_objects__are_found_however_many(void **state)
{
	static const CK_ULONG numbers[] = {
	    0, 1, 63, 64, 65, 4096, 4097, P11_OBJECTS_MAX};
	CK_FUNCTION_LIST f = {.C_FindObjectsInit = find_init,
	    .C_FindObjects = find,
	    .C_FindObjectsFinal = find_final};
	struct p11_session session = {.handle = 1};
	clv_error *err = NULL;
	struct p11_call call = {.f = &f, .session = &session, .err = &err};
	CK_OBJECT_HANDLE *found = NULL;
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		there = numbers[i];
		assert_int_equal(clv_p11_objects_find_all(&call, NULL, 0,
				     P11_OBJECTS_MAX, &found, &count),
		    CKR_OK);
		assert_int_equal(count, numbers[i]);
		for (size_t n = 0; n < count; n++)
			assert_int_equal(found[n], numbers[i] - n);
		free(found);
	}
	/* More than anybody has, and a module that never ends. */
	for (int i = 0; i < 2; i++) {
		there = i == 0 ? P11_OBJECTS_MAX + 1 : (CK_ULONG)-1;
		assert_int_equal(clv_p11_objects_find_all(&call, NULL, 0,
				     P11_OBJECTS_MAX, &found, &count),
		    CLV_CKR_RAISED);
		assert_int_equal(call.raised, CLV_TOO_LARGE);
		assert_null(found);
		clv_error_free(&err);
	}
}

int
main(void)
{
#define TEST(NAME) cmocka_unit_test_setup(NAME, p11_lab_renew)
	const struct CMUnitTest tests[] = {
	    TEST(test_token__is_given_up_where_the_module_stays_away),
	    TEST(test_objects__are_found_however_many),
	};

	return cmocka_run_group_tests(tests, p11_lab_start, p11_lab_stop);
}
