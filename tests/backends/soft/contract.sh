#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Runs the contract suite on a directory of key files: contract.sh SUITE SCHEME
set -eu

place=$(mktemp -d /tmp/claviger-test-XXXXXX)
trap 'rm -rf "$place"' EXIT
mkdir -m 700 "$place/keys"

if [ "$2" = pem ]; then
	(umask 077 && printf 'correct horse' >"$place/password")
	"$1" --pin-source "file:$place/password" --try-wrong-secret \
	    "pem:$place/keys"
else
	"$1" "$2:$place/keys"
fi
# Nothing may be left, drafts neither.
test -z "$(ls -A "$place/keys")"
