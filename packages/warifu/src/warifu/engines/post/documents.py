"""The report as files: filled templates, with an annex that names the event behind every fact."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

from warifu.model.report import Report
from warifu_wire import atomic
from warifu_wire.errors import Fault, Refusal

_ANNEX = {"ja": "## 別紙 根拠一覧", "en": "## Annex: what each fact rests on"}
_ROW = {"ja": "| 記載 | 値 | 台帳 | 種別 |", "en": "| token | text | ledger | source |"}
_SOURCE = {"ja": ("記録", "記入"), "en": ("recorded", "entered")}


def template(language: str) -> str:
    """The report's prose of a language; raises `Refusal` for one we have none of."""
    place = resources.files("warifu.engines.post").joinpath(f"report.{language}.txt")
    try:
        return place.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise Refusal("no-language", needed="ja or en", found=language) from error


def annexed(report: Report, language: str) -> str:
    """The report with its annex: token, text, event, and whether it was recorded or entered."""
    seq, head = report.head
    rows = [
        f"| {one.token} | {one.text} | #{one.seq} | {_SOURCE[language][one.entered]} |"
        for one in report.used
    ]
    where = f"ledger #{seq} {head}"
    return "\n".join(
        [
            report.text,
            _ANNEX[language],
            "",
            _ROW[language],
            "|---|---|---|---|",
            *rows,
            "",
            where,
            "",
        ]
    )


def save(report: Report, language: str, folder: Path) -> Path:
    """Write the annexed report as Markdown; raises `Fault`."""
    place = folder / f"report-{report.digest[:12]}.{language}.md"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Fault(f"cannot make {folder}: {error.strerror}", needed="write access") from error
    atomic.write(place, annexed(report, language).encode())
    return place
