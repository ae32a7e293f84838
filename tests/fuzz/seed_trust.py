#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the seeds in corpus/trust_data and corpus/trust_content anew."""

import pathlib
import struct
import subprocess
import tempfile

CORPUS = pathlib.Path(__file__).parent / "corpus"


def byte_string(value):
    if value is None:
        return struct.pack("<i", -1)
    return struct.pack("<i", len(value)) + value


def array(values):
    if values is None:
        return struct.pack("<i", -1)
    return struct.pack("<i", len(values)) + b"".join(map(byte_string, values))


def trust_data(mask, *lists):
    return struct.pack("<I", mask) + b"".join(map(array, lists))


def data_seeds():
    null = trust_data(0, None, None, None, None)
    full = trust_data(15, [b"0\3\2\1\1"], [b"0\0"], [b"0\0"] * 3, [b"0\0"])
    return {
        "null": null,
        "empty": trust_data(15, [], [], [], []),
        "mixed": trust_data(5, [b"abc", None], None, [b"", b"d"], []),
        "full": full,
        "unknown_bit": trust_data(16, None, None, None, None),
        "cut": full[:-3],
        "behind": null + b"\0",
        "count": b"\0\0\0\0\xff\xff\xff\x7f" + b"\xff" * 12,
        "nothing": b"",
    }


def openssl(work, *arguments):
    done = subprocess.run(["openssl", *arguments], cwd=work, check=True,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.stdout


def content_seeds(work):
    (work / "index").write_text("")
    (work / "number").write_text("01\n")
    (work / "ca.conf").write_text(
        "[ca]\ndefault_ca=d\n[d]\ndatabase=index\ndefault_md=sha256\n"
        "crlnumber=number\ndefault_crl_days=1\n")
    openssl(work, "req", "-x509", "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:P-256", "-nodes", "-keyout", "key",
            "-subj", "/O=Test/CN=Fuzz", "-days", "1", "-out", "pem")
    certificate = openssl(work, "x509", "-in", "pem", "-outform", "DER")
    crl = openssl(work, "ca", "-config", "ca.conf", "-gencrl",
                  "-keyfile", "key", "-cert", "pem")
    (work / "crl").write_bytes(crl)
    return {
        "certificate": certificate,
        "certificate_pem": (work / "pem").read_bytes(),
        "chain": certificate * 2,
        "crl_pem": crl,
        "crl": openssl(work, "crl", "-in", "crl", "-outform", "DER"),
        "request": openssl(work, "req", "-new", "-key", "key",
                           "-subj", "/CN=r", "-outform", "DER"),
    }


def write(name, seeds):
    directory = CORPUS / name
    directory.mkdir(parents=True, exist_ok=True)
    for seed, content in seeds.items():
        (directory / seed).write_bytes(content)


def main():
    write("trust_data", data_seeds())
    with tempfile.TemporaryDirectory() as work:
        write("trust_content", content_seeds(pathlib.Path(work)))


if __name__ == "__main__":
    main()
