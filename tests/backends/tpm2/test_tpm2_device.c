/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * A TPM that is a device file, which is what production has: the TCTI of the
 * kernel's devices, whose answers are waited for by poll(2). A pseudo-terminal
 * stands for /dev/tpm0; behind it another process takes commands to a
 * software TPM.
 */

#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <tss2/tss2_tctildr.h>

#include "../../../backends/tpm2/transport.h"

#define FRAME_MAX 4096
#define HEADER 10

/* ---- the device ---- */

static bool
read_exactly(int fd, uint8_t *bytes, size_t size)
{
	while (size > 0) {
		const ssize_t got = read(fd, bytes, size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		bytes += got;
		size -= (size_t)got;
	}
	return true;
}

static bool
write_exactly(int fd, const uint8_t *bytes, size_t size)
{
	while (size > 0) {
		const ssize_t put = write(fd, bytes, size);

		if (put <= 0)
			return false;
		bytes += put;
		size -= (size_t)put;
	}
	return true;
}

/* Takes one command to the TPM and its answer back. */
static bool
serve_one(int fd, TSS2_TCTI_CONTEXT *tpm)
{
	uint8_t bytes[FRAME_MAX];
	size_t size;

	if (!read_exactly(fd, bytes, HEADER))
		return false;
	size = (size_t)bytes[4] << 8 | bytes[5];
	if (size < HEADER || size > sizeof(bytes) ||
	    !read_exactly(fd, bytes + HEADER, size - HEADER) ||
	    Tss2_Tcti_Transmit(tpm, size, bytes) != TSS2_RC_SUCCESS)
		return false;
	size = sizeof(bytes);
	return Tss2_Tcti_Receive(tpm, &size, bytes, TSS2_TCTI_TIMEOUT_BLOCK) ==
	    TSS2_RC_SUCCESS &&
	    write_exactly(fd, bytes, size);
}

static _Noreturn void
be_device(int fd, const char *tcti, pid_t parent)
{
	TSS2_TCTI_CONTEXT *tpm = NULL;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == parent &&
	    Tss2_TctiLdr_Initialize(tcti, &tpm) == TSS2_RC_SUCCESS)
		while (serve_one(fd, tpm))
			;
	_exit(1);
}

struct device {
	struct tpm_lab *lab;
	int slave; /* held open, so that the terminal stays */
	pid_t pid;
	char tcti[96];
};

static int
setup(void **state)
{
	struct device *device = calloc(1, sizeof(*device));
	const pid_t parent = getpid();
	struct termios raw;
	void *lab = NULL;
	int master;

	if (tpm_lab_setup(&lab) != 0)
		return -1;
	device->lab = lab;
	tpm_lab_close(device->lab);
	master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(
	    master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	(void)snprintf(
	    device->tcti, sizeof(device->tcti), "device:%s", ptsname(master));
	device->slave = open(
	    device->tcti + strlen("device:"), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(device->slave >= 0 && tcgetattr(device->slave, &raw) == 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(device->slave, TCSANOW, &raw), 0);
	device->pid = fork();
	if (device->pid == 0)
		be_device(master, device->lab->swtpm.tcti, parent);
	(void)close(master);
	(void)setenv("CLAVIGER_TCTI", device->tcti, 1);
	tpm_lab_reopen(device->lab);
	*state = device;
	return 0;
}

static int
teardown(void **state)
{
	struct device *device = *state;
	void *lab = device->lab;

	tpm_lab_close(device->lab);
	(void)kill(device->pid, SIGKILL);
	(void)waitpid(device->pid, NULL, 0);
	(void)close(device->slave);
	free(device);
	return tpm_lab_teardown(&lab);
}

/* ---- tests ---- */

static void
test_device__is_used_like_any_tpm(void **state)
{
	struct device *device = *state;
	struct tpm_lab *lab = device->lab;
	char *uri;
	clv_key *key;

	lab->new_auth = "a word";
	uri = tpm_lab_key_uri(lab, CLV_RSA_2048, "one");
	assert_ok(clv_key_open(lab->context, uri, &key, &err));
	for (int i = 0; i < 5; i++) {
		assert_ok(tpm_lab_sign(key, &err));
		assert_ok(tpm_lab_decrypt(key, &err));
	}
	clv_key_free(&key);
	free(uri);
}

static void
test_device__that_the_caller_may_not_use_is_explained(void **state)
{
	struct device *device = *state;
	TSS2_TCTI_CONTEXT *transport = NULL;
	clv_error *err = NULL;
	int status;
	const pid_t pid = fork();

	if (pid == 0) {
		if (setgid(65534) != 0 || setuid(65534) != 0)
			_exit(2);
		_exit(clv_tpm_transport_open(device->tcti, "tpm2:x", &transport,
			  &err) != CLV_PERMISSION ||
		    strstr(clv_error_remedy(err), "--groups tss") == NULL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

int
main(void)
{
#define ITEM(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
	    ITEM(test_device__is_used_like_any_tpm),
	    ITEM(test_device__that_the_caller_may_not_use_is_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
