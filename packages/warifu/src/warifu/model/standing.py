"""What is on record beside what is published: gates and stops the tree may not know of yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

from warifu.model.alarm import Count
from warifu.model.publication import Current
from warifu_wire import canonical, gates, stops
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest
from warifu_wire.errors import Refusal
from warifu_wire.fields import exactly, whole
from warifu_wire.gates import Gates
from warifu_wire.routes import Routes
from warifu_wire.stops import Halt, Stop
from warifu_wire.times import Instant

HOUR = timedelta(hours=1)
MANY, RELEASES = 10, 3
"""Entries, and releases, that one person may stop within an hour before somebody should look."""
Rows = Iterable[tuple[str, Mapping[str, Json]]]
"""Rows of one of the ledger's tables, by key."""


def routes_of(current: Current) -> Routes:
    """The routes in force; raises `Refusal` when nothing was ever published."""
    found = current.road
    if found is None:
        raise Refusal("no-routes", needed="published routes", product=current.product)
    return found


def recorded_gates(current: Current, rows: Rows) -> Gates:
    """The published gates with those on record that are newer, of releases still offered."""
    found = {one.release: one for one in current.gates.entries}
    for key, row in rows:
        if key.startswith(f"{current.product}/"):
            for one in gates.read(canonical.dumps(dict(row)), current.product).entries:
                held = found.get(one.release)
                if held is None or held.opened_at < one.opened_at:
                    found[one.release] = one
    offered = {one.id for one in routes_of(current).offers}
    return Gates(current.product, tuple(found[one] for one in sorted(found) if one in offered))


def recorded_stops(product: str, rows: Rows) -> tuple[Stop, ...]:
    """The stops of a product on record, in force or not yet."""
    return tuple(stops.read_entry(dict(row)) for key, row in rows if key.startswith(f"{product}/"))


def hasty(entries: Iterable[Stop], now: Instant) -> dict[str, tuple[Stop, ...]]:
    """Who stopped more within an hour than one incident needs, and what: a stolen key does.

    No stop waits for this; it only tells people to look.
    """
    found: dict[str, list[Stop]] = {}
    for one in entries:
        if now - HOUR <= one.since <= now:
            found.setdefault(one.by, []).append(one)
    return {
        by: tuple(mine)
        for by, mine in found.items()
        if len(mine) > MANY or len({one.release for one in mine}) > RELEASES
    }


def healthy(
    product: str, but: Digest, settled: Rows, against: Iterable[Stop]
) -> Iterator[tuple[Count, Count]]:
    """(failures, silence) of each settled release of a product, `but` one, that nobody ever halted.

    A share that was only capped says nothing against a release.
    """
    halted = {one.release for one in against if one.state is not Halt.CAPPED}
    for release, row in settled:
        if row["product"] == product and release not in halted | {but}:
            yield _count(release, row["failures"]), _count(release, row["silence"])


def _count(name: str, value: Json) -> Count:
    found = exactly(value, {"k", "n"})
    return Count(name, whole(found["k"]), whole(found["n"]))
