# SPDX-License-Identifier: Apache-2.0
# Copyright (c) the Claviger authors
#
# For the scripts beside it, which take the directory of the module as their
# argument: a private directory to work in, keys, and the counting of failures.
# shellcheck shell=bash

for need in $NEEDS; do
	command -v "${need%:*}" >/dev/null && continue
	echo "${need%:*} is missing: apt-get install ${need#*:}"
	exit 1
done

directory=$(mktemp -d /tmp/claviger-interop.XXXXXX) || exit 1
chmod 700 "$directory"
cd "$directory" || exit 1
pids=

cleanup() {
	for pid in $pids; do
		kill "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
	done
	rm -rf "$directory"
}
trap cleanup EXIT

# Nothing of the machine's own configuration plays a part.
unset OPENSSL_ENGINES SSL_CERT_DIR SSL_CERT_FILE
export OPENSSL_CONF=/dev/null
export OPENSSL_MODULES=$1
umask 077
failures=0
checks=0

# check NAME COMMAND...: the command must succeed.
check() {
	local name=$1
	shift
	checks=$((checks + 1))
	if "$@" >out 2>&1; then
		echo "ok     $name"
	else
		echo "FAILED $name: $*"
		sed 's/^/       /' out
		failures=$((failures + 1))
	fi
}

# refuses TEXT COMMAND...: the command must fail and say the text.
refuses() {
	local text=$1
	shift
	if "$@" >said 2>&1 </dev/null; then
		cat said
		echo "it succeeded"
		return 1
	fi
	cat said
	grep -qF -- "$text" said
}

# makes the keys ALGORITHM.pem, with ALGORITHM.pub and a certificate
# ALGORITHM.crt.
make_keys() {
	local algorithm
	openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 \
	    -out rsa.pem
	openssl genpkey -algorithm EC -pkeyopt group:P-256 -out p256.pem
	openssl genpkey -algorithm EC -pkeyopt group:P-384 -out p384.pem
	openssl genpkey -algorithm ED25519 -out ed25519.pem
	openssl genpkey -algorithm ED448 -out ed448.pem
	for algorithm in rsa p256 p384 ed25519 ed448; do
		openssl pkey -in $algorithm.pem -pubout -out $algorithm.pub
		openssl req -x509 -key $algorithm.pem -subj "/CN=$algorithm" \
		    -days 2 -out $algorithm.crt \
		    -config <(echo '[req]
distinguished_name = dn
[dn]')
	done
	openssl pkey -in rsa.pem -aes-256-cbc -passout pass:sesame \
	    -out locked.pem
} 2>/dev/null

# reference URI: a PEM file that says where the key is.
reference() {
	echo "-----BEGIN CLAVIGER KEY URI-----"
	printf 'claviger:%s' "$1" | base64
	echo "-----END CLAVIGER KEY URI-----"
}

# start_token: a SoftHSM token, whose store URI goes to $store.
softhsm=
for path in /usr/lib/softhsm /usr/lib/*/softhsm /usr/lib64/softhsm; do
	[ -e "$path/libsofthsm2.so" ] && softhsm=$path/libsofthsm2.so
done
start_token() {
	export SOFTHSM2_CONF=$directory/softhsm2.conf
	mkdir tokens
	cat >softhsm2.conf <<-END
	directories.tokendir = $directory/tokens
	objectstore.backend = file
	log.level = ERROR
	END
	softhsm2-util --init-token --free --label lab --so-pin 12345678 \
	    --pin 123456 && printf 123456 >pin
	store="pkcs11:token=lab?module-path=$softhsm&pin-source=file:$directory/pin"
}

# wait_for_file FILE: a server's socket.
wait_for_file() {
	local i
	for ((i = 0; i < 100; i++)); do
		[ -e "$1" ] && return 0
		sleep 0.05
	done
	return 1
}

finish() {
	echo "$checks checks, $failures failed"
	[ $checks -gt 0 ] && [ $failures = 0 ]
	exit
}
