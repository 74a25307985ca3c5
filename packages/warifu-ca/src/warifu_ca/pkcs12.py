"""PKCS #12 files (RFC 7292) that cost an attacker as much at the MAC as at the encryption.

Stock writers leave the MAC at 2,048 rounds, so a guess is tested there sixty times cheaper. The
file is therefore written by `cryptography` and gets a new MAC here (RFC 7292 appendix B).
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Sequence

from asn1crypto import algos
from asn1crypto import pkcs12 as asn1
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import PrivateFormat
from cryptography.hazmat.primitives.serialization import pkcs12 as stock

from warifu_ca.keys import PrivateKey
from warifu_wire.errors import Fault, Refusal

ROUNDS = 600_000
SHORTEST = 12
_BLOCK = 64  # SHA-256's block, in bytes
_MAC_KEY = 3  # the diversifier of MAC keys, RFC 7292 appendix B.3


def passphrase(text: str) -> bytes:
    """A password every reader can type: ASCII, at least 12 characters; raises `Refusal`."""
    if len(text) < SHORTEST or not text.isascii() or not text.isprintable():
        raise Refusal("passphrase-too-weak", needed=f"{SHORTEST} or more ASCII characters")
    return text.encode("ascii")


def write(
    key: PrivateKey,
    certificate: x509.Certificate,
    chain: Sequence[x509.Certificate],
    password: bytes,
    label: str,
) -> bytes:
    """The file's bytes: PBES2 with AES-256, 600,000 rounds there and in the MAC."""
    encryption = (
        PrivateFormat.PKCS12.encryption_builder()
        .kdf_rounds(ROUNDS)
        .key_cert_algorithm(stock.PBES.PBESv2SHA256AndAES256CBC)
        .hmac_hash(hashes.SHA256())
        .build(password)
    )
    return _with_mac(
        stock.serialize_key_and_certificates(
            label.encode(), key, certificate, list(chain), encryption
        ),
        password,
    )


def read(data: bytes, password: bytes) -> tuple[PrivateKey, x509.Certificate]:
    """Key and certificate of a file of our own; raises `Refusal` (passphrase-wrong) or `Fault`."""
    try:
        key, certificate, _ = stock.load_key_and_certificates(data, password)
    except ValueError as error:
        raise Refusal("passphrase-wrong", needed="the passphrase given at init") from error
    if not isinstance(key, PrivateKey) or certificate is None:
        raise Fault("a key file holds no key or no certificate", needed="a copy of the folder")
    return key, certificate


def _with_mac(data: bytes, password: bytes) -> bytes:
    file = asn1.Pfx.load(data)
    salt = os.urandom(16)
    key = mac_key(password.decode("ascii"), salt, ROUNDS)
    content = file["auth_safe"]["content"].native
    file["mac_data"] = asn1.MacData(
        {
            "mac": {
                "digest_algorithm": algos.DigestAlgorithm({"algorithm": "sha256"}),
                "digest": hmac.digest(key, content, "sha256"),
            },
            "mac_salt": salt,
            "iterations": ROUNDS,
        }
    )
    made: bytes = file.dump()
    return made


def mac_key(password: str, salt: bytes, rounds: int) -> bytes:
    """The 32-byte MAC key (RFC 7292 appendix B.2, SHA-256): one output block is enough."""
    text = (password + "\0").encode("utf-16-be")
    found = bytes([_MAC_KEY]) * _BLOCK + _filled(salt) + _filled(text)
    for _ in range(rounds):
        found = hashlib.sha256(found).digest()
    return found


def _filled(data: bytes) -> bytes:
    """Repeated to a whole number of blocks."""
    size = _BLOCK * -(-len(data) // _BLOCK)
    return (data * -(-size // len(data)))[:size]
