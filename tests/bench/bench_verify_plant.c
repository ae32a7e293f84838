/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "bench_verify.h"

#include <string.h>

#define ROOT FORGE_RSA2048_A
#define MIDDLE FORGE_RSA2048_B
#define ROOT_NAME "CN=Root,O=Plant"
#define MIDDLE_NAME "CN=Middle,O=Plant"

/* Overwrites every occurrence of `old` by `new_bytes` of the same size. */
static void
patch(struct bytes *bytes, const void *old, const void *new_bytes, size_t size)
{
	uint8_t *at = bytes->data;

	while ((at = memmem(at, bytes->size - (size_t)(at - bytes->data), old,
		    size)) != NULL) {
		memcpy(at, new_bytes, size);
		at += size;
	}
}

/* Devices nobody talks to: like the first, but for name, URI and key
 * identifier. Their signatures are wrong, which nobody will ever find out. */
static void
make_others(struct bench_plant *plant)
{
	static const char digits[] = "00000000";
	struct bytes first = forge(.subject = "CN=device-00000000,O=Plant",
	    .uri = "urn:plant:device-00000000", .key = FORGE_RSA2048_B,
	    .raw_ski = forge_text(0x04, "key-id-of---00000000"),
	    .raw_aki =
		forge_tlv(0x30, forge_text(0x80, "key-id-of---00000000")));

	for (size_t i = 1; i < plant->list_size; i++) {
		char number[sizeof(digits)];

		plant->listed[i] = forge_copy(first.data, first.size);
		(void)snprintf(number, sizeof(number), "%08u", (unsigned)i);
		patch(&plant->listed[i], digits, number, sizeof(digits) - 1);
	}
	forge_clear(&first);
}

static struct bytes
make_peer(const struct bench_plant *plant, uint64_t serial)
{
	char uri[64], subject[64];

	(void)snprintf(uri, sizeof(uri), "urn:plant:peer-%u", (unsigned)serial);
	(void)snprintf(
	    subject, sizeof(subject), "CN=Peer %u,O=Plant", (unsigned)serial);
	if (plant->chain == 1)
		return forge(.subject = subject, .key = MIDDLE,
		    .serial = serial, .uri = uri);
	return forge(.subject = subject, .serial = serial,
	    .raw_spki = forge_fake_rsa(2048, (uint8_t)(serial | 1), 65537),
	    .issuer = plant->chain == 2 ? ROOT_NAME : MIDDLE_NAME,
	    .signer = plant->chain == 2 ? ROOT : MIDDLE, .uri = uri);
}

static struct bytes
make_crl(const char *issuer, enum forge_key signer, size_t entries)
{
	uint64_t *serials = calloc(entries + 1, sizeof(*serials));
	struct bytes bytes;

	bench_must(serials != NULL);
	for (size_t i = 0; i < entries; i++)
		serials[i] = UINT64_C(0x4000000000000000) + i * 1000003;
	bytes =
	    forge_list(.issuer = issuer, .signer = signer, .serials = serials);
	free(serials);
	return bytes;
}

void
bench_plant_make(struct bench_plant *plant)
{
	plant->listed = calloc(plant->list_size, sizeof(*plant->listed));
	bench_must(plant->listed != NULL);
	plant->listed[0] = forge(.subject = ROOT_NAME, .key = ROOT, .ca = true);
	make_others(plant);
	for (size_t i = 0; i < BENCH_PEERS; i++) {
		struct bytes *peer = &plant->peers[i];
		struct bytes *middle = &plant->middles[i];

		if (plant->chain == 3)
			*middle = forge(.subject = MIDDLE_NAME, .key = MIDDLE,
			    .issuer = ROOT_NAME, .signer = ROOT, .ca = true,
			    .serial = 2 + i);

		*peer = make_peer(plant, 1000 + i);
		plant->messages[i] = forge_copy(peer->data, peer->size);
		if (plant->sent)
			plant->messages[i] = forge_join(plant->messages[i],
			    forge_copy(middle->data, middle->size), FORGE_END);
	}
	if (plant->crl_size == 0)
		return;
	if (plant->chain >= 2)
		plant->crls[plant->crl_count++] =
		    make_crl(ROOT_NAME, ROOT, plant->crl_size);
	if (plant->chain == 3)
		plant->crls[plant->crl_count++] =
		    make_crl(MIDDLE_NAME, MIDDLE, plant->crl_size);
}

void
bench_plant_clear(struct bench_plant *plant)
{
	for (size_t i = 0; i < plant->list_size; i++)
		forge_clear(&plant->listed[i]);
	free(plant->listed);
	for (size_t i = 0; i < plant->crl_count; i++)
		forge_clear(&plant->crls[i]);
	for (size_t i = 0; i < BENCH_PEERS; i++) {
		forge_clear(&plant->peers[i]);
		forge_clear(&plant->messages[i]);
		forge_clear(&plant->middles[i]);
	}
}
