"""What a member's machine asks: signed requests, read strictly (docs/ca-protocol.md)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from warifu_ca import keys
from warifu_wire import dsse, times
from warifu_wire.canonical import Json
from warifu_wire.errors import Malformed, Refusal
from warifu_wire.times import Instant

PAYLOAD_TYPE = "application/vnd.warifu.ca-request.v1+json"
SKEW = timedelta(hours=24)
Action: TypeAlias = Literal["redeem", "receipt", "renew", "revoke"]
FIELDS: Mapping[Action, frozenset[str]] = {
    "redeem": frozenset({"action", "at", "csr", "reference"}),
    "receipt": frozenset({"action", "at", "certificate", "reference", "serial"}),
    "renew": frozenset({"action", "at", "csr", "serial"}),
    "revoke": frozenset({"action", "at", "reason", "serial"}),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A request whose form is right and whose signature is yet to be verified."""

    envelope: bytes
    fields: Mapping[str, Json]
    covered: bytes
    signature: bytes
    at: Instant

    def text(self, name: str) -> str:
        """A field that must be text; raises `Refusal` (request-malformed)."""
        value = self.fields[name]
        if isinstance(value, str):
            return value
        raise malformed(name)

    def binary(self, name: str) -> bytes | None:
        """A field that is base64 or null; raises `Refusal` (request-malformed)."""
        if self.fields[name] is None:
            return None
        try:
            return base64.b64decode(self.text(name), validate=True)
        except (binascii.Error, ValueError) as error:
            raise malformed(name) from error

    def signed_by_letter(self, verifier: bytes) -> bool:
        """Whether the key derived from the letter signed this."""
        try:
            Ed25519PublicKey.from_public_bytes(verifier).verify(self.signature, self.covered)
        except InvalidSignature:
            return False
        return True

    def signed_by(self, key: keys.PublicKey) -> bool:
        """Whether a certificate's key signed this."""
        return keys.verifies(key, self.signature, self.covered)


def read(data: bytes, action: Action, now: Instant) -> Asked:
    """Read a request; raises `Refusal` (request-malformed, clock-differs)."""
    try:
        envelope = dsse.parse(data, PAYLOAD_TYPE)
        fields = dsse.payload(envelope)
        if not isinstance(fields, dict) or set(fields) != FIELDS[action]:
            raise malformed("fields")
        if fields["action"] != action or len(envelope.signatures) != 1:
            raise malformed("action" if fields["action"] != action else "signatures")
        at = times.read(fields["at"])
    except Malformed as error:
        raise malformed(error.reason) from error
    if abs(at - now) > SKEW:
        raise Refusal(
            "clock-differs",
            needed="the right date and time on the member's machine",
            at=times.spell(at),
            now=times.spell(now),
        )
    covered = dsse.pae(envelope.payload_type, envelope.payload)
    return Asked(data, fields, covered, envelope.signatures[0][1], at)


def malformed(field: str) -> Refusal:
    """The refusal of a request's form."""
    return Refusal("request-malformed", needed="a request as docs/ca-protocol.md says", field=field)
