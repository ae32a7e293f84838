/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* seed-verify DIRECTORY: makes DIRECTORY/{certificate,crl} for the fuzz
 * targets of those names, out of the hostile cases and a few that fit the
 * targets' own CA. */

#include "fixtures/hostile/hostile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_SIZE 4096

struct seeds {
	const char *directory;
	unsigned count;
};

static void
write_seed(struct seeds *seeds, const char *kind, const char *head,
    size_t head_size, const struct bytes *bytes)
{
	char path[PATH_SIZE];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s/%04u", seeds->directory, kind,
	    seeds->count++);
	file = fopen(path, "wb");
	if (file == NULL || fwrite(head, 1, head_size, file) != head_size ||
	    fwrite(bytes->data, 1, bytes->size, file) != bytes->size ||
	    fclose(file) != 0) {
		fprintf(stderr, "seed-verify: %s: %s\n", path, strerror(errno));
		exit(1);
	}
}

/* Small ones only: the fuzzer has enough to do. */
static void
write_case(void *user, const struct hostile_case *hostile)
{
	char head[4] = {0, 0x40, 0, 0x02};

	if (hostile->message.size < 2000)
		write_seed(user, "certificate", head, 4, &hostile->message);
	for (size_t i = 0; i < hostile->crls.count; i++)
		if (strncmp(hostile->name, "crl", 3) == 0 &&
		    i + 1 == hostile->crls.count)
			write_seed(user, "crl", "\x03\0\0", 3,
			    &hostile->crls.files[i]);
}

#define signed_by_ca(...)                                             \
	forge(.issuer = "CN=ca", .signer = FORGE_ED25519, .hash = "", \
	    .key = FORGE_ED25519, .no_aki = true, __VA_ARGS__)

static void
write_own_certificates(struct seeds *seeds)
{
	struct bytes own[] = {
	    signed_by_ca(.serial = 7),
	    signed_by_ca(.dns = "pump7", .ip = "192.0.2.7"),
	    signed_by_ca(.ca = true, .path_length = 1),
	    signed_by_ca(.ca = true, .usage = 0x6f),
	    signed_by_ca(.raw_spki = forge_fake_rsa(2048, 1, 65537)),
	    signed_by_ca(.raw_spki = forge_spki(forge_key(FORGE_P256_A))),
	    signed_by_ca(.raw_spki = forge_spki(forge_key(FORGE_P384))),
	    signed_by_ca(.extra = forge_extension("2.5.29.30", true,
			     forge_tlv(0x30,
				 forge_tlv(0xa0,
				     forge_tlv(0x30,
					 forge_text(0x82, "plant.example")))))),
	};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		for (char role = 0; role < 5; role++) {
			char head[4] = {role, 0, 0, 0x71};

			write_seed(seeds, "certificate", head, 4, &own[i]);
		}
		forge_clear(&own[i]);
	}
}

#define list_by_ca(...)                                                    \
	forge_list(.issuer = "CN=ca", .signer = FORGE_ED25519, .hash = "", \
	    .no_aki = true, __VA_ARGS__)

static void
write_own_crls(struct seeds *seeds)
{
	static const uint64_t serials[] = {1, 5, 300, 0};
	struct bytes own[] = {
	    list_by_ca(.number = 1),
	    list_by_ca(.number = 2, .serials = serials),
	    list_by_ca(.number = 3, .serials = serials, .reason = 6),
	    list_by_ca(.number = 4, .serials = serials, .reason = 8,
		.is_delta = true, .delta_of = 3),
	    list_by_ca(.number = 5, .next_update = "300610000000Z",
		.serials = serials),
	};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		write_seed(seeds, "crl", "\x03\0\0", 3, &own[i]);
	for (size_t i = 0; i + 1 < sizeof(own) / sizeof(own[0]); i++) {
		const char head[3] = {
		    0x07, (char)(own[i].size >> 8), (char)own[i].size};
		struct bytes two = forge_join(
		    forge_copy(own[i].data, own[i].size),
		    forge_copy(own[i + 1].data, own[i + 1].size), FORGE_END);

		write_seed(seeds, "crl", head, 3, &two);
		forge_clear(&two);
	}
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		forge_clear(&own[i]);
}

static void
make_directory(const char *base, const char *name)
{
	char path[PATH_SIZE];

	(void)snprintf(path, sizeof(path), "%s/%s", base, name);
	if (mkdir(path, 0755) != 0 && errno != EEXIST) {
		fprintf(stderr, "seed-verify: %s: %s\n", path, strerror(errno));
		exit(1);
	}
}

int
main(int argc, char **argv)
{
	struct seeds seeds = {argc > 1 ? argv[1] : "", 0};

	if (argc != 2) {
		fprintf(stderr, "usage: seed-verify DIRECTORY\n");
		return 2;
	}
	make_directory(argv[1], "");
	make_directory(argv[1], "certificate");
	make_directory(argv[1], "crl");
	write_own_certificates(&seeds);
	write_own_crls(&seeds);
	(void)hostile_each(write_case, &seeds);
	forge_keys_free();
	return 0;
}
