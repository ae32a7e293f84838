#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copyright (c) the Claviger authors

# The claviger program and a TPM: what a person meets. Runs under with-swtpm
# as root; the argument is the program.

set -eu
claviger=$1
support=$(realpath "$(dirname "$0")/../../support")
cd "$SWTPM_LAB"
umask 077
printf 'what is to be signed' >message
printf 'a pass phrase' >auth
printf 'a wrong one' >wrong

fail() {
	echo "FAIL $*"
	cat err 2>/dev/null
	exit 1
}
# gives STATUS COMMAND...: stdout in out, stderr in err.
gives() {
	want=$1
	shift
	got=0
	"$@" >out 2>err </dev/null || got=$?
	[ "$got" = "$want" ] || fail "exit $got instead of $want: $*"
}
out_has() { grep -qF -- "$1" out || fail "no \"$1\" in: $(cat out)"; }
err_has() { grep -qF -- "$1" err || fail "no \"$1\""; }
err_lacks() { grep -qF -- "$1" err && fail "\"$1\" was said"; true; }

# -- no TPM where the default one would be
gives 1 env -u CLAVIGER_TCTI -u TPM2TOOLS_TCTI -u TPM2OPENSSL_TCTI \
	unshare -m sh -c 'mount -t tmpfs none /dev && exec "$0" "$@"' \
	"$claviger" key generate tpm2:keys --alg p256
err_has "there is no /dev/tpmrm0"
err_has "fix: "
echo "ok   no TPM is explained"

# -- init suggests the TPM that is there. with_device MODE COMMAND...
with_device() {
	mode=$1
	shift
	# shellcheck disable=SC2016
	unshare -m sh -c '
		mkdir -p dev && mount -t tmpfs none dev && chmod 755 dev &&
		for node in null zero random urandom; do
			: >dev/$node && mount --bind /dev/$node dev/$node
		done &&
		{ [ "$1" = none ] || { : >dev/tpmrm0 && chmod "$1" dev/tpmrm0; }; } &&
		mount --move dev /dev && shift && exec "$@"' sh "$mode" "$@"
}
gives 0 with_device 666 "$claviger" init app1 --uri urn:plant:pump1 --alg p256
err_has "this machine has a TPM: with --key tpm2:"
err_lacks "tss"
gives 0 with_device none "$claviger" init app2 --uri urn:plant:pump2 --alg p256
err_lacks "TPM"
gives 0 with_device 666 "$claviger" init app3 --uri urn:plant:pump3 --alg p256 \
	--key file:
err_lacks "TPM"
chmod 711 .
mkdir -m 700 home
chown 65534:65534 home
gives 0 with_device 600 "$support/as-account" 65534 "$claviger" init home/app --uri urn:plant:pump4 --alg p256
err_has "this machine has a TPM: with --key tpm2:"
err_has "usermod --append --groups tss"
chmod 700 .
echo "ok   init suggests the TPM that is there"

# -- an application in the TPM, and its request
gives 0 "$claviger" init app --uri urn:plant:pump7 --alg p256 --alg rsa2048 \
	--key "tpm2:?tcti=$CLAVIGER_TCTI" --new-pin-source file:auth \
	--pin-source file:auth
gives 0 "$claviger" status app
out_has "tpm2:"
gives 0 "$claviger" cert request app --slot EccNistP256 --out app.csr \
	--pin-source file:auth
for alg in rsa2048 rsa3072 p256 p384; do
	gives 0 "$claviger" key generate tpm2:keys --alg "$alg" \
		--label "$alg" --new-pin-source file:auth
	uri=$(cat out)
	gives 0 "$claviger" key probe "$uri" --pin-source file:auth
	gives 0 "$claviger" cert request "$uri" --uri urn:plant:x --cn X \
		--out "$alg.csr" --pin-source file:auth
	gives 0 openssl req -in "$alg.csr" -verify -noout
	gives 0 "$claviger" key list tpm2:keys
	out_has "$uri"
done
gives 0 "$claviger" key passwd tpm2:keys/p256.tss --pin-source file:auth \
	--new-pin-source file:wrong
gives 1 "$claviger" key sign tpm2:keys/p256.tss --scheme ecdsa-sha256 \
	--in message --out signature --pin-source file:auth
gives 0 "$claviger" key sign tpm2:keys/p256.tss --scheme ecdsa-sha256 \
	--in message --out signature --pin-source file:wrong
