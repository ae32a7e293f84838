/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "apdu.h"

#include <string.h>

#define INS_GET_RESPONSE 0xc0
#define CLA_CHAINING 0x10
#define ANSWER_MAX 256

static struct buffer chain;    /* data of a command still to come */
static struct buffer response; /* of the last command */
static size_t response_sent;

void
apdu_power(const struct card *card)
{
	chain = (struct buffer){.size = 0};
	response = (struct buffer){.size = 0};
	response_sent = 0;
	card->power();
}

static size_t
put_status(uint8_t *to, unsigned status)
{
	to[0] = (uint8_t)(status >> 8);
	to[1] = (uint8_t)status;
	return 2;
}

/* Sends what is left of the response, as much as fits. */
static size_t
send_response(size_t le, uint8_t answer[258])
{
	size_t size = response.size - response_sent;
	size_t left;
	unsigned status = SW_OK;

	if (le > 0 && le < ANSWER_MAX && size > le)
		size = le;
	if (size > ANSWER_MAX)
		size = ANSWER_MAX;
	memcpy(answer, response.data + response_sent, size);
	response_sent += size;
	left = response.size - response_sent;
	if (left > 0)
		status = 0x6100 | (left > 0xff ? 0 : (unsigned)left);
	return size + put_status(answer + size, status);
}

/* Short and extended lengths. False if they lie. */
static bool
parse(const uint8_t *raw, size_t size, struct apdu *apdu)
{
	size_t header = 5, lc;

	if (size < 4)
		return false;
	*apdu = (struct apdu){raw[0], raw[1], raw[2], raw[3], {NULL, 0}, 0};
	if (size == 5)
		apdu->le = raw[4];
	if (size <= 5)
		return true;
	lc = raw[4];
	if (lc == 0 && size > 7) {
		lc = (size_t)raw[5] << 8 | raw[6];
		header = 7;
	}
	if (header + lc > size)
		return false;
	apdu->data = (struct bytes){raw + header, lc};
	if (header + lc < size)
		apdu->le = raw[size - 1];
	return true;
}

size_t
apdu_answer(const struct card *card, const uint8_t *raw, size_t size,
    uint8_t answer[258])
{
	struct apdu apdu;
	unsigned status;

	if (!parse(raw, size, &apdu))
		return put_status(answer, SW_WRONG_LENGTH);
	if (apdu.ins == INS_GET_RESPONSE)
		return response_sent == response.size
		    ? put_status(answer, SW_CONDITIONS)
		    : send_response(apdu.le, answer);
	buffer_put(&chain, apdu.data.data, apdu.data.size);
	if (apdu.cla & CLA_CHAINING)
		return put_status(
		    answer, chain.overflowed ? SW_NO_SPACE : SW_OK);

	apdu.data = buffer_bytes(&chain);
	response = (struct buffer){.size = 0};
	response_sent = 0;
	status = chain.overflowed ? SW_NO_SPACE
	    : (apdu.cla & 0xfc)   ? SW_UNKNOWN_CLA
				  : card->command(&apdu, &response);
	chain = (struct buffer){.size = 0};
	if (status != SW_OK || response.overflowed) {
		response.size = 0;
		return put_status(
		    answer, status == SW_OK ? SW_NO_SPACE : status);
	}
	return send_response(apdu.le, answer);
}
