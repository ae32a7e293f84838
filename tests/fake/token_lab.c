/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "token_lab.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

#define SLOTS_MAX 64

__attribute__((format(printf, 1, 2))) static int
complain(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	fputs("token lab: ", stderr);
	vfprintf(stderr, format, arguments);
	fputc('\n', stderr);
	va_end(arguments);
	return -1;
}

/* Returns -1 if the result is cut off. */
__attribute__((format(printf, 2, 3))) static int
make_path(char path[LAB_PATH], const char *format, ...)
{
	va_list arguments;
	int size;

	va_start(arguments, format);
	size = vsnprintf(path, LAB_PATH, format, arguments);
	va_end(arguments);
	return size < LAB_PATH ? 0 : complain("%s...: path too long", path);
}

int
lab_dir_make(char dir[LAB_PATH])
{
	const char *base = getenv("TMPDIR");

	if (make_path(dir, "%s/claviger-lab-XXXXXX",
		base != NULL ? base : "/tmp") != 0)
		return -1;
	if (mkdtemp(dir) == NULL)
		return complain("%s: %s", dir, strerror(errno));
	return 0;
}

static int
remove_entry(
    const char *path, const struct stat *st, int type, struct FTW *position)
{
	(void)st;
	(void)type;
	(void)position;
	return remove(path);
}

void
lab_dir_remove(const char *dir)
{
	if (dir != NULL && *dir != '\0')
		nftw(dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int
lab_find_file(
    char found[LAB_PATH], const char *const paths[], const char *package)
{
	for (size_t i = 0; paths[i] != NULL; i++)
		if (access(paths[i], R_OK) == 0)
			return make_path(found, "%s", paths[i]);
	return complain("%s is missing: apt-get install %s", paths[0], package);
}

static int
write_file(const char *path, const char *text)
{
	const int fd =
	    open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	const size_t size = strlen(text);
	int result = 0;

	if (fd < 0)
		return complain("%s: %s", path, strerror(errno));
	if (write(fd, text, size) != (ssize_t)size)
		result = complain("%s: %s", path, strerror(errno));
	close(fd);
	return result;
}

static CK_FUNCTION_LIST *
load_module(const char *path)
{
	CK_FUNCTION_LIST *list = NULL;
	CK_C_GetFunctionList get;
	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (module == NULL)
		return NULL;
	*(void **)&get = dlsym(module, "C_GetFunctionList");
	return get != NULL && get(&list) == CKR_OK ? list : NULL;
}

/* SoftHSM always shows one slot more than it has tokens. */
static CK_RV
find_blank_slot(CK_FUNCTION_LIST *list, CK_SLOT_ID *slot)
{
	CK_SLOT_ID slots[SLOTS_MAX];
	CK_ULONG count = SLOTS_MAX;
	CK_TOKEN_INFO info;
	CK_RV rv = list->C_GetSlotList(CK_TRUE, slots, &count);

	for (CK_ULONG i = 0; rv == CKR_OK && i < count; i++) {
		rv = list->C_GetTokenInfo(slots[i], &info);
		if (rv == CKR_OK && !(info.flags & CKF_TOKEN_INITIALIZED)) {
			*slot = slots[i];
			return CKR_OK;
		}
	}
	return rv != CKR_OK ? rv : CKR_TOKEN_NOT_PRESENT;
}

/* A copy, because Cryptoki's arguments are not const. */
static CK_UTF8CHAR *
text(const char *source, CK_UTF8CHAR copy[33])
{
	memset(copy, ' ', 32);
	memcpy(copy, source, strnlen(source, 32));
	copy[32] = '\0';
	return copy;
}

static CK_RV
set_user_pin(CK_FUNCTION_LIST *list, CK_SLOT_ID slot, const char *pin)
{
	const CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
	CK_SESSION_HANDLE session;
	CK_UTF8CHAR copy[33];
	CK_RV rv = list->C_OpenSession(slot, flags, NULL, NULL, &session);

	if (rv == CKR_OK)
		rv = list->C_Login(session, CKU_SO, text(LAB_SO_PIN, copy),
		    strlen(LAB_SO_PIN));
	if (rv == CKR_OK)
		rv = list->C_InitPIN(session, text(pin, copy), strlen(pin));
	return rv;
}

static CK_RV
make_token(CK_FUNCTION_LIST *list, const char *label, const char *pin)
{
	CK_UTF8CHAR label_copy[33], pin_copy[33];
	CK_SLOT_ID slot;
	CK_RV rv = list->C_Initialize(NULL);

	if (rv == CKR_OK)
		rv = find_blank_slot(list, &slot);
	if (rv == CKR_OK)
		rv = list->C_InitToken(slot, text(LAB_SO_PIN, pin_copy),
		    strlen(LAB_SO_PIN), text(label, label_copy));
	if (rv == CKR_OK)
		rv = set_user_pin(list, slot, pin);
	if (rv == CKR_OK)
		rv = list->C_Finalize(NULL);
	return rv;
}

/* In a child: SoftHSM must not be left behind in this process, where it would
 * be initialised and torn down apart from the test's own use. */
int
lab_softhsm_add(struct lab_softhsm *lab, const char *label, const char *pin)
{
	CK_FUNCTION_LIST *list;
	int status;
	const pid_t child = fork();

	if (child < 0)
		return complain("fork: %s", strerror(errno));
	if (child == 0) {
		CK_RV rv;

		if ((list = load_module(lab->module)) == NULL)
			_exit(2);
		rv = make_token(list, label, pin);
		if (rv != CKR_OK)
			complain("SoftHSM says 0x%lx", rv);
		_exit(rv == CKR_OK ? 0 : 1);
	}
	if (waitpid(child, &status, 0) != child || status != 0)
		return complain("SoftHSM can't make a token in %s", lab->dir);
	return 0;
}

int
lab_softhsm_start(struct lab_softhsm *lab, const char *dir)
{
	static const char *const modules[] = {
	    "/usr/lib/softhsm/libsofthsm2.so",
	    "/usr/lib64/pkcs11/libsofthsm2.so",
	    "/usr/lib64/softhsm/libsofthsm.so",
	    "/usr/local/lib/softhsm/libsofthsm2.so",
	    NULL,
	};
	char tokens[LAB_PATH], conf[LAB_PATH + 128];

	memset(lab, 0, sizeof(*lab));
	if (lab_find_file(lab->module, modules, "libsofthsm2") != 0 ||
	    make_path(lab->dir, "%s", dir) != 0 ||
	    make_path(tokens, "%s/tokens", dir) != 0 ||
	    make_path(lab->conf, "%s/softhsm2.conf", dir) != 0)
		return -1;
	if (mkdir(tokens, 0700) != 0)
		return complain("%s: %s", tokens, strerror(errno));
	snprintf(conf, sizeof(conf),
	    "directories.tokendir = %s\nobjectstore.backend = file\n"
	    "log.level = ERROR\nslots.removable = false\n",
	    tokens);
	if (write_file(lab->conf, conf) != 0)
		return -1;
	if (setenv("SOFTHSM2_CONF", lab->conf, 1) != 0)
		return complain("setenv: %s", strerror(errno));
	return lab_softhsm_add(lab, LAB_LABEL, LAB_PIN);
}
