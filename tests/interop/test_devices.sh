#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright (c) the Claviger authors

# test_devices.sh MODULES-DIR CLAVIGER: the openssl program uses keys that the
# claviger program made in a PKCS#11 token (SoftHSM) and in a TPM (swtpm).

NEEDS="openssl:openssl softhsm2-util:softhsm2 pkcs11-tool:opensc swtpm:swtpm"
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"
. "$here/cases.sh"
claviger=$2
echo "message" >message
LEAF=p256
providers="-provider claviger -provider default"

start_tpm() {
	swtpm socket --tpm2 --tpmstate "dir=$directory" \
	    --server "type=unixio,path=$directory/tpm" \
	    --ctrl "type=unixio,path=$directory/tpm.ctrl" \
	    --flags not-need-init,startup-clear >swtpm.out 2>&1 &
	pids="$pids $!"
	mkdir tpm-keys
	wait_for_file "$directory/tpm" || { cat swtpm.out; return 1; }
	store="tpm2:$directory/tpm-keys?tcti=swtpm:path=$directory/tpm"
}

# generate NAME ALGORITHM: NAME.uri says where the key is.
generate() {
	"$claviger" key generate "$store" --alg "$2" --label "$1" >"$1.uri" &&
	    o pkey -in "$(key "$1")" -pubout -out "$1.pub" &&
	    self_signed "$1" && mv got.crt "$1.crt"
}

key() { # NAME
	echo "claviger:$(cat "$1.uri")"
}

# The certificate is in the token, too, and is found there.
stored_certificate() { # NAME
	local id
	id=$(sed 's/.*id=\([^;?]*\).*/\1/; s/%//g' "$1.uri")
	openssl x509 -in "$1.crt" -outform DER -out der &&
	    pkcs11-tool --module "$softhsm" --login --pin 123456 \
	    --write-object der --type cert --id "$id" --label "$1" &&
	    o x509 -in "$(key "$1")" -out got.crt && cmp got.crt "$1.crt" &&
	    o storeutl -noout "$(key "$1")" | grep -q "Total found: 2"
}

pin_is_wrong() {
	local uri
	uri=$(sed 's/&pin-source=[^&]*//' "$1.uri")
	refuses "PIN" o pkey -in "claviger:$uri" -passin pass:654321 -pubout &&
	    o pkey -in "claviger:$uri" -passin pass:123456 -pubout
}

for device in token tpm; do
	echo "== $device"
	check "start" start_$device
	for name in rsa:rsa2048 p256:p256 p384:p384; do
		check "generate $name" generate "${name%:*}" "${name#*:}"
	done
	check "x509 -CAkey rsa" certificate_authority rsa
	check "dgst rsa" digest rsa sha256
	check "dgst p256" digest p256 sha256
	check "dgst p384" digest p384 sha384
	check "dgst, PSS" pss digest
	check "dgst, PSS with a salt of its own choice" pss auto
	check "pkeyutl -decrypt" decrypt
	check "pkeyutl -decrypt, OAEP SHA-1" \
	    decrypt -pkeyopt rsa_padding_mode:oaep
	check "pkeyutl -decrypt, OAEP SHA-256" decrypt \
	    -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256
	check "cms -sign rsa" cms_sign rsa
	check "cms -sign p256" cms_sign p256
	check "cms -decrypt" cms_decrypt
	for version in -tls1_2 -tls1_3; do
		for name in rsa p256 p384; do
			check "s_server and s_client $version $name" \
			    tls $name $version
		done
	done
	if [ $device = token ]; then
		check "generate ed25519" generate ed25519 ed25519
		check "pkeyutl -sign ed25519" eddsa ed25519
		check "certificate in the token" stored_certificate p256
		check "pin is wrong" pin_is_wrong p384
	fi
done
finish
