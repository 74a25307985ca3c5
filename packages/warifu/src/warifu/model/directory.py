"""The member directory: who was issued which certificate, read from the authority's signed export.

The export's form is the authority's (docs/ca-protocol.md, "Issuance export"): JSON Lines in DSSE.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from warifu_wire import canonical, dsse, times
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, digest
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Malformed, SignoffMissing
from warifu_wire.fields import text, whole
from warifu_wire.keys import PublicKey
from warifu_wire.times import Instant

PAYLOAD_TYPE = "application/vnd.warifu.issuance.v1+jsonl"
JAPAN = timedelta(hours=9)


@dataclass(frozen=True, slots=True)
class Issued:
    """One certificate: its serial, whose it is, when it was issued, and when revoked if it was."""

    serial: str
    member: str
    name: str
    at: Instant
    revoked: Instant | None = None

    def to_json(self) -> dict[str, Json]:
        """The row for reading."""
        return {
            "at": times.spell(self.at),
            "member": self.member,
            "name": self.name,
            "revoked": None if self.revoked is None else times.spell(self.revoked),
        }


@dataclass(frozen=True, slots=True)
class Export:
    """One export: the audit entries it covers (`since`, `until`), their head, and its lines."""

    since: int
    until: int
    head: Digest
    issued: tuple[Issued, ...]
    revoked: Mapping[str, Instant]


def read(data: bytes, key: PublicKey) -> Export:
    """Read an export that this key signed; raises `SignoffMissing` or `Malformed`."""
    envelope = dsse.parse(data, PAYLOAD_TYPE)
    if key.keyid not in dsse.signers(_named(envelope, key), {key.keyid: key}):
        raise SignoffMissing("export-unsigned", needed="the export key's signature", key=key.keyid)
    lines = [_line(one) for one in envelope.payload.splitlines()]
    if not lines or lines[0].get("kind") != "head" or lines[0].get("count") != len(lines) - 1:
        raise Malformed("not-an-export", needed="a head, and as many lines as it counts")
    head, *events = lines
    return Export(
        whole(head["since"]),
        whole(head["until"]),
        digest(head["head"]),
        tuple(_issued(one) for one in events if one["kind"] == "issued"),
        {text(one["serial"]): times.read(one["at"]) for one in events if one["kind"] == "revoked"},
    )


def row(serial: str, value: Mapping[str, Json]) -> Issued:
    """A certificate from its row."""
    revoked = value["revoked"]
    return Issued(
        serial,
        text(value["member"]),
        text(value["name"]),
        times.read(value["at"]),
        None if revoked is None else times.read(revoked),
    )


def between(issued: Iterable[Issued], first: date, last: date) -> frozenset[str]:
    """The members who were issued a certificate from `first` to `last`, both days, in Japan."""
    return frozenset(one.member for one in issued if first <= (one.at + JAPAN).date() <= last)


def _named(envelope: Envelope, key: PublicKey) -> Envelope:
    """The signatures under the key's own id: the authority names keys otherwise than we do."""
    signatures = tuple((key.keyid, raw) for _, raw in envelope.signatures)
    return Envelope(envelope.payload_type, envelope.payload, signatures[:1])


def _line(data: bytes) -> Mapping[str, Json]:
    found = canonical.loads(data)
    if isinstance(found, dict) and "kind" in found:
        return found
    raise Malformed("not-an-export", needed="an object with its kind on each line")


def _issued(line: Mapping[str, Json]) -> Issued:
    match line:
        case {"serial": str(serial), "member": str(member), "name": str(name), "at": at}:
            return Issued(serial, member, name, times.read(at))
    raise Malformed("not-an-export", needed="serial, member, name and at")
