"""Stop, hold, cap: one person or the alarm, at once. "Stopped" is only said of what is in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from warifu.model.ledger import Draft, Event, Row, Work
from warifu.model.ports import Ledger, Origin, Repository
from warifu.model.publication import Current
from warifu_wire import stops
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest
from warifu_wire.errors import Malformed, Refusal
from warifu_wire.stops import WHOLE, Halt, Stop, Stops
from warifu_wire.times import Instant

IN_FORCE = "stop.in-force"


def stop(
    ledger: Ledger,
    repository: Repository,
    *,
    product: str,
    release: Digest,
    state: Halt,
    by: str,
    why: Mapping[str, str],
    now: Instant,
    max_share: int = 0,
) -> Event:
    """Record that a release is stopped, held or capped to `max_share` millionths.

    Raises `Refusal` for a release that was never published, or a share that is none.
    """
    published = ledger.row("publication", release)
    if published is None or published.get("product") != product:
        raise Refusal(
            "not-published", needed="a published release of this product", release=release
        )
    if state is Halt.CAPPED and not 0 < max_share < WHOLE:
        raise Malformed("bad-share", needed=f"a share from 1 to {WHOLE - 1} millionths")
    current = repository.current(product)
    listed = _next(ledger, current.stops)
    entry = listed.added(release, state, since=now, reason=why, by=by, max_share=max_share).entries[
        -1
    ]
    for event in ledger.events(kind=f"publication.{state.value}", subject=release):
        if _same(event, entry, current):
            return event
    return ledger.append(
        Draft(
            f"publication.{state.value}",
            release,
            now,
            by,
            {"entry": entry.to_json(), "product": product},
            key=f"stop/{product}/{entry.seq}",
            rows=(Row("stop", f"{product}/{entry.seq:08d}", entry.to_json()),),
            work=(Work("narrow", product, now, {"by": by}),),
        )
    )[0]


def enforce(
    ledger: Ledger,
    repository: Repository,
    origin: Origin,
    *,
    product: str,
    by: str,
    now: Instant,
) -> Event | None:
    """Sign every recorded stop into the tree and fetch it back; only then is it in force.

    None when the origin does not serve it yet: "recorded, not in force". Idempotent.
    """
    wanted = _next(ledger, repository.current(product).stops)
    repository.narrow(wanted, by, now)
    served = origin.read(f"stops/{product}.json")
    if served is None or stops.read(served, product).head != wanted.head:
        return None
    facts: dict[str, Json] = {"head": wanted.head, "product": product, "seq": wanted.seq}
    return ledger.append(
        Draft(
            IN_FORCE,
            wanted.entries[-1].release if wanted.entries else product,
            now,
            "origin",
            facts,
            key=f"{IN_FORCE}/{product}/{wanted.seq}",
        )
    )[0]


def _same(event: Event, entry: Stop, current: Current) -> bool:
    """Whether this very stop is recorded already and not lifted: a rerun adds nothing."""
    made = stops.read_entry(event.facts["entry"])
    lifted = frozenset() if current.road is None else current.road.lifted
    alike = replace(entry, seq=made.seq, prev=made.prev, since=made.since)
    return made == alike and made.digest not in lifted


def _next(ledger: Ledger, published: Stops) -> Stops:
    """The published stops followed by those that are only recorded so far, in their order."""
    entries = published.entries
    for key, row in ledger.rows("stop"):
        if key.startswith(f"{published.product}/"):
            entry = stops.read_entry(dict(row))
            if entry.seq == len(entries) + 1:
                entries = (*entries, entry)
    return Stops(published.product, entries)
