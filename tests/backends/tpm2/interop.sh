#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copyright (c) the Claviger authors

# Key files and persistent keys, both ways, with tpm2-openssl and tpm2-tools.
# Runs under with-swtpm; the argument is the claviger program.

set -eu
claviger=$1
cd "$SWTPM_LAB"
umask 077
export TSS2_LOG=all+NONE
for need in openssl:openssl tpm2_createprimary:tpm2-tools; do
	command -v "${need%:*}" >/dev/null && continue
	echo "${need%:*} is missing: apt-get install ${need#*:}"
	exit 1
done
printf 'a pass phrase' >auth
printf 'what is to be signed' >message
# The empty value, for two questions; no line at all would be no value.
printf '\n\n' >empty

fail() {
	echo "FAIL $*"
	exit 1
}
ours() {
	"$claviger" "$@"
}
theirs() {
	openssl "$@" 2>err || { cat err; fail "openssl $1"; }
}
# sign_ours KEY-URI SCHEME [OPTION...], verify with OpenSSL's default provider
sign_ours() {
	uri=$1
	scheme=$2
	shift 2
	ours key show "$uri" --pem "$@" >public.pem
	ours key sign "$uri" --scheme "$scheme" --in message --out signature "$@"
	openssl dgst -sha256 -verify public.pem -signature signature message \
	    >/dev/null || fail "$uri: our signature"
}
# sign_theirs FILE PASSIN
sign_theirs() {
	theirs dgst -provider tpm2 -provider default \
	    -propquery '?provider=tpm2' -sha256 -sign "$1" -passin "$2" \
	    -out signature message
	openssl dgst -sha256 -verify public.pem -signature signature message \
	    >/dev/null || fail "$1: their signature"
}

# -- what we make, they use
for alg in rsa2048 p256 p384; do
	case $alg in
	rsa*) scheme=rsa-pkcs1-sha256 ;;
	p*) scheme=ecdsa-sha256 ;;
	esac
	ours key generate tpm2:keys --alg "$alg" --label "$alg" \
	    --pin-source fd:0 <empty >uri
	sign_ours "$(cat uri)" "$scheme"
	theirs pkey -provider tpm2 -provider base -in "keys/$alg.tss" \
	    -pubout -out theirs.pem
	cmp -s public.pem theirs.pem || fail "$alg: public keys differ"
	sign_theirs "keys/$alg.tss" pass:
	ours key generate tpm2:keys --alg "$alg" --label "$alg-auth" \
	    --new-pin-source file:auth >uri
	sign_ours "$(cat uri)" "$scheme" --pin-source file:auth
	sign_theirs "keys/$alg-auth.tss" "pass:a pass phrase"
	echo "ok   $alg: ours to tpm2-openssl"
done

# -- what they make, we use
make_theirs() {
	theirs genpkey -provider tpm2 -algorithm "$1" -pkeyopt "$2" \
	    -out "theirs-$1.tss"
	theirs pkey -provider tpm2 -provider base -in "theirs-$1.tss" \
	    -pubout -out theirs.pem
	sign_ours "tpm2:theirs-$1.tss" "$3"
	cmp -s public.pem theirs.pem || fail "$1: public keys differ"
	theirs genpkey -provider tpm2 -algorithm "$1" -pkeyopt "$2" \
	    -pkeyopt "user-auth:a pass phrase" -out "theirs-$1-auth.tss"
	sign_ours "tpm2:theirs-$1-auth.tss" "$3" --pin-source file:auth
	ours key sign "tpm2:theirs-$1-auth.tss" --scheme "$3" --in message \
	    --out signature --pin-source fd:0 </dev/null 2>err &&
		fail "$1: signed without auth value"
	echo "ok   $1: tpm2-openssl's to ours"
}
make_theirs RSA bits:2048 rsa-pkcs1-sha256
make_theirs EC group:P-256 ecdsa-sha256

