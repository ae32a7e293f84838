/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "tlv.h"

#include <string.h>

static bool
take(struct bytes *rest, unsigned *byte)
{
	if (rest->size == 0)
		return false;
	*byte = *rest->data++;
	rest->size--;
	return true;
}

static bool
take_tag(struct bytes *rest, unsigned *tag)
{
	unsigned second;

	if (!take(rest, tag))
		return false;
	if ((*tag & 0x1f) != 0x1f)
		return true;
	if (!take(rest, &second))
		return false;
	*tag = *tag << 8 | second;
	return true;
}

static bool
take_length(struct bytes *rest, size_t *length)
{
	unsigned byte, high = 0;

	if (!take(rest, &byte))
		return false;
	if (byte == 0x82 && !take(rest, &high))
		return false;
	if (byte > 0x82 || byte == 0x80)
		return false;
	if (byte > 0x80 && !take(rest, &byte))
		return false;
	*length = high << 8 | byte;
	return true;
}

bool
tlv_next(struct bytes *rest, struct tlv *tlv)
{
	size_t length;

	if (!take_tag(rest, &tlv->tag) || !take_length(rest, &length) ||
	    length > rest->size)
		return false;
	tlv->value = (struct bytes){rest->data, length};
	rest->data += length;
	rest->size -= length;
	return true;
}

bool
tlv_find(struct bytes in, unsigned tag, struct bytes *value)
{
	struct tlv tlv;

	while (tlv_next(&in, &tlv))
		if (tlv.tag == tag) {
			*value = tlv.value;
			return true;
		}
	return false;
}

void
buffer_put(struct buffer *buffer, const void *data, size_t size)
{
	if (size > sizeof(buffer->data) - buffer->size) {
		buffer->overflowed = true;
		return;
	}
	if (size > 0)
		memcpy(buffer->data + buffer->size, data, size);
	buffer->size += size;
}

void
buffer_put_byte(struct buffer *buffer, unsigned byte)
{
	const uint8_t value = (uint8_t)byte;

	buffer_put(buffer, &value, 1);
}

static void
put_header(struct buffer *buffer, unsigned tag, size_t size)
{
	if (tag > 0xff)
		buffer_put_byte(buffer, tag >> 8);
	buffer_put_byte(buffer, tag & 0xff);
	if (size > 0xff) {
		buffer_put_byte(buffer, 0x82);
		buffer_put_byte(buffer, (unsigned)size >> 8);
	} else if (size > 0x7f) {
		buffer_put_byte(buffer, 0x81);
	}
	buffer_put_byte(buffer, size & 0xff);
}

void
buffer_put_tlv(
    struct buffer *buffer, unsigned tag, const void *data, size_t size)
{
	put_header(buffer, tag, size);
	buffer_put(buffer, data, size);
}

void
buffer_wrap(struct buffer *buffer, unsigned tag)
{
	struct buffer header = {.size = 0};

	put_header(&header, tag, buffer->size);
	if (buffer->size + header.size > sizeof(buffer->data)) {
		buffer->overflowed = true;
		return;
	}
	memmove(buffer->data + header.size, buffer->data, buffer->size);
	memcpy(buffer->data, header.data, header.size);
	buffer->size += header.size;
}
