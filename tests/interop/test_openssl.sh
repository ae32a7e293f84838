#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright (c) the Claviger authors

# test_openssl.sh MODULES-DIR: the openssl program uses keys through the
# module, whichever of the two providers is loaded first.

NEEDS=openssl:openssl
. "$(dirname "$0")/common.sh"
make_keys
echo "message" >message

# o COMMAND ARGUMENT...: openssl COMMAND with the providers before ARGUMENT.
o() {
	local command=$1
	shift
	# shellcheck disable=SC2086
	openssl "$command" $providers "$@"
}

key() { # ALGORITHM
	echo "claviger:file:$directory/$1.pem"
}

public_key() { # ALGORITHM
	o pkey -in "$(key "$1")" -pubout -out got.pub && cmp got.pub "$1.pub"
}

digest() { # ALGORITHM HASH
	o dgst "-$2" -sign "$(key "$1")" -out signature message &&
	    openssl dgst "-$2" -verify "$1.pub" -signature signature message
}

pss() { # SALT
	o dgst -sha256 -sign "$(key rsa)" -sigopt rsa_padding_mode:pss \
	    -sigopt "rsa_pss_saltlen:$1" -out signature message &&
	    openssl dgst -sha256 -verify rsa.pub \
	    -sigopt rsa_padding_mode:pss -signature signature message
}

eddsa() { # ALGORITHM
	o pkeyutl -sign -rawin -inkey "$(key "$1")" -in message \
	    -out signature &&
	    openssl pkeyutl -verify -rawin -pubin -inkey "$1.pub" \
	    -in message -sigfile signature
}

decrypt() { # OPTION...
	openssl pkeyutl -encrypt -pubin -inkey rsa.pub "$@" -in message \
	    -out hidden &&
	    o pkeyutl -decrypt -inkey "$(key rsa)" "$@" -in hidden -out got &&
	    cmp got message
}

config() {
	cat >req.cnf <<-END
	[req]
	distinguished_name = dn
	[dn]
	END
}

self_signed() { # ALGORITHM
	config
	o req -new -x509 -config req.cnf -key "$(key "$1")" -subj "/CN=$1" \
	    -out got.crt &&
	    openssl verify -CAfile got.crt got.crt
}

request() { # ALGORITHM [SUBJECT]
	config
	o req -new -config req.cnf -key "$(key "$1")" -subj "${2-/CN=$1}" \
	    -out got.csr && openssl req -in got.csr -verify -noout
}

certificate_authority() { # ALGORITHM
	request ed25519 "/CN=leaf" &&
	    o x509 -req -in got.csr -CA "$1.crt" -CAkey "$(key "$1")" \
	    -CAserial serial -CAcreateserial -out got.crt &&
	    openssl verify -CAfile "$1.crt" got.crt
}

cms_sign() { # ALGORITHM OPTION...
	local algorithm=$1
	shift
	o cms -sign -binary -nodetach -in message -signer "$algorithm.crt" \
	    -inkey "$(key "$algorithm")" -outform PEM -out signed "$@" &&
	    openssl cms -verify -inform PEM -in signed \
	    -CAfile "$algorithm.crt" -purpose any -out got && cmp got message
}

cms_decrypt() { # OPTION...
	openssl cms -encrypt -binary -aes256 -in message -outform PEM \
	    -out hidden -recip rsa.crt "$@" &&
	    o cms -decrypt -inform PEM -in hidden -recip rsa.crt \
	    -inkey "$(key rsa)" -out got && cmp got message
}

# Both ends have keys of ours and ask for the other's certificate.
tls() { # ALGORITHM OPTION...
	local algorithm=$1 server
	shift
	rm -f socket
	# shellcheck disable=SC2086
	openssl s_server $providers -unix socket -naccept 1 -www -Verify 1 \
	    -verify_return_error -CAfile p256.crt -cert "$algorithm.crt" \
	    -key "$(key "$algorithm")" "$@" >server.out 2>&1 &
	server=$!
	wait_for_file socket || { cat server.out; return 1; }
	printf 'GET / HTTP/1.0\r\n\r\n' |
	    o s_client -unix socket -ign_eof -verify_return_error \
	    -CAfile "$algorithm.crt" -cert p256.crt -key "$(key p256)" "$@" \
	    >client.out 2>&1 || { cat client.out server.out; kill $server; }
	wait $server
	grep -q "HTTP/1.0 200 ok" client.out || {
		cat client.out server.out
		return 1
	}
}

password_is_asked_for() {
	o pkey -in "claviger:pem:$directory/locked.pem" -passin pass:sesame \
	    -pubout -out got.pub && cmp got.pub rsa.pub
}

password_is_wrong() {
	refuses "assword" o pkey -in "claviger:pem:$directory/locked.pem" \
	    -passin pass:wrong -pubout
}

# In openssl.cnf the secret's source is named, and nobody is asked.
source_in_configuration() {
	mkdir -p credentials && printf 'sesame\n' >credentials/key
	cat >openssl.cnf <<-END
	openssl_conf = init
	[init]
	providers = providers
	[providers]
	claviger = claviger_section
	default = default_section
	[claviger_section]
	secret-source = cred:key
	activate = 1
	[default_section]
	activate = 1
	END
	CREDENTIALS_DIRECTORY=$directory/credentials \
	    OPENSSL_CONF=$directory/openssl.cnf \
	    openssl pkey -in "claviger:pem:$directory/locked.pem" -pubout \
	    -out got.pub </dev/null && cmp got.pub rsa.pub
}

