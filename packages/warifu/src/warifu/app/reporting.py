"""The report as the doors ask for it: in both languages, saved, and issued."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from warifu.app.wiring import House
from warifu.engines.post import documents, words
from warifu.flow import report as reports
from warifu.model.ledger import Event
from warifu.model.report import Report
from warifu_wire.digest import Digest


def draft(house: House, release: Digest, language: str) -> Report:
    """The report as the ledger bears it out now."""
    template = documents.template(language)
    return reports.draft(house.ledger, release, template, words.style(language))


def issue(
    house: House, release: Digest, folder: Path, now: datetime, *, by: str
) -> tuple[Path, ...]:
    """Write and issue the report in Japanese and English, read at one place of the ledger."""
    drafts = {language: draft(house, release, language) for language in words.LANGUAGES}
    files = tuple(
        documents.save(one, language, folder, trial=house.trial) for language, one in drafts.items()
    )
    for language, one in drafts.items():
        reports.issue(house.ledger, release, one, language, by=by, now=now)
    return files


def enter(
    house: House,
    release: Digest,
    kind: str,
    said: dict[str, str],
    at: datetime,
    now: datetime,
    *,
    by: str,
) -> Event:
    """Enter a finding, a contact or another thing that the system cannot see."""
    facts = {f"text_{language}": text for language, text in said.items()}
    return reports.enter(house.ledger, release, kind, dict(facts), by=by, at=at, now=now)
