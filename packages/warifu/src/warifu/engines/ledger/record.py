"""Between the ledger's nouns and its tables: what is written is canonical JSON, UTC, whole."""

from __future__ import annotations

import json
from collections.abc import Mapping

from warifu.engines.ledger import models
from warifu.model.ledger import Due, Event, Work
from warifu_wire import canonical
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest


def text(value: Mapping[str, Json]) -> str:
    """A mapping as canonical JSON text."""
    return canonical.dumps(dict(value)).decode()


def mapping(stored: str) -> Mapping[str, Json]:
    """A mapping that `text` wrote."""
    value: dict[str, Json] = json.loads(stored)
    return value


def of_event(event: Event) -> models.Event:
    """The record of an event."""
    return models.Event(
        seq=event.seq,
        prev=event.prev,
        digest=event.digest,
        key=event.key,
        kind=event.kind,
        subject=event.subject,
        by=event.by,
        source=event.source,
        at=event.at,
        recorded=event.recorded,
        facts=text(event.facts),
    )


def event(record: models.Event) -> Event:
    """The event of a record, as it was appended."""
    return Event(
        seq=record.seq,
        prev=Digest(record.prev),
        kind=record.kind,
        subject=record.subject,
        at=record.at,
        recorded=record.recorded,
        by=record.by,
        source=record.source,
        key=record.key,
        facts=mapping(record.facts),
    )


def of_work(work: Work, seq: int) -> models.Work:
    """The record of work that event `seq` owes."""
    return models.Work(
        event_id=seq,
        verb=work.verb,
        subject=work.subject,
        due=work.due,
        visible=work.due,
        facts=text(work.facts),
    )


def due(record: models.Work) -> Due:
    """The claimed work of a record."""
    work = Work(record.verb, record.subject, record.due, mapping(record.facts))
    return Due(record.pk, record.tries, record.event_id, work)
