/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Records of the audit log as text. */

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "application/audit.h"
#include "base/utf8.h"

#define TEXT_MAX 1024U
#define NAME_MAX_ 64U
/* `{"seq":` and `,"prev":"` and `",` around number and hash. */
#define LINK_FORMAT "{\"seq\":%llu,\"prev\":\"%s\",%s\n"
#define SEQUENCE_START "{\"seq\":"
#define PREVIOUS_START ",\"prev\":\""
#define TIME_START "\"time\":\""

static clv_status
no_memory(clv_error **err)
{
	return clv_error_raise(err, CLV_NO_MEMORY,
	    &(struct clv_error_info){.operation = "record event"},
	    "out of memory");
}

/* ---- text ---- */

/* How many bytes the character at `text` has; 0 if it can't be shown. */
static size_t
character(const char *text, size_t left)
{
	for (size_t size = 1; size <= 4 && size <= left; size++)
		if (clv_utf8_is_printable(text, size))
			return size;
	return 0;
}

void
clv_audit_print_text(FILE *out, const char *text)
{
	size_t left = strnlen(text, TEXT_MAX);

	(void)fputc('"', out);
	while (left > 0) {
		size_t size = character(text, left);

		if (size == 0) {
			/* What it was can be read, and does nothing. */
			(void)fprintf(out, "\\\\x%02x", (unsigned char)*text);
			size = 1;
		} else if (*text == '"' || *text == '\\') {
			(void)fprintf(out, "\\%c", *text);
		} else {
			(void)fwrite(text, 1, size, out);
		}
		text += size;
		left -= size;
	}
	(void)fputc('"', out);
}

static void
print_pair(FILE *out, const char *name, const char *text)
{
	if (text == NULL)
		return;
	(void)fprintf(out, ",\"%s\":", name);
	clv_audit_print_text(out, text);
}

/* ---- who and when ---- */

static void
print_time(FILE *out)
{
	struct timeval now = {.tv_sec = 0};
	struct tm parts = {.tm_year = 0};
	char text[32] = "";

	(void)gettimeofday(&now, NULL);
	(void)gmtime_r(&now.tv_sec, &parts);
	(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &parts);
	(void)fprintf(
	    out, TIME_START "%s.%03ldZ\"", text, (long)(now.tv_usec / 1000));
}

/* Who logged in, whatever they have become since: audit(7). */
static void
print_login(FILE *out)
{
	char text[16] = "";
	const int fd = open("/proc/self/loginuid", O_RDONLY | O_CLOEXEC);
	const ssize_t size = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	unsigned long login;

	if (fd >= 0)
		(void)close(fd);
	if (size <= 0)
		return;
	login = strtoul(text, NULL, 10);
	if (login != 4294967295UL)
		(void)fprintf(out, ",\"login\":%lu", login);
}

static void
print_who(FILE *out)
{
	const uid_t uid = geteuid();
	struct passwd entry;
	struct passwd *found = NULL;
	char room[1024];

	(void)fprintf(out, ",\"uid\":%lu", (unsigned long)uid);
	if (getpwuid_r(uid, &entry, room, sizeof(room), &found) == 0 &&
	    found != NULL)
		print_pair(out, "account", found->pw_name);
	print_login(out);
	print_pair(out, "program", program_invocation_short_name);
	(void)fprintf(out, ",\"pid\":%ld", (long)getpid());
}

/* ---- making ---- */

static bool
is_event_name(const char *name)
{
	const size_t size = name != NULL ? strlen(name) : 0;

	return size > 0 && size <= NAME_MAX_ &&
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == size;
}

static void
print_body(FILE *out, const struct clv_audit_event *event, const char *id,
    const char *changes)
{
	char *key = event->key != NULL ? clv_uri_redact(event->key) : NULL;

	print_time(out);
	print_pair(out, "event", event->event);
	print_pair(out, "outcome",
	    event->outcome == CLV_OK ? "OK" : clv_status_name(event->outcome));
	print_who(out);
	print_pair(out, "id", id);
	print_pair(out, "group", event->group);
	print_pair(out, "type", event->type);
	print_pair(out, "key", key);
	print_pair(out, "certificate", event->certificate);
	print_pair(out, "detail", event->detail);
	if (changes != NULL)
		(void)fprintf(out, ",\"changes\":%s", changes);
	(void)fputc('}', out);
	clv_free(key);
}

