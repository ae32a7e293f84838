#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# seed_tpm2.sh CLAVIGER DIRECTORY, run under with-swtpm: makes the corpus of
# fuzz-tpm2-keyfile.
set -eu
claviger=$1
out=$2
cd "$SWTPM_LAB"
umask 077
for alg in rsa2048 p256 p384; do
	echo | "$claviger" key generate tpm2:keys --alg "$alg" --label "$alg" \
	    --pin-source fd:0
done
printf secret | "$claviger" seal --out keys/sealed.tss
openssl genpkey -provider tpm2 -algorithm EC -pkeyopt group:P-256 \
    -out keys/theirs.tss
cp keys/*.tss "$out"
