/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Views of a live application: counted, and what they answer. */

#include <stdlib.h>
#include <string.h>

#include "application/live.h"

static bool
is_last(atomic_size_t *references)
{
	return atomic_fetch_sub_explicit(references, 1, memory_order_acq_rel) ==
	    1;
}

static void
count(atomic_size_t *references)
{
	(void)atomic_fetch_add_explicit(references, 1, memory_order_relaxed);
}

/* ---- parts ---- */

struct clv_live_state *
clv_live_state_ref(struct clv_live_state *state)
{
	count(&state->references);
	return state;
}

static void
slot_clear(struct clv_live_key *slot)
{
	clv_key_free(&slot->key);
	clv_certificate_free(&slot->certificate);
	clv_free(slot->chain);
	clv_error_free(&slot->problem);
}

void
clv_live_state_unref(struct clv_live_state *state)
{
	if (state == NULL || !is_last(&state->references))
		return;
	for (size_t i = 0; i < CLV_SLOTS_MAX; i++)
		slot_clear(&state->slots[i]);
	clv_application_free(&state->application);
	free(state);
}

struct clv_live_list *
clv_live_list_ref(struct clv_live_list *list)
{
	count(&list->references);
	return list;
}

void
clv_live_list_unref(struct clv_live_list *list)
{
	if (list == NULL || !is_last(&list->references))
		return;
	clv_trust_free(&list->trust);
	free(list->path);
	free(list);
}

clv_live_view *
clv_live_view_ref(clv_live_view *view)
{
	count(&view->references);
	return view;
}

void
clv_live_view_free(clv_live_view **view)
{
	clv_live_view *last = view != NULL ? *view : NULL;

	if (last == NULL)
		return;
	*view = NULL;
	if (!is_last(&last->references))
		return;
	for (size_t i = 0; i < CLV_GROUPS_MAX; i++) {
		clv_trust_snapshot_free(&last->lists[i].snapshot);
		clv_live_list_unref(last->lists[i].list);
		clv_error_free(&last->lists[i].problem);
	}
	clv_live_state_unref(last->state);
	free(last);
}

/* ---- slots ---- */

bool
clv_live_view_slot(
    const clv_live_view *view, size_t index, struct clv_live_slot *slot)
{
	const struct clv_live_key *from = &view->state->slots[index];
	struct clv_slot about;

	if (!clv_application_slot(view->state->application, index, &about))
		return false;
	*slot = (struct clv_live_slot){.group = about.group,
	    .type = about.type,
	    .key = from->key,
	    .certificate = from->certificate,
	    .chain = from->chain,
	    .chain_size = from->chain_size,
	    .problem = from->problem};
	return true;
}

bool
clv_live_view_find(const clv_live_view *view, const char *group,
    const char *type, struct clv_live_slot *slot)
{
	size_t index;

	return clv_application_find(
		   view->state->application, group, type, &index) &&
	    clv_live_view_slot(view, index, slot);
}

const clv_application *
clv_live_view_application(const clv_live_view *view)
{
	return view->state->application;
}

const char *
clv_live_view_transaction(const clv_live_view *view)
{
	return view->state->nonce;
}

/* ---- TrustLists ---- */

/* The same failure, for another owner. */
static clv_status
raise_again(const clv_error *problem, clv_error **err)
{
	return clv_error_raise(err, clv_error_status(problem),
	    &(struct clv_error_info){.operation = clv_error_operation(problem),
		.subject = clv_error_subject(problem),
		.remedy = clv_error_remedy(problem),
		.domain = clv_error_get_domain(problem),
		.code = clv_error_code(problem),
		.code_name = clv_error_code_name(problem),
		.retryable = clv_error_retryable(problem)},
	    "%s", clv_error_reason(problem));
}

static clv_status
find_list(const clv_live_view *view, const char *group,
    const struct clv_live_view_list **out, clv_error **err)
{
	const struct clv_config *config = &view->state->application->config;

	*out = NULL;
	for (size_t i = 0; i < view->count; i++)
		if (strcmp(config->groups[i].name, group) == 0)
			*out = &view->lists[i];
	if (*out == NULL)
		return clv_error_raise(err, CLV_NOT_FOUND,
		    &(struct clv_error_info){.operation = "read TrustList",
			.subject = view->state->application->directory},
		    "there is no group %s", group);
	return (*out)->snapshot != NULL ? CLV_OK
					: raise_again((*out)->problem, err);
}

clv_status
clv_live_view_trust(const clv_live_view *view, const char *group,
    const clv_trust_snapshot **out, clv_error **err)
{
	const struct clv_live_view_list *list;
	const clv_status status = find_list(view, group, &list, err);

	*out = status == CLV_OK ? list->snapshot : NULL;
	return status;
}

/* What a group overlooks, with the defaults. */
static clv_status
make_options(const clv_live_view *view, const char *group,
    clv_verify_options **out, clv_error **err)
{
	clv_status status = clv_verify_options_new(out, err);

	if (status == CLV_OK)
		status = clv_verify_options_set_validation(*out,
		    clv_application_validation(
			clv_live_view_application(view), group),
		    err);
	return status;
}

clv_status
clv_live_view_verify(const clv_live_view *view, const char *group,
    const void *der, size_t size, const clv_verify_options *options,
    clv_verdict **out, clv_error **err)
{
	const struct clv_live_view_list *list;
	clv_verify_options *defaults = NULL;
	clv_verdict *verdict = NULL;
	clv_status status;

	if (out != NULL)
		*out = NULL;
	status = find_list(view, group, &list, err);
	if (status != CLV_OK)
		return status;
	if (options == NULL)
		status = make_options(view, group, &defaults, err);
	if (status == CLV_OK)
		status = clv_verify(list->snapshot, der, size,
		    options != NULL ? options : defaults, &verdict, err);
	clv_verify_options_free(&defaults);
	if (status == CLV_UNTRUSTED && clv_verdict_only_untrusted(verdict)) {
		size_t leaf = 0;
		const uint8_t *bytes = clv_verdict_chain_der(verdict, 0, &leaf);

		clv_trust_reject(list->list->trust, bytes, leaf);
	}
	if (out != NULL)
		*out = verdict;
	else
		clv_verdict_free(&verdict);
	return status;
}
