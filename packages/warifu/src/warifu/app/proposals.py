"""The proposal a person finds when signing: the open one, or one of what is verified."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from warifu.app import recall, road, which
from warifu.app.circles import circles
from warifu.app.config import Said
from warifu.app.wiring import House
from warifu.model.approval import Change
from warifu.model.routing import DeadEnd, First, Fleet
from warifu_wire.digest import Digest
from warifu_wire.errors import Refusal
from warifu_wire.manifest import Kind
from warifu_wire.routes import Routes
from warifu_wire.stops import Stop


@dataclass(frozen=True, slots=True)
class Lift:
    """Which stops are to end: of releases, as people type them, or all that somebody signed."""

    releases: tuple[str, ...] = ()
    by: str = ""

    def __bool__(self) -> bool:
        return bool(self.releases or self.by)


def usual(house: House) -> tuple[Kind, ...]:
    """The kinds a release has: install, and update once there is something to update."""
    published = house.repository.current(house.product).road is not None
    return (Kind.INSTALL, Kind.UPDATE) if published else (Kind.INSTALL,)


def proposal(house: House, kinds: Iterable[Kind], lift: Lift, now: datetime) -> Change:
    """The open proposal; where there is none (or it is published), one of the verified programs.

    To lift, the releases on offer are proposed as they are; a proposal that lifts the same already
    is the one to sign.
    """
    current = house.repository.current(house.product)
    before = current.road
    ended = _ended(house, lift)
    found = _open(house, before)
    if found is not None and (not lift or _lifts(found, before) == {one.digest for one in ended}):
        return found
    way = ways(house)
    if lift:
        offered = [] if before is None else [one.id for one in before.offers]
        releases = offered
    else:
        first = [one.release for one in way.first]
        releases = [*first, *(recall.composed(house, kind).id for kind in kinds)]
    return road.propose(house, releases, now, circles=circles(house, now), fleet=way, lift=ended)


def _open(house: House, before: Routes | None) -> Change | None:
    """The proposal that is not published yet."""
    try:
        found = recall.proposal(house)
    except Refusal as refusal:
        if refusal.reason != "nothing-proposed":
            raise
        return None
    return found if before is None or found.routes.seq > before.seq else None


def _lifts(found: Change, before: Routes | None) -> frozenset[Digest]:
    """What a proposal lifts that is not lifted yet."""
    return found.routes.lifted - (frozenset() if before is None else before.lifted)


def _ended(house: House, lift: Lift) -> tuple[Stop, ...]:
    """The stops in force that are to be lifted; raises `Refusal` when there are none, or when a
    release is on offer no more: what was replaced is not brought back."""
    if not lift:
        return ()
    current = house.repository.current(house.product)
    before = current.road
    lifted = frozenset() if before is None else before.lifted
    standing = [one for one in current.stops.entries if one.digest not in lifted]
    wanted = {which.release(house, one) for one in lift.releases}
    for one in wanted:
        if before is None or before.offer(one) is None:
            raise Refusal("not-offered", needed="a release of the routes in force", release=one)
    found = tuple(one for one in standing if one.release in wanted or one.by == lift.by)
    if not found or wanted - {one.release for one in found}:
        raise Refusal("nothing-to-lift", needed="a stop in force", of=", ".join(sorted(wanted)))
    return found


def ways(house: House) -> Fleet:
    """Where warifu.toml lets the way lead through a release, or end."""
    declared = house.config.ways
    return Fleet(
        first=tuple(First(_meant(house, one), one.why) for one in declared.first),
        ends=tuple(DeadEnd(_meant(house, one), one.why) for one in declared.ends),
    )


def _meant(house: House, said: Said) -> Digest:
    return which.release(house, said.release)
