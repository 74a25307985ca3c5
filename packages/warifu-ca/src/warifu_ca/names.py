"""Who a certificate is for, and how the name is written: code points are kept as they came.

A Japanese name is never normalised: NFC would turn a compatibility ideograph (U+FA19) into another
character (U+795E), and the member's name with it.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from cryptography import x509
from cryptography.x509.oid import NameOID

from warifu_ca.profiles import Profile
from warifu_wire.errors import Refusal

LONGEST = 64  # ub-common-name, RFC 5280 appendix A.1
_MEMBER = re.compile(r"[0-9A-Za-z][0-9A-Za-z-]{0,31}")
_ROMAN = re.compile(r"[A-Za-z0-9 '().,+/:?=-]{1,64}")  # PrintableString, RFC 5280
_ATTRIBUTES = {
    "C": NameOID.COUNTRY_NAME,
    "O": NameOID.ORGANIZATION_NAME,
    "OU": NameOID.ORGANIZATIONAL_UNIT_NAME,
}


@dataclass(frozen=True, slots=True)
class Holder:
    """A member: number, name as registered (any script), and the same in Latin letters."""

    member: str
    name: str
    roman: str


def holder(member: str, name: str, roman: str) -> Holder:
    """A holder whose names a certificate can carry; raises `Refusal` (name-not-allowed)."""
    if not _MEMBER.fullmatch(member):
        raise Refusal("name-not-allowed", needed="1-32 letters, digits, hyphens", member=member)
    if not _ROMAN.fullmatch(roman):
        raise Refusal("name-not-allowed", needed="1-64 PrintableString characters", roman=roman)
    if not 1 <= len(name) <= LONGEST or name != name.strip() or any(map(_hidden, name)):
        raise Refusal("name-not-allowed", needed="1-64 visible characters", name=ascii(name))
    return Holder(member, name, roman)


def _hidden(character: str) -> bool:
    """Control, formatting (bidirectional overrides among them), surrogate, private, line ends."""
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def subject(profile: Profile, who: Holder | str) -> x509.Name:
    """The distinguished name: the profile's fixed part, then the holder in Latin letters."""
    fixed = [x509.NameAttribute(_ATTRIBUTES[key], value) for key, value in profile.subject]
    if isinstance(who, str):
        return x509.Name([*fixed, x509.NameAttribute(NameOID.COMMON_NAME, who)])
    return x509.Name(
        [
            *fixed,
            x509.NameAttribute(NameOID.COMMON_NAME, who.roman),
            x509.NameAttribute(NameOID.SERIAL_NUMBER, who.member),
        ]
    )


def in_japanese(country: str, name: str) -> x509.GeneralName:
    """A directoryName for an alternative name: the name as registered, UTF8String."""
    return x509.DirectoryName(
        x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, country),
                x509.NameAttribute(NameOID.COMMON_NAME, name),
            ]
        )
    )