clv_status
clv_audit_make_body(const struct clv_audit_event *event, const char *id,
    const char *changes, char **body, clv_error **err)
{
	size_t size = 0;
	FILE *out;
	bool good;

	*body = NULL;
	if (!is_event_name(event->event))
		return clv_error_raise(err, CLV_INVALID,
		    &(struct clv_error_info){.operation = "record event"},
		    "an event is named by 1 to 64 lower-case letters, digits "
		    "and '-'");
	out = open_memstream(body, &size);
	if (out == NULL)
		return no_memory(err);
	print_body(out, event, id, changes);
	good = ferror(out) == 0;
	good = fclose(out) == 0 && *body != NULL && good;
	if (good)
		return CLV_OK;
	free(*body);
	*body = NULL;
	return no_memory(err);
}

char *
clv_audit_make_line(
    uint64_t sequence, const char *previous, const char *body, size_t *size)
{
	char *line = NULL;
	const int made = asprintf(
	    &line, LINK_FORMAT, (unsigned long long)sequence, previous, body);

	if (made < 0)
		return NULL;
	*size = (size_t)made;
	return line;
}

/* ---- reading ---- */

static bool
take(const char **at, const char *end, const char *text)
{
	const size_t size = strlen(text);

	if ((size_t)(end - *at) < size || memcmp(*at, text, size) != 0)
		return false;
	*at += size;
	return true;
}

static bool
take_number(const char **at, const char *end, uint64_t *number)
{
	const char *start = *at;

	*number = 0;
	while (*at < end && **at >= '0' && **at <= '9' && *at - start < 18)
		*number = *number * 10 + (uint64_t)(*(*at)++ - '0');
	return *at > start && *start != '0';
}

bool
clv_audit_read_line(const char *line, size_t size, uint64_t *sequence,
    char previous[CLV_AUDIT_HASH])
{
	const char *end = line + size;

	if (size == 0 || size >= CLV_AUDIT_LINE_MAX || end[-1] != '}' ||
	    memchr(line, '\0', size) != NULL ||
	    !take(&line, end, SEQUENCE_START) ||
	    !take_number(&line, end, sequence) ||
	    !take(&line, end, PREVIOUS_START) || end - line < CLV_AUDIT_HASH)
		return false;
	memcpy(previous, line, CLV_AUDIT_HASH - 1);
	previous[CLV_AUDIT_HASH - 1] = '\0';
	line += CLV_AUDIT_HASH - 1;
	return strspn(previous, "0123456789abcdef") == CLV_AUDIT_HASH - 1 &&
	    take(&line, end, "\"," TIME_START);
}

static void
print_hex(const unsigned char *digest, char hash[CLV_AUDIT_HASH])
{
	for (size_t i = 0; i < CLV_AUDIT_HASH / 2; i++)
		(void)snprintf(hash + 2 * i, 3, "%02x", digest[i]);
}

void
clv_audit_hash(const char *line, size_t size, char hash[CLV_AUDIT_HASH])
{
	unsigned char digest[EVP_MAX_MD_SIZE] = {0};

	(void)EVP_Digest(line, size, digest, NULL, EVP_sha256(), NULL);
	print_hex(digest, hash);
}

void
clv_audit_make_id(char id[CLV_AUDIT_ID_SIZE], ...)
{
	unsigned char digest[EVP_MAX_MD_SIZE] = {0};
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	const char *text;
	va_list texts;

	va_start(texts, id);
	if (hash != NULL && EVP_DigestInit_ex(hash, EVP_sha256(), NULL) == 1) {
		/* With its closing 0, so that "ab","c" is not "a","bc". */
		while ((text = va_arg(texts, const char *)) != NULL)
			(void)EVP_DigestUpdate(hash, text, strlen(text) + 1);
		(void)EVP_DigestFinal_ex(hash, digest, NULL);
	}
	va_end(texts);
	EVP_MD_CTX_free(hash);
	print_hex(digest, id);
	id[32] = '\0';
}

bool
clv_audit_has_id(const char *line, size_t size, const char *id, int64_t *age)
{
	const char *when = memmem(line, size, TIME_START, strlen(TIME_START));
	struct tm parts = {.tm_year = 0};
	char wanted[CLV_AUDIT_ID_SIZE + 16];
	char text[20] = "";

	(void)snprintf(wanted, sizeof(wanted), "\"id\":\"%s\"", id);
	if (when == NULL || memmem(line, size, wanted, strlen(wanted)) == NULL)
		return false;
	when += strlen(TIME_START);
	if ((size_t)(line + size - when) < sizeof(text))
		return false;
	memcpy(text, when, sizeof(text) - 1);
	*age = INT64_MAX;
	if (strptime(text, "%Y-%m-%dT%H:%M:%S", &parts) != NULL)
		*age = (int64_t)time(NULL) - (int64_t)timegm(&parts);
	return true;
}
