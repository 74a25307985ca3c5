"""Reference number and PIN of a letter: making, reading as typed, and the key they stand for."""

from __future__ import annotations

import hashlib
import secrets
import unicodedata

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from warifu_wire.errors import Refusal

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
PIN_LENGTH = 12
REFERENCE_LENGTH = 16
_SALT = b"warifu-ca/window/v1\x00"
_COST = 2**15  # 32 MiB and about 0.1 s for each guess
_READ_AS = str.maketrans("OIL", "011")


def new_reference() -> str:
    """16 decimal digits, the last one a Luhn check digit (ISO/IEC 7812-1 annex B)."""
    body = "".join(secrets.choice("0123456789") for _ in range(REFERENCE_LENGTH - 1))
    return body + next(digit for digit in "0123456789" if _luhn(body + digit))


def new_pin() -> str:
    """12 characters nobody confuses, 60 bits."""
    return "".join(secrets.choice(ALPHABET) for _ in range(PIN_LENGTH))


def reference(typed: str) -> str:
    """The reference number as typed, cleaned; raises `Refusal` (reference-malformed)."""
    found = _plain(typed)
    if len(found) == REFERENCE_LENGTH and found.isascii() and found.isdigit() and _luhn(found):
        return found
    raise Refusal("reference-malformed", needed="the 16 digits of the letter")


def pin(typed: str) -> str:
    """The PIN as typed, cleaned; raises `Refusal` (pin-malformed)."""
    found = _plain(typed).upper().translate(_READ_AS)
    if len(found) == PIN_LENGTH and all(one in ALPHABET for one in found):
        return found
    raise Refusal("pin-malformed", needed="the 12 letters and digits of the letter")


def grouped(text: str) -> str:
    """In groups of four, as printed."""
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def signing_key(reference_number: str, clean_pin: str) -> Ed25519PrivateKey:
    """The key a letter stands for (docs/ca-protocol.md, "The letter's key")."""
    seed = hashlib.scrypt(
        clean_pin.encode("ascii"),
        salt=_SALT + reference_number.encode("ascii"),
        n=_COST,
        r=8,
        p=1,
        maxmem=2**27,
        dklen=32,
    )
    return Ed25519PrivateKey.from_private_bytes(seed)


def verifier(reference_number: str, clean_pin: str) -> bytes:
    """The 32-byte public half: what the authority keeps instead of the PIN."""
    key = signing_key(reference_number, clean_pin).public_key()
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _plain(typed: str) -> str:
    narrow = unicodedata.normalize("NFKC", typed)
    return "".join(one for one in narrow if not one.isspace() and one not in "-‐‑–—−ー")


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0
