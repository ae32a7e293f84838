# SPDX-License-Identifier: Apache-2.0
# Copyright (c) the Claviger authors
#
# What the openssl program does with a key NAME of ours: `key NAME` prints its
# URI, NAME.pub holds the public half and NAME.crt a certificate; $providers
# are the options that load the providers, a file "message" is there, and LEAF
# is a key to be certified.
# shellcheck shell=bash

# o COMMAND ARGUMENT...: openssl COMMAND with the providers before ARGUMENT.
o() {
	local command=$1
	shift
	# shellcheck disable=SC2086
	openssl "$command" $providers "$@"
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
	request "$LEAF" "/CN=leaf" &&
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
