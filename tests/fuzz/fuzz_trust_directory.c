/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * What may lie in a TrustList's directories, and come and go: the input is a
 * script of what somebody does to them, and of changes made through the API
 * in between.
 *
 * A list that was open all the time says the same as one that is opened at
 * the end: only a CRL whose file became unreadable may still be in force.
 * A change that fails changes nothing. Paths are printable, and of the
 * folders.
 */

#include "fuzz_directory.h"

#include <stdlib.h>
#include <string.h>

#include <claviger/trust.h>

#define STEPS_MAX 24U
#define ITEMS_MAX 512U

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* ---- what a list says ---- */

struct said {
	struct {
		uint64_t content;
		uint64_t file;
		bool is_crl;
	} items[ITEMS_MAX];
	size_t count;
	uint64_t problems[ITEMS_MAX];
	size_t problem_count;
	clv_status status;
};

static uint64_t
hash(uint64_t sum, const void *bytes, size_t size)
{
	const uint8_t *at = bytes;

	for (size_t i = 0; i < size; i++)
		sum = (sum ^ at[i]) * UINT64_C(0x100000001B3);
	return sum;
}

static uint64_t
hash_path(const char *path)
{
	static const char *const folders[] = {"trusted/certs/", "trusted/crl/",
	    "issuer/certs/", "issuer/crl/", "issuers/certs/", "issuers/crl/"};
	bool known = false;

	for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		known |= strncmp(path, folders[i], strlen(folders[i])) == 0 &&
		    strchr(path + strlen(folders[i]), '/') == NULL;
	must(known);
	return hash(1, path, strlen(path));
}

static void
must_be_printable(const char *text)
{
	for (; *text != '\0'; text++)
		must((unsigned char)*text >= 0x20 && *text != 0x7f);
}

static bool
note_item(void *user, const clv_trust_item *item)
{
	struct said *said = user;

	must(said->count < ITEMS_MAX);
	must_be_printable(item->subject);
	must_be_printable(item->issuer);
	must_be_printable(item->file);
	must(strlen(item->thumbprint) == 40);
	said->items[said->count].content =
	    hash((uint64_t)item->list, item->der, item->size);
	said->items[said->count].file = hash_path(item->file);
	said->items[said->count++].is_crl = item->is_crl;
	return true;
}

static bool
note_problem(void *user, const char *file, const clv_error *problem)
{
	struct said *said = user;

	must(said->problem_count < ITEMS_MAX);
	must_be_printable(clv_error_message(problem));
	said->problems[said->problem_count++] = hash_path(file);
	return true;
}

static void
listen(clv_trust *trust, struct said *said)
{
	said->count = 0;
	said->problem_count = 0;
	said->status =
	    clv_trust_visit(trust, CLV_TRUST_ALL_LISTS, note_item, said, NULL);
	if (said->status == CLV_OK)
		said->status =
		    clv_trust_visit_problems(trust, note_problem, said, NULL);
}

static size_t
how_often(const struct said *said, uint64_t content, uint64_t file)
{
	size_t count = 0;

	for (size_t i = 0; i < said->count; i++)
		count += said->items[i].content == content &&
		    said->items[i].file == file;
	return count;
}

static bool
has_problem(const struct said *said, uint64_t file)
{
	for (size_t i = 0; i < said->problem_count; i++)
		if (said->problems[i] == file)
			return true;
	return false;
}

/* `old` was open all the time. */
static void
compare(const struct said *old, const struct said *fresh)
{
	must(old->status == fresh->status);
	if (old->status != CLV_OK)
		return;
	must(old->problem_count == fresh->problem_count);
	for (size_t i = 0; i < fresh->problem_count; i++)
		must(has_problem(old, fresh->problems[i]));
	for (size_t i = 0; i < fresh->count; i++)
		must(how_often(fresh, fresh->items[i].content,
			 fresh->items[i].file) ==
		    how_often(
			old, fresh->items[i].content, fresh->items[i].file));
	for (size_t i = 0; i < old->count; i++)
		if (how_often(
			fresh, old->items[i].content, old->items[i].file) == 0)
			must(old->items[i].is_crl &&
			    has_problem(fresh, old->items[i].file));
}

/* ---- changes through the API ---- */

static clv_status
change_once(clv_trust *trust, struct script *script, unsigned kind)
{
	struct script_content content;
	clv_trust_data *data = NULL;
	clv_status status;

	if (kind == 0) {
		status = clv_trust_remove(trust, CLV_TRUST_ALL_LISTS,
		    script_thumbprint(script_byte(script)), NULL, NULL);
		return status;
	}
	script_content(script, &content);
	if (kind == 1) {
		status = clv_trust_add(trust,
		    (script_byte(script) & 1) != 0
			? CLV_TRUST_TRUSTED_CERTIFICATES
			: CLV_TRUST_ISSUER_CERTIFICATES,
		    content.bytes, content.size, NULL, NULL);
		return status;
	}
	must(clv_trust_data_new(&data, NULL) == CLV_OK);
	must(clv_trust_data_specify(data, script_byte(script) & 15U, NULL) ==
	    CLV_OK);
	must(clv_trust_data_add(data,
		 (clv_trust_mask)(1U << (script_byte(script) & 3U)),
		 content.bytes, content.size, NULL) == CLV_OK);
	status = clv_trust_replace(trust, data, NULL, NULL);
	clv_trust_data_free(&data);
	return status;
}

static void
change(clv_trust *trust, struct script *script, unsigned kind)
{
	static struct said before, after;
	clv_status status;

	listen(trust, &before);
	status = change_once(trust, script, kind);
	must(status != CLV_BUSY);
	if (status == CLV_OK || before.status != CLV_OK)
		return;
	listen(trust, &after);
	compare(&before, &after);
	compare(&after, &before);
}

/* ---- the script ---- */

static void
step(clv_trust *trust, struct script *script)
{
	const unsigned what = script_byte(script) % 16;

	if (what == 12)
		must(clv_trust_dispatch(trust, NULL) <= CLV_OK);
	else if (what >= 13)
		change(trust, script, what - 13);
	else
		script_do(script, what);
}

static void
on_notice(void *user, clv_trust *trust, clv_trust_notice *notice)
{
	clv_trust_loss why;

	(void)user;
	(void)trust;
	for (size_t i = 0; clv_trust_notice_loss(notice, i, &why) != NULL; i++)
		must(clv_trust_notice_is_loss(notice));
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	static struct said old, fresh;
	struct script script = {.at = bytes, .end = bytes + size};
	clv_trust *trust = NULL, *again = NULL;
	clv_status status;

	script_directory_make();
	must(clv_trust_open(script_directory(), NULL, &trust, NULL) == CLV_OK);
	clv_trust_set_notice(trust, on_notice, NULL);
	(void)!clv_trust_dispatch(trust, NULL);
	for (unsigned i = 0; i < STEPS_MAX && script.at < script.end; i++)
		step(trust, &script);
	listen(trust, &old);
	status = clv_trust_open(script_directory(), NULL, &again, NULL);
	if (status == CLV_OK) {
		listen(again, &fresh);
		compare(&old, &fresh);
	} else {
		must(old.status != CLV_OK);
	}
	clv_trust_free(&trust);
	clv_trust_free(&again);
	script_directory_clear();
	return 0;
}
