/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "script.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gate.h"
#include "rules.h"
#include "shared.h"
#include "token.h"

#define WORDS_MAX 12
#define SCRIPT_MAX 65536

static char *module;
static _Atomic int log_fd = -1;
static _Thread_local char message[512];

const char *
script_module(void)
{
	return module;
}

int
script_log(void)
{
	return log_fd;
}

static const char *
use_module(const char *path)
{
	if (real != NULL)
		return "a module is loaded already";
	free(module);
	module = strdup(path);
	return NULL;
}

static const char *
use_log(const char *path)
{
	const int fd =
	    open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (fd < 0)
		return strerror(errno);
	/* The former one stays open: a call may be using it. */
	log_fd = fd;
	return NULL;
}

static const char *
change_token(char **words)
{
	const char *problem = NULL;

	gate_close();
	if (strcmp(words[0], "reset") == 0) {
		rules_clear();
		token_reset();
	} else if (!token_set(words, &problem)) {
		problem = "unknown directive, or its argument is missing";
	}
	gate_open();
	return problem;
}

static const char *
obey(char **words)
{
	const char *problem = NULL;

	if (strcmp(words[0], "clear") == 0) {
		rules_clear();
	} else if (strcmp(words[0], "module") == 0 && words[1] != NULL) {
		problem = use_module(words[1]);
	} else if (strcmp(words[0], "log") == 0 && words[1] != NULL) {
		problem = use_log(words[1]);
	} else if (strcmp(words[0], "state") == 0 && words[1] != NULL) {
		problem = shared_use(words[1]);
	} else if (!rules_add(words, &problem) && !token_act(words)) {
		problem = change_token(words);
	}
	return problem;
}

static const char *
run_line(char *line)
{
	char *words[WORDS_MAX + 1] = {NULL};
	char *rest, *word;
	const char *problem;
	size_t count = 0;
	char copy[256];

	line[strcspn(line, "#")] = '\0';
	snprintf(copy, sizeof(copy), "%s", line);
	for (word = strtok_r(line, " \t\r", &rest); word != NULL;
	     word = strtok_r(NULL, " \t\r", &rest)) {
		if (count == WORDS_MAX)
			return "too many words";
		words[count++] = word;
	}
	if (count == 0 || (problem = obey(words)) == NULL)
		return NULL;
	snprintf(message, sizeof(message), "%s: %s", copy, problem);
	return message;
}

const char *
script_run(const char *directives)
{
	char *copy = strdup(directives);
	char *line, *rest;
	const char *problem = NULL;

	if (copy == NULL)
		return strerror(ENOMEM);
	for (line = strtok_r(copy, ";\n", &rest);
	     line != NULL && problem == NULL;
	     line = strtok_r(NULL, ";\n", &rest))
		problem = run_line(line);
	free(copy);
	return problem;
}

const char *
script_run_file(const char *path)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text;
	ssize_t size;
	const char *problem;

	if (fd < 0) {
		snprintf(
		    message, sizeof(message), "%s: %s", path, strerror(errno));
		return message;
	}
	if ((text = malloc(SCRIPT_MAX + 1)) == NULL) {
		close(fd);
		return strerror(ENOMEM);
	}
	size = read(fd, text, SCRIPT_MAX);
	text[size < 0 ? 0 : size] = '\0';
	problem = script_run(text);
	free(text);
	close(fd);
	return problem;
}
