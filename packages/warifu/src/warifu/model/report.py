"""The report: prose with fact tokens. Editors own the prose, the ledger owns every fact in it.

`{{time KIND}}`, `{{value KIND FIELD}}`, `{{count KIND}}` and `{{timeline}}` are the tokens; KIND
is an event's kind, `first`/`last` before it chooses among several (last unless said). A line that
begins with `?KIND ` stands only where such an event is, one with `?KIND FIELD=VALUE ` only where
the last of them has that fact. Lines in a row that then begin with a time stand in its order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from warifu.model.incident import Incident, timeline
from warifu.model.ledger import Event
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Malformed, Refusal

_TOKEN = re.compile(r"\{\{([^{}]*)\}\}")
_TIME = re.compile(r"\{\{time [^{}]*\}\}")
_CONDITION = re.compile(r"\?(?P<kind>\S+) (?:(?P<field>[a-z_]+)=(?P<value>\S+) )?")
_LITERAL = re.compile(r"\d")
_CLAIMS = ("全て", "すべて", "直ちに", "十分に", "immediately", "all members", "fully")


@dataclass(frozen=True, slots=True)
class Style:
    """How a language spells a time, a fact's value, and one line of the timeline."""

    time: Callable[[datetime], str]
    value: Callable[[Json], str]
    line: Callable[[Event], str]


@dataclass(frozen=True, slots=True)
class Used:
    """A fact as it stands in the report: its token, its text, and the event it rests on."""

    token: str
    text: str
    seq: int
    entered: bool


@dataclass(frozen=True, slots=True)
class Report:
    """A rendered report: its text, the facts used, and the ledger's head it was read at."""

    text: str
    used: tuple[Used, ...]
    head: tuple[int, Digest]

    @property
    def digest(self) -> Digest:
        """The sha256 of the text."""
        return of_bytes(self.text.encode())


def render(template: str, incident: Incident, style: Style, head: tuple[int, Digest]) -> Report:
    """Fill a template from an incident; raises `Refusal` for a token no event answers."""
    used: list[Used] = []

    def fill(match: re.Match[str]) -> str:
        text, event = _answer(match[1].strip(), incident, style)
        if event is not None:
            used.append(Used(match[1].strip(), text, event.seq, event.source == "H"))
        return text

    standing = (_standing(raw, incident) for raw in template.splitlines())
    lines = _timely((line for line in standing if line is not None), incident)
    return Report("\n".join(_TOKEN.sub(fill, one) for one in lines) + "\n", tuple(used), head)


def lint(template: str, incident: Incident) -> None:
    """Raises `Refusal` where prose has a fact of its own, or a claim that no event bears out."""
    for number, raw in enumerate(template.splitlines(), 1):
        prose = _TOKEN.sub("", _CONDITION.sub("", raw))
        if _LITERAL.search(prose):
            raise Refusal(
                "literal-fact", needed="a token in place of the figure", line=number, text=prose
            )
        for claim in _CLAIMS:
            if claim in prose and "{{" not in raw:
                raise Refusal(
                    "claim-without-event",
                    needed="a token beside the claim",
                    line=number,
                    text=claim,
                )
    corrected = {one.facts.get("corrects") for one in incident.of("event.corrected")}
    stale = [one.seq for one in incident.events if one.seq in corrected]
    if stale:
        raise Refusal(
            "fact-corrected",
            needed="the corrected event in its place",
            events=", ".join(map(str, stale)),
        )


def _standing(raw: str, incident: Incident) -> str | None:
    """The line without its condition, or None where the condition does not hold."""
    condition = _CONDITION.match(raw)
    if condition is None:
        return raw
    events = incident.of(condition["kind"])
    field, value = condition["field"], condition["value"]
    holds = bool(events) and (field is None or events[-1].facts.get(field) == value)
    return raw[condition.end() :] if holds else None


def _timely(lines: Iterable[str], incident: Incident) -> Iterator[str]:
    """The lines, those in a row that begin with a time in the order of their times."""
    for at_time, row in groupby(lines, key=lambda line: _TIME.match(line) is not None):
        if at_time:
            yield from sorted(row, key=lambda line: _first_time(line, incident))
        else:
            yield from row


def _first_time(line: str, incident: Incident) -> datetime:
    token = line[2 : line.index("}}")]
    return _event(token.split()[1:], incident, token).at


def _answer(token: str, incident: Incident, style: Style) -> tuple[str, Event | None]:
    words = token.split()
    match words:
        case ["timeline"]:
            return "\n".join(style.line(one.event) for one in timeline(incident)), None
        case ["count", kind]:
            events = incident.of(kind)
            last = events[-1] if events else None
            return style.value(len(events)), last
        case ["time", *rest]:
            event = _event(rest, incident, token)
            return style.time(event.at), event
        case ["value", *rest, field]:
            event = _event(rest, incident, token)
            return style.value(_field(event.facts, field, token)), event
    raise Malformed("unknown-token", needed="time, value, count or timeline", token=token)


def _event(words: list[str], incident: Incident, token: str) -> Event:
    place = -1
    if words and words[0] in ("first", "last"):
        place = 0 if words[0] == "first" else -1
        words = words[1:]
    events = incident.of(words[0]) if len(words) == 1 else ()
    if not events:
        raise Refusal("fact-missing", needed="an event of this kind", token=token)
    return events[place]


def _field(facts: Mapping[str, Json], field: str, token: str) -> Json:
    found: Json = dict(facts)
    for name in field.split("."):
        if not isinstance(found, dict) or name not in found:
            raise Refusal("fact-missing", needed=f"the fact {field}", token=token)
        found = found[name]
    return found
