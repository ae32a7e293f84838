/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "transport.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tss2/tss2_tctildr.h>

static const char managed_device[] = "device:/dev/tpmrm0";

/*
 * A TCTI's name is also the name of a shared library, and "cmd" runs a shell
 * command. A URI may only name a TCTI that is installed and does neither.
 */
static bool
is_harmless(const char *tcti)
{
	const size_t name = strcspn(tcti, ":");

	if (name == 0 ||
	    strspn(tcti, "abcdefghijklmnopqrstuvwxyz0123456789-") < name ||
	    (name == 3 && strncmp(tcti, "cmd", 3) == 0))
		return false;
	/* pcap:OTHER records what OTHER carries */
	if (name == 4 && strncmp(tcti, "pcap", 4) == 0)
		return tcti[name] == ':' && is_harmless(tcti + name + 1);
	return true;
}

static const char *
from_environment(void)
{
	static const char *const names[] = {
	    "CLAVIGER_TCTI", "TPM2OPENSSL_TCTI", "TPM2TOOLS_TCTI"};
	const char *value;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if ((value = secure_getenv(names[i])) != NULL && *value != '\0')
			return value;
	return managed_device;
}

clv_status
clv_tpm_transport_choose(const char *wanted, char **out, clv_error **err)
{
	*out = NULL;
	if (wanted != NULL && !is_harmless(wanted))
		return clv_error_raise(err, CLV_POLICY,
		    &(struct clv_error_info){.operation = "use TCTI",
			.subject = wanted,
			.remedy = "name an installed one, such as "
				  "tcti=device:/dev/tpmrm0, or set "
				  "CLAVIGER_TCTI"},
		    "a URI can't choose a library or a command to run");
	*out = strdup(wanted != NULL ? wanted : from_environment());
	if (*out == NULL)
		return clv_error_raise(
		    err, CLV_NO_MEMORY, NULL, "out of memory");
	return CLV_OK;
}

/* The kernel's, and tpm2-abrmd. */
bool
clv_tpm_transport_is_managed(const char *tcti)
{
	if (strncmp(tcti, "pcap:", 5) == 0)
		tcti += 5;
	return strncmp(tcti, "tabrmd", 6) == 0 ||
	    strncmp(tcti, "device:/dev/tpmrm", 17) == 0;
}

/* What keeps us from a device file, before tpm2-tss says "IO error". */
static clv_status
check_device(const char *tcti, const char *subject, clv_error **err)
{
	const char *path = tcti + strlen("device:");

	if (strncmp(tcti, "device:", strlen("device:")) != 0 ||
	    access(path, R_OK | W_OK) == 0)
		return CLV_OK;
	if (errno == ENOENT)
		return clv_error_raise(err, CLV_DEVICE_GONE,
		    &(struct clv_error_info){.operation = "open TPM",
			.subject = subject,
			.remedy = "switch the TPM on in the firmware's "
				  "setup, or name another with tcti=",
			.domain = CLV_DOMAIN_ERRNO,
			.code = errno},
		    "there is no %s", path);
	return clv_error_raise(err, CLV_PERMISSION,
	    &(struct clv_error_info){.operation = "open TPM",
		.subject = subject,
		.remedy = "usermod --append --groups tss USER",
		.domain = CLV_DOMAIN_ERRNO,
		.code = errno},
	    "%s can't be read and written", path);
}

clv_status
clv_tpm_transport_open(const char *tcti, const char *subject,
    TSS2_TCTI_CONTEXT **out, clv_error **err)
{
	clv_status status = check_device(tcti, subject, err);
	TSS2_RC rc;

	*out = NULL;
	if (status != CLV_OK)
		return status;
	rc = Tss2_TctiLdr_Initialize(tcti, out);
	if (rc == TSS2_RC_SUCCESS)
		return CLV_OK;
	*out = NULL;
	return clv_tpm_raise(err, rc, "open TPM", subject);
}

void
clv_tpm_transport_close(TSS2_TCTI_CONTEXT **transport)
{
	if (*transport != NULL)
		Tss2_TctiLdr_Finalize(transport);
	*transport = NULL;
}

/* Most TCTIs can only block; the kernel's devices and tpm2-abrmd can be waited
 * for. The latter's fills in a descriptor, and not what to wait for. */
static TSS2_RC
await_answer(TSS2_TCTI_CONTEXT *transport)
{
	struct pollfd descriptors[4] = {{0}};
	size_t count = sizeof(descriptors) / sizeof(descriptors[0]);
	size_t known = 0;
	int ready;

	if (Tss2_Tcti_GetPollHandles(transport, NULL, &known) !=
		TSS2_RC_SUCCESS ||
	    known == 0 || known > count ||
	    Tss2_Tcti_GetPollHandles(transport, descriptors, &count) !=
		TSS2_RC_SUCCESS)
		return TSS2_RC_SUCCESS;
	for (size_t i = 0; i < count; i++)
		descriptors[i].events |= POLLIN;
	do
		ready = poll(descriptors, (nfds_t)count, CLV_TPM_ANSWER_MS);
	while (ready < 0 && errno == EINTR);
	return ready == 0 ? TSS2_TCTI_RC_IO_ERROR : TSS2_RC_SUCCESS;
}

TSS2_RC
clv_tpm_transport_exchange(TSS2_TCTI_CONTEXT *transport,
    const struct clv_tpm_command *command, struct clv_tpm_answer *answer)
{
	TSS2_RC rc =
	    Tss2_Tcti_Transmit(transport, command->size, command->bytes);

	answer->size = sizeof(answer->bytes);
	if (rc == TSS2_RC_SUCCESS)
		rc = await_answer(transport);
	if (rc == TSS2_RC_SUCCESS)
		rc = Tss2_Tcti_Receive(transport, &answer->size, answer->bytes,
		    TSS2_TCTI_TIMEOUT_BLOCK);
	if (rc == TSS2_RC_SUCCESS && answer->size > sizeof(answer->bytes))
		rc = CLV_TPM_RC_MALFORMED;
	return rc;
}
