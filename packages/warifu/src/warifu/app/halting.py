"""Stop, hold and cap from a door: tried at once. Loads nothing else, so that a stop is quick."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from warifu.app.wiring import House
from warifu.flow import stop as stopping
from warifu.model.ledger import Draft, Row
from warifu.model.publication import Current
from warifu.model.standing import hasty
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest
from warifu_wire.errors import Fault, Refusal
from warifu_wire.stops import Halt

FLOOD = "stop-flood"


@dataclass(frozen=True, slots=True)
class Halted:
    """A stop as it stands: its number, and whether it was fetched back from the public address."""

    seq: int
    in_force: bool
    why: str


def stop(
    house: House,
    release: Digest,
    state: Halt,
    why: Mapping[str, str],
    now: datetime,
    *,
    by: str,
    max_share: int = 0,
) -> Halted:
    """Stop, hold or cap; tried at once, and only called stopped when it was fetched back."""
    event = stopping.stop(
        house.ledger,
        house.repository,
        product=house.product,
        release=release,
        state=state,
        by=by,
        why=why,
        now=now,
        max_share=max_share,
    )
    why_not = at_once(lambda: narrow(house, by, now))
    return Halted(int(event.key.rpartition("/")[2]), not why_not, why_not)


def look(house: House, current: Current, now: datetime) -> None:
    """Tell once an hour's first stop of somebody who stops more than one incident needs."""
    for by, entries in hasty(current.stops.entries, now).items():
        facts: dict[str, Json] = {
            "by": by,
            "releases": [*sorted({one.release for one in entries})],
            "stops": len(entries),
        }
        key = f"stop.flood/{house.product}/{by}/{entries[0].seq}"
        if house.ledger.row(FLOOD, by) == {"first": entries[0].seq}:
            continue
        row = Row(FLOOD, by, {"first": entries[0].seq})
        house.ledger.append(
            Draft("stop.flood", house.product, now, "watch", facts, key=key, rows=(row,))
        )


def narrow(house: House, by: str, now: datetime) -> bool:
    """Put every recorded stop in force, signed by `by`; False while the origin serves it not."""
    product = house.product
    event = stopping.enforce(
        house.ledger, house.repository, house.origin, product=product, by=by, now=now
    )
    return event is not None


def at_once(verb: Callable[[], bool]) -> str:
    """Try a verb from a door, which does not wait for the worker; why it is not in force, or ""."""
    try:
        return "" if verb() else "the public address does not serve it yet"
    except (Refusal, Fault) as error:
        return str(error)
