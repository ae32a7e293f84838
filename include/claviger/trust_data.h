/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/**
 * The TrustListDataType of OPC UA (Part 12, 7.8.2.8; i=12554): what a
 * TrustList looks like on its way between a CertificateManager and an
 * application.
 *
 *     SpecifiedLists       UInt32, bits of ::clv_trust_mask
 *     TrustedCertificates  ByteString[]
 *     TrustedCrls          ByteString[]
 *     IssuerCertificates   ByteString[]
 *     IssuerCrls           ByteString[]
 *
 * The stream that the methods of TrustListType read and write is the UA
 * Binary form of this structure without an ExtensionObject around it.
 *
 * Here, an entry is bytes and no more: whether they are a certificate is for
 * the TrustList they are put into (see trust.h).
 *
 * An object belongs to one thread at a time; while none changes it, any
 * number may read it.
 */
#ifndef CLAVIGER_TRUST_DATA_H
#define CLAVIGER_TRUST_DATA_H

#include <claviger/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/** TrustListMasks (Part 12, 7.8.2.9; i=12552): which lists are meant. */
typedef enum clv_trust_mask {
	CLV_TRUST_NO_LIST = 0,
	CLV_TRUST_TRUSTED_CERTIFICATES = 1,
	CLV_TRUST_TRUSTED_CRLS = 2,
	CLV_TRUST_ISSUER_CERTIFICATES = 4,
	CLV_TRUST_ISSUER_CRLS = 8,
	CLV_TRUST_ALL_LISTS = 15
} clv_trust_mask;

/**
 * What a stream may ask for at most. Zero in a field means its default.
 * Whatever the limits, decoding allocates at most about five times the size
 * of the stream.
 */
struct clv_trust_data_limits {
	size_t max_bytes;      /**< the whole stream; 256 MiB */
	size_t max_entries;    /**< in all lists together; 1,000,000 */
	size_t max_entry_size; /**< one certificate or CRL; 32 MiB */
};

#define CLV_TRUST_DATA_MAX_BYTES ((size_t)256 << 20)
#define CLV_TRUST_DATA_MAX_ENTRIES ((size_t)1000000)
#define CLV_TRUST_DATA_MAX_ENTRY_SIZE ((size_t)32 << 20)

typedef struct clv_trust_data clv_trust_data;

/**
 * Makes one with mask 0 and four null arrays.
 *
 * @param[out] out the caller's, for clv_trust_data_free()
 * @return CLV_NO_MEMORY
 */
CLV_API clv_status clv_trust_data_new(clv_trust_data **out, clv_error **err);

/** Frees `*data` and sets it to NULL. Accepts NULL and a pointer to NULL. */
CLV_API void clv_trust_data_free(clv_trust_data **data);

/**
 * Decodes a stream, strictly: it ends with its last list, a length is -1
 * (null) or not negative, and the mask has no bits but those of
 * #CLV_TRUST_ALL_LISTS. Entries of a list that the mask does not name are
 * kept. Encoding the result gives the same bytes again.
 *
 * @param bytes  copied
 * @param limits NULL for the defaults
 * @param[out] out the caller's
 * @return CLV_CORRUPT (BadDecodingError), CLV_TOO_LARGE
 *         (BadEncodingLimitsExceeded), CLV_NO_MEMORY
 */
CLV_API clv_status clv_trust_data_decode(const void *bytes, size_t size,
    const struct clv_trust_data_limits *limits, clv_trust_data **out,
    clv_error **err);

/** How many bytes clv_trust_data_encode() writes; SIZE_MAX for too many. */
CLV_API size_t clv_trust_data_encoded_size(const clv_trust_data *data);

/**
 * Encodes into the caller's buffer.
 *
 * @param[out] size bytes written; 0 on failure
 * @return CLV_TOO_LARGE if `capacity` is less than
 *         clv_trust_data_encoded_size(), and nothing was written
 */
CLV_API clv_status clv_trust_data_encode(const clv_trust_data *data,
    void *buffer, size_t capacity, size_t *size, clv_error **err);

/** SpecifiedLists: bits of ::clv_trust_mask. */
CLV_API unsigned clv_trust_data_specified(const clv_trust_data *data);

/** Sets SpecifiedLists. @return CLV_INVALID for any other bit */
CLV_API clv_status clv_trust_data_specify(
    clv_trust_data *data, unsigned mask, clv_error **err);

/** How many entries a list has. `list` is one bit of ::clv_trust_mask. */
CLV_API size_t clv_trust_data_count(
    const clv_trust_data *data, clv_trust_mask list);

/** Whether a list is the null array, which is not the empty one. */
CLV_API bool clv_trust_data_is_null(
    const clv_trust_data *data, clv_trust_mask list);

/**
 * An entry, borrowed until the next call that changes `data`. A null
 * ByteString is NULL, an empty one is not; of both the size is 0, as it is
 * where there is no such entry.
 */
CLV_API const uint8_t *clv_trust_data_entry(const clv_trust_data *data,
    clv_trust_mask list, size_t index, size_t *size);

/**
 * Appends a copy of an entry to a list, which is not null from then on. With
 * `bytes` NULL the entry is a null ByteString. The mask stays as it is.
 *
 * @return CLV_INVALID if `list` is not one list, CLV_TOO_LARGE over
 *         INT32_MAX, CLV_NO_MEMORY
 */
CLV_API clv_status clv_trust_data_add(clv_trust_data *data, clv_trust_mask list,
    const void *bytes, size_t size, clv_error **err);

/** Makes a list the empty array, or the null array. Not for `list` 0. */
CLV_API void clv_trust_data_clear(
    clv_trust_data *data, clv_trust_mask list, bool null);

#ifdef __cplusplus
}
#endif

#endif
