#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copyright (c) the Claviger authors

# Prints fixtures.h: the public half of an RSA key, which is then forgotten,
# and its certificate.

set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

array() { # NAME, hexadecimal digits on standard input
	printf '\nstatic const unsigned char %s[] = {' "$1"
	tr -d '\n' | sed 's/\(..\)/0x\1, /g' | fold -w 72 |
	    sed 's/^/\n    /;s/ *$//' | grep -v '^$' | sed '1s/^/\n/'
	printf '};\n'
}

openssl req -x509 -newkey rsa:2048 -nodes -keyout "$dir/key" \
    -subj "/CN=hostile" -days 36500 -outform DER -out "$dir/certificate" \
    2>/dev/null
printf '/* SPDX-License-Identifier: Apache-2.0 */\n'
printf '/* Made by make_fixtures.sh. */\n/* clang-format off */\n'
openssl rsa -in "$dir/key" -noout -modulus | sed 's/^Modulus=//' |
    tr 'A-F' 'a-f' | array fixture_modulus
od -An -v -tx1 "$dir/certificate" | tr -d ' ' | array fixture_certificate
