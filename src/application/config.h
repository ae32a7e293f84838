/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* claviger.conf: reading it strictly and writing it. */
#ifndef CLV_APPLICATION_CONFIG_H
#define CLV_APPLICATION_CONFIG_H

#include <claviger/certificate.h>
#include <claviger/verify.h>

#define CLV_CONFIG_NAME "claviger.conf"
#define CLV_CONFIG_MAX 65536U
#define CLV_GROUPS_MAX 16U
#define CLV_SLOTS_MAX 32U
#define CLV_ADMINISTRATORS_MAX 32U
#define CLV_NAMES_MAX 32U
#define CLV_TYPES_MAX 16U

/* The audit log, see <claviger/audit.h>. */
#define CLV_AUDIT_SIZE_DEFAULT ((size_t)1 << 20)
#define CLV_AUDIT_SIZE_LEAST ((size_t)1 << 16)
#define CLV_AUDIT_SIZE_MOST ((size_t)32 << 20)
#define CLV_AUDIT_COUNT_DEFAULT 8U
#define CLV_AUDIT_COUNT_MOST 500U

struct clv_config_group {
	char *name;
	char *trust_list;
	/* What it is meant to have; none given: the types of its slots. */
	char *types[CLV_TYPES_MAX];
	size_t type_count;
	uint32_t suppress; /* bits of enum clv_validation */
};

/* A LocalizedText. */
struct clv_config_name {
	char *locale;
	char *text;
};

struct clv_config_slot {
	size_t group; /* index */
	char *type;
	char *store;
	char *key;
	char *certificate;
	char *chain; /* concatenated DER of its issuers */
};

struct clv_config {
	clv_subject *subject;
	char *product_uri;
	struct clv_config_name names[CLV_NAMES_MAX];
	size_t name_count;
	struct clv_config_group groups[CLV_GROUPS_MAX];
	size_t group_count;
	struct clv_config_slot slots[CLV_SLOTS_MAX];
	size_t slot_count;
	/* Accounts and groups that may write TrustLists and configuration. */
	char *users[CLV_ADMINISTRATORS_MAX];
	size_t user_count;
	char *user_groups[CLV_ADMINISTRATORS_MAX];
	size_t user_group_count;
	/* Bytes of a file of the audit log, and how many files. */
	size_t audit_size;
	size_t audit_files;
	bool audit_begun; /* something was recorded */
};

/* Parses YAML; `path` is for messages. CLV_CORRUPT names the line. */
clv_status clv_config_parse(const char *path, const void *text, size_t size,
    struct clv_config *config, clv_error **err);
void clv_config_clear(struct clv_config *config);

/* Whether it is the name of a CertificateType. */
bool clv_config_is_type(const char *name);

/* Whether slots of a CertificateType may be in a group. */
bool clv_config_group_has_type(
    const struct clv_config *config, size_t group, const char *type);

/* Writes YAML that clv_config_parse() reads. Free `*text` with free(). */
clv_status clv_config_print(const struct clv_config *config, char **text,
    size_t *size, clv_error **err);

#endif
