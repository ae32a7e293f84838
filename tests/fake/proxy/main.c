/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* claviger-p11-proxy: works a proxied token from outside its process. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "names.h"
#include "shared.h"

static int
usage(FILE *file, int status)
{
	fputs("usage: claviger-p11-proxy STATE-FILE COMMAND\n"
	      "  show           counters and state\n"
	      "  zero           set the counters to 0\n"
	      "  remove         pull the token: sessions and logins end\n"
	      "  insert         put it back\n"
	      "  release        let hanging calls go on\n"
	      "  tries N        PIN tries that are left\n"
	      "  slot-offset N  renumber the slots\n"
	      "STATE-FILE is what the proxy's directive `state` names.\n",
	    file);
	return status;
}

static void
show(struct p11_proxy_shared *shared)
{
	printf("token %s\n", shared->removed ? "removed" : "present");
	printf("logins %u\n", shared->logins);
	printf("failed-logins %u\n", shared->failed_logins);
	printf("repeated-failures %u\n", shared->repeated_failures);
	if (shared->tries_left != INT32_MAX)
		printf("tries %d\n", shared->tries_left);
	printf("most-under-way %u\n", shared->most_under_way);
	for (int i = 0; i < P11_PROXY_FUNCTIONS; i++)
		if (shared->calls[i] > 0)
			printf("%s %lu faults %lu\n", name_of_function(i),
			    shared->calls[i], shared->faults[i]);
}

static int
obey(struct p11_proxy_shared *shared, const char *word, const char *number)
{
	if (strcmp(word, "show") == 0) {
		show(shared);
	} else if (strcmp(word, "zero") == 0) {
		shared_clear_counters(shared);
	} else if (strcmp(word, "remove") == 0) {
		shared->removed = 1;
		shared->removals++;
		shared->events++;
	} else if (strcmp(word, "insert") == 0) {
		shared->removed = 0;
		shared->events++;
	} else if (strcmp(word, "release") == 0) {
		shared->releases++;
	} else if (number == NULL) {
		return usage(stderr, 2);
	} else if (strcmp(word, "tries") == 0) {
		shared->tries_left = atoi(number);
	} else if (strcmp(word, "slot-offset") == 0) {
		shared->slot_offset = atoi(number);
	} else {
		return usage(stderr, 2);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	struct p11_proxy_shared *shared;

	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return usage(stdout, 0);
	if (argc < 3 || argc > 4)
		return usage(stderr, 2);
	if ((shared = shared_open(argv[1])) == NULL) {
		fprintf(stderr, "claviger-p11-proxy: %s: %s\n", argv[1],
		    errno == EINVAL ? "not a state file of the proxy"
				    : strerror(errno));
		return 1;
	}
	return obey(shared, argv[2], argv[3]);
}
