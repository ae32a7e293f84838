/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Looks for secrets in the memory, and in a core dump, of a process that has
 * used private keys and given them up: scan SUBJECT RUNS.
 *
 * Before that, it must find them in a process that has a key open, and in one
 * that has read and freed a key with PEM_read_PrivateKey().
 */

#include "needles.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

/* A core is made of every run whose number this divides. */
#define CORE_EVERY 5U

static const struct {
	const char *scheme;
	const char *algorithm;
} subjects[] = {{"file", "rsa2048"}, {"pem", "rsa2048"}, {"file", "p256"},
    {"pem", "rsa3072"}, {"file", "rsa2048"}, {"pem", "ed25519"},
    {"pem", "p384"}, {"file", "ed448"}, {"pem", "brainpool256"},
    {"file", "rsa4096"}};

#define SUBJECT_COUNT (sizeof(subjects) / sizeof(subjects[0]))

static char place[64];
static char password[40];
static char password_file[96];

static void
die(const char *what)
{
	perror(what);
	exit(2);
}

/* A process that waits for us, with what it said. */
struct child {
	pid_t pid;
	int to;
	FILE *from;
	char said[512];
};

static void
start(struct child *child, char *const *arguments)
{
	int in[2];
	int out[2];

	if (pipe(in) != 0 || pipe(out) != 0 || (child->pid = fork()) < 0)
		die("fork");
	if (child->pid == 0) {
		(void)dup2(in[0], STDIN_FILENO);
		(void)dup2(out[1], STDOUT_FILENO);
		for (int i = 3; i < 20; i++)
			(void)close(i);
		(void)execv(arguments[0], arguments);
		_exit(127);
	}
	(void)close(in[0]);
	(void)close(out[1]);
	child->to = in[1];
	child->from = fdopen(out[0], "r");
	if (child->from == NULL ||
	    fgets(child->said, sizeof(child->said), child->from) == NULL) {
		fprintf(stderr, "%s %s did not do its work\n", arguments[0],
		    arguments[1]);
		exit(2);
	}
	child->said[strcspn(child->said, "\n")] = '\0';
}

static void
finish(struct child *child)
{
	int status;

	(void)close(child->to);
	(void)fclose(child->from);
	if (waitpid(child->pid, &status, 0) != child->pid || status != 0) {
		fprintf(stderr, "the subject ended with status %d\n", status);
		exit(2);
	}
}

static int
give_password(char *buffer, int size, int writes, void *user)
{
	(void)writes;
	(void)user;
	return snprintf(buffer, (size_t)size, "%s", password);
}

/* The key's numbers, the password and, of a plain file, the text. */
static void
collect(struct needles *needles, const char *path)
{
	static char text[16384];
	FILE *file = fopen(path, "re");
	EVP_PKEY *pkey = file != NULL
	    ? PEM_read_PrivateKey(file, NULL, give_password, NULL)
	    : NULL;
	size_t size;

	memset(needles, 0, sizeof(*needles));
	if (pkey == NULL)
		die(path);
	needles_add_key(needles, pkey);
	EVP_PKEY_free(pkey);
	needles_add(needles, "password", password, strlen(password));
	rewind(file);
	size = fread(text, 1, sizeof(text), file);
	(void)fclose(file);
	/* Without the first line of base 64, which is the same in all. */
	if (strncmp(text, "-----BEGIN PRIVATE KEY-----", 27) == 0)
		needles_add(needles, "PEM", text + 28 + 48, size - 26 - 76);
}

static void
dump_core(const struct child *child, char path[128])
{
	char text[512];

	(void)snprintf(path, 128, "%s/core.%d", place, child->pid);
	(void)snprintf(text, sizeof(text),
	    "gcore -o %s/core %d >%s/gcore.log 2>&1 || "
	    "{ cat %s/gcore.log >&2; command -v gcore >&2 || "
	    "echo 'gcore is missing: apt-get install gdb' >&2; exit 1; }",
	    place, child->pid, place, place);
	if (system(text) != 0)
		exit(2);
}

/* Returns how many pieces of secrets were found in its memory. */
static size_t
look_into_memory(
    const struct child *child, const char *key_path, const char *what)
{
	struct needles needles;
	size_t hits;

	collect(&needles, key_path);
	(void)needles_scan_process(&needles, child->pid);
	hits = needles_hits(&needles);
	if (what != NULL)
		needles_tell(&needles, what);
	needles_clear(&needles);
	return hits;
}

