#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright (c) the Claviger authors
#
# test_node_opcua.sh MODULE-DIRECTORY PROGRAM: a store that node-opcua-pki, the
# npm package, made is imported, its certificates are verified, and what is
# exported is read by openssl, certtool and node-opcua-pki.
#
# Not one of the tests that always run: Debian's npm brings 400 packages along,
# and the package comes over the network. Configure with -DCLV_TEST_NODE=ON.

NEEDS="node:nodejs npm:npm openssl:openssl certtool:gnutls-bin"
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/interop/common.sh
. "$here/common.sh"
claviger=$2
umask 022

install_package() {
	npm install --no-audit --no-fund --prefix . node-opcua-pki@7.0.0
}

# one_of FILE...: the only file of a pattern.
one_of() {
	[ $# = 1 ] && [ -f "$1" ] && echo "$1"
}

says() { # TEXT COMMAND...
	local text=$1
	shift
	"$@" >said 2>&1 && cat said && grep -qF -- "$text" said
}

gives() { # LAST-LINE COMMAND...
	local line=$1
	shift
	"$@" >said 2>&1
	cat said
	[ "$(tail -n 1 said)" = "$line" ]
}

verify() { # OPTION...
	"$claviger" trust verify pki app.der --role server "$@"
}

as_der() {
	openssl x509 -in "$1" -inform DER -out "$2"
}

check "npm install node-opcua-pki" install_package || finish
cp "$here/node_opcua.mjs" .
check "node-opcua-pki makes a store" node node_opcua.mjs "$directory"
mkdir -m 0755 pki
check "it is imported" says "3 added" "$claviger" trust import pki node
check "again, nothing is new" says "0 added" "$claviger" trust import pki node
check "what it trusts is trusted" says "Node application" \
    "$claviger" trust list pki
check "its CA completes chains only" says "CA O=Plant, CN=Node CA" \
    "$claviger" trust list pki --what issuer
check "its CRL is there" says "Node CA" "$claviger" trust list pki --what crl
check "what it rejected is there" says "Rejected" \
    "$claviger" trust list pki --what rejected
check "its certificate is good" gives Good \
    verify --hostname pump --uri urn:plant:node
check "but not for another host" gives BadCertificateHostNameInvalid \
    verify --hostname other
check "nor another application" gives BadCertificateUriInvalid \
    verify --uri urn:plant:other

check "it is exported" "$claviger" trust export pki copy
check "the CA" as_der "$(one_of copy/issuer/certs/*)" ca.pem
check "the application" as_der "$(one_of copy/trusted/certs/*)" app2.pem
check "openssl verifies it" openssl verify -CAfile ca.pem app2.pem
check "certtool verifies it" certtool --verify \
    --load-ca-certificate ca.pem --infile app2.pem
check "certtool reads the CRL" certtool --crl-info --inder \
    --infile "$(one_of copy/issuer/crl/*)"
# Its own name for the folder.
mv copy/issuer copy/issuers
check "node-opcua-pki takes what was exported" gives Good \
    node node_opcua.mjs "$directory" "$directory/copy"
rm copy/trusted/certs/* && rm -rf copy/rejected
check "and would tell the difference" gives BadCertificateUntrusted \
    node node_opcua.mjs "$directory" "$directory/copy"
finish
