"""Public keys, told apart by their decoded numbers: one key under two spellings is one key."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from securesystemslib.exceptions import UnverifiedSignatureError, VerificationError

from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Malformed
from warifu_wire.light import Key, Signature

SCHEMES = {
    "ed25519": ("ed25519",),
    "ecdsa-sha2-nistp256": ("ecdsa", "ecdsa-sha2-nistp256"),
    "ecdsa-sha2-nistp384": ("ecdsa", "ecdsa-sha2-nistp384"),
    "rsassa-pss-sha256": ("rsa",),
    "rsa-pkcs1v15-sha256": ("rsa",),
}
"""Signature schemes, each with the key types that may have it."""


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A verification key in TUF form, with the sha256 of its decoded public numbers."""

    keyid: str
    keytype: str
    scheme: str
    value: str
    numbers: Digest = field(compare=False)

    def verifies(self, raw: bytes, covered: bytes) -> bool:
        """Whether `raw` is this key's signature over `covered`."""
        key = Key.from_dict(self.keyid, self.to_json())
        try:
            key.verify_signature(Signature(self.keyid, raw.hex()), covered)
        except (UnverifiedSignatureError, VerificationError, ValueError):
            return False
        return True

    def to_json(self) -> dict[str, Json]:
        """The TUF key object (TUF specification 1.0.34, section 4.2)."""
        return {"keytype": self.keytype, "scheme": self.scheme, "keyval": {"public": self.value}}


def public_key(keyid: str, value: Json) -> PublicKey:
    """Read a TUF key object; raises `Malformed` for unknown schemes or undecodable numbers."""
    match value:
        case {"keytype": str(kind), "scheme": str(scheme), "keyval": {"public": str(public)}} if (
            kind in SCHEMES.get(scheme, ()) and keyid
        ):
            return PublicKey(keyid, kind, scheme, public, _numbers(kind, public))
    raise Malformed("not-a-key", needed=f"a TUF key of a type and scheme of {SCHEMES}")


def distinct(keys: Iterable[PublicKey]) -> int:
    """How many different keys these are, by decoded numbers, whatever their ids and spellings."""
    return len({key.numbers for key in keys})


def _numbers(kind: str, public: str) -> Digest:
    """sha256 over the re-encoded DER SubjectPublicKeyInfo, so no spelling of the key matters."""
    try:
        loaded: PublicKeyTypes
        if kind == "ed25519":
            loaded = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
        else:
            loaded = load_pem_public_key(public.encode())
        return of_bytes(loaded.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise Malformed("not-a-key", needed="a decodable public key", why=error) from error
