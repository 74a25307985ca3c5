"""Reference number and PIN of a letter, and the key they stand for."""

from __future__ import annotations

import hashlib
import secrets

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from warifu_wire.errors import Refusal

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PIN_LENGTH = 12
REFERENCE_LENGTH = 16
_SALT = b"warifu-ca/window/v1\x00"
COST = 2**15  # 32 MiB and about 0.1 s for each guess


def new_reference() -> str:
    """16 decimal digits, the last one a Luhn check digit (ISO/IEC 7812-1 annex B)."""
    body = "".join(secrets.choice("0123456789") for _ in range(REFERENCE_LENGTH - 1))
    return body + next(digit for digit in "0123456789" if _luhn(body + digit))


def new_pin() -> str:
    """12 characters nobody confuses, 60 bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(PIN_LENGTH))


def reference(text: str) -> str:
    """A reference number as it travels; raises `Refusal` (reference-malformed)."""
    if len(text) == REFERENCE_LENGTH and text.isascii() and text.isdigit() and _luhn(text):
        return text
    raise Refusal("reference-malformed", needed="the 16 digits of the letter")


def grouped(text: str) -> str:
    """In groups of four, as printed."""
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def signing_key(reference_number: str, pin: str) -> Ed25519PrivateKey:
    """The key a letter stands for (docs/ca-protocol.md, "The letter's key")."""
    seed = hashlib.scrypt(
        pin.encode("ascii"),
        salt=_SALT + reference_number.encode("ascii"),
        n=COST,
        r=8,
        p=1,
        maxmem=2**27,
        dklen=32,
    )
    return Ed25519PrivateKey.from_private_bytes(seed)


def verifier(reference_number: str, pin: str) -> bytes:
    """The 32-byte public half: what the authority keeps instead of the PIN."""
    key = signing_key(reference_number, pin).public_key()
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0
