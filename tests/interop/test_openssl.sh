#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright (c) the Claviger authors

# test_openssl.sh MODULES-DIR: the openssl program uses keys through the
# module, whichever of the two providers is loaded first.

NEEDS=openssl:openssl
here=$(cd "$(dirname "$0")" && pwd)
. "$here/common.sh"
. "$here/cases.sh"
make_keys
echo "message" >message
LEAF=ed25519

key() { # ALGORITHM
	echo "claviger:file:$directory/$1.pem"
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
