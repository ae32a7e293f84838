#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright (c) the Claviger authors

# Other people's programs use the virtual cards: OpenSC's pkcs11-tool,
# pkcs15-tool and pkcs15-init, GnuTLS's p11tool, OpenSSL. Runs under with-card.

cd "$CLAVIGER_CARD_DIR" || exit 1
module=$CLAVIGER_CARD_MODULE
failures=0

for need in pkcs11-tool:opensc pkcs15-tool:opensc p11tool:gnutls-bin \
    openssl:openssl; do
	command -v "${need%:*}" >/dev/null && continue
	echo "${need%:*} is missing: apt-get install ${need#*:}"
	exit 1
done

# check NAME COMMAND...: the command must succeed.
check() {
	local name=$1
	shift
	if "$@" >out 2>&1; then
		echo "ok     $name"
	else
		echo "FAILED $name: $*"
		sed 's/^/       /' out
		failures=$((failures + 1))
	fi
}

# check_says NAME TEXT COMMAND...: and its output must have the text.
check_says() {
	local name=$1 text=$2
	shift 2
	check "$name" bash -c '"$@" 2>&1 | tee said; grep -qF -- "$0" said' \
	    "$text" "$@"
}

tool() {
	pkcs11-tool --module "$module" --login --pin 123456 "$@"
}
export -f tool
export module

public_key() { # ID
	pkcs11-tool --module "$module" --read-object --type pubkey --id "$1" \
	    -o public.der && openssl pkey -pubin -inform DER -in public.der \
	    -out public.pem
}

sign_rsa() { # ID
	tool --id "$1" --sign -m SHA256-RSA-PKCS -i message -o signature &&
	    public_key "$1" &&
	    openssl dgst -sha256 -verify public.pem -signature signature message
}

sign_ecdsa() { # ID, the digest's length in bits
	openssl dgst "-sha$2" -binary -out digest message &&
	    tool --id "$1" --sign -m ECDSA -i digest -o signature \
		--signature-format openssl &&
	    public_key "$1" &&
	    openssl pkeyutl -verify -pubin -inkey public.pem -in digest \
		-sigfile signature
}

decrypt() { # ID
	public_key "$1" &&
	    openssl pkeyutl -encrypt -pubin -inkey public.pem -in message \
		-out cipher &&
	    tool --id "$1" --decrypt -m RSA-PKCS -i cipher -o plain &&
	    cmp message plain
}

p11tool_login() {
	GNUTLS_PIN=123456 p11tool --provider "$module" --login "$@"
}

# A key's URL, by the object's label; without that label, because the public
# half has another.
key_url() {
	p11tool_login --list-all-privkeys --only-urls 2>/dev/null |
	    grep "object=$1" | sed 's/;object=[^;]*//'
}

test_sign_with_gnutls() { # label
	p11tool_login --test-sign "$(key_url "$1")"
}

run_both() {
	check_says "the reader has a card" "Virtual PCD 00 00" \
	    opensc-tool --list-readers
	check_says "p11tool lists the token" "$token" \
	    p11tool --provider "$module" --list-token-urls
	check_says "pkcs15-tool lists keys" "$pkcs15_key" \
	    pkcs15-tool --list-keys
}

run_piv() {
	token=PIV%20authentication pkcs15_key="PIV AUTH key"
	run_both
	check "pkcs11-tool signs with 9A" sign_ecdsa 01 256
	check "pkcs11-tool signs with 9C, PIN again" \
	    bash -c 'printf "123456\n" >pin && tool --id 02 --sign \
		-m SHA256-RSA-PKCS -i message -o signature --pin 123456'
	check "pkcs11-tool decrypts with 9D" decrypt 03
	check "GnuTLS signs with 9A" test_sign_with_gnutls PIV%20AUTH%20key
	check_says "the card makes a P-256 key" "Received (SW1=0x90, SW2=0x00)" \
	    opensc-tool -s 00:A4:04:00:09:A0:00:00:03:08:00:00:10:00 \
	    -s 00:47:00:9A:05:AC:03:80:01:11
	check "the old key's certificate does not fit any more" \
	    bash -c '! sign_ecdsa 01 256'
	check "pkcs15-tool changes the PIN" \
	    pkcs15-tool --change-pin --pin 123456 --new-pin 654321
	check "the old PIN is wrong now" bash -c '! tool --list-objects'
	check "the PUK brings it back" \
	    pkcs15-tool --unblock-pin --puk 12345678 --new-pin 123456
	check "pkcs11-tool logs in with it" tool --list-objects
}

import_rsa() {
	openssl genrsa -out own.pem 2048 &&
	    openssl rsa -in own.pem -traditional -outform DER -out own.der &&
	    tool --write-object own.der --type privkey --id 05 --label own &&
	    openssl pkey -in own.pem -pubout -out public.pem &&
	    tool --id 05 --sign -m SHA256-RSA-PKCS -i message -o signature &&
	    openssl dgst -sha256 -verify public.pem -signature signature message
}

import_ec() {
	openssl ecparam -name prime256v1 -genkey -noout -out ec.pem &&
	    openssl ec -in ec.pem -outform DER -out ec.der &&
	    tool --write-object ec.der --type privkey --id 06 --label ec &&
	    tool --id 06 --sign -m ECDSA-SHA1 -i message -o signature \
		--signature-format openssl &&
	    openssl pkey -in ec.pem -pubout -out public.pem &&
	    openssl dgst -sha1 -verify public.pem -signature signature message
}

write_certificate() {
	openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null \
	    -subj /CN=lab -days 1 -outform DER -out written.der &&
	    tool --write-object written.der --type cert --id 01 --label rsa &&
	    tool --read-object --type cert --id 01 -o read.der &&
	    cmp written.der read.der
}

delete_key() {
	tool --delete-object --type privkey --id 05 &&
	    ! tool --list-objects --type privkey | grep -q own
}

# Takes the card out and puts it in again, so that nobody is logged in.
reinsert() {
	for command in pull insert; do
		echo $command >"$CLAVIGER_CARD_CONTROL"
		sleep 1
	done
}

run_iso() {
	token=JavaCard%20isoApplet pkcs15_key=rsa
	run_both
	check "pkcs11-tool signs with an RSA key of the card" sign_rsa 01
	check "pkcs11-tool decrypts" decrypt 01
	check "the card makes a P-384 key" \
	    tool --keypairgen --key-type EC:secp384r1 --id 04 --label ec384
	check "pkcs11-tool signs with it" \
	    tool --id 04 --sign -m ECDSA-SHA1 -i message -o signature
	check "the card takes an RSA key" import_rsa
	check "the card takes a P-256 key" import_ec
	check "a certificate comes back as it was" write_certificate
	check "a key can be deleted" delete_key
	check "GnuTLS signs" test_sign_with_gnutls rsa
	reinsert
	check_says "files are read without a PIN" "SW1=0x90, SW2=0x00" \
	    opensc-tool -s 00:A4:08:0C:04:50:15:44:02 -s 00:B0:00:00:04
	check_says "and not written" "SW1=0x69, SW2=0x82" \
	    opensc-tool -s 00:A4:08:0C:04:50:15:44:02 -s 00:D6:00:00:01:00
	for mechanism in RSA-X-509 SHA256-RSA-PKCS-PSS; do
		check_says "the card has no $mechanism" \
		    CKR_MECHANISM_INVALID \
		    tool --id 01 --sign -m "$mechanism" -i message -o signature
	done
}

export -f sign_ecdsa public_key
echo "a message" >message
case $CLAVIGER_CARD_KIND in
PIV) run_piv ;;
ISO) run_iso ;;
esac
exit $((failures > 0))
