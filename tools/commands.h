/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

/* Every command's function. To add one: declare it here, write cmd_NAME.c,
 * put a line into the table in commands.c. */
#ifndef CLV_COMMANDS_H
#define CLV_COMMANDS_H

#include "program.h"

typedef int command_fn(struct program *program, int argc, char **argv);

command_fn cmd_audit;
command_fn cmd_cert_install;
command_fn cmd_cert_request;
command_fn cmd_cert_read;
command_fn cmd_cert_show;
command_fn cmd_cert_store;
command_fn cmd_doctor;
command_fn cmd_group_add;
command_fn cmd_init;
command_fn cmd_key_generate;
command_fn cmd_key_list;
command_fn cmd_key_show;
command_fn cmd_key_probe;
command_fn cmd_key_sign;
command_fn cmd_key_decrypt;
command_fn cmd_key_import;
command_fn cmd_key_delete;
command_fn cmd_key_passwd;
command_fn cmd_recover;
command_fn cmd_seal;
command_fn cmd_slot_add;
command_fn cmd_slot_remove;
command_fn cmd_status;
command_fn cmd_trust_accept;
command_fn cmd_trust_add;
command_fn cmd_trust_export;
command_fn cmd_trust_import;
command_fn cmd_trust_list;
command_fn cmd_trust_pack;
command_fn cmd_trust_remove;
command_fn cmd_trust_unpack;
command_fn cmd_trust_verify;

#endif
