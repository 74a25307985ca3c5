"""The audit: append-only, each entry naming the hash of the one before."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from warifu_wire import canonical, times
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, digest, of_bytes
from warifu_wire.errors import Malformed, Refusal
from warifu_wire.times import Instant

ORIGIN = digest("0" * 64)
BACKWARD = timedelta(minutes=5)  # how far a clock may be set back without a person looking


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened."""

    seq: int
    at: Instant
    kind: str
    facts: dict[str, Json]
    hash: Digest


def hashed(seq: int, at: str, kind: str, facts: Json, previous: str) -> Digest:
    """sha256 over the canonical JSON of everything in an entry and the hash before it."""
    return of_bytes(
        canonical.dumps({"at": at, "facts": facts, "kind": kind, "previous": previous, "seq": seq})
    )


def last(db: sqlite3.Connection) -> tuple[int, Digest]:
    """Number and hash of the newest entry; (0, zeros) before the first."""
    row = db.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    return (0, ORIGIN) if row is None else (row["seq"], digest(row["hash"]))


def steady(db: sqlite3.Connection, now: Instant) -> Instant:
    """A time not before the last entry; raises `Refusal` when the clock is far behind it."""
    now = now.replace(microsecond=0)
    row = db.execute("SELECT at FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    if row is None:
        return now
    before = times.read(row["at"])
    if now < before - BACKWARD:
        raise Refusal(
            "clock-went-back",
            needed="the right time on the authority's machine",
            last=row["at"],
            now=times.spell(now),
        )
    return max(now, before)


def append(db: sqlite3.Connection, kind: str, facts: dict[str, Json], now: Instant) -> int:
    """Add an entry inside the caller's transaction; its number."""
    number, previous = last(db)
    at = times.spell(now)
    seq = number + 1
    db.execute(
        "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)",
        (
            seq,
            at,
            kind,
            canonical.dumps(facts).decode(),
            previous,
            hashed(seq, at, kind, facts, previous),
        ),
    )
    return seq


def entries(db: sqlite3.Connection, since: int = 0) -> Iterator[Entry]:
    """Every entry after `since`, in order, the whole chain re-hashed; raises `Malformed`."""
    previous: str = ORIGIN
    expected = 1
    for row in db.execute("SELECT * FROM audit ORDER BY seq"):
        facts = canonical.loads(row["facts"].encode())
        found = hashed(row["seq"], row["at"], row["kind"], facts, previous)
        if row["seq"] != expected or row["previous"] != previous or row["hash"] != found:
            raise Malformed("audit-broken", needed="the audit as it was written", seq=row["seq"])
        if not isinstance(facts, dict):
            raise Malformed("audit-broken", needed="facts by name", seq=row["seq"])
        previous, expected = found, expected + 1
        if row["seq"] > since:
            yield Entry(row["seq"], times.read(row["at"]), row["kind"], facts, found)
