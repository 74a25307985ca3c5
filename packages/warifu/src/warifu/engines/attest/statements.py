"""Signed statements in a folder, each under the sha256 of its payload."""

from __future__ import annotations

import fcntl
from pathlib import Path

from warifu.model import envelopes
from warifu_wire import atomic, canonical, dsse
from warifu_wire.digest import Digest, digest
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Fault, Malformed, Mismatch, Refusal


class FolderStatements:
    """`ports.Statements`: one file per payload, replaced whole when a signature is added."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, envelope: Envelope) -> Digest:
        """Store, joined with signatures known before; durable on return. Raises `Fault`."""
        place = self._place(envelope.digest)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with (self._folder / ".lock").open("ab") as gate:
                fcntl.flock(gate, fcntl.LOCK_EX)
                known = self.get(envelope.digest) if place.exists() else None
                whole = envelopes.joined(known, envelope)
                if whole != known:
                    atomic.write(place, whole.to_bytes())
        except OSError as error:
            raise Fault(f"cannot keep a statement: {error}", needed="space and access") from error
        return envelope.digest

    def get(self, payload: Digest) -> Envelope:
        """The envelope; raises `Refusal` when absent, `Mismatch` when the file was altered."""
        try:
            data = self._place(payload).read_bytes()
        except FileNotFoundError as error:
            raise Refusal(
                "no-statement", needed="the statement of that digest", payload=payload
            ) from error
        except OSError as error:
            raise Fault(f"cannot read a statement: {error}", needed="access") from error
        envelope = dsse.parse(data, _payload_type(data))
        if envelope.digest != payload:
            raise Mismatch(needed="the statement as put", expected=payload, found=envelope.digest)
        return envelope

    def _place(self, payload: Digest) -> Path:
        name = digest(payload)
        return self._folder / name[:2] / f"{name}.dsse.json"


def _payload_type(data: bytes) -> str:
    match canonical.loads(data):
        case {"payloadType": str(kind)}:
            return kind
    raise Malformed("not-an-envelope", needed="payload, payloadType and signatures")
