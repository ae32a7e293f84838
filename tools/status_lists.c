/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* What the TrustLists hold: what counts for a verification, and what lies
 * there and does not. */

#include "status.h"

#include <string.h>

/* So many files that don't count are told one by one. */
#define TOLD_MAX 8

const char *const status_list_names[STATUS_LISTS] = {
    "trusted", "trusted CRLs", "issuers", "issuer CRLs", "rejected"};

struct looking {
	struct status *status;
	struct status_group *group;
	size_t told;
};

static size_t
index_of(clv_trust_mask list)
{
	switch (list) {
	case CLV_TRUST_TRUSTED_CERTIFICATES:
		return 0;
	case CLV_TRUST_TRUSTED_CRLS:
		return 1;
	case CLV_TRUST_ISSUER_CERTIFICATES:
		return 2;
	case CLV_TRUST_ISSUER_CRLS:
		return 3;
	default:
		return STATUS_REJECTED;
	}
}

static bool
count_item(void *user, const clv_trust_item *item)
{
	const struct looking *looking = user;

	looking->group->counts[index_of(item->list)]++;
	return true;
}

/* The list that a file lies in, by its folder ("issuers" is as good). */
static size_t
index_of_file(const char *file)
{
	const size_t first = strncmp(file, "trusted/", 8) == 0 ? 0 : 2;

	return first + (strstr(file, "/crl/") != NULL ? 1 : 0);
}

static bool
count_problem(void *user, const char *file, const clv_error *problem)
{
	struct looking *looking = user;
	struct status_group *group = looking->group;
	cJSON *object = cJSON_CreateObject();

	group->strays[index_of_file(file)]++;
	cJSON_AddStringToObject(object, "file", file);
	cJSON_AddStringToObject(object, "problem", clv_error_reason(problem));
	cJSON_AddItemToArray(group->problems, object);
	if (looking->told++ < TOLD_MAX)
		status_advise(looking->status, "%s: %s/%s does not count: %s",
		    group->name, group->trust_list, file,
		    clv_error_reason(problem));
	return true;
}

static clv_status
look(struct looking *looking, clv_error **err)
{
	struct status_group *group = looking->group;
	const unsigned all = CLV_TRUST_TRUSTED_CERTIFICATES |
	    CLV_TRUST_TRUSTED_CRLS | CLV_TRUST_ISSUER_CERTIFICATES |
	    CLV_TRUST_ISSUER_CRLS;
	clv_trust *trust = NULL;
	clv_status status;

	status = clv_application_open_trust_list(
	    looking->status->application, group->name, &trust, err);
	if (status == CLV_OK)
		status = clv_trust_visit(trust, all, count_item, looking, err);
	if (status == CLV_OK)
		status = clv_trust_visit_problems(
		    trust, count_problem, looking, err);
	/* What was turned away is not worth a failure. */
	if (status == CLV_OK &&
	    clv_trust_visit_rejected(trust, count_item, looking, NULL) !=
		CLV_OK)
		group->counts[STATUS_REJECTED] = -1;
	clv_trust_free(&trust);
	return status;
}

void
status_gather_list(struct status *status, struct status_group *group)
{
	struct looking looking = {.status = status, .group = group};
	clv_error *err = NULL;

	group->problems = cJSON_CreateArray();
	if (look(&looking, &err) != CLV_OK) {
		const char *remedy = clv_error_remedy(err);

		for (size_t i = 0; i < STATUS_LISTS; i++)
			group->counts[i] = -1;
		status_advise(status, "%s: its TrustList can't be read: %s%s%s",
		    group->name, clv_error_message(err),
		    remedy != NULL ? ": " : "", remedy != NULL ? remedy : "");
		clv_error_free(&err);
		return;
	}
	if (looking.told > TOLD_MAX)
		status_advise(status,
		    "%s: %zu more files do not count: claviger trust list %s",
		    group->name, looking.told - TOLD_MAX, group->trust_list);
	if (group->counts[STATUS_REJECTED] > 0)
		status_advise(status,
		    "%s: somebody was turned away: claviger trust list "
		    "%s --what rejected",
		    group->name, group->trust_list);
}