/* The same for a core dump. */
static size_t
look_into_core(
    const struct child *child, const char *key_path, const char *what)
{
	struct needles needles;
	char path[128];
	size_t hits;

	collect(&needles, key_path);
	dump_core(child, path);
	if (!needles_scan_file(&needles, path))
		die(path);
	(void)unlink(path);
	hits = needles_hits(&needles);
	if (what != NULL)
		needles_tell(&needles, what);
	needles_clear(&needles);
	return hits;
}

static size_t
run_subject(const char *program, const char *mode, size_t number, bool core)
{
	const size_t which = number % SUBJECT_COUNT;
	const char *scheme = subjects[which].scheme;
	const char *algorithm = subjects[which].algorithm;
	struct child child;
	char store[300];
	char what[64];
	char text[256];
	size_t hits;
	bool closed;

	(void)snprintf(text, sizeof(text), "%s/keys-%zu", place, number);
	if (mkdir(text, 0700) != 0)
		die(text);
	(void)snprintf(store, sizeof(store), "%s:%s", scheme, text);
	start(&child,
	    (char *const[]){(char *)(uintptr_t)program, (char *)(uintptr_t)mode,
		store, (char *)(uintptr_t)algorithm, password_file, NULL});
	(void)snprintf(what, sizeof(what), "%s %s", scheme, algorithm);
	closed = strcmp(mode, "closed") == 0;
	hits = look_into_memory(&child, child.said, closed ? what : NULL);
	if (core)
		hits +=
		    look_into_core(&child, child.said, closed ? what : NULL);
	finish(&child);
	(void)snprintf(text, sizeof(text), "rm -rf %s/keys-%zu", place, number);
	if (system(text) != 0)
		die(text);
	return hits;
}

/* Whether what OpenSSL leaves behind, when used as its manual shows, is found
 * in memory and in the core. */
static bool
run_control(const char *program)
{
	struct child child;
	char path[128];
	char text[512];
	bool found;

	(void)snprintf(path, sizeof(path), "%s/control.pem", place);
	(void)snprintf(text, sizeof(text),
	    "openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 "
	    "-aes-256-cbc -pass file:%s -out %s 2>/dev/null",
	    password_file, path);
	if (system(text) != 0) {
		fprintf(stderr, "openssl failed: apt-get install openssl\n");
		exit(2);
	}
	start(&child,
	    (char *const[]){(char *)(uintptr_t)program,
		(char *)(uintptr_t) "control", path, password_file, NULL});
	found = look_into_memory(&child, path, NULL) > 0 &&
	    look_into_core(&child, path, NULL) > 0;
	finish(&child);
	return found;
}

static void
set_up(void)
{
	uint8_t random[16];
	FILE *file;

	(void)snprintf(place, sizeof(place), "/tmp/claviger-test-XXXXXX");
	if (mkdtemp(place) == NULL || RAND_bytes(random, 16) != 1)
		die("mkdtemp");
	for (size_t i = 0; i < sizeof(random); i++)
		(void)snprintf(password + 2 * i, sizeof(password) - 2 * i,
		    "%02x", random[i]);
	(void)snprintf(
	    password_file, sizeof(password_file), "%s/password", place);
	(void)umask(077);
	file = fopen(password_file, "we");
	if (file == NULL || fputs(password, file) < 0 || fclose(file) != 0)
		die(password_file);
}

int
main(int argc, char **argv)
{
	const size_t runs = argc == 3 ? strtoul(argv[2], NULL, 10) : 0;
	size_t found = 0;
	size_t hits = 0;
	char text[128];
	bool good;

	if (runs == 0)
		return 2;
	set_up();
	good =
	    run_control(argv[1]) && run_subject(argv[1], "open", 0, false) > 0;
	if (!good)
		printf("the scanner is blind: it must find open keys, and "
		       "what PEM_read_PrivateKey leaves\n");
	for (size_t i = 0; i < runs; i++) {
		const size_t pieces =
		    run_subject(argv[1], "closed", i, i % CORE_EVERY == 0);

		hits += pieces > 0;
		found += pieces;
	}
	(void)snprintf(text, sizeof(text), "rm -rf %s", place);
	if (system(text) != 0)
		die(text);
	printf("secret scan: %zu runs, %zu hits\n", runs, hits);
	return good && found == 0 ? 0 : 1;
}
