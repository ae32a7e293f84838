#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copyright (c) the Claviger authors

# A foreign program makes a key and signs through the server. Runs under
# with-p11-server.

set -eu
command -v pkcs11-tool >/dev/null || {
	echo "pkcs11-tool is missing: apt-get install opensc"
	exit 1
}
tool() {
	pkcs11-tool --module "$CLAVIGER_P11_MODULE" \
	    --token-label "$CLAVIGER_P11_LABEL" --login \
	    --pin "$CLAVIGER_P11_PIN" "$@"
}
cd "$(dirname "$SOFTHSM2_CONF")"
tool --keypairgen --key-type EC:prime256v1 --id 01
echo "a message" | openssl dgst -sha256 -binary -out digest
tool --sign --id 01 -m ECDSA -i digest -o signature --signature-format openssl
tool --read-object --type pubkey --id 01 -o public.der
openssl pkeyutl -verify -pubin -keyform DER -inkey public.der -in digest \
    -sigfile signature
