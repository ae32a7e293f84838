/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * The command line: lines of the input are the arguments. '/' becomes '_', so
 * that every path stays in a directory of our own. Exit statuses are 0, 1, 2.
 * Run it with -close_fd_mask=2 to see libFuzzer's output only, and name corpora
 * by absolute paths, since it changes its directory.
 */

#include <fcntl.h>
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ARGUMENTS_MAX 24

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* The program's main(), renamed by the build. */
int claviger_main(int argc, char **argv);

static void
move_away(void)
{
	static char directory[] = "/tmp/claviger-fuzz-XXXXXX";
	static int done;
	int nowhere;

	if (done++)
		return;
	nowhere = open("/dev/null", O_RDWR);
	if (mkdtemp(directory) == NULL || chdir(directory) != 0 ||
	    nowhere < 0 || dup2(nowhere, STDIN_FILENO) < 0 ||
	    dup2(nowhere, STDOUT_FILENO) < 0)
		abort();
	(void)setenv("TPM2TOOLS_TCTI", "device:/nonexistent", 1);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *arguments[ARGUMENTS_MAX + 2] = {(char *)(uintptr_t) "claviger"};
	char *text = malloc(size + 1);
	char *rest = text;
	int count = 1;
	int status;

	move_away();
	if (text == NULL)
		return 0;
	for (size_t i = 0; i < size; i++)
		text[i] =
		    bytes[i] == '/' || bytes[i] == '\0' ? '_' : (char)bytes[i];
	text[size] = '\0';
	while (rest != NULL && count <= ARGUMENTS_MAX) {
		char *word = strsep(&rest, "\n");

		/* Nothing slow: 4096 bits, or asking the terminal. */
		if (strcmp(word, "rsa4096") == 0 ||
		    strcmp(word, "rsa3072") == 0)
			memcpy(word, "p256\0", 5);
		/* There is no way back from another account. */
		if (strncmp(word, "--ap", 4) == 0)
			continue;
		arguments[count++] = word;
	}
	arguments[count] = NULL;
	optind = 0;
	status = claviger_main(count, arguments);
	free(text);
	if (status < 0 || status > 2)
		abort();
	return 0;
}
