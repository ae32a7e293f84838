/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "reader.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "store.h"

/* vpcd's one-byte messages. */
enum { VPCD_OFF = 0, VPCD_ON = 1, VPCD_RESET = 2, VPCD_ATR = 4 };

static const struct card *card;
static struct sockaddr_in vpcd_address;
static int vpcd = -1; /* the connection, while the card is in */
static int control = STDIN_FILENO, replies = STDOUT_FILENO;
static char control_line[256];
static size_t control_size;
static bool verbose, in_reader = true;
static long pull_after, pull_during; /* 0: not; N: the N-th from now */
static long commands, operations;
static useconds_t delay;

static void
disconnect(void)
{
	if (vpcd >= 0)
		close(vpcd);
	vpcd = -1;
}

/* Waits a little for a reader that is not there yet. */
static void
connect_reader(void)
{
	const int yes = 1;

	vpcd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (vpcd < 0 ||
	    connect(vpcd, (const struct sockaddr *)&vpcd_address,
		sizeof(vpcd_address)) != 0) {
		disconnect();
		usleep(20000);
		return;
	}
	setsockopt(vpcd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	apdu_power(card);
}

/*
 * vpcd sends the length and the body as two segments. With delayed
 * acknowledgements each command would take 40 ms twice, and the kernel
 * forgets the option after use.
 */
static bool
receive(void *data, size_t size)
{
	const int yes = 1;
	ssize_t got;

	for (size_t done = 0; done < size; done += (size_t)got) {
		setsockopt(vpcd, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof(yes));
		got = read(vpcd, (char *)data + done, size - done);
		if (got <= 0)
			return false;
	}
	return true;
}

/* In one segment, for the same reason. */
static void
send_message(const uint8_t *data, size_t size)
{
	uint8_t length[2] = {(uint8_t)(size >> 8), (uint8_t)size};
	struct iovec parts[2] = {
	    {length, sizeof(length)},
	    {(void *)(uintptr_t)data, size},
	};

	if (writev(vpcd, parts, 2) != (ssize_t)(size + sizeof(length)))
		disconnect();
}

/* TS, T0 with 8 historical bytes, T=0 and T=1, the name, TCK. */
static void
send_atr(void)
{
	uint8_t atr[13] = {0x3b, 0x88, 0x80, 0x01};

	memcpy(atr + 4, card->atr_name, 8);
	for (size_t i = 1; i < sizeof(atr) - 1; i++)
		atr[sizeof(atr) - 1] ^= atr[i];
	send_message(atr, sizeof(atr));
}

static void
show(const char *direction, const uint8_t *data, size_t size)
{
	if (!verbose)
		return;
	fprintf(stderr, "%s", direction);
	for (size_t i = 0; i < size && i < 300; i++)
		fprintf(stderr, "%02x", data[i]);
	fprintf(stderr, " (%zu)\n", size);
}

static void
pull(void)
{
	disconnect();
	in_reader = false;
}

/* True if the card goes now. */
static bool
counts_down(long *counter)
{
	if (*counter == 0 || --*counter > 0)
		return false;
	pull();
	return true;
}

static void
serve_command(const uint8_t *raw, size_t size)
{
	uint8_t answer[258];
	size_t answer_size;

	show("> ", raw, size);
	commands++;
	if (counts_down(&pull_after))
		return;
	if (card->is_operation(raw, size)) {
		operations++;
		if (counts_down(&pull_during))
			return;
		usleep(delay);
	}
	answer_size = apdu_answer(card, raw, size, answer);
	show("< ", answer, answer_size);
	send_message(answer, answer_size);
}

static void
serve_reader(void)
{
	uint8_t length[2], message[65536];
	size_t size;

	if (!receive(length, sizeof(length))) {
		disconnect();
		return;
	}
	size = (size_t)length[0] << 8 | length[1];
	if (!receive(message, size))
		disconnect();
	else if (size > 1)
		serve_command(message, size);
	else if (size == 1 && message[0] == VPCD_ATR)
		/* Asked every 400 ms to see whether the card is there: it is
		 * no reset, the login must survive it. */
		send_atr();
	else if (size == 1 &&
	    (message[0] == VPCD_OFF || message[0] == VPCD_RESET))
		apdu_power(card);
}

static void
reply(const char *line)
{
	const size_t size = strlen(line);

	/* Nobody has to read it. */
	if (write(replies, line, size) != (ssize_t)size && verbose)
		perror("card: reply");
}

static void
reply_stat(void)
{
	char line[128];

	snprintf(line, sizeof(line),
	    "commands %ld operations %ld tries %d card %s\n", commands,
	    operations, card->tries_left(), in_reader ? "in" : "out");
	reply(line);
}

static void
obey(const char *line)
{
	long number = 0;
	char word[16] = "";

	if (sscanf(line, "%15s %ld", word, &number) < 1)
		return;
	if (strcmp(word, "stat") == 0) {
		reply_stat();
		return;
	}
	if (strcmp(word, "pull") == 0) {
		pull();
	} else if (strcmp(word, "insert") == 0) {
		in_reader = true;
	} else if (strcmp(word, "pullafter") == 0) {
		pull_after = number;
	} else if (strcmp(word, "pullduring") == 0) {
		pull_during = number;
	} else if (strcmp(word, "delay") == 0) {
		delay = (useconds_t)number * 1000;
	} else if (strcmp(word, "resetpin") == 0) {
		card->reset_tries();
	} else if (strcmp(word, "quit") == 0) {
		exit(0);
	} else {
		reply("unknown command\n");
		return;
	}
	reply("ok\n");
}

static void
serve_control(void)
{
	char *end;
	const ssize_t got = read(control, control_line + control_size,
	    sizeof(control_line) - 1 - control_size);

	if (got <= 0) {
		control = -1;
		return;
	}
	control_size += (size_t)got;
	control_line[control_size] = '\0';
	while ((end = strchr(control_line, '\n')) != NULL) {
		*end++ = '\0';
		obey(control_line);
		control_size -= (size_t)(end - control_line);
		memmove(control_line, end, control_size + 1);
	}
	if (control_size == sizeof(control_line) - 1)
		control_size = 0; /* no command is that long */
}

static _Noreturn void
usage(void)
{
	fprintf(stderr,
	    "usage: %s --state FILE [--connect HOST:PORT]"
	    " [--control FIFO --reply FIFO] [--verbose]\n",
	    card->name);
	exit(2);
}

static int
open_fifo(const char *path)
{
	/* For reading and writing, so that it never ends or blocks. */
	const int fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0) {
		fprintf(
		    stderr, "%s: %s: %s\n", card->name, path, strerror(errno));
		exit(1);
	}
	return fd;
}

