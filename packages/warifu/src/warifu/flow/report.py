"""The report: findings and contacts are entered, the rest is read; issuing it is an event too."""

from __future__ import annotations

from collections.abc import Mapping

from warifu.model import incident as incidents
from warifu.model import report as reports
from warifu.model.ledger import Draft, Event
from warifu.model.ports import Ledger
from warifu.model.report import Report, Style
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest
from warifu_wire.errors import Refusal
from warifu_wire.times import Instant

ENTERED = frozenset(
    {
        *("incident.declared", "task.started", "finding.recorded", "customer.contacted"),
        *("desk.changed", "prevention.decided", "event.corrected"),
    }
)
"""The kinds that a person may enter; everything else is recorded by the system."""


def enter(
    ledger: Ledger,
    release: Digest,
    kind: str,
    facts: Mapping[str, Json],
    *,
    by: str,
    at: Instant,
    now: Instant,
) -> Event:
    """Enter what the system cannot see; it is marked as entered, and as late where it is."""
    if kind not in ENTERED:
        raise Refusal("not-entered", needed=f"one of {', '.join(sorted(ENTERED))}", kind=kind)
    if at > now:
        raise Refusal("not-yet", needed="something that has happened", kind=kind)
    name = incidents.incident_id(release)
    seq, _ = ledger.head()
    return ledger.append(
        Draft(
            kind,
            name,
            at,
            by,
            {**facts, "release": release},
            key=f"{kind}/{name}/{at.isoformat()}/{seq}",
            source="H",
        )
    )[0]


def draft(ledger: Ledger, release: Digest, template: str, style: Style) -> Report:
    """The report as the ledger bears it out now; raises `Refusal` for prose with its own facts."""
    found = incidents.read(release, ledger.events())
    reports.lint(template, found)
    return reports.render(template, found, style, ledger.head())


def issue(
    ledger: Ledger, release: Digest, report: Report, language: str, *, by: str, now: Instant
) -> Event:
    """Record that this text was issued, at which place of the ledger it was read."""
    seq, head = report.head
    return ledger.append(
        Draft(
            "report.issued",
            incidents.incident_id(release),
            now,
            by,
            {
                "language": language,
                "ledger_head": head,
                "ledger_seq": seq,
                "release": release,
                "sha256": report.digest,
            },
            key=f"report.issued/{release}/{report.digest}",
        )
    )[0]