# -- a parent that is a persistent handle
tpm2_createprimary -Q -C o -G ecc -c primary.ctx
tpm2_evictcontrol -Q -C o -c primary.ctx 0x81000002
tpm2_flushcontext -t
ours key generate 'tpm2:keys?parent=0x81000002' --alg p256 --label child \
    --pin-source fd:0 <empty >uri
sign_ours "$(cat uri)" ecdsa-sha256
sign_theirs keys/child.tss pass:
theirs genpkey -provider tpm2 -algorithm EC -pkeyopt group:P-256 \
    -pkeyopt parent:0x81000002 -out theirs-child.tss
sign_ours tpm2:theirs-child.tss ecdsa-sha256
echo "ok   a persistent parent, ECC"
tpm2_createprimary -Q -C o -G rsa -c primary.ctx
tpm2_evictcontrol -Q -C o -c primary.ctx 0x81000003
tpm2_flushcontext -t
ours key generate 'tpm2:keys?parent=0x81000003' --alg p256 --label rsachild \
    --new-pin-source file:auth >uri
sign_ours "$(cat uri)" ecdsa-sha256 --pin-source file:auth
openssl genpkey -algorithm EC -pkeyopt group:P-256 -out outside.pem 2>err
ours key import 'tpm2:keys?parent=0x81000003' --in outside.pem \
    --label imported --pin-source fd:0 <empty >uri
sign_ours "$(cat uri)" ecdsa-sha256
openssl pkey -in outside.pem -pubout | cmp -s - public.pem ||
	fail "imported key differs"
echo "ok   a persistent parent, RSA"

# -- tpm2-tools: a key of theirs as a file and as a persistent one
tpm2_create -Q -C 0x81000002 -G ecc:ecdsa-sha256:null -u key.pub -r key.priv \
    -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign|noda' \
    -p 'a pass phrase'
tpm2_encodeobject -Q -C 0x81000002 -u key.pub -r key.priv -p -o tools.tss
ours key show tpm2:tools.tss 2>err && fail "a key that others may read was used"
chmod 600 tools.tss
# (with -p, version 5.4 writes that there is no auth value, and without, that
# there is one)
sign_ours tpm2:tools.tss ecdsa-sha256 --pin-source file:auth
tpm2_create -Q -C 0x81000002 -G ecc -u key2.pub -r key2.priv \
    -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign|noda'
tpm2_encodeobject -Q -C 0x81000002 -u key2.pub -r key2.priv -o tools2.tss
chmod 600 tools2.tss
tpm2_flushcontext -l # it leaves its sessions
sign_ours tpm2:tools2.tss ecdsa-sha256 --pin-source fd:0 <empty
ours key sign tpm2:tools.tss --scheme ecdsa-sha384 --in message \
    --out signature --pin-source file:auth 2>err &&
	fail "a key bound to SHA-256 signed with SHA-384"
tpm2_load -Q -C 0x81000002 -u key.pub -r key.priv -c key.ctx
tpm2_evictcontrol -Q -C o -c key.ctx 0x81000010
tpm2_flushcontext -t
sign_ours tpm2:handle=0x81000010 ecdsa-sha256 --pin-source file:auth
echo "ok   tpm2-tools' keys to ours"

# -- a persistent key of ours
ours key generate tpm2:handle=0x81000011 --alg p256 --pin-source fd:0 \
    <empty >uri
grep -q 'parent-name=000b' uri || fail "no name in $(cat uri)"
sign_ours "$(cat uri)" ecdsa-sha256
tpm2_sign -Q -c 0x81000011 -g sha256 -f plain -o signature message
openssl dgst -sha256 -verify public.pem -signature signature message \
    >/dev/null || fail "tpm2_sign with our persistent key"
ours key list tpm2:handle=0x81000011 | grep -q '0x81000011' || fail "list"
ours key delete "$(cat uri)" --yes
tpm2_readpublic -c 0x81000011 2>err >out && fail "it is still there"
echo "ok   our persistent key to tpm2-tools"

# -- nothing is left
[ -z "$(tpm2_getcap handles-transient)" ] || fail "transient objects are left"
[ -z "$(tpm2_getcap handles-loaded-session)" ] || fail "sessions are left"
