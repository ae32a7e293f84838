#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copyright (c) the Claviger authors

# The contract for keys with an auth value. Runs under with-swtpm.

set -eu
umask 077
printf 'a pass phrase' >"$SWTPM_LAB/secret"
"$1" --alg rsa2048 --alg p256 --try-wrong-secret \
    --pin-source "file:$SWTPM_LAB/secret" "tpm2:$SWTPM_LAB/keys"
