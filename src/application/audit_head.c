/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Where the audit log ends. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "application/audit.h"
#include "base/file.h"

#define PLACE 128
#define CHECK_DIGITS 16

/* Fills exactly one place; false if it does not fit. */
static bool
print(const struct clv_audit_head *head, char text[PLACE + 1])
{
	char check[CLV_AUDIT_HASH];
	int size = snprintf(text, PLACE, "%llu %llu %s ",
	    (unsigned long long)head->first, (unsigned long long)head->last,
	    head->hash);

	if (size < 0 || size + CHECK_DIGITS + 1 > PLACE)
		return false;
	clv_audit_hash(text, (size_t)size, check);
	memcpy(text + size, check, CHECK_DIGITS);
	size += CHECK_DIGITS;
	memset(text + size, ' ', (size_t)(PLACE - size));
	text[PLACE - 1] = '\n';
	text[PLACE] = '\0';
	return true;
}

/* By printing what was read again: so it is exactly that. */
static bool
parse(const char text[PLACE + 1], struct clv_audit_head *head)
{
	unsigned long long first = 0;
	unsigned long long last = 0;
	char again[PLACE + 1];

	if (sscanf(text, "%llu %llu %64[0-9a-f] ", &first, &last, head->hash) !=
	    3)
		return false;
	head->first = first;
	head->last = last;
	return first > 0 && print(head, again) && strcmp(text, again) == 0;
}

void
clv_audit_head_read(int fd, struct clv_audit_head *head)
{
	*head = (struct clv_audit_head){.first = 0};
	for (off_t place = 0; place < 2; place++) {
		struct clv_audit_head found = {.first = 0};
		char text[PLACE + 1] = "";

		if (pread(fd, text, PLACE, place * PLACE) == PLACE &&
		    parse(text, &found) && found.last >= head->last)
			*head = found;
	}
}

clv_status
clv_audit_head_write(
    int fd, const struct clv_audit_head *head, bool durable, clv_error **err)
{
	const off_t at = (off_t)(head->last % 2) * PLACE;
	char text[PLACE + 1];

	if (!print(head, text) || pwrite(fd, text, PLACE, at) != PLACE)
		return clv_error_raise(err, CLV_IO,
		    &(struct clv_error_info){.operation = "write",
			.subject = CLV_AUDIT_DIRECTORY "/" CLV_AUDIT_HEAD,
			.domain = CLV_DOMAIN_ERRNO,
			.code = errno},
		    "%s", strerror(errno));
	return durable
	    ? clv_file_sync(fd, CLV_AUDIT_DIRECTORY "/" CLV_AUDIT_HEAD, err)
	    : CLV_OK;
}
