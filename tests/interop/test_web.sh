#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Copyright (c) the Claviger authors

# test_web.sh MODULES-DIR CLAVIGER: nginx and curl, which open PEM files only, use keys
# through a file that says where the key is. nginx loads the key in one process
# and signs in others.

NEEDS="openssl:openssl nginx:nginx-light curl:curl softhsm2-util:softhsm2"
. "$(dirname "$0")/common.sh"
make_keys
names="rsa p256 p384 ed25519 token"

cat >openssl.cnf <<END
openssl_conf = init
[init]
providers = providers
[providers]
claviger = claviger_section
default = default_section
[claviger_section]
activate = 1
[default_section]
activate = 1
END

# A key in a token: the workers are forked after the module was initialised.
start_token >out &&
	"$2" key generate "$store" --alg rsa2048 >token.uri 2>>out
"$2" key show "$(cat token.uri)" --reference >token.ref 2>>out

certify() { # NAME: a certificate for a key that only the reference leads to
	OPENSSL_CONF=$directory/openssl.cnf openssl req -x509 -key "$1.ref" \
	    -subj "/CN=localhost" -days 2 -out "$1.crt" \
	    -addext subjectAltName=DNS:localhost -config <(echo '[req]
distinguished_name = dn
[dn]')
}

for name in rsa p256 p384 ed25519; do
	reference "file:$directory/$name.pem" >$name.ref
done
for name in $names; do
	check "certificate for $name" certify "$name"
done

# A server a key, each on a socket of its own; clients need the P-256 key.
server() { # NAME
	cat <<-END
	server {
		listen unix:$directory/$1.sock ssl;
		server_name localhost;
		ssl_certificate $directory/$1.crt;
		ssl_certificate_key $directory/$1.ref;
		ssl_client_certificate $directory/p256.crt;
		ssl_verify_client on;
		ssl_protocols TLSv1.2 TLSv1.3;
		location / { return 200 "hello from $1\n"; }
	}
	END
}

cat >nginx.conf <<END
daemon off;
user root;
worker_processes 2;
pid $directory/nginx.pid;
error_log stderr;
events { }
http {
	access_log off;
	client_body_temp_path $directory/body;
	proxy_temp_path $directory/proxy;
	fastcgi_temp_path $directory/fastcgi;
	uwsgi_temp_path $directory/uwsgi;
	scgi_temp_path $directory/scgi;
$(for name in $names; do server "$name"; done)
}
END
OPENSSL_CONF=$directory/openssl.cnf nginx -c "$directory/nginx.conf" \
    -e stderr >nginx.out 2>&1 &
pids="$pids $!"

fetch() { # NAME OPTION...
	local name=$1
	shift
	OPENSSL_CONF=$directory/openssl.cnf curl -sS --max-time 20 \
	    --unix-socket "$directory/$name.sock" \
	    --cacert "$directory/$name.crt" --cert "$directory/p256.crt" \
	    --key "$directory/p256.ref" "$@" https://localhost/ |
	    grep -qx "hello from $name" || { cat nginx.out; return 1; }
}

check "nginx starts" wait_for_file "$directory/token.sock"
for name in $names; do
	for version in 1.2 1.3; do
		check "curl to nginx, TLS $version, $name" fetch \
		    "$name" "--tlsv$version" --tls-max $version
	done
done
finish
