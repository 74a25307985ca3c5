"""Where one event leads to the next verb: this table, and nothing else, says so.

The next verb is written as due work in the event's own transaction, so a killed process loses
none; the worker does it, and may do it twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from warifu.model.ledger import Draft, Due, Event, Work
from warifu.model.ports import Ledger
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest

NEXT: Mapping[str, tuple[str, ...]] = {
    "publication.opened": ("probe", "remedied", "condense"),
    "probe.passed": ("gate",),
    "probe.failed": ("hold",),
    "outcome.alarm": ("halt",),
    "case.alarm": ("halt",),
}


@dataclass(frozen=True, slots=True)
class Reacting:
    """`ports.Ledger` whose appends owe the next verbs of the table."""

    ledger: Ledger

    def append(self, *drafts: Draft) -> tuple[Event, ...]:
        """Append, with the work that follows."""
        return self.ledger.append(*(owing(one) for one in drafts))

    def events(
        self, *, kind: str | None = None, subject: str | None = None, after: int = 0
    ) -> Iterator[Event]:
        """Events in order of seq."""
        return self.ledger.events(kind=kind, subject=subject, after=after)

    def head(self) -> tuple[int, Digest]:
        """The last event's seq and digest."""
        return self.ledger.head()

    def row(self, table: str, key: str) -> Mapping[str, Json] | None:
        """One row for reading."""
        return self.ledger.row(table, key)

    def rows(self, table: str) -> Iterator[tuple[str, Mapping[str, Json]]]:
        """All rows of a table."""
        return self.ledger.rows(table)

    def claim(
        self, now: datetime, *, limit: int = 1, lease: int = 60, verbs: Collection[str] = ()
    ) -> Sequence[Due]:
        """Due work."""
        return self.ledger.claim(now, limit=limit, lease=lease, verbs=verbs)

    def done(self, due: Due) -> None:
        """The work is finished."""
        self.ledger.done(due)

    def again(self, due: Due, at: datetime, why: str) -> None:
        """The work is due again."""
        self.ledger.again(due, at, why)

    def verify(self) -> int:
        """Re-hash the chain."""
        return self.ledger.verify()


def owing(draft: Draft) -> Draft:
    """The draft with the work its kind leads to; each verb gets the event's facts."""
    verbs = NEXT.get(draft.kind, ())
    owed = tuple(Work(verb, draft.subject, draft.at, draft.facts) for verb in verbs)
    return replace(draft, work=(*draft.work, *owed))