reference_file() {
	reference "file:$directory/p384.pem" >reference.pem
	o pkey -in reference.pem -pubout -out got.pub && cmp got.pub p384.pub &&
	    o dgst -sha384 -sign reference.pem -out signature message &&
	    openssl dgst -sha384 -verify p384.pub -signature signature message
}

reference_to_locked_key() {
	reference "pem:$directory/locked.pem" >reference.pem
	o pkey -in reference.pem -passin pass:sesame -pubout -out got.pub &&
	    cmp got.pub rsa.pub
}

# A program that looks what is in a file does not open keys by accident.
reference_is_not_followed_unasked() {
	reference "file:$directory/p384.pem" >reference.pem
	o storeutl -noout reference.pem 2>&1 | grep -q "Total found: 0"
	refuses "" o pkey -pubin -in reference.pem -pubout
}

reference_is_garbage() {
	for text in "" "claviger:" "claviger:file:" "file:$directory/rsa.pem" \
	    "claviger:file:$directory/nothing.pem" "claviger:nowhere:x"; do
		{
			echo "-----BEGIN CLAVIGER KEY URI-----"
			printf '%s' "$text" | base64
			echo "-----END CLAVIGER KEY URI-----"
		} >reference.pem
		refuses "" o pkey -in reference.pem -pubout || return 1
	done
	printf -- '-----BEGIN CLAVIGER KEY URI-----\n%065536d\n' 0 \
	    >reference.pem
	refuses "" o pkey -in reference.pem -pubout
}

store_lists_the_key() {
	o storeutl -keys -noout "$(key p256)" 2>&1 | grep -q "Total found: 1"
}

private_half_stays() {
	refuses "" o pkey -in "$(key rsa)" -out leaked.pem
	! grep -q PRIVATE leaked.pem 2>/dev/null
}

missing_key() {
	refuses "nothing.pem" o pkey -in "$(key nothing)" -pubout
}

# The guard's verdict reaches the person.
key_that_others_read() {
	cp rsa.pem open.pem && chmod 644 open.pem
	refuses "fix: chmod 0600 $directory/open.pem" \
	    o pkey -in "$(key open)" -pubout
}

# A program's own keys go on working.
own_keys() { # ALGORITHM
	o dgst -sha256 -sign "$1.pem" -out signature message &&
	    o dgst -sha256 -verify "$1.pub" -signature signature message
}

new_keys() {
	o genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out new.pem &&
	    o dgst -sha256 -sign new.pem -out signature message &&
	    o genpkey -algorithm EC -pkeyopt group:P-256 -out new.pem &&
	    o dgst -sha256 -sign new.pem -out signature message &&
	    o genpkey -algorithm ED25519 -out new.pem &&
	    o pkeyutl -sign -rawin -inkey new.pem -in message -out signature
}

for providers in "-provider claviger -provider default" \
    "-provider default -provider claviger"; do
	echo "== $providers"
	for algorithm in rsa p256 p384 ed25519 ed448; do
		check "pkey -pubout $algorithm" public_key $algorithm
		check "req -x509 $algorithm" self_signed $algorithm
		check "req -new $algorithm" request $algorithm
		check "x509 -CAkey $algorithm" certificate_authority $algorithm
	done
	for hash in sha1 sha256 sha384 sha512; do
		check "dgst -$hash rsa" digest rsa $hash
		check "dgst -$hash p256" digest p256 $hash
	done
	for salt in digest max auto 0 20; do
		check "dgst, PSS with salt $salt" pss $salt
	done
	check "pkeyutl -sign ed25519" eddsa ed25519
	check "pkeyutl -sign ed448" eddsa ed448
	check "pkeyutl -decrypt" decrypt
	check "pkeyutl -decrypt, OAEP SHA-1" \
	    decrypt -pkeyopt rsa_padding_mode:oaep
	check "pkeyutl -decrypt, OAEP SHA-256" decrypt \
	    -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256
	check "cms -sign rsa" cms_sign rsa
	check "cms -sign p256" cms_sign p256
	check "cms -sign rsa, PSS" cms_sign rsa -keyopt rsa_padding_mode:pss
	check "cms -decrypt" cms_decrypt
	check "cms -decrypt, OAEP" cms_decrypt -keyopt rsa_padding_mode:oaep
	for version in -tls1_2 -tls1_3; do
		for algorithm in rsa p256 p384 ed25519 ed448; do
			check "s_server and s_client $version $algorithm" \
			    tls $algorithm $version
		done
	done
	check "s_server and s_client, P-256 key exchange" \
	    tls p256 -tls1_3 -groups P-256
	check "s_server and s_client, RSA key exchange" \
	    tls rsa -tls1_2 -cipher AES128-GCM-SHA256
	check "password is asked for" password_is_asked_for
	check "password is wrong" password_is_wrong
	check "reference file" reference_file
	check "reference to a locked key" reference_to_locked_key
	check "reference is not followed unasked" \
	    reference_is_not_followed_unasked
	check "reference is garbage" reference_is_garbage
	check "store lists the key" store_lists_the_key
	check "private half stays" private_half_stays
	check "missing key" missing_key
	check "key that others read" key_that_others_read
	check "a program's own key, rsa" own_keys rsa
	check "a program's own key, p256" own_keys p256
	check "new keys" new_keys
done
check "secret source in openssl.cnf" source_in_configuration
finish
