"""The Why page: what is wrong, whose it is, from which planned release, what to do; ja and en.

At most 40 lines of text, whatever was found: a person has to read it before a release.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from warifu.model.classes import Class, Finding, Hunk, Origin
from warifu.model.lines import LineKind
from warifu.model.why_words import CLASSES, WORDS, Language

LINES = 40
SHOWN = 10
"""How many members are told one by one; the others are counted by line and class."""
SOURCES = 4
"""How many lines of development are summed up."""
HUNKS = 5
"""How many hunks beyond the first of a member are told on one page."""


_LOOSE = {
    Class.MISSING: "from-missing",
    **dict.fromkeys((Class.MODE, Class.RELOCATED, Class.NORMALISED), "from-approved"),
}
"""How members are summed up that come from no commit of a line."""


@dataclass(frozen=True, slots=True)
class Row:
    """A member, what it is, and where its bytes come from (several places in a mixed file)."""

    member: str
    what: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """The page in its parts; `notes` follow the members, `advice` is numbered."""

    language: Language
    title: str
    summary: tuple[str, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    advice: tuple[str, ...]

    @property
    def words(self) -> Mapping[str, str]:
        """The words of its language."""
        return WORDS[self.language]

    @property
    def lines(self) -> tuple[str, ...]:
        """The page as plain lines; the first is its title."""
        told = [
            line
            for row in self.rows
            for line in (f"- {row.member}: {row.what}", *(f"    {one}" for one in row.sources))
        ]
        steps = [f"{number}. {one}" for number, one in enumerate(self.advice, 1)]
        return (
            self.title, "", *self.summary, "", *told, *self.notes, "", self.words["do"], *steps,
            self.words["never"],
        )  # fmt: skip

    def text(self) -> str:
        """The page for a terminal."""
        return "\n".join(self.lines) + "\n"

    def html(self) -> str:
        """The page as an HTML fragment."""
        head = "".join(f"<th>{escape(self.words[one])}</th>" for one in ("file", "what", "whose"))
        rows = "\n".join(
            f"<tr><td><code>{escape(row.member)}</code></td><td>{escape(row.what)}</td>"
            f"<td>{'<br>'.join(escape(one) for one in row.sources)}</td></tr>"
            for row in self.rows
        )
        return (
            f'<section lang="{self.language.value}">\n<h1>{escape(self.title)}</h1>\n'
            f"<ul>{_items(self.summary)}</ul>\n"
            f"<table><thead><tr>{head}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>\n"
            + "".join(f"<p>{escape(one)}</p>\n" for one in self.notes)
            + f"<h2>{escape(self.words['do'])}</h2>\n<ol>{_items(self.advice)}</ol>\n"
            f"<p><strong>{escape(self.words['never'])}</strong></p>\n</section>\n"
        )


def page(product: str, findings: Sequence[Finding], language: Language, look: str = "") -> Page:
    """The page for a refused composition; `findings` must not be empty.

    `look` is the command that shows a closer look at a binary, where one was taken.
    """
    words = WORDS[language]
    left, rows = HUNKS, []
    for one in findings[:SHOWN]:
        row = _row(one, language, left)
        left -= max(0, len(row.sources) - 1)
        rows.append(row)
    notes = []
    if len(findings) > SHOWN:
        notes.append(words["more"].format(count=len(findings) - SHOWN))
    if look:
        notes.append(words["look"].format(command=look))
    title = "title" if len(findings) > 1 else "title-one"
    return Page(
        language,
        words[title].format(product=plain(product), count=len(findings)),
        tuple(_summary(findings, words)),
        tuple(rows),
        tuple(notes),
        tuple(_advice(findings, words)),
    )


def _summary(findings: Iterable[Finding], words: Mapping[str, str]) -> Iterator[str]:
    """A line for each line of development involved, most members first."""
    counts: dict[tuple[str, str, str, str], int] = {}
    for one in findings:
        key = _whose(one, words)
        counts[key] = counts.get(key, 0) + 1
    ranked = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
    most = SOURCES if len(ranked) <= SOURCES else SOURCES - 1
    for (form, line, planned, owner), count in ranked[:most]:
        yield words[form].format(line=line, planned=planned, owner=owner, count=count)
    if len(ranked) > most:
        yield words["others"].format(count=sum(count for _, count in ranked[most:]))


def _whose(one: Finding, words: Mapping[str, str]) -> tuple[str, str, str, str]:
    """The form to tell a line by, its name, when it is planned for, and who is to be asked."""
    origin = one.origin
    if origin is None:
        return _LOOSE.get(one.cls, "from-nowhere"), "", "", ""
    owner = plain(origin.owner or origin.author)
    forms = {LineKind.NEXT: "from-next", LineKind.WIP: "from-wip"}
    return forms.get(origin.kind, "from-before"), plain(origin.line), _when(origin, words), owner


def _when(origin: Origin, words: Mapping[str, str]) -> str:
    if origin.planned is None:
        return words["unplanned"]
    return words["planned"].format(date=origin.planned.isoformat())


def _row(one: Finding, language: Language, left: int) -> Row:
    """One member; of a mixed file as many hunks as there is room for, each with its commit."""
    words = WORDS[language]
    what = CLASSES[language][one.cls] + _detail(one, language)
    if one.cls is Class.LATER and one.origin and one.origin.kind is LineKind.WIP:
        what = words["wip"]
    named = [hunk for hunk in one.hunks if hunk.origin is not None]
    if named:
        told = named[: 1 + left]
        return Row(plain(one.member), what, tuple(_hunk(hunk, words) for hunk in told))
    sources = (_origin(one.origin, words),) if one.origin is not None else ()
    return Row(plain(one.member), what, sources)


def _hunk(hunk: Hunk, words: Mapping[str, str]) -> str:
    assert hunk.origin is not None
    place = words["at"].format(line=hunk.found_at)
    return place + _origin(hunk.origin, words)


def _origin(origin: Origin, words: Mapping[str, str]) -> str:
    form = "origin" if origin.kind is LineKind.NEXT else "origin-other"
    return words[form].format(
        line=plain(origin.line),
        planned=_when(origin, words),
        commit=origin.commit[:12],
        author=plain(origin.author),
        subject=plain(origin.subject)[:50],
    )


def _detail(one: Finding, language: Language) -> str:
    words = WORDS[language]
    if one.relates:
        return words["relates"].format(path=plain(one.relates))
    if one.of is not None:
        return words["of"].format(what=CLASSES[language][one.of])
    if one.hunks:
        places = ", ".join(str(hunk.found_at) for hunk in one.hunks[:5])
        form = "hunks" if len(one.hunks) > 1 else "hunk"
        return words[form].format(count=len(one.hunks), places=places)
    return ""


def _advice(findings: Sequence[Finding], words: Mapping[str, str]) -> Iterator[str]:
    """What to do, by the kinds of findings there are."""
    owners = [
        plain(one.origin.owner or one.origin.author)
        for one in findings
        if one.origin is not None and one.origin.kind in (LineKind.NEXT, LineKind.WIP)
    ]
    if owners:
        asked = list(dict.fromkeys(owners))[:SOURCES]
        yield words["do-later"].format(owners=words["and"].join(asked))
    if {one.cls for one in findings} & {Class.UNTRACKED, Class.DANGLING}:
        yield words["do-find"]
    yield words["do-again"]


def _items(rows: Iterable[str]) -> str:
    return "".join(f"<li>{escape(one)}</li>" for one in rows)


def plain(text: str) -> str:
    """Text without control characters, which could redraw the page."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)
