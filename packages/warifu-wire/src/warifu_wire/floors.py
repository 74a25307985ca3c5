"""What a machine has once verified and never goes below, kept outside the TUF metadata folder."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from warifu_wire import canonical, times
from warifu_wire.digest import Digest, digest
from warifu_wire.fields import document, rows, whole
from warifu_wire.stops import GENESIS, Stop, Stops, read_entry, union
from warifu_wire.times import Instant

FLOORS_TYPE = "urn:warifu:floors:v1"
BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Floors:
    """The highest root, policy, routes and stops verified, all stops, the latest signed time."""

    root: int = 1
    policy: int = 1
    routes_seq: int = 0
    routes: Digest = GENESIS
    stops_seq: int = 0
    stops: tuple[Stop, ...] = field(default=())
    signed: Instant = BEGINNING

    def with_stops(self, served: Stops) -> Floors:
        """These floors with everything a verified stops file added."""
        every = union(self.stops, served.entries)
        return replace(self, stops=every, stops_seq=max(self.stops_seq, served.seq))

    def to_bytes(self) -> bytes:
        """The canonical JSON of the floors file."""
        return canonical.dumps(
            {
                "policy": self.policy,
                "root": self.root,
                "routes": self.routes,
                "routes_seq": self.routes_seq,
                "signed": times.spell(self.signed),
                "stops": [one.to_json() for one in self.stops],
                "stops_seq": self.stops_seq,
                "type": FLOORS_TYPE,
            }
        )


def read(data: bytes) -> Floors:
    """Read a floors file; raises `Malformed`: a damaged floor is never taken for a low one."""
    names = ("policy", "root", "routes", "routes_seq", "signed", "stops", "stops_seq")
    found = document(data, FLOORS_TYPE, names)
    return Floors(
        whole(found["root"], 1),
        whole(found["policy"], 1),
        whole(found["routes_seq"]),
        digest(found["routes"]),
        whole(found["stops_seq"]),
        tuple(read_entry(row) for row in rows(found["stops"])),
        times.read(found["signed"]),
    )
