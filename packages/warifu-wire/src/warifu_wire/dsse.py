"""DSSE envelopes: a payload of a named type, and who signed it (DSSE v1.0.2).

The payload type is checked before any signature, and the payload must be canonical JSON, because
the reference library does neither.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from warifu_wire import canonical
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Malformed
from warifu_wire.keys import PublicKey

Sign = Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload, its type, and its signatures as (keyid, raw signature)."""

    payload_type: str
    payload: bytes
    signatures: tuple[tuple[str, bytes], ...]

    @property
    def digest(self) -> Digest:
        """The sha256 of the payload: what other statements name."""
        return of_bytes(self.payload)

    def signed(self, keyid: str, sign: Sign) -> Envelope:
        """The same envelope with one more signature over its pre-authentication encoding."""
        made = (keyid, sign(pae(self.payload_type, self.payload)))
        others = tuple(one for one in self.signatures if one[0] != keyid)
        return Envelope(self.payload_type, self.payload, (*others, made))

    def to_bytes(self) -> bytes:
        """The envelope as canonical JSON (DSSE JSON envelope)."""
        return canonical.dumps(
            {
                "payload": base64.b64encode(self.payload).decode(),
                "payloadType": self.payload_type,
                "signatures": [
                    {"keyid": keyid, "sig": base64.b64encode(raw).decode()}
                    for keyid, raw in self.signatures
                ],
            }
        )


def pae(payload_type: str, payload: bytes) -> bytes:
    """Pre-authentication encoding (DSSE v1.0.2, "Signature Definition")."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def seal(payload_type: str, payload: Json) -> Envelope:
    """An envelope without signatures around the canonical spelling of a payload."""
    return Envelope(payload_type, canonical.dumps(payload), ())


def parse(data: bytes, payload_type: str) -> Envelope:
    """Read an envelope that must be of `payload_type`; raises `Malformed`. Verifies nothing."""
    value = canonical.loads(data)
    match value:
        case {
            "payload": str(payload),
            "payloadType": str(kind),
            "signatures": list(rows),
            **rest,
        } if not rest:
            pass
        case _:
            raise Malformed("not-an-envelope", needed="payload, payloadType and signatures")
    if kind != payload_type:
        raise Malformed("wrong-payload-type", needed=payload_type, found=kind)
    return Envelope(kind, _decode(payload), tuple(_signature(row) for row in rows))


def payload(envelope: Envelope) -> Json:
    """The payload's value; raises `Malformed` when it is not canonical."""
    return canonical.loads(envelope.payload)


def signers(envelope: Envelope, keys: Mapping[str, PublicKey]) -> frozenset[str]:
    """The keyids among `keys` whose signature over this envelope verifies."""
    covered = pae(envelope.payload_type, envelope.payload)
    return frozenset(_verified(envelope.signatures, keys, covered))


def _verified(
    signatures: Iterable[tuple[str, bytes]], keys: Mapping[str, PublicKey], covered: bytes
) -> Iterable[str]:
    for keyid, raw in signatures:
        key = keys.get(keyid)
        if key is not None and key.verifies(raw, covered):
            yield keyid


def _signature(row: Json) -> tuple[str, bytes]:
    match row:
        case {"keyid": str(keyid), "sig": str(sig), **rest} if keyid and not rest:
            return keyid, _decode(sig)
    raise Malformed("not-a-signature", needed="keyid and sig")


def _decode(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("not-base64", needed="RFC 4648 base64") from error
    if base64.b64encode(data).decode() != text:  # bits behind the last byte: a second spelling
        raise Malformed("not-base64", needed="RFC 4648 base64 without stray bits")
    return data
