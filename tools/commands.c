/* SPDX-License-Identifier: Apache-2.0
 * Copyright (c) the Claviger authors */

#include "commands.h"

#include "subject_options.h"

const struct command commands[] = {
    {"init",
	"DIR --uri APPLICATION-URI [--cn NAME] [--org ORG] [--dns NAME]... "
	"[--ip ADDR]... [--type server|client|both|discovery] [--key "
	"STORE-URI] [--alg ALG]... [--days N]",
	"a new application: a key, a self-signed certificate, a TrustList",
	cmd_init},
    {"status", "DIR", "an application's slots, where its keys live, days left",
	cmd_status},
    {"recover", "DIR",
	"finish or discard what was interrupted; destroy unused keys",
	cmd_recover},
    {"doctor",
	"PATH... [--fix] [--application USER] [--admin USER]... "
	"[--admins GROUP]...",
	"the path guard's verdict; done only if all is secure", cmd_doctor},
    {"key generate",
	"STORE-URI --alg ALG [--label LABEL] [--id HEX] [--option NAME=VALUE]"
	"...",
	"make a key pair in a store; prints its URI", cmd_key_generate},
    {"key list", "STORE-URI", "the keys of a store: URI, algorithm, label",
	cmd_key_list},
    {"key show", "KEY-URI [--pem | --reference]",
	"a key's public half and where it lives", cmd_key_show},
    {"key probe", "KEY-URI",
	"which OPC UA security policies a key really serves", cmd_key_probe},
    {"key sign", "KEY-URI --scheme S [--raw] [--in FILE] [--out FILE]",
	"sign a message", cmd_key_sign},
    {"key decrypt", "KEY-URI --scheme S [--in FILE] [--out FILE]",
	"decrypt an RSA block", cmd_key_decrypt},
    {"key import",
	"STORE-URI --in FILE [--label LABEL] [--id HEX] [--option "
	"NAME=VALUE]...",
	"store a key that was made elsewhere; prints its URI", cmd_key_import},
    {"key delete", "KEY-URI --yes", "destroy a key", cmd_key_delete},
    {"key passwd", "KEY-URI", "change the password of a key", cmd_key_passwd},
    {"seal", "--out FILE [--tcti T]",
	"seal a secret from standard input to this machine's TPM", cmd_seal},
    {"cert request",
	"(DIR [--group GROUP] [--slot TYPE] | KEY-URI " SUBJECT_USAGE
	") [--out FILE]",
	"a certificate request (PKCS#10) for a key", cmd_cert_request},
    {"cert install", "DIR FILE [--chain FILE]... [--group GROUP --slot TYPE]",
	"put a certificate into the slot whose key it is for",
	cmd_cert_install},
    {"cert show", "FILE", "what a certificate says", cmd_cert_show},
    {"cert store", "KEY-URI (FILE... | --remove)",
	"keep a key's certificate and its chain on the key's token",
	cmd_cert_store},
    {"cert read", "KEY-URI [--out FILE]",
	"the certificate and chain that a token keeps for a key",
	cmd_cert_read},
    {"trust list", "DIR [--what trusted|issuer|rejected|crl]",
	"the certificates and CRLs of a TrustList", cmd_trust_list},
    {"trust add", "DIR FILE... [--issuer]",
	"add certificates and CRLs, found by content", cmd_trust_add},
    {"trust remove", "DIR THUMBPRINT",
	"remove a certificate or CRL, and a CA's CRLs with it",
	cmd_trust_remove},
    {"trust accept", "DIR THUMBPRINT", "trust a certificate that was rejected",
	cmd_trust_accept},
    {"trust verify",
	"DIR CERT [--chain FILE] [--role client|server|user] [--hostname H] "
	"[--uri U] [--suppress WHAT,...] [--at TIME]",
	"may I talk to its owner? each step, and what decided",
	cmd_trust_verify},
    {"trust pack", "DIR [--mask N] [--out FILE]",
	"a TrustList as TrustListDataType", cmd_trust_pack},
    {"trust unpack", "DIR [--in FILE]",
	"replace lists by a TrustListDataType, all or nothing",
	cmd_trust_unpack},
    {NULL, NULL, NULL, NULL},
};
