"""The stops of a product: an append-only, hash-chained list that only ever narrows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from warifu_wire import canonical, times
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, digest, of_bytes
from warifu_wire.errors import Malformed, Stale
from warifu_wire.fields import document, exactly, rows, said, text, whole
from warifu_wire.manifest import product_name
from warifu_wire.times import Instant

STOPS_TYPE = "urn:warifu:stops:v1"
GENESIS = Digest("0" * 64)
WHOLE = 1_000_000
"""A share is a whole number of millionths; this is everybody."""


class Halt(StrEnum):
    """Stopped: not installed any more. Held: nothing new for now. Capped: at most `max_share`."""

    STOPPED = "stopped"
    HELD = "held"
    CAPPED = "capped"


@dataclass(frozen=True, slots=True)
class Stop:
    """One entry: which release, what holds, the largest share in millionths, why, and by whom."""

    seq: int
    prev: Digest
    release: Digest
    state: Halt
    max_share: int
    since: Instant
    reason: Mapping[str, str]
    by: str

    @property
    def digest(self) -> Digest:
        """The sha256 of the canonical entry: the next one's `prev`, and what a lift names."""
        return of_bytes(canonical.dumps(self.to_json()))

    def to_json(self) -> dict[str, Json]:
        """The entry as JSON."""
        return {
            "by": self.by,
            "max_share": self.max_share,
            "prev": self.prev,
            "reason": dict(self.reason),
            "release": self.release,
            "seq": self.seq,
            "since": times.spell(self.since),
            "state": self.state.value,
        }


@dataclass(frozen=True, slots=True)
class Stops:
    """All entries of a product in order; the empty list is an explicit file."""

    product: str
    entries: tuple[Stop, ...]

    @property
    def seq(self) -> int:
        """How many entries there are; the first has seq 1."""
        return len(self.entries)

    @property
    def head(self) -> Digest:
        """The digest of the last entry."""
        return self.entries[-1].digest if self.entries else GENESIS

    def to_bytes(self) -> bytes:
        """The canonical JSON of `stops/<product>.json`."""
        return canonical.dumps(
            {
                "entries": [one.to_json() for one in self.entries],
                "product": self.product,
                "type": STOPS_TYPE,
            }
        )

    def added(
        self,
        release: Digest,
        state: Halt,
        *,
        since: Instant,
        reason: Mapping[str, str],
        by: str,
        max_share: int = 0,
    ) -> Stops:
        """The list with one more entry; `max_share` (millionths) only counts when capped."""
        share = max_share if state is Halt.CAPPED else 0
        entry = Stop(self.seq + 1, self.head, release, state, share, since, dict(reason), by)
        return Stops(self.product, (*self.entries, entry))

    def extends(self, seq: int, head: Digest) -> None:
        """Raises `Stale` unless the first `seq` entries end in `head`."""
        if self.seq < seq:
            raise Stale("stops-shortened", needed=f"at least {seq} entries", found=self.seq)
        found = self.entries[seq - 1].digest if seq else GENESIS
        if found != head:
            raise Stale("stops-rewritten", needed=head, found=found)


def read(data: bytes, product: str) -> Stops:
    """Read `stops/<product>.json`; raises `Malformed` for another product or a broken chain."""
    found = document(data, STOPS_TYPE, ("entries", "product"))
    if product_name(text(found["product"])) != product:
        raise Malformed("wrong-product", needed=product, found=found["product"])
    stops = Stops(product, tuple(read_entry(row) for row in rows(found["entries"])))
    prev = GENESIS
    for place, entry in enumerate(stops.entries, 1):
        if entry.seq != place or entry.prev != prev:
            raise Malformed("broken-chain", needed=f"entry {place} to follow {prev}")
        prev = entry.digest
    return stops


def read_entry(row: Json) -> Stop:
    """Read one entry; raises `Malformed`."""
    names = {"by", "max_share", "prev", "reason", "release", "seq", "since", "state"}
    found = exactly(row, names)
    state = text(found["state"])
    if state not in set(Halt):
        raise Malformed("not-a-stop", needed=f"a state of {sorted(Halt)}", found=state)
    return Stop(
        whole(found["seq"], 1),
        digest(found["prev"]),
        digest(found["release"]),
        Halt(state),
        whole(found["max_share"], 0, WHOLE),
        times.read(found["since"]),
        said(found["reason"]),
        text(found["by"]),
    )


def union(known: Iterable[Stop], served: Iterable[Stop]) -> tuple[Stop, ...]:
    """Everything ever verified, each entry once, in order; what a newer file leaves out stays."""
    every = {one.digest: one for one in (*known, *served)}
    return tuple(sorted(every.values(), key=lambda one: (one.seq, one.digest)))


def in_force(every: Iterable[Stop], release: Digest, lifted: frozenset[Digest]) -> tuple[Stop, ...]:
    """The entries on a release that no lift has cancelled."""
    return tuple(one for one in every if one.release == release and one.digest not in lifted)
