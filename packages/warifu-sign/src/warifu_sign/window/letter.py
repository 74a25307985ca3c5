"""The letter's reference number and PIN, as a person types them, and the key they make."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ed25519

from warifu_sign import typed
from warifu_sign.errors import Refusal

_SALT = b"warifu-ca/window/v1\0"
COST = 2**15  # docs/ca-protocol.md: 32 MiB and about 0.1 s for each guess
_ALPHABET = frozenset("0123456789ABCDEFGHJKMNPQRSTVWXYZ")


@dataclass(frozen=True, slots=True)
class Letter:
    """What the letter says. reference: 16 digits; pin: 12 characters, both normalised."""

    reference: str
    pin: str = field(repr=False)

    def key(self) -> ed25519.Ed25519PrivateKey:
        """The key that proves possession of the letter; the PIN itself never travels."""
        seed = hashlib.scrypt(
            self.pin.encode("ascii"),
            salt=_SALT + self.reference.encode("ascii"),
            n=COST,
            r=8,
            p=1,
            maxmem=64 << 20,
            dklen=32,
        )
        return ed25519.Ed25519PrivateKey.from_private_bytes(seed)


def read(reference: str, pin: str) -> Letter:
    """The letter as typed: spaces, hyphens, full-width and small letters allowed.

    Raises Refusal reference-mistyped, pin-mistyped.
    """
    number = typed.plain(reference)
    if len(number) != 16 or not number.isdecimal() or not _luhn(number):
        raise Refusal("reference-mistyped", needed="the 16 digits of the letter")
    code = typed.code(pin)
    if len(code) != 12 or not set(code) <= _ALPHABET:
        raise Refusal("pin-mistyped", needed="the 12 characters of the letter")
    return Letter(number, code)


def _luhn(number: str) -> bool:
    """ISO/IEC 7812-1: every second digit from the right is doubled, the check digit is not."""
    total = 0
    for place, digit in enumerate(map(int, reversed(number))):
        weighed = digit * 2 if place % 2 else digit
        total += weighed - 9 if weighed > 9 else weighed
    return total % 10 == 0
