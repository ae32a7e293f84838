#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright (c) the Claviger authors

# test_tokens.sh MODULES-DIR CLAVIGER: OpenSC's pkcs11-tool and GnuTLS's p11tool
# see and use what claviger put on a token, and claviger what they put there.

NEEDS="openssl:openssl softhsm2-util:softhsm2 pkcs11-tool:opensc
    p11tool:gnutls-bin"
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"
claviger=$2
export GNUTLS_PIN=123456
echo "message" >message

tool() {
	pkcs11-tool --module "$softhsm" --login --pin 123456 "$@"
}
gnutls() {
	p11tool --provider "$softhsm" --login --batch "$@"
}
id_of() { # NAME: as pkcs11-tool takes it
	sed 's/.*;id=\([^;?]*\).*/\1/; s/%//g' "$1.uri"
}
# How GnuTLS names the key: of our URI, what it understands.
url_of() { # NAME TYPE
	sed "s/?.*//; s/type=private/type=$2/" "$1.uri"
}
verify() { # PUBLIC SIGNATURE
	openssl dgst -sha256 -verify "$1" -signature "$2" message
}

# -- what claviger makes

ours() { # NAME ALGORITHM
	"$claviger" key generate "$store" --alg "$2" --label "$1" >"$1.uri" &&
	    "$claviger" key show "$(cat "$1.uri")" --pem >"$1.pub"
}

opensc_sees() { # NAME
	tool --list-objects --type privkey --id "$(id_of "$1")" >seen &&
	    grep -q "label: *$1\$" seen &&
	    grep -q "Access: *sensitive, always sensitive, never extractable, local" seen &&
	    tool --list-objects --type pubkey --id "$(id_of "$1")" >seen &&
	    grep -q "label: *$1\$" seen
}

opensc_reads_public() { # NAME
	tool --read-object --type pubkey --id "$(id_of "$1")" -o der &&
	    openssl pkey -pubin -inform DER -in der -pubout -out got.pub &&
	    cmp got.pub "$1.pub"
}

opensc_signs_rsa() {
	tool --sign -m SHA256-RSA-PKCS --id "$(id_of rsa)" -i message \
	    -o signature && verify rsa.pub signature
}

opensc_signs_ec() {
	openssl dgst -sha256 -binary -out digest message &&
	    tool --sign -m ECDSA --id "$(id_of p256)" -i digest -o signature \
		--signature-format openssl && verify p256.pub signature
}

opensc_decrypts() {
	openssl pkeyutl -encrypt -pubin -inkey rsa.pub -in message -out cipher &&
	    tool --decrypt -m RSA-PKCS --id "$(id_of rsa)" -i cipher -o plain &&
	    cmp plain message
}

opensc_can_not_read() { # NAME
	tool --read-object --type privkey --id "$(id_of "$1")" -o secret
	[ ! -s secret ]
}

gnutls_sees() { # NAME
	gnutls --list-privkeys "$(url_of "$1" private)" >seen &&
	    grep -q "Label: $1\$" seen &&
	    grep -q "Flags:.*CKA_NEVER_EXTRACTABLE; CKA_SENSITIVE" seen
}

gnutls_signs() { # NAME
	gnutls --test-sign "$(url_of "$1" private)"
}

gnutls_reads_public() { # NAME
	gnutls --export-pubkey "$(url_of "$1" private)" --outfile got.pub &&
	    openssl pkey -pubin -in got.pub -pubout -out same.pub &&
	    cmp same.pub "$1.pub"
}

# The application's certificate and its chain, as a CA would send them.
make_chain() {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem \
	    -subj "/CN=Plant CA" -days 2 \
	    -addext basicConstraints=critical,CA:TRUE \
	    -addext keyUsage=keyCertSign -config "$here/plain.cnf" &&
	    "$claviger" cert request "$(cat rsa.uri)" --uri urn:plant:pump7 \
		--cn "Pump 7" --out rsa.csr &&
	    openssl x509 -req -in rsa.csr -CA ca.pem -CAkey ca.key -days 2 \
		-copy_extensions copyall -out rsa.crt &&
	    cat rsa.crt ca.pem >chain.pem
}

stores_chain() {
	openssl x509 -in rsa.crt -outform DER -out rsa.crt.der &&
	    "$claviger" cert store "$(cat rsa.uri)" rsa.crt.der ca.pem &&
	    "$claviger" cert read "$(cat rsa.uri)" --out got.pem &&
	    cmp got.pem chain.pem
}

opensc_reads_certificate() {
	tool --read-object --type cert --id "$(id_of rsa)" -o der &&
	    cmp der rsa.crt.der
}

# (Its --export-chain wants issuers that the security officer has marked.)
gnutls_reads_chain() {
	gnutls --export "$(url_of rsa cert)" --outfile got.pem &&
	    openssl x509 -in got.pem | cmp - rsa.crt &&
	    gnutls --export "pkcs11:token=lab;object=Plant%20CA;type=cert" \
		--outfile got.pem &&
	    openssl x509 -in got.pem | cmp - ca.pem
}

replaces_chain() {
	openssl x509 -req -in rsa.csr -CA ca.pem -CAkey ca.key -days 3 \
	    -copy_extensions copyall -out renewed.crt &&
	    cat renewed.crt ca.pem >renewed.pem &&
	    "$claviger" cert store "$(cat rsa.uri)" renewed.pem &&
	    "$claviger" cert read "$(cat rsa.uri)" >got.pem &&
	    cmp got.pem renewed.pem &&
	    [ "$(tool --list-objects --type cert | grep -c 'Certificate Object')" = 2 ]
}

