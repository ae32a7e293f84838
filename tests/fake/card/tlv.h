/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* BER-TLV as ISO 7816-4 has it: tags of one or two bytes, lengths below
 * 65536; and the buffers that it is written to. */
#ifndef CLV_FAKE_CARD_TLV_H
#define CLV_FAKE_CARD_TLV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CARD_BUFFER 8192

struct bytes {
	const uint8_t *data;
	size_t size;
};

struct buffer {
	uint8_t data[CARD_BUFFER];
	size_t size;
	bool overflowed;
};

struct tlv {
	unsigned tag;
	struct bytes value;
};

/* Takes the next one off the front. False at the end and on nonsense. */
bool tlv_next(struct bytes *rest, struct tlv *tlv);

/* The first with this tag, on this level. */
bool tlv_find(struct bytes in, unsigned tag, struct bytes *value);

void buffer_put(struct buffer *buffer, const void *data, size_t size);
void buffer_put_byte(struct buffer *buffer, unsigned byte);
void buffer_put_tlv(
    struct buffer *buffer, unsigned tag, const void *data, size_t size);
/* Puts a tag and length before what is in the buffer already. */
void buffer_wrap(struct buffer *buffer, unsigned tag);

static inline struct bytes
buffer_bytes(const struct buffer *buffer)
{
	return (struct bytes){buffer->data, buffer->size};
}

#endif
