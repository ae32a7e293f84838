/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/*
 * Real token parts, started by the tests themselves in private directories.
 * All functions return 0, or -1 after saying on stderr what is wrong and, for
 * a missing program, which package has it. They need no test framework, so
 * benchmarks and fuzz targets use them as well.
 */
#ifndef CLV_TOKEN_LAB_H
#define CLV_TOKEN_LAB_H

#include <stddef.h>
#include <sys/types.h>

#define LAB_PATH 256

/* A private directory under $TMPDIR or /tmp, mode 0700. */
int lab_dir_make(char dir[LAB_PATH]);
/* Removes it with all that is in it; NULL and "" are fine. */
void lab_dir_remove(const char *dir);

/* SoftHSM */
#define LAB_LABEL "claviger-lab"
#define LAB_PIN "123456"
#define LAB_SO_PIN "12345678"

struct lab_softhsm {
	char dir[LAB_PATH];
	char module[LAB_PATH]; /* the path of libsofthsm2.so */
	char conf[LAB_PATH];   /* what SOFTHSM2_CONF was set to */
};

/*
 * Makes DIR/tokens and DIR/softhsm2.conf, sets SOFTHSM2_CONF for this process
 * and its children, and makes a token LAB_LABEL with LAB_PIN. The module is
 * not loaded into this process.
 */
int lab_softhsm_start(struct lab_softhsm *lab, const char *dir);

/* One more token in the same directory. */
int lab_softhsm_add(
    struct lab_softhsm *lab, const char *label, const char *pin);

/*
 * A network HSM's stand-in: p11-kit's server before a SoftHSM token, reached
 * through a unix socket. The server ends with this process.
 */
struct lab_server {
	char dir[LAB_PATH];
	char module[LAB_PATH]; /* the path of p11-kit-client.so */
	char socket[LAB_PATH];
	char provider[LAB_PATH];
	pid_t pid; /* of the server; 0 while it does not run */
};

/*
 * Serves the token LAB_LABEL of `provider`, a module's path, on a socket in
 * DIR, and sets P11_KIT_SERVER_ADDRESS for this process and its children.
 */
int lab_server_start(
    struct lab_server *server, const char *dir, const char *provider);

/* Ends the server, its workers and so all connections; may be started again
 * with lab_server_restart(). */
void lab_server_stop(struct lab_server *server);
int lab_server_restart(struct lab_server *server);

/* Kills the workers, one of which serves each connected client, and not the
 * server. Returns how many there were. A client that does not ignore SIGPIPE
 * dies of its next call. */
int lab_server_kill_workers(struct lab_server *server);

/* Virtual smart cards. The program runs under with-card, which starts all and
 * says how to reach it; the fields are what it said. */
struct lab_card {
	const char *kind;   /* "PIV" or "ISO" */
	const char *module; /* the path of opensc-pkcs11.so */
	const char *pin;
	const char *dir; /* private, gone afterwards */
};

int lab_card_open(struct lab_card *card);

/*
 * Has the card do "pull", "insert", "pullafter 3"...: see card/reader.h. When
 * this returns, the card has done it; pcscd needs some time to notice that a
 * card has come or gone.
 */
int lab_card_command(const char *command);

/* What "stat" answers. */
struct lab_card_stat {
	long commands, operations; /* since its start */
	int tries;                 /* PIN tries left */
	char where[8];             /* "in" or "out" */
};
int lab_card_stat(struct lab_card_stat *stat);

/* The first of the paths where the file is, for modules and drivers; the
 * package is named if there is none. The list ends with NULL. */
int lab_find_file(
    char found[LAB_PATH], const char *const paths[], const char *package);

#endif
