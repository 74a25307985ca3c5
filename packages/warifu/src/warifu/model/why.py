"""The Why page: what is wrong, whose it is, from which planned release, what to do; ja and en.

At most 40 lines of text, whatever was found: a person has to read it before a release.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from html import escape

from warifu.model.classes import Class, Finding, Origin

LINES = 40
SHOWN = 10
"""How many members are told one by one; the others are counted by line and class."""


class Language(StrEnum):
    """The languages of pages and letters."""

    JA = "ja"
    EN = "en"


@dataclass(frozen=True, slots=True)
class Page:
    """A page as plain lines; the first is its title."""

    language: Language
    lines: tuple[str, ...]

    def text(self) -> str:
        """The page for a terminal."""
        return "\n".join(self.lines) + "\n"

    def html(self) -> str:
        """The page as an HTML fragment."""
        title, *rest = self.lines
        body = "\n".join(escape(line) for line in rest)
        return (
            f'<section lang="{self.language.value}"><h1>{escape(title)}</h1>'
            f"<pre>{body}</pre></section>\n"
        )


def page(product: str, findings: Sequence[Finding], language: Language) -> Page:
    """The page for a refused composition; `findings` must not be empty."""
    words = _WORDS[language]
    lines = [
        words["title"].format(product=product, count=len(findings)),
        "",
        *_summary(findings, words),
        "",
    ]
    for one in findings[:SHOWN]:
        lines += _told(one, language)
    if len(findings) > SHOWN:
        lines.append(words["more"].format(count=len(findings) - SHOWN))
    lines += ["", words["do"], *_advice(findings, words)]
    return Page(language, tuple(lines[:LINES]))


def _summary(findings: Iterable[Finding], words: Mapping[str, str]) -> list[str]:
    """One line for each line of development involved, most members first; at most three."""
    counts: dict[tuple[str, str, str], int] = {}
    for one in findings:
        key = _planned(one.origin, words)
        counts[key] = counts.get(key, 0) + 1
    ranked = sorted(counts.items(), key=lambda row: (-row[1], row[0]))
    return [
        words["from"].format(line=line, planned=planned, owner=owner, count=count)
        if line
        else words["nowhere"].format(count=count)
        for (line, planned, owner), count in ranked[:3]
    ]


def _planned(origin: Origin | None, words: Mapping[str, str]) -> tuple[str, str, str]:
    if origin is None:
        return "", "", ""
    planned = origin.planned.isoformat() if origin.planned else words["unplanned"]
    return origin.line, planned, origin.owner or origin.author


def _told(one: Finding, language: Language) -> list[str]:
    """One member in at most two lines."""
    words = _WORDS[language]
    lines = [f"- {_plain(one.member)}: {_CLASSES[language][one.cls]}{_detail(one, language)}"]
    if one.origin is not None:
        lines.append(
            words["origin"].format(
                line=one.origin.line,
                commit=one.origin.commit[:12],
                author=_plain(one.origin.author),
                subject=_plain(one.origin.subject)[:50],
            )
        )
    return lines


def _detail(one: Finding, language: Language) -> str:
    words = _WORDS[language]
    if one.relates:
        return words["relates"].format(path=_plain(one.relates))
    if one.of is not None:
        return words["of"].format(what=_CLASSES[language][one.of])
    if one.hunks:
        places = ", ".join(str(hunk.found_at) for hunk in one.hunks[:5])
        return words["hunks"].format(count=len(one.hunks), places=places)
    return ""


def _advice(findings: Sequence[Finding], words: Mapping[str, str]) -> list[str]:
    """What to do, by the kinds of findings there are."""
    classes = {one.cls for one in findings}
    ours = {Class.LATER, Class.HYBRID, Class.REVERTED, Class.DERIVED_FROM, Class.NORMALISED}
    advice = []
    if classes & (ours | {Class.RELOCATED}):
        advice.append(words["do-later"])
    if classes & {Class.STALE, Class.MISSING, Class.MODE}:
        advice.append(words["do-again"])
    if classes & {Class.UNTRACKED, Class.DANGLING}:
        advice.append(words["do-find"])
    return [*advice, words["do-never"]]


def _plain(text: str) -> str:
    """Text without control characters, which could redraw the page."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in text)


