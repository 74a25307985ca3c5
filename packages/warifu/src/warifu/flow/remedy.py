"""Remedy: who is affected, as of now; then a repair and a corrected update from one fix."""

from __future__ import annotations

from collections.abc import Iterable

from warifu.model.impact import Impact, impact
from warifu.model.ledger import Draft, Event
from warifu.model.outcomes import Record
from warifu.model.ports import Ledger
from warifu.model.remedy import Remedy
from warifu_wire import times
from warifu_wire.digest import Digest
from warifu_wire.errors import Refusal
from warifu_wire.times import Instant


def assess(
    ledger: Ledger,
    release: Digest,
    records: Iterable[Record],
    *,
    by: str,
    now: Instant,
    fetched: Iterable[str] = (),
) -> Impact:
    """Take the impact's snapshot: counts, the lists' digest, and the time it is true of."""
    published = ledger.row("publication", release)
    if published is None:
        raise Refusal("not-published", needed="a published release", release=release)
    found = impact(release, records, now, fetched)
    facts = found.to_json()
    ledger.append(
        Draft(
            "impact.snapshot",
            release,
            now,
            by,
            facts,
            key=f"impact.snapshot/{release}/{times.spell(now)}/{facts['lists']}",
        )
    )
    return found


def plan(ledger: Ledger, found: Remedy, *, by: str, now: Instant) -> Event:
    """Record that these two programs are the remedy; they then go the road like any other.

    Raises `Refusal` unless the bad release is stopped or held: first stop, then repair.
    """
    halted = any(row["release"] == found.bad for _, row in ledger.rows("stop"))
    if not halted:
        raise Refusal("still-offered", needed="a stop of the bad release first", release=found.bad)
    return ledger.append(
        Draft(
            "remedy.planned",
            found.bad,
            now,
            by,
            {
                "corrected": found.corrected.composition.id,
                "fix": found.fix,
                "release": found.bad,
                "repair": found.repair.composition.id,
            },
            key=f"remedy.planned/{found.bad}/{found.repair.composition.id}",
        )
    )[0]


def published(ledger: Ledger, bad: Digest, *, now: Instant) -> Event | None:
    """Say that a planned remedy is open for members, once both programs are published."""
    planned = list(ledger.events(kind="remedy.planned", subject=bad))
    if not planned:
        return None
    facts = planned[-1].facts
    releases = (str(facts["repair"]), str(facts["corrected"]))
    if any(ledger.row("publication", one) is None for one in releases):
        return None
    return ledger.append(
        Draft(
            "remedy.published",
            bad,
            now,
            "publisher",
            dict(facts),
            key=f"remedy.published/{bad}/{releases[0]}",
        )
    )[0]
