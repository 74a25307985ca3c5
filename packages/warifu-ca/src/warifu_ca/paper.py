"""The letter as PDF: reference number, PIN, and the digests a member's first trust rests on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import Literal, get_args

import typst
from fontTools.ttLib import TTFont

from warifu_ca import codes
from warifu_ca.authority import Authority
from warifu_ca.letters import JAPAN, Sealed
from warifu_ca.names import Holder
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Fault, Refusal

FONT = "Noto Sans CJK JP"
MONO = "Noto Sans Mono CJK JP"
Language = Literal["ja", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


@dataclass(frozen=True, slots=True)
class FirstTrust:
    """What the member compares at first start: sha256 of the updater and of the TUF root."""

    updater: Digest
    tuf_root: Digest


def letter(authority: Authority, made: Sealed, trust: FirstTrust, language: Language) -> bytes:
    """One sheet, PDF. Raises `Refusal` (name-not-printable) or `Fault` when the font is missing."""
    told = _told(authority, made, trust, language)
    printable(made.holder)
    try:
        pdf, warnings = _compiler().compile_with_warnings(
            _file("letter.typ"),
            format="pdf",
            sys_inputs={"data": json.dumps(told, ensure_ascii=False)},
            timestamp=int(made.sent_at.timestamp()),
        )
    except (typst.TypstError, RuntimeError) as error:
        raise Fault(f"the letter cannot be set: {error}", needed=f"the font {FONT}") from error
    if warnings or not isinstance(pdf, bytes):
        raise Fault(f"the letter cannot be set: {warnings}", needed=f"the font {FONT}")
    return pdf


def printable(who: Holder) -> None:
    """Refuse a name the font cannot draw: an empty box is not the member's name."""
    missing = sorted(set(who.name) - _drawn())
    if missing:
        shapes = ", ".join(f"U+{ord(one):04X}" for one in missing)
        raise Refusal("name-not-printable", needed=f"a font that has {shapes}", name=who.name)


def _told(
    authority: Authority, made: Sealed, trust: FirstTrust, language: Language
) -> dict[str, object]:
    words = json.loads(_file(f"letter.{language}.json"))
    last = (made.closes_at - timedelta(seconds=1)).astimezone(JAPAN).date()
    name = made.holder.name if language == "ja" else made.holder.roman
    return {
        "authority": authority.settings.name_ja if language == "ja" else authority.settings.name,
        "addressee": words["addressee"].format(name=name, member=made.holder.member),
        "closes": words["closes_on"].format(date=_date(last, language)),
        "digests": [
            [words["updater"], _spaced(trust.updater)],
            [words["tuf_root"], _spaced(trust.tuf_root)],
            [words["ca_root"], _spaced(of_bytes(authority.der("root")))],
        ],
        "font": FONT,
        "mono": MONO,
        "language": language,
        "pin": codes.grouped(made.pin),
        "profile": made.profile.label_ja if language == "ja" else made.profile.label,
        "reference": codes.grouped(made.reference),
        "sent": _date(made.sent_at.astimezone(JAPAN).date(), language),
        "trial": authority.settings.trial,
        "url": authority.settings.url,
        "words": words,
    }


def _date(day: date, language: Language) -> str:
    return f"{day.year}年{day.month}月{day.day}日" if language == "ja" else f"{day:%-d %B %Y}"


def _spaced(digest: Digest) -> str:
    """In two lines of four groups, to be compared by eye."""
    groups = [digest[start : start + 8] for start in range(0, len(digest), 8)]
    return " ".join(groups[:4]) + "\n" + " ".join(groups[4:])


def _file(name: str) -> bytes:
    return resources.files(__package__).joinpath(name).read_bytes()


@cache
def _compiler() -> typst.Compiler:
    """One compiler for the process: it keeps the fonts, and a letter takes 10 ms, not 180."""
    return typst.Compiler()


@cache
def _drawn() -> frozenset[str]:
    """Every character the letter's font has a shape for; raises `Fault` when it is missing."""
    for font in typst.Fonts().fonts():
        if font.family == FONT and font.weight == 400 and font.path:
            loaded = TTFont(font.path, fontNumber=font.index, lazy=True)
            return frozenset(map(chr, loaded.getBestCmap())) | _selectors(loaded)
    raise Fault(f"no font {FONT} here", needed="the Debian package fonts-noto-cjk")


def _selectors(loaded: TTFont) -> frozenset[str]:
    """The variation selectors the font knows (cmap format 14)."""
    tables = [table for table in loaded["cmap"].tables if table.format == 14]
    return frozenset(chr(selector) for table in tables for selector in table.uvsDict)