_WORDS: Mapping[Language, Mapping[str, str]] = {
    Language.EN: {
        "title": "{product}: not composed. {count} member(s) are not the approved bytes.",
        "from": "{count} member(s) come from the line {line} (planned for {planned}; ask {owner}).",
        "nowhere": "{count} member(s) come from no line that is registered.",
        "unplanned": "no release",
        "origin": "    line {line}, commit {commit}, by {author}: {subject}",
        "relates": " (approved as {path})",
        "of": ": {what}",
        "hunks": " ({count} hunk(s), at line {places})",
        "more": "… and {count} more; the recorded refusal lists them.",
        "do": "What to do:",
        "do-later": "1. Take these commits out, or have them approved as changes of this release.",
        "do-again": "2. Compose again from the approved commit; do not assemble by hand.",
        "do-find": "3. Find out who put the unknown bytes there before composing again.",
        "do-never": "Nothing was published. There is no switch to go on with these bytes.",
    },
    Language.JA: {
        "title": "{product}：構成を中止しました。承認内容と異なるファイルが {count} 件あります。",
        "from": "{count} 件は開発系統「{line}」のものです（公開予定 {planned}、担当 {owner}）。",
        "nowhere": "{count} 件は登録されたどの開発系統にもありません。",
        "unplanned": "未定",
        "origin": "    系統 {line}、コミット {commit}、作成者 {author}：{subject}",
        "relates": "（承認済みの {path} と同じ内容）",
        "of": "：{what}",
        "hunks": "（変更箇所 {count} 件、行 {places}）",
        "more": "ほか {count} 件。構成中止の記録に列挙しています。",
        "do": "対処：",
        "do-later": "1. 上のコミットを取り除くか、この版の変更として承認を受けてください。",
        "do-again": "2. 承認されたコミットから構成し直してください。手で組み立てないでください。",
        "do-find": "3. 由来不明の内容を誰が入れたかを調べてから構成し直してください。",
        "do-never": "何も公開していません。このまま進める手段はありません。",
    },
}
_CLASSES: Mapping[Language, Mapping[Class, str]] = {
    Language.EN: {
        Class.APPROVED: "approved bytes",
        Class.GENERATED: "made by a declared step",
        Class.MODE: "the approved bytes with another mode",
        Class.MISSING: "missing",
        Class.RELOCATED: "approved bytes at another path",
        Class.LATER: "belongs to a later release",
        Class.STALE: "an older version",
        Class.REVERTED: "what another line reverted to",
        Class.DANGLING: "bytes that no line holds any more",
        Class.DERIVED_FROM: "made from another line's source",
        Class.NORMALISED: "written in another encoding or with other line ends",
        Class.HYBRID: "approved file with changes of another line",
        Class.UNTRACKED: "in no line at all",
    },
    Language.JA: {
        Class.APPROVED: "承認された内容",
        Class.GENERATED: "宣言された手順で生成",
        Class.MODE: "内容は承認済み、属性が異なる",
        Class.MISSING: "ファイルがない",
        Class.RELOCATED: "承認された内容が別の場所にある",
        Class.LATER: "次以降の版のファイル",
        Class.STALE: "古い版のファイル",
        Class.REVERTED: "別の系統で元に戻された内容",
        Class.DANGLING: "どの系統にも残っていない内容",
        Class.DERIVED_FROM: "別の系統のソースから生成",
        Class.NORMALISED: "文字コードまたは改行が異なる",
        Class.HYBRID: "承認されたファイルに別の系統の変更が混入",
        Class.UNTRACKED: "どの系統にもない",
    },
}
