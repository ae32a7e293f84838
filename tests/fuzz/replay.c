/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Stands in for libFuzzer where it is not built: runs every file of a corpus
 * through the target once. Arguments that begin with '-' are libFuzzer's. */

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static int
run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct stat about;
	uint8_t *bytes;
	size_t size;

	if (file == NULL || fstat(fileno(file), &about) != 0)
		return -1;
	/* Exactly as long as the input, so that ASan sees a byte too far. */
	bytes = malloc(about.st_size > 0 ? (size_t)about.st_size : 1);
	size = bytes ? fread(bytes, 1, (size_t)about.st_size, file) : 0;
	(void)fclose(file);
	if (bytes == NULL || size != (size_t)about.st_size)
		return -1;
	(void)LLVMFuzzerTestOneInput(bytes, size);
	free(bytes);
	return 0;
}

static int
run_corpus(const char *directory, int *count)
{
	DIR *entries = opendir(directory);
	struct dirent *entry;
	char path[4096];
	int result = 0;

	if (entries == NULL)
		return -1;
	while (result == 0 && (entry = readdir(entries)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(
		    path, sizeof(path), "%s/%s", directory, entry->d_name);
		result = run_file(path);
		++*count;
	}
	(void)closedir(entries);
	return result;
}

int
main(int argc, char **argv)
{
	int count = 0;

	for (int i = 1; i < argc; i++) {
		if (argv[i][0] == '-')
			continue;
		if (run_corpus(argv[i], &count) != 0) {
			perror(argv[i]);
			return 1;
		}
	}
	(void)printf("%d inputs\n", count);
	/* An empty corpus would be a test that can't fail. */
	return count > 0 ? 0 : 1;
}