static void
parse_address(const char *text)
{
	char host[64];
	unsigned short port;

	vpcd_address.sin_family = AF_INET;
	if (sscanf(text, "%63[^:]:%hu", host, &port) != 2 ||
	    inet_pton(AF_INET, host, &vpcd_address.sin_addr) != 1)
		usage();
	vpcd_address.sin_port = htons(port);
}

/* Returns the state file's path. */
static const char *
parse_options(int argc, char **argv)
{
	static const struct option options[] = {
	    {"state", required_argument, NULL, 's'},
	    {"connect", required_argument, NULL, 'c'},
	    {"control", required_argument, NULL, 'i'},
	    {"reply", required_argument, NULL, 'o'},
	    {"verbose", no_argument, NULL, 'v'},
	    {NULL, 0, NULL, 0},
	};
	const char *state = NULL;
	int option;

	parse_address("127.0.0.1:35963");
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
		switch (option) {
		case 's':
			state = optarg;
			break;
		case 'c':
			parse_address(optarg);
			break;
		case 'i':
			control = open_fifo(optarg);
			break;
		case 'o':
			replies = open_fifo(optarg);
			break;
		case 'v':
			verbose = true;
			break;
		default:
			usage();
		}
	if (state == NULL || optind != argc)
		usage();
	return state;
}

int
reader_run(const struct card *the_card, int argc, char **argv)
{
	const char *state;
	bool is_new;

	card = the_card;
	state = parse_options(argc, argv);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	signal(SIGPIPE, SIG_IGN);
	if (!store_open(state, &is_new)) {
		fprintf(
		    stderr, "%s: %s: %s\n", card->name, state, strerror(errno));
		return 1;
	}
	card->start(is_new);
	for (;;) {
		struct pollfd events[] = {
		    {.fd = control, .events = POLLIN},
		    {.fd = vpcd, .events = POLLIN},
		};

		if (in_reader && vpcd < 0) {
			connect_reader();
			events[1].fd = vpcd;
		}
		/* Once a second, to see whether the card may connect. */
		if (poll(events, 2, in_reader && vpcd < 0 ? 0 : 1000) < 0)
			return 1;
		if (events[0].revents != 0)
			serve_control();
		if (vpcd >= 0 && vpcd == events[1].fd && events[1].revents != 0)
			serve_reader();
	}
}
