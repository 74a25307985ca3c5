"""Pure rules of the ledger: the next link, the same draft twice, the walk over all links.

Every form of the ledger appends and verifies by these, so a form can differ only in how it stores.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from warifu.model.ledger import GENESIS, Draft, Event, Row
from warifu_wire import canonical
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, digest
from warifu_wire.errors import Malformed, Mismatch, Refusal

EVIDENCE = "evidence"
PUBLICATION = "publication"
SOURCES = frozenset({"A", "H"})


def link(draft: Draft, head: tuple[int, Digest], recorded: datetime) -> Event:
    """The event that follows `head`; times become UTC in whole seconds, as they are spelled.

    Raises `Malformed` for a naive time, an empty or unprintable name, or an unknown source.
    """
    names = (draft.kind, draft.subject, draft.by, draft.key)
    if not all(name and name.isprintable() for name in names):
        raise Malformed("bad-event", needed="kind, subject, by and key in printable characters")
    if draft.source not in SOURCES:
        raise Malformed("bad-event", needed="source A or H", found=draft.source)
    seq, prev = head
    return Event(
        seq=seq + 1,
        prev=prev,
        kind=draft.kind,
        subject=draft.subject,
        at=instant(draft.at),
        recorded=instant(recorded),
        by=draft.by,
        source=draft.source,
        key=draft.key,
        facts=dict(draft.facts),
    )


def repeat(event: Event, draft: Draft) -> Event:
    """The first event of a repeated draft; raises `Refusal` when the key now means something else.

    `at` is not compared: a repeat after a kill comes later, and the first time is the true one.
    """
    first = (event.kind, event.subject, event.by, event.source, canonical.dumps(dict(event.facts)))
    again = (draft.kind, draft.subject, draft.by, draft.source, canonical.dumps(dict(draft.facts)))
    if first != again:
        raise Refusal("key-taken", needed="a key of its own", key=draft.key, seq=event.seq)
    return event


def walk(links: Iterable[tuple[Event, Digest]]) -> int:
    """How many links hold, each given with the digest kept beside it.

    Raises `Mismatch` at the first that is missing, altered or out of place.
    """
    seq, prev = 0, GENESIS
    for event, kept in links:
        if event.seq != seq + 1:
            raise Mismatch("chain-gap", needed="every event", expected=seq + 1, found=event.seq)
        if event.prev != prev:
            raise Mismatch(
                "chain-broken", needed="the link", seq=event.seq, expected=prev, found=event.prev
            )
        if event.digest != kept:
            raise Mismatch(
                "event-altered", needed="the event as it was", seq=event.seq, expected=kept,
                found=event.digest,
            )  # fmt: skip
        seq, prev = event.seq, kept
    return seq


def evidence(row: Row, known: Mapping[str, Json] | None) -> Mapping[str, Json] | None:
    """What an evidence row adds; None when it is known already. `known` is the row of its key.

    Raises `Malformed` without artifact and manifest digests, `Refusal` for a change or a removal.
    """
    if row.value is None or known not in (None, row.value):
        raise Refusal("evidence-kept", needed="new evidence under its own digest", evidence=row.key)
    for named in (row.key, row.value.get("artifact"), row.value.get("manifest")):
        digest(named)
    return row.value if known is None else None


def rests_on(value: Mapping[str, Json]) -> Digest:
    """The VSA payload digest that a publication's value names; raises `Malformed`."""
    return digest(value.get("evidence"))


def published(row: Row, known: Mapping[str, Json] | None) -> None:
    """Raise `Refusal` unless `known`, the evidence named, is there and about this very release.

    Nothing is published without a VSA (TRUST.md, law 3); the database holds the same by triggers.
    """
    if known is None:
        raise Refusal("no-evidence", needed="a recorded VSA of this release", release=row.key)
    if known["manifest"] != row.key:
        raise Mismatch(
            "evidence-of-another", needed="a VSA of this release", release=row.key,
            found=known["manifest"],
        )  # fmt: skip


def instant(at: datetime) -> datetime:
    """`at` in UTC and whole seconds; raises `Malformed` for a naive time."""
    if at.tzinfo is None:
        raise Malformed("naive-time", needed="a time with its zone", found=at)
    return at.astimezone(UTC).replace(microsecond=0)
