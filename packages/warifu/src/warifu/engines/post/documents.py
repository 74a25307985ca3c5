"""The report as a page of its own, with an annex that names the event behind every fact."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from importlib import resources
from pathlib import Path
from string import Template

from warifu.model.prose import Block, blocks
from warifu.model.report import Report
from warifu_wire import atomic
from warifu_wire.errors import Fault, Refusal

_WORDS = {
    "ja": {
        "annex": "別紙 根拠一覧",
        "heads": ("内容", "記載", "台帳", "種別"),
        "sources": ("記録", "記入"),
        "trial": "試用の鍵による記録です。正式な報告書ではありません。",
        "head": "台帳",
    },
    "en": {
        "annex": "Annex: what each fact rests on",
        "heads": ("Text", "Token", "Ledger", "Source"),
        "sources": ("recorded", "entered"),
        "trial": "Made on trial keys: not a report to anybody.",
        "head": "Ledger",
    },
}


def template(language: str) -> str:
    """The report's prose of a language; raises `Refusal` for one we have none of."""
    try:
        return _resource(f"report.{language}.txt")
    except FileNotFoundError as error:
        raise Refusal("no-language", needed="ja or en", found=language) from error


def page(report: Report, language: str, *, trial: bool) -> str:
    """The report as one HTML page that needs nothing else, to be read, printed and filed.

    Its annex has a row a fact: text, token, event, and whether it was recorded or entered.
    """
    words = _WORDS[language]
    found = blocks(report.text)
    seq, head = report.head
    rows = (
        (one.text, one.token, f"#{one.seq}", words["sources"][one.entered]) for one in report.used
    )
    return Template(_resource("report.html")).substitute(
        language=language,
        title=escape(found[0].texts[0]),
        trial=f'<p class="note">{words["trial"]}</p>' if trial else "",
        body="\n".join(_block(one) for one in found),
        annex=words["annex"],
        heads=_row(words["heads"], "th"),
        rows="\n".join(_row(one, "td") for one in rows),
        head=f"{words['head']} #{seq} {head}",
    )


def save(report: Report, language: str, folder: Path, *, trial: bool) -> Path:
    """Write the report's page; raises `Fault`."""
    place = folder / f"report-{report.digest[:12]}.{language}.html"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Fault(f"cannot make {folder}: {error.strerror}", needed="write access") from error
    atomic.write(place, page(report, language, trial=trial).encode())
    return place


def _resource(name: str) -> str:
    return resources.files("warifu.engines.post").joinpath(name).read_text(encoding="utf-8")


def _block(one: Block) -> str:
    if one.kind == "ul":
        return "<ul>" + "".join(f"<li>{escape(text)}</li>" for text in one.texts) + "</ul>"
    return f"<{one.kind}>{escape(one.texts[0])}</{one.kind}>"


def _row(cells: Iterable[str], tag: str) -> str:
    return "<tr>" + "".join(f"<{tag}>{escape(one)}</{tag}>" for one in cells) + "</tr>"
