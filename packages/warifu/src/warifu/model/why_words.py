"""The words of the Why page, Japanese and English."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from warifu.model.classes import Class


class Language(StrEnum):
    """The languages of pages and letters."""

    JA = "ja"
    EN = "en"


WORDS: Mapping[Language, Mapping[str, str]] = {
    Language.EN: {
        "title": "{product}: not composed. {count} files are not the approved bytes.",
        "title-one": "{product}: not composed. One file is not the approved bytes.",
        "from-next": "{count} from the line {line}, {planned}; ask {owner}",
        "from-wip": "{count} from the line {line}, work in progress; ask {owner}",
        "from-before": "{count} from the line {line}, an earlier state of it",
        "from-nowhere": "{count} from no registered line",
        "from-missing": "{count} missing",
        "from-approved": "{count} approved, but in another form or place",
        "others": "{count} from other lines",
        "planned": "planned for {date}",
        "unplanned": "not planned for a day yet",
        "origin": "{line}, {planned}, commit {commit} by {author}: {subject}",
        "origin-other": "{line}, commit {commit} by {author}: {subject}",
        "at": "line {line}: ",
        "relates": " (approved as {path})",
        "of": ": {what}",
        "hunk": " (at line {places})",
        "hunks": " ({count} hunks, at lines {places})",
        "wip": "work in progress, planned for no release",
        "more": "… and {count} more; the recorded refusal lists them.",
        "look": "A closer look at the first binary that differs: {command}",
        "file": "File",
        "what": "What it is",
        "whose": "Where it comes from",
        "do": "What to do",
        "and": ", ",
        "do-later": "Leave these changes out, or have them approved: ask {owners}.",
        "do-again": "Compose again from the approved commit; do not assemble by hand.",
        "do-find": "Find out who put the unknown bytes there before composing again.",
        "never": "Nothing was published. There is no switch to go on with these bytes.",
    },
    Language.JA: {
        "title": "{product}：構成を中止しました。承認内容と異なるファイルが {count} 件あります。",
        "title-one": "{product}：構成を中止しました。承認内容と異なるファイルが 1 件あります。",
        "from-next": "{count} 件：開発系統「{line}」（{planned}、担当 {owner}）",
        "from-wip": "{count} 件：開発系統「{line}」（作業中、担当 {owner}）",
        "from-before": "{count} 件：開発系統「{line}」の以前の内容",
        "from-nowhere": "{count} 件：登録されたどの開発系統にもない内容",
        "from-missing": "{count} 件：ファイルがない",
        "from-approved": "{count} 件：承認済みの内容だが、形または場所が異なる",
        "others": "{count} 件：その他の開発系統",
        "planned": "公開予定 {date}",
        "unplanned": "公開日は未定",
        "origin": "{line}（{planned}）、コミット {commit}、作成者 {author}：{subject}",
        "origin-other": "{line}、コミット {commit}、作成者 {author}：{subject}",
        "at": "{line} 行目：",
        "relates": "（承認済みの {path} と同じ内容）",
        "of": "：{what}",
        "hunk": "（{places} 行目）",
        "hunks": "（変更箇所 {count} 件、{places} 行目）",
        "wip": "作業中の内容（公開予定なし）",
        "more": "ほか {count} 件。構成中止の記録に列挙しています。",
        "look": "異なるバイナリの詳しい比較：{command}",
        "file": "ファイル",
        "what": "内容",
        "whose": "出所",
        "do": "対処",
        "and": "、",
        "do-later": "これらの変更を外すか、承認を受けてください（担当 {owners}）。",
        "do-again": "承認されたコミットから構成し直してください。手で組み立てないでください。",
        "do-find": "由来不明の内容を誰が入れたかを調べてから構成し直してください。",
        "never": "何も公開していません。このまま進める手段はありません。",
    },
}
CLASSES: Mapping[Language, Mapping[Class, str]] = {
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
        Class.NORMALISED: "in another encoding or with other line ends",
        Class.HYBRID: "approved file with changes that are not approved",
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
        Class.HYBRID: "承認されたファイルに承認外の変更が混入",
        Class.UNTRACKED: "どの系統にもない",
    },
}
