"""What the ledger holds: hash-chained events, the rows read from them, and the work that is due.

The audit trail, the timeline and the report are readings of these events (HOUSE.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from warifu_wire import canonical, times
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, of_bytes

GENESIS = Digest("0" * 64)


@dataclass(frozen=True, slots=True)
class Row:
    """A row for reading: the value of `key` in `table` from now on; None takes it away."""

    table: str
    key: str
    value: Mapping[str, Json] | None


@dataclass(frozen=True, slots=True)
class Work:
    """A side effect that is owed: a verb, what it is about, and when it is due."""

    verb: str
    subject: str
    due: datetime
    facts: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Draft:
    """An event about to be appended, with the rows and the work of the same transaction.

    `subject` is what it is about (a digest or an id), `key` makes a repeat a no-op, `source` is
    "A" for recorded by the system and "H" for entered by a person, `at` is when it happened.
    """

    kind: str
    subject: str
    at: datetime
    by: str
    facts: Mapping[str, Json]
    key: str
    source: str = "A"
    rows: tuple[Row, ...] = ()
    work: tuple[Work, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """An appended event: its place in the chain, when it happened and when it was recorded."""

    seq: int
    prev: Digest
    kind: str
    subject: str
    at: datetime
    recorded: datetime
    by: str
    source: str
    key: str
    facts: Mapping[str, Json]

    @property
    def digest(self) -> Digest:
        """The sha256 of the canonical event, which the next event names as `prev`."""
        return of_bytes(self.to_bytes())

    def to_bytes(self) -> bytes:
        """The event's canonical JSON."""
        return canonical.dumps(
            {
                "at": times.spell(self.at),
                "by": self.by,
                "facts": dict(self.facts),
                "key": self.key,
                "kind": self.kind,
                "prev": self.prev,
                "recorded": times.spell(self.recorded),
                "seq": self.seq,
                "source": self.source,
                "subject": self.subject,
            }
        )


@dataclass(frozen=True, slots=True)
class Due:
    """A claimed piece of work: its number, how often it was tried, and the event that owes it."""

    number: int
    tries: int
    event: int
    work: Work