removes_chain() {
	"$claviger" cert store "$(cat rsa.uri)" --remove &&
	    refuses "none is stored" "$claviger" cert read "$(cat rsa.uri)" &&
	    ! tool --list-objects --type cert | grep "Certificate Object"
}

delete_ours() { # NAME
	"$claviger" key delete "$(cat "$1.uri")" --yes &&
	    ! tool --list-objects | grep "label: *$1\$"
}

# -- what they make

theirs() { # NAME: its URI, from the list
	"$claviger" key list "$store" >list &&
	    grep "	$1\$" list | cut -f1 >"$1.uri" && [ -s "$1.uri" ] &&
	    "$claviger" key show "$(cat "$1.uri")" --pem >"$1.pub"
}

we_sign() { # NAME SCHEME
	theirs "$1" &&
	    "$claviger" key sign "$(cat "$1.uri")" --scheme "$2" --in message \
		--out signature && verify "$1.pub" signature &&
	    "$claviger" key probe "$(cat "$1.uri")"
}

made_by_gnutls() { # NAME OPTION...
	local name=$1
	shift
	gnutls --mark-private --label "$name" "$@" --outfile got.pub \
	    "pkcs11:token=lab" &&
	    theirs "$name" &&
	    openssl pkey -pubin -in got.pub -pubout -out same.pub &&
	    cmp same.pub "$name.pub"
}

imported_by_opensc() { # with its certificate as the only public half
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	    -keyout in.key -out in.crt -subj /CN=in -days 2 \
	    -config "$here/plain.cnf" &&
	    openssl ec -in in.key -outform DER -out in.der &&
	    openssl x509 -in in.crt -outform DER -out in.crt.der &&
	    tool --write-object in.der --type privkey --id 77 --label in \
		--sensitive &&
	    tool --write-object in.crt.der --type cert --id 77 --label in &&
	    we_sign in ecdsa-sha256 &&
	    "$claviger" cert read "$(cat in.uri)" >got.pem &&
	    cmp got.pem in.crt
}

certified_by_gnutls() {
	gnutls --write --load-certificate rsa.crt --label rsa \
	    --id "$(id_of rsa)" "pkcs11:token=lab" &&
	    "$claviger" cert read "$(cat rsa.uri)" >got.pem &&
	    cmp got.pem rsa.crt
}

import_ours() {
	openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 \
	    -out own.pem &&
	    "$claviger" key import "$store" --in own.pem --label own >own.uri &&
	    openssl pkey -in own.pem -pubout -out own.pub &&
	    tool --sign -m SHA256-RSA-PKCS --id "$(id_of own)" -i message \
		-o signature && verify own.pub signature && gnutls_signs own
}

check "start" start_token
check "claviger makes RSA" ours rsa rsa2048
check "claviger makes P-256" ours p256 p256
for name in rsa p256; do
	check "pkcs11-tool sees $name" opensc_sees $name
	check "pkcs11-tool reads its public half, $name" \
	    opensc_reads_public $name
	check "pkcs11-tool can't read it out, $name" opensc_can_not_read $name
	check "p11tool sees $name" gnutls_sees $name
	check "p11tool signs with $name" gnutls_signs $name
	check "p11tool reads its public half, $name" gnutls_reads_public $name
done
check "pkcs11-tool signs with rsa" opensc_signs_rsa
check "pkcs11-tool signs with p256" opensc_signs_ec
check "pkcs11-tool decrypts with rsa" opensc_decrypts
check "a CA's certificate and chain" make_chain
check "claviger stores and reads the chain" stores_chain
check "pkcs11-tool reads the certificate" opensc_reads_certificate
check "p11tool reads the chain" gnutls_reads_chain
check "claviger replaces it" replaces_chain
check "claviger removes it" removes_chain
check "claviger reads what p11tool certified" certified_by_gnutls
check "another key's certificate is refused" refuses "another key" \
    "$claviger" cert store "$(cat p256.uri)" rsa.crt
check "rubbish is refused" refuses "no certificate" \
    "$claviger" cert store "$(cat p256.uri)" message
check "the key that claviger imports" import_ours
check "pkcs11-tool makes RSA" \
    tool --keypairgen --key-type rsa:2048 --id 51 --label opensc-rsa
check "claviger signs with it" we_sign opensc-rsa rsa-pkcs1-sha256
check "pkcs11-tool makes P-256, without an id" \
    tool --keypairgen --key-type EC:prime256v1 --label opensc-ec
check "claviger signs with it" we_sign opensc-ec ecdsa-sha256
check "p11tool makes RSA" made_by_gnutls gnutls-rsa --generate-rsa --bits 2048
check "claviger signs with it" we_sign gnutls-rsa rsa-pkcs1-sha256
check "p11tool makes P-256" \
    made_by_gnutls gnutls-ec --generate-ecc --curve secp256r1
check "claviger signs with it" we_sign gnutls-ec ecdsa-sha256
check "claviger uses what pkcs11-tool imported" imported_by_opensc
for name in rsa p256 own opensc-rsa opensc-ec gnutls-rsa gnutls-ec in; do
	check "claviger deletes $name" delete_ours $name
done
check "nothing is left" bash -c "! pkcs11-tool --module $softhsm --login \
    --pin 123456 --list-objects | grep Object"
finish
