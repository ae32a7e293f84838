#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""seed_tpm2.py DIRECTORY: the corpora of fuzz-tpm2-answers and fuzz-tpm2-use,
in the directories tpm2_answers and tpm2_use.

Each file of the first is what fuzz_tpm2_answers.c reads: a byte for what is
wanted, then an answer for each command: a byte for its kind (0 raw, 1 framed,
2 authentic, 3 a response code), its size, its bytes.

Those of the second begin with how to begin and the first piece of work; then
comes a byte for each command, 0 for a right answer or what to do to it
(hostile_tpm.c), with what that needs.
"""
import hashlib
import os
import sys

GENERATOR = bytes.fromhex(
    "6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
    "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")


def u16(value):
    return value.to_bytes(2, "big")


def u32(value):
    return value.to_bytes(4, "big")


def sized(content):
    return u16(len(content)) + content


def ecc(attributes, curve=3, symmetric=True):
    """A TPMT_PUBLIC of an ECC key at the generator."""
    area = u16(0x23) + u16(0xB) + u32(attributes) + sized(b"")
    area += u16(6) + u16(128) + u16(0x43) if symmetric else u16(0x10)
    area += u16(0x10) + u16(curve) + u16(0x10)
    return area + sized(GENERATOR[:32]) + sized(GENERATOR[32:])


def rsa(attributes):
    """A TPMT_PUBLIC of an RSA key."""
    area = u16(1) + u16(0xB) + u32(attributes) + sized(b"")
    area += u16(0x10) + u16(0x10) + u16(2048) + u32(0)
    return area + sized(b"\xc5" * 256)


def name(area):
    return u16(0xB) + hashlib.sha256(area).digest()


SRK = ecc(0x30472)
KEY = ecc(0x40472, symmetric=False)
CREATION = sized(b"c" * 8) + sized(b"h" * 32) + u16(0x8021) + u32(
    0x40000001) + sized(b"t" * 32)


def answer(kind, content):
    size = len(content)
    head = bytes([size]) if size <= 250 else bytes(
        [250 + size // 256, size % 256])
    return bytes([kind]) + head + content


def public(area):
    return sized(area) + sized(name(area)) + sized(name(area))


def primary(area):
    return sized(area) + CREATION + sized(name(area))


def code(value):
    return bytes([3]) + u16(value)


def seeds():
    clock = bytes(16) + u32(1) + u32(2) + b"\x01"
    properties = b"\x00" + u32(6) + u32(2) + u32(0x200) + u32(5) + u32(
        0x20E) + u32(3)
    handles = b"\x00" + u32(1) + u32(2) + u32(0x80000000) + u32(0x80000001)
    signature = u16(0x18) + u16(0xB) + sized(b"r" * 32) + sized(b"s" * 31)
    rsassa = u16(0x14) + u16(0xB) + sized(b"s" * 256)
    session = answer(1, sized(b"n" * 32))
    loaded = answer(2, sized(name(SRK)))
    made = answer(1, primary(SRK) + b"")
    yield "clock", b"\x00" + answer(1, clock)
    yield "properties", b"\x01" + answer(1, properties)
    yield "handles", b"\x02" + answer(1, handles)
    yield "startup", b"\x03" + answer(1, b"")
    for label, area in (("srk", SRK), ("ecc", KEY), ("rsa", rsa(0x60472)),
                        ("p384", ecc(0x40472, 4, False))):
        yield "read-" + label, b"\x40" + answer(1, public(area))
    yield "primary", b"\x41" + made
    yield "create", b"\x42" + answer(
        2, sized(b"p" * 120) + sized(KEY) + CREATION)
    yield "import", b"\x43" + answer(2, sized(b"p" * 120))
    yield "ecdsa", b"\x80" + answer(2, signature)
    yield "rsassa", b"\x81" + answer(2, rsassa)
    yield "decrypt", b"\x82" + answer(2, sized(b"m" * 256))
    yield "unseal", b"\x83" + answer(2, sized(b"secret"))
    yield "change", b"\x84" + answer(2, sized(b"p" * 120))
    yield "evict", b"\x85" + answer(2, b"")
    for want in range(5):
        what = 0xC0 + want
        yield "ready-%d" % want, bytes([what]) + loaded + code(
            0x18B) + made + session + loaded
        yield "full-%d" % want, bytes([what]) + code(0x902) + code(
            0x000) + made + code(0x903) + session + loaded
        yield "plain-%d" % want, bytes([what]) + made + answer(
            1, b"") + session + answer(1, public(SRK)) + answer(1, b"")
    yield "two", b"\x80" + answer(2, signature) + b"\x82" + answer(
        2, sized(b"m" * 200))


# What hostile_tpm.c does to an answer, by enum spoil.
SPOILS = {
    "code": b"\x06\x01\x8b",
    "code-after": b"\x07\x09\x02",
    "parameters": b"\x08\x00\x00\x05\xff",
    "cut-parameters": b"\x09\x00\x02\x01",
    "more-parameters": b"\x0a\x00\x02\x03abc",
    "all-parameters": b"\x0b\x04" + sized(b"ab"),
    "frame": b"\x0c\x00\x00\x0d\x81",
    "cut-frame": b"\x0d\x00\x0a\x04\x00",
    "more-frame": b"\x0e\x00\x0a\x02ab\x00",
    "raw": b"\x0f\x0a" + u16(0x8001) + u32(10) + u32(0) + b"\x01",
    "lost": b"\x10",
    "lost-after": b"\x11",
    "reset": b"\x12",
    "attributes": b"\x13\x00",
}


def uses():
    """Every piece of work, and every spoil, early and late."""
    for how in (0, 1, 3, 7):
        for what in (0, 1, 2, 18, 3, 4, 5, 6, 7, 8, 24, 0xF8):
            yield "work-%d-%d" % (how, what), bytes([how, what])
    for number, (label, spoil) in enumerate(SPOILS.items()):
        for skip in range(0, 12, 4):
            how = (0, 1, 5, 7)[(number + skip) % 4]
            yield "%s-%d" % (label, skip), bytes(
                [how, (8, 24, 4, 0)[number % 4]]) + bytes(skip) + spoil


def write(directory, files):
    os.makedirs(directory, exist_ok=True)
    for label, content in files:
        with open(os.path.join(directory, label), "wb") as out:
            out.write(content)


def main():
    write(os.path.join(sys.argv[1], "tpm2_answers"), seeds())
    write(os.path.join(sys.argv[1], "tpm2_use"), uses())


main()
