"""What pages show, gathered from the ledger and the tree; plain values, nothing decided here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from warifu.app import refusals, reporting, standing
from warifu.app.refusals import Refused
from warifu.app.standing import Standing
from warifu.app.wiring import House
from warifu.engines.ledger import queries
from warifu.engines.ledger.store import DatabaseLedger
from warifu.engines.post.words import said, spelled
from warifu.model import incident
from warifu.model.incident import Entry
from warifu.model.report import Report
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, digest
from warifu_wire.errors import Refusal
from warifu_wire.fields import text, texts

REFUSED = 5
"""How many refusals of compose and verify are shown."""
LATE = timedelta(minutes=1)
"""Work that waits longer than this has no worker."""


@dataclass(frozen=True, slots=True)
class Past:
    """A release that was published and is offered no more; `halted`: it was stopped or held."""

    id: Digest
    kind: str
    label: str
    halted: bool


@dataclass(frozen=True, slots=True)
class Home:
    """The standing, what came before, what was refused, the work nobody did, whether the lease
    is alive."""

    standing: Standing
    past: tuple[Past, ...]
    refused: tuple[Refused, ...]
    late: tuple[queries.Waiting, ...]
    leased: bool

    @property
    def worker(self) -> bool:
        """Whether a worker is seen to work."""
        return self.leased and not self.late


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a timeline, and what it says in a sentence."""

    entry: Entry
    said: str


@dataclass(frozen=True, slots=True)
class Release:
    """A published release: its rows, where it stands, and everything that happened to it."""

    id: Digest
    rows: dict[str, dict[str, str]]
    standing: standing.Release | None
    timeline: tuple[Line, ...]


def alias(house: House) -> str:
    """The name under which the ledger's queries find this house's database."""
    return DatabaseLedger(house.config.service.ledger).alias


def home(house: House, now: datetime) -> Home:
    """The first page."""
    late = queries.waiting(alias(house), now - LATE)
    dying = {one.role for one in house.repository.expiring(now)}
    here = standing.standing(house)
    refused = tuple(refusals.recent(house, REFUSED))
    return Home(here, _past(house, here), refused, tuple(late), "timestamp" not in dying)


def release(house: House, wanted: Digest, language: str) -> Release:
    """One release's page; raises `Refusal` for one that was never published."""
    tables = ("publication", "evidence", "probe", "impact", "waiting")
    publication = house.ledger.row("publication", wanted)
    if publication is None:
        raise Refusal("not-published", needed="a published release", release=wanted)
    keys = {"evidence": str(publication["evidence"])}
    rows = {
        table: {name: _whole(value, language) for name, value in row.items()}
        for table in tables
        if (row := house.ledger.row(table, keys.get(table, wanted))) is not None
    }
    found = [one for one in standing.standing(house).releases if one.id == wanted]
    entries = incident.timeline(incident.read(wanted, house.ledger.events()))
    lines = tuple(Line(one, said(one.event, language)) for one in entries)
    return Release(wanted, rows, found[0] if found else None, lines)


def _past(house: House, here: Standing) -> tuple[Past, ...]:
    """The releases that were published and are offered no more, by their labels."""
    offered = {one.id for one in here.releases}
    halted = {one.release for one in house.repository.current(house.product).stops.entries}
    rows = ((key, row) for key, row in house.ledger.rows("publication") if key not in offered)
    found = (
        Past(digest(key), text(row["kind"]), " ".join(texts(row["labels"]).values()), key in halted)
        for key, row in rows
    )
    return tuple(sorted(found, key=lambda one: one.label))


def _whole(value: Json, language: str) -> str:
    """A fact for a page of facts: a digest in full, all else as in a sentence."""
    return value if isinstance(value, str) and len(value) == 64 else spelled(value, language)


def report(house: House, wanted: Digest, language: str) -> Report:
    """The incident's report as the ledger bears it out now."""
    return reporting.draft(house, wanted, language)