gives 0 "$claviger" key delete tpm2:keys/p256.tss --yes
[ ! -e keys/p256.tss ] || fail "it is still there"
echo "ok   keys, requests, passwords"

# -- a PIN that a person chose, defended by the TPM
gives 0 "$claviger" key generate tpm2:keys --alg p256 --label pin \
	--option lockout=on --new-pin-source file:auth
gives 1 "$claviger" key sign tpm2:keys/pin.tss --scheme ecdsa-sha256 \
	--in message --out signature --pin-source file:wrong
err_has "2 tries are left, and the TPM forgets one of them every 1000 seconds"
gives 0 "$claviger" key sign tpm2:keys/pin.tss --scheme ecdsa-sha256 \
	--in message --out signature --pin-source file:auth
gives 2 "$claviger" key generate tpm2:keys --alg p256 --option lockout
gives 1 "$claviger" key generate tpm2:keys --alg p256 --option lockout=perhaps \
	--new-pin-source file:auth
echo "ok   lockout as an option"

# -- secrets that stand in no file
printf '1234\n' | "$claviger" seal --out pin.sealed 2>err || fail seal
printf 'a long password' | "$claviger" seal --out word.sealed 2>err || fail seal
mkdir -m 700 pem
gives 0 "$claviger" key generate pem:pem --alg p256 --label a \
	--new-pin-source tpm2:word.sealed
gives 0 "$claviger" key sign pem:pem/a.pem --scheme ecdsa-sha256 \
	--in message --out signature --pin-source tpm2:word.sealed
gives 0 openssl pkey -in pem/a.pem -passin 'pass:a long password' -noout
gives 1 "$claviger" key sign pem:pem/a.pem --scheme ecdsa-sha256 \
	--in message --out signature --pin-source tpm2:pin.sealed
mkdir tokens
printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\n' \
	"$PWD" >softhsm.conf
export SOFTHSM2_CONF="$PWD/softhsm.conf"
gives 0 softhsm2-util --init-token --free --label lab --pin 1234 --so-pin 5678
module=$(find /usr/lib -name libsofthsm2.so | head -n 1)
gives 0 "$claviger" key generate "pkcs11:token=lab?module-path=$module" \
	--alg p256 --label b --pin-source tpm2:pin.sealed
gives 0 "$claviger" key sign "$(cat out)" --scheme ecdsa-sha256 --in message \
	--out signature --pin-source tpm2:pin.sealed
echo "ok   sealed password and PIN"

# -- a sealed file that was changed (many bytes of it: test_tpm2_store.c)
sed '/-----BEGIN/,/-----END/ s/A/B/' word.sealed >changed.sealed
cmp -s word.sealed changed.sealed && fail "nothing was changed"
gives 1 "$claviger" key sign pem:pem/a.pem --scheme ecdsa-sha256 \
	--in message --out signature --pin-source tpm2:changed.sealed
grep -qF 'a long password' out err && fail "it was told"
echo "ok   a sealed file that was changed is refused"

# -- the bus once more, as a witness from outside saw it: tpm2-tss's own pcap
export TCTI_PCAP_FILE="$PWD/bus.pcap"
export CLAVIGER_TCTI="pcap:$CLAVIGER_TCTI"
gives 0 "$claviger" key generate tpm2:keys --alg rsa2048 --label witness \
	--new-pin-source file:auth
gives 0 "$claviger" key sign tpm2:keys/witness.tss --scheme rsa-pkcs1-sha256 \
	--in message --out signature --pin-source file:auth
gives 0 "$claviger" key sign pem:pem/a.pem --scheme ecdsa-sha256 \
	--in message --out signature --pin-source tpm2:word.sealed
gives 0 "$claviger" key show tpm2:keys/witness.tss --pem \
	--pin-source file:auth
python3 - "$TCTI_PCAP_FILE" out <<'END'
import base64, hashlib, sys
seen = open(sys.argv[1], "rb").read()
pem = open(sys.argv[2]).read().split("-----")[2]
public = base64.b64decode(pem)
assert len(seen) > 3000, len(seen)
# so that the rest can be believed
assert public[40:72] in seen, "not even the public key was seen"
digest = hashlib.sha256(b"what is to be signed").digest()
for secret in b"a pass phrase", b"a long password", digest:
    assert secret not in seen, secret
END
echo "ok   nothing in clear for tpm2-tss's own recorder"
