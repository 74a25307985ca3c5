"""Signatures inside members: what a signing step may add to a program without changing it.

Authenticode (Microsoft PE format, "The Attribute Certificate Table") and signed JAR files (JAR file
specification, "Signature Validation").
"""

from __future__ import annotations

import re
import struct

from warifu.model.tree import File

_PE32, _PE32_PLUS = 0x10B, 0x20B
_CHECKSUM = 64
_SECURITY = {_PE32: 128, _PE32_PLUS: 144}
_JAR_PART = re.compile(r"META-INF/[^/]+\.(SF|RSA|DSA|EC)")
_JAR_MANIFEST = "META-INF/MANIFEST.MF"
_JAR_SECTION = re.compile(
    rb"Name: [^\r\n]+\r\n(?: [^\r\n]+\r\n)*(?:SHA-?\d+-Digest: [0-9A-Za-z+/=]+\r\n)+\r\n"
)


def same_program(expected: bytes, found: bytes) -> bool:
    """Whether two PE files differ by their Authenticode signatures only."""
    one, other = _bare(expected), _bare(found)
    return one is not None and one == other


def jar_part(path: str, expected: File | None, found: File | None) -> bool:
    """Whether a differing member of a JAR file is what signing it adds."""
    if found is None or found.mode != "file":
        return False
    if expected is None:
        return _JAR_PART.fullmatch(path) is not None
    if path != _JAR_MANIFEST or not found.data.startswith(expected.data):
        return False
    added = found.data[len(expected.data) :]
    return bool(added) and not _JAR_SECTION.sub(b"", added)


def _bare(data: bytes) -> bytes | None:
    """A PE file with checksum and certificate table taken out; None for anything else."""
    try:
        (start,) = struct.unpack_from("<L", data, 0x3C)
        if data[:2] != b"MZ" or data[start : start + 4] != b"PE\0\0":
            return None
        optional = start + 24
        (magic,) = struct.unpack_from("<H", data, optional)
        entry = optional + _SECURITY[magic]
        at, size = struct.unpack_from("<2L", data, entry)
    except (struct.error, KeyError):
        return None
    if at and at + size != len(data):
        return None
    body = bytearray(data[:at] if at else data)
    body[optional + _CHECKSUM : optional + _CHECKSUM + 4] = bytes(4)
    body[entry : entry + 8] = bytes(8)
    return bytes(body) + bytes(-len(body) % 8)
