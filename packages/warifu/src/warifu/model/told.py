"""Findings read back from the facts of a refusal, and the page that shows them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from warifu.model import why
from warifu.model.classes import Class, Finding, Hunk, Origin
from warifu.model.lines import LineKind
from warifu.model.why import Page
from warifu.model.why_words import Language
from warifu_wire import canonical
from warifu_wire.canonical import Json
from warifu_wire.errors import Malformed
from warifu_wire.fields import exactly, rows, text, whole

_FINDING = ("class", "hunks", "member", "of", "origin", "relates")
_HUNK = ("added", "approved_at", "found_at", "origin", "removed")
_ORIGIN = ("author", "commit", "kind", "line", "owner", "path", "planned", "subject")


def findings(facts: Mapping[str, str]) -> tuple[Finding, ...]:
    """The findings that a `Contaminated` carries; raises `Malformed`. Hunks come without lines."""
    try:
        value = canonical.loads(facts.get("findings", "[]").encode())
        return tuple(_finding(row) for row in rows(value))
    except ValueError as error:
        raise Malformed("not-findings", needed="the facts of a refusal", why=error) from error


def page(facts: Mapping[str, str], language: str, look: str) -> Page:
    """The Why page of a `Contaminated`; `look` is the command that shows its closer look."""
    has = look if "difference" in facts else ""
    return why.page(facts["product"], findings(facts), Language(language), has)


def _finding(row: Json) -> Finding:
    found = exactly(row, _FINDING)
    of = text(found["of"])
    return Finding(
        Class(text(found["class"])),
        text(found["member"]),
        _origin(found["origin"]),
        tuple(_hunk(one) for one in rows(found["hunks"])),
        text(found["relates"]),
        Class(of) if of else None,
    )


def _hunk(row: Json) -> Hunk:
    found = exactly(row, _HUNK)
    origin = _origin(found["origin"])
    return Hunk(whole(found["approved_at"]), (), whole(found["found_at"]), (), origin)


def _origin(row: Json) -> Origin | None:
    if row is None:
        return None
    found = {name: text(one) for name, one in exactly(row, _ORIGIN).items()}
    planned = date.fromisoformat(found["planned"]) if found["planned"] else None
    return Origin(
        found["line"],
        LineKind(found["kind"]),
        found["commit"],
        found["path"],
        found["author"],
        found["subject"],
        planned,
        found["owner"],
    )
