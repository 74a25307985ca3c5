"""What was refused before: the recorded refusals of compose and verify, and their Why pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape

from warifu.app import words
from warifu.app.wiring import House
from warifu.engines.ledger import queries
from warifu.engines.ledger.store import DatabaseLedger
from warifu.model.ledger import Event
from warifu.model.told import page
from warifu_wire.canonical import Json
from warifu_wire.digest import digest
from warifu_wire.errors import Refusal
from warifu_wire.fields import table, text

KINDS = ("composition.refused", "verification.refused")
_STYLE = (
    "body{font:16px/1.7 sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem}"
    "h1{font-size:1.5rem}h2{font-size:1.2rem}table{border-collapse:collapse;width:100%}"
    "th,td{border-bottom:1px solid #d9d9d9;padding:.4rem .6rem;text-align:left;"
    "vertical-align:top}code{overflow-wrap:anywhere}"
)


@dataclass(frozen=True, slots=True)
class Refused:
    """A recorded refusal: the event's number, when, what kind of program, and its code."""

    seq: int
    at: datetime
    kind: str
    code: str
    facts: Mapping[str, str]
    needed: str

    @property
    def contaminated(self) -> bool:
        """Whether it has a page of findings."""
        return "findings" in self.facts

    def told(self, language: str) -> str:
        """The page as text; in a few lines where there are no findings."""
        return words.told(Refusal(self.code, needed=self.needed, **self.facts), language)

    @property
    def heads(self) -> dict[str, str]:
        """The first line of the page, by language."""
        return {one: self.told(one).splitlines()[0] for one in words.LANGUAGES}

    def html(self, language: str) -> str:
        """The page as an HTML fragment."""
        if self.contaminated:
            return page(self.facts, language, words.LOOK).html()
        lines = "<br>".join(escape(one) for one in self.told(language).splitlines())
        return f'<section lang="{language}"><p>{lines}</p></section>\n'

    def document(self, language: str) -> str:
        """The page as a file of its own, to be sent to whoever is asked."""
        title = escape(self.told(language).splitlines()[0])
        return (
            f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8">'
            f"<title>{title}</title><style>{_STYLE}</style></head>\n<body>\n"
            f"{self.html(language)}</body></html>\n"
        )


def recent(house: House, limit: int) -> list[Refused]:
    """The last refusals, newest first."""
    return [_read(one) for one in queries.events(_alias(house), kinds=KINDS, limit=limit)]


def refused(house: House, seq: int | None = None) -> Refused:
    """One refusal by its event's number, or the last one; raises `Refusal` where there is none."""
    if seq is None:
        found = recent(house, 1)
        if found:
            return found[0]
        raise Refusal("nothing-refused", needed="a refused composition or verification")
    event = queries.event(_alias(house), seq)
    if event is None or event.kind not in KINDS:
        raise Refusal("not-refused", needed="a number that `warifu ledger show` tells", seq=seq)
    return _read(event)


def look(house: House, seq: int | None = None) -> str:
    """The closer look at the first binary that differed; raises `Refusal` where none was taken."""
    found = refused(house, seq)
    if "difference" not in found.facts:
        raise Refusal(
            "no-closer-look",
            needed="a refusal about a binary, and the Debian package diffoscope",
            seq=found.seq,
        )
    return house.depot.get(digest(found.facts["difference"])).decode("utf-8", "replace")


def _read(event: Event) -> Refused:
    facts: Mapping[str, Json] = event.facts
    told = {name: text(one) for name, one in table(facts.get("facts")).items()}
    kind = text(facts["kind"]) if "kind" in facts else ""
    return Refused(
        event.seq, event.at, kind, text(facts.get("code")), told, text(facts.get("needed"))
    )


def _alias(house: House) -> str:
    return DatabaseLedger(house.config.service.ledger).alias
