/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "list_fixture.h"

#include <poll.h>

bool polling;
static struct fixture shared;

int
list_set_up_pki(void **state)
{
	(void)state;
	pki_family_make(&shared.pki, true, "Other");
	return 0;
}

int
list_tear_down_pki(void **state)
{
	(void)state;
	pki_family_drop(&shared.pki);
	return 0;
}

void
open_list(struct fixture *f)
{
	clv_trust_options *options = NULL;

	assert_ok(clv_trust_options_new(&options, &err));
	clv_trust_options_set_polling(options, polling, 1);
	assert_ok(clv_trust_open(f->directory.path, options, &f->trust, &err));
	clv_trust_options_free(&options);
}

int
list_set_up(void **state)
{
	directory_make(&shared.directory);
	open_list(&shared);
	*state = &shared;
	return 0;
}

int
list_tear_down(void **state)
{
	(void)state;
	clv_trust_free(&shared.trust);
	directory_remove(&shared.directory);
	return 0;
}

void
settle(void)
{
	if (polling)
		(void)poll(NULL, 0, 20);
}
