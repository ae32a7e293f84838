#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the seeds in corpus/pem, corpus/pkcs8 and corpus/encrypted anew. Keys
that are encrypted have the password "fuzz"."""

import pathlib
import subprocess

CORPUS = pathlib.Path(__file__).parent / "corpus"
KINDS = {
    "rsa": ["rsa", "-pkeyopt", "rsa_keygen_bits:2048"],
    "p256": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
    "p384": ["ec", "-pkeyopt", "ec_paramgen_curve:P-384"],
    "brainpool256": ["ec", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1"],
    "brainpool384": ["ec", "-pkeyopt", "ec_paramgen_curve:brainpoolP384r1"],
    "explicit": ["ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                 "-pkeyopt", "ec_param_enc:explicit"],
    "ed25519": ["ed25519"],
    "ed448": ["ed448"],
    "x25519": ["x25519"],
}


def openssl(*arguments, given=None):
    return subprocess.run(["openssl", *arguments], check=True, input=given,
                          stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL).stdout


def plain():
    for name, arguments in KINDS.items():
        key = openssl("genpkey", "-algorithm", *arguments)
        yield name, key
        yield name + ".der", openssl("pkcs8", "-topk8", "-nocrypt",
                                     "-outform", "DER", given=key)
        if name in ("rsa", "p256", "brainpool384"):
            kind = "rsa" if name == "rsa" else "ec"
            old = ["-traditional"] if name == "rsa" else []
            yield name + ".old", openssl(kind, *old, given=key)
            yield name + ".old.der", openssl(kind, *old, "-outform", "DER",
                                             given=key)
        if name == "ed25519":
            yield name + ".both", key + openssl("pkey", "-pubout", given=key)
            yield name + ".crlf", key.replace(b"\n", b"\r\n")
            # RFC 8410, 10.3: version 2 with its public key.
            public = openssl("pkey", "-pubout", "-outform", "DER", given=key)
            der = openssl("pkcs8", "-topk8", "-nocrypt", "-outform", "DER",
                          given=key)
            yield name + ".v2", (b"\x30" + bytes([len(der) - 2 + 35]) +
                                 b"\2\1\1" + der[5:] + b"\x81\x21\0" +
                                 public[-32:])


def encrypted():
    key = openssl("genpkey", "-algorithm", "ed25519")
    ec = openssl("genpkey", "-algorithm", "ec", "-pkeyopt",
                 "ec_paramgen_curve:P-256")
    topk8 = ["pkcs8", "-topk8", "-passout", "pass:fuzz", "-v2"]
    for name, arguments in {
            "pbkdf2": ["aes-256-cbc", "-iter", "2"],
            "sha1": ["aes-128-cbc", "-iter", "2", "-v2prf", "hmacWithSHA1"],
            "sha512": ["aes-192-cbc", "-iter", "2", "-v2prf",
                       "hmacWithSHA512"],
            "des3": ["des3", "-iter", "2"],
            "scrypt": ["aes-256-cbc", "-scrypt", "-scrypt_N", "2",
                       "-scrypt_r", "1", "-scrypt_p", "1"],
    }.items():
        yield name, openssl(*topk8, *arguments, given=key)
        yield name + ".der", openssl(*topk8, *arguments, "-outform", "DER",
                                     given=ec)
    yield "pbes1", openssl("pkcs8", "-topk8", "-passout", "pass:fuzz", "-v1",
                           "PBE-SHA1-3DES", given=key)
    for cipher in ("aes256", "des3"):
        yield "old-" + cipher, openssl("ec", "-" + cipher, "-passout",
                                       "pass:fuzz", given=ec)


def write(folder, seeds):
    (CORPUS / folder).mkdir(parents=True, exist_ok=True)
    for name, content in seeds:
        (CORPUS / folder / name).write_bytes(content)


def pem():
    yield "nothing", b""
    yield "spaces", b" \r\n\t"
    yield "short", b"-----BEGIN A-----\nAAAA\n-----END A-----\n"
    yield "headers", (b"-----BEGIN A-----\nX: 1\nY: 2\n\nQUJD\n"
                      b"-----END A-----\n")
    yield "two", (b"-----BEGIN A-----\nQQ==\n-----END A-----\n"
                  b"-----BEGIN B-----\nQUI=\n-----END B-----")
    yield "text", b"text\n-----BEGIN A-----\nQUJD\n-----END A-----\n"


write("pem", pem())
write("pkcs8", plain())
write("encrypted", encrypted())
