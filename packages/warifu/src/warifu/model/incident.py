"""An incident is a reading of the ledger: the events that belong to it, in their order."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from warifu.model.ledger import Event
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest
from warifu_wire.errors import Refusal


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident about one release: its id, the release, and its events by time of happening."""

    id: str
    release: Digest
    events: tuple[Event, ...]

    def of(self, kind: str) -> tuple[Event, ...]:
        """Its events of a kind, by time."""
        return tuple(one for one in self.events if one.kind == kind)


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the timeline: when, what kind, who, whether a person entered it, and how late."""

    at: datetime
    seq: int
    kind: str
    by: str
    entered: bool
    late: float
    event: Event


def incident_id(release: Digest) -> str:
    """The id of the incident about a release."""
    return f"incident-{release[:12]}"


def read(release: Digest, events: Iterable[Event]) -> Incident:
    """All events about a release, its change, its incident; raises `Refusal` if there are none.

    An event belongs when it is about the release, names it in its facts, or is about something
    (a change, a composition) that an earlier one tied to it.
    """
    name = incident_id(release)
    subjects: set[str] = {release, name}
    found: list[Event] = []
    for event in events:
        if event.subject in subjects or subjects & _named(event.facts):
            found.append(event)
            if event.kind.startswith(("change.", "publication.", "remedy.", "impact.")):
                subjects.add(event.subject)
    if not any(one.kind != "composition.made" for one in found):
        raise Refusal("no-incident", needed="a release that was published", release=release)
    return Incident(name, release, tuple(sorted(found, key=lambda one: (one.at, one.seq))))


def timeline(incident: Incident) -> tuple[Entry, ...]:
    """The incident's events as lines; `late` is seconds between happening and recording."""
    return tuple(
        Entry(
            one.at,
            one.seq,
            one.kind,
            one.by,
            one.source == "H",
            (one.recorded - one.at).total_seconds(),
            one,
        )
        for one in incident.events
    )


def _named(value: Json | object) -> set[str]:
    """Every string inside a fact."""
    match value:
        case str(text):
            return {text}
        case list(items):
            return {name for item in items for name in _named(item)}
        case dict(fields):
            return {name for item in fields.values() for name in _named(item)}
    return set()
