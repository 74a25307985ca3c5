"""The CMS around a signature (RFC 5652, 5.1), put together from finished pieces.

Built as asn1crypto objects, every piece is written anew some thousand times for each document.
"""

from __future__ import annotations

from collections.abc import Iterable

_VERSION_1 = b"\x02\x01\x01"
_DATA = b"\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x01"
_SIGNED_DATA = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02"
_SEQUENCE, _SET, _FIRST = 0x30, 0x31, 0xA0


def content_info(digest_algorithm: bytes, certificates: Iterable[bytes], signer: bytes) -> bytes:
    """ContentInfo with SignedData over detached data and one signer; every argument in DER."""
    signed_data = _tlv(
        _SEQUENCE,
        _VERSION_1,
        _tlv(_SET, digest_algorithm),
        _DATA,
        _tlv(_FIRST, *sorted(set(certificates))),
        _tlv(_SET, signer),
    )
    return _tlv(_SEQUENCE, _SIGNED_DATA, _tlv(_FIRST, signed_data))


def _tlv(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    size = len(body)
    if size < 0x80:
        return bytes([tag, size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body
