#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# make_certificates.sh DIRECTORY: a CA, an application and CRLs made by the
# openssl and the certtool programs: {openssl,gnutls}-{ca,app}.der and
# {openssl,gnutls}-{empty,full}.crl, of which the full ones revoke the
# application.
set -eu
cd "$1"
for program in openssl:openssl certtool:gnutls-bin; do
	command -v "${program%:*}" >/dev/null || {
		echo "${program%:*} is missing: apt-get install ${program#*:}" >&2
		exit 1
	}
done

cat > app.cnf <<'CNF'
[req]
distinguished_name=dn
[dn]
[ca]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign
subjectKeyIdentifier=hash
[app]
basicConstraints=CA:FALSE
keyUsage=critical,digitalSignature,nonRepudiation,keyEncipherment,dataEncipherment
extendedKeyUsage=serverAuth,clientAuth
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
subjectAltName=URI:urn:plant:pump,DNS:pump,IP:192.0.2.7
[bookkeeping]
database=index.txt
crlnumber=number
default_crl_days=30
default_md=sha256
CNF
: > index.txt
echo 01 > number
bookkeeping() {
	openssl ca -config app.cnf -name bookkeeping -keyfile ca.key \
		-cert ca.pem "$@"
}
openssl req -config app.cnf -x509 -newkey rsa:2048 -nodes -keyout ca.key \
	-subj "/CN=Tool CA/O=Plant" -days 300 -extensions ca -out ca.pem
openssl req -config app.cnf -newkey rsa:2048 -nodes -keyout app.key \
	-subj "/CN=pump/O=Plant" -out app.csr
openssl x509 -req -in app.csr -CA ca.pem -CAkey ca.key -days 100 \
	-extfile app.cnf -extensions app -set_serial 77 -out app.pem
bookkeeping -gencrl -out empty.pem
bookkeeping -revoke app.pem
bookkeeping -gencrl -out full.pem
for name in ca app; do
	openssl x509 -in $name.pem -outform DER -out openssl-$name.der
done
for name in empty full; do
	openssl crl -in $name.pem -outform DER -out openssl-$name.crl
done

cat > ca.tmpl <<'TMPL'
cn = "Tool CA"
organization = Plant
ca
cert_signing_key
crl_signing_key
expiration_days = 300
serial = 1
TMPL
cat > app.tmpl <<'TMPL'
cn = pump
organization = Plant
uri = urn:plant:pump
dns_name = pump
ip_address = 192.0.2.7
signing_key
tls_www_server
tls_www_client
expiration_days = 100
serial = 77
TMPL
cat > crl.tmpl <<'TMPL'
crl_next_update = 30
crl_number = 1
TMPL
by_ca() {
	certtool --load-ca-privkey ca2.key --load-ca-certificate ca2.pem "$@"
}
certtool --generate-privkey --key-type ecdsa --curve secp384r1 \
	--outfile ca2.key
certtool --generate-privkey --key-type ecdsa --curve secp256r1 \
	--outfile app2.key
certtool --generate-self-signed --load-privkey ca2.key --template ca.tmpl \
	--outfile ca2.pem
by_ca --generate-certificate --load-privkey app2.key --template app.tmpl \
	--outfile app2.pem
by_ca --generate-crl --template crl.tmpl --outfile empty2.pem
by_ca --generate-crl --load-certificate app2.pem --template crl.tmpl \
	--outfile full2.pem
for name in ca app; do
	certtool --certificate-info --infile ${name}2.pem --outder \
		--outfile gnutls-$name.der
done
for name in empty full; do
	certtool --crl-info --infile ${name}2.pem --outder \
		--outfile gnutls-$name.crl
done
