"""What doors read: pages of events, publications with their evidence, work that waits.

Every function takes the alias of an open ledger (`DatabaseLedger.alias`) and raises `Fault` when
its database fails. Nothing here writes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from warifu.engines.ledger import database, models, record
from warifu.model.ledger import Event
from warifu_wire.canonical import Json


@dataclass(frozen=True, slots=True)
class Published:
    """A publication's row, and the evidence row that it rests on."""

    release: str
    publication: Mapping[str, Json]
    evidence: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Waiting:
    """Work not done yet: when it was due, how often it was tried, why the last try failed."""

    verb: str
    subject: str
    due: datetime
    tries: int
    why: str


def events(
    alias: str,
    *,
    subjects: Sequence[str] = (),
    kinds: Sequence[str] = (),
    before: int | None = None,
    limit: int = 50,
) -> list[Event]:
    """Events, newest first: of any of the subjects and kinds, older than seq `before`."""
    with database.faults(alias):
        found: QuerySet[models.Event] = models.Event.objects.using(alias)
        if subjects:
            found = found.filter(subject__in=subjects)
        if kinds:
            found = found.filter(kind__in=kinds)
        if before is not None:
            found = found.filter(seq__lt=before)
        return [record.event(one) for one in found.order_by("-seq")[:limit]]


def event(alias: str, seq: int) -> Event | None:
    """The event of a seq, or None."""
    with database.faults(alias):
        found = models.Event.objects.using(alias).filter(seq=seq).first()
        return None if found is None else record.event(found)


def published(alias: str) -> list[Published]:
    """Every publication with its evidence, by release."""
    with database.faults(alias):
        found = models.Publication.objects.using(alias).select_related("evidence")
        return [
            Published(one.release, record.mapping(one.value), record.mapping(one.evidence.value))
            for one in found.order_by("release")
        ]


def rows(alias: str, table: str, prefix: str = "") -> list[tuple[str, Mapping[str, Json]]]:
    """Rows of a table whose key begins with `prefix`, by key order."""
    with database.faults(alias):
        found = models.Row.objects.using(alias).filter(table=table, key__startswith=prefix)
        pairs = sorted(found.values_list("key", "value"))
    # SQLite's LIKE does not tell cases apart, so the answer is cut to size here.
    return [(key, record.mapping(value)) for key, value in pairs if key.startswith(prefix)]


def waiting(alias: str, now: datetime, *, limit: int = 50) -> list[Waiting]:
    """Work due at `now` and not done, longest first: what a dead worker leaves lying."""
    with database.faults(alias):
        found = models.Work.objects.using(alias).filter(due__lte=now).order_by("due", "id")
        return [
            Waiting(one.verb, one.subject, one.due, one.tries, one.why) for one in found[:limit]
        ]
