/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool
clv_file_is_temporary(const char *name)
{
	const size_t size = strlen(name);

	return strncmp(name, ".claviger-", 10) == 0 && size > 14 &&
	    strcmp(name + size - 4, ".tmp") == 0;
}

size_t
clv_file_sweep(int directory)
{
	const int fd =
	    openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *stream = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;
	size_t swept = 0;

	if (stream == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return 0;
	}
	while ((entry = readdir(stream)) != NULL)
		if (clv_file_is_temporary(entry->d_name) &&
		    unlinkat(fd, entry->d_name, 0) == 0)
			swept++;
	(void)closedir(stream);
	return swept;
}
