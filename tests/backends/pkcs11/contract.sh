#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copyright (c) the Claviger authors

# contract.sh softhsm|card CONTRACT [ARGUMENT | id:HEX]...
#
# Runs the contract suite on a token of its own: a new one in SoftHSM, or the
# card that with-card has started. id:HEX is a key that is there already.

set -eu
kind=$1
contract=$2
shift 2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export XDG_STATE_HOME="$dir"

find_module() {
	for module in "$@"; do
		[ -r "$module" ] && return
	done
	echo "contract.sh: no $1: apt-get install softhsm2" >&2
	exit 1
}

if [ "$kind" = softhsm ]; then
	command -v softhsm2-util >/dev/null || {
		echo "contract.sh: no softhsm2-util: apt-get install softhsm2" >&2
		exit 1
	}
	find_module /usr/lib/softhsm/libsofthsm2.so \
		"/usr/lib/$(uname -m)-linux-gnu/softhsm/libsofthsm2.so" \
		/usr/lib64/pkcs11/libsofthsm2.so
	pin=123456
	token=contract
	mkdir "$dir/tokens"
	export SOFTHSM2_CONF="$dir/softhsm2.conf"
	printf 'directories.tokendir = %s/tokens\nlog.level = ERROR\n' "$dir" \
		>"$SOFTHSM2_CONF"
	softhsm2-util --init-token --free --label $token --pin $pin \
		--so-pin 12345678 >/dev/null
	query="token=$token?"
else
	module=$CLAVIGER_CARD_MODULE
	pin=$CLAVIGER_CARD_PIN
	query="?"
fi
for argument in "$@"; do
	shift
	case $argument in
	id:*)
		set -- "$@" --key \
			"pkcs11:id=%${argument#id:}?module-path=$module"
		;;
	*) set -- "$@" "$argument" ;;
	esac
done
printf %s "$pin" >"$dir/pin"
chmod 600 "$dir/pin"
"$contract" --pin-source "file:$dir/pin" "$@" \
	"pkcs11:${query}module-path=$module"
