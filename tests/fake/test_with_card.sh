#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright (c) the Claviger authors

# with-card itself: test_with_card.sh DIRECTORY-WITH-IT

with_card=$1/with-card
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1

fail() {
	echo "FAILED $*"
	exit 1
}

# Status and output are the command's.
[ "$("$with_card" PIV echo heard)" = heard ] || fail "output is lost"
[ "$(echo said | "$with_card" PIV cat)" = said ] || fail "input is lost"
"$with_card" PIV bash -c 'exit 7'
[ $? = 7 ] || fail "the exit status is lost"
echo "ok     status, input and output"

# What is wrong is said, with the cure.
PATH=/usr/bin:/bin "$with_card" PIV true 2>said
[ $? = 125 ] || fail "runs without pcscd"
grep -q "apt-get install pcscd" said || fail "does not say how to get pcscd"
"$with_card" VISA true 2>said && fail "there is no such card"
grep -q "usage: with-card" said || fail "no usage"
echo "ok     missing programs"

# Side by side, each with a card of its own.
serial() {
	pkcs11-tool --module "$CLAVIGER_CARD_MODULE" --list-token-slots |
	    sed -n 's/.*serial num *: //p'
	sleep 0.5
}
export -f serial
"$with_card" PIV bash -c serial >first &
"$with_card" PIV bash -c serial >second &
wait
[ -s first ] && [ -s second ] || fail "can't run two at once"
cmp -s first second && fail "two cards have the same serial number"
echo "ok     two at once"

# The card's memory outlives it, if wanted, and nobody else may read it.
export CLAVIGER_CARD_STATE=$dir/card
tool="pkcs11-tool --module \$CLAVIGER_CARD_MODULE --login -O"
"$with_card" PIV bash -c "$tool --pin 999999" >/dev/null 2>&1
"$with_card" PIV bash -c 'echo stat >"$CLAVIGER_CARD_CONTROL"
    head -n 1 "$CLAVIGER_CARD_REPLY"' >said
grep -q "tries 2" said || fail "a wrong PIN is forgotten: $(cat said)"
[ "$(stat -c %a card)" = 600 ] || fail "the card's memory is not private"
unset CLAVIGER_CARD_STATE
echo "ok     memory"

# All processes below a process.
descendants() {
	local child
	for child in $(cat /proc/"$1"/task/*/children 2>/dev/null); do
		echo "$child"
		descendants "$child"
	done
}

# kill SIGNAL: the script dies, and so must the rest.
kill_with() {
	rm -f ready
	"$with_card" ISO bash -c 'touch ready; sleep 300' &
	local script=$! all pid i
	for ((i = 0; i < 500; i++)); do
		[ -e ready ] && break
		sleep 0.02
	done
	all=$(descendants $script)
	[ "$(wc -w <<<"$all")" -ge 4 ] || fail "where are pcscd and the card?"
	kill "-$1" $script
	wait $script 2>/dev/null
	for ((i = 0; i < 100; i++)); do
		for pid in $all; do
			[ -e "/proc/$pid/exe" ] && sleep 0.05 && continue 2
		done
		echo "ok     nothing is left after $1"
		return
	done
	fail "processes are left after $1: $all"
}
kill_with KILL
kill_with TERM
exit 0
