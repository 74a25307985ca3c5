"""The gates of a product: which stage of a plan is open, since when, on what evidence."""

from __future__ import annotations

from dataclasses import dataclass

from warifu_wire import canonical, times
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, digest
from warifu_wire.errors import Malformed
from warifu_wire.fields import document, exactly, rows, text, whole
from warifu_wire.manifest import product_name
from warifu_wire.times import Instant

GATES_TYPE = "urn:warifu:gates:v1"


@dataclass(frozen=True, slots=True)
class Gate:
    """The open stage of a release: `probe` and `evidence` are digests of what opened it."""

    release: Digest
    routes_seq: int
    stage: int
    opened_at: Instant
    probe: Digest
    evidence: Digest


@dataclass(frozen=True, slots=True)
class Gates:
    """At most one open stage a release; a release without an entry has share 0."""

    product: str
    entries: tuple[Gate, ...]

    def of(self, release: Digest) -> Gate | None:
        """The open stage of a release."""
        return next((one for one in self.entries if one.release == release), None)

    def opened(self, gate: Gate) -> Gates:
        """The same gates with this one in place of the release's former one."""
        others = tuple(one for one in self.entries if one.release != gate.release)
        return Gates(self.product, (*others, gate))

    def to_bytes(self) -> bytes:
        """The canonical JSON of `gates/<product>.json`."""
        return canonical.dumps(
            {
                "entries": [_gate_json(one) for one in self.entries],
                "product": self.product,
                "type": GATES_TYPE,
            }
        )


def read(data: bytes, product: str) -> Gates:
    """Read `gates/<product>.json`; raises `Malformed`."""
    found = document(data, GATES_TYPE, ("entries", "product"))
    if product_name(text(found["product"])) != product:
        raise Malformed("wrong-product", needed=product, found=found["product"])
    entries = tuple(_gate(row) for row in rows(found["entries"], 1_000))
    if len({one.release for one in entries}) != len(entries):
        raise Malformed("twice-the-same", needed="one gate a release")
    return Gates(product, entries)


def _gate(row: Json) -> Gate:
    found = exactly(row, {"evidence", "opened_at", "probe", "release", "routes_seq", "stage"})
    return Gate(
        digest(found["release"]),
        whole(found["routes_seq"], 1),
        whole(found["stage"], 1, 100),
        times.read(found["opened_at"]),
        digest(found["probe"]),
        digest(found["evidence"]),
    )


def _gate_json(one: Gate) -> Json:
    return {
        "evidence": one.evidence,
        "opened_at": times.spell(one.opened_at),
        "probe": one.probe,
        "release": one.release,
        "routes_seq": one.routes_seq,
        "stage": one.stage,
    }
