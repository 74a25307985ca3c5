"""A program on the page that approvers sign: what changed, by whom, what it was tested with."""

from __future__ import annotations

from warifu.model.composition import history
from warifu.model.verification import Verified, suites
from warifu.model.why import plain
from warifu_wire.canonical import Json
from warifu_wire.manifest import Kind

CHANGES = 12
"""How many changes are told one by one."""
_KINDS = {
    "ja": {Kind.INSTALL: "新規インストール", Kind.UPDATE: "更新", Kind.REPAIR: "修正"},
    "en": {one: one.value for one in Kind},
}
_WORDS = {
    "ja": {
        "program": "プログラム",
        "from": "出典 commit",
        "changes": "承認済の変更",
        "change": "{commit} {author}：{subject}",
        "more": "ほか {count} 件",
        "tested": "検証 {suite}：合格 {passed} 件、未実施 {skipped} 件",
        "clean": "承認されたソースと一致：{members} ファイルすべて",
        "cleared": "宣言された差異として許容：{count} 件（{by}）",
    },
    "en": {
        "program": "program",
        "from": "from commit",
        "changes": "approved changes",
        "change": "{commit} by {author}: {subject}",
        "more": "and {count} more",
        "tested": "suite {suite}: {passed} passed, {skipped} not run",
        "clean": "exactly the approved bytes: all {members} files",
        "cleared": "cleared by what is declared harmless: {count} ({by})",
    },
}


def facts(program: Verified) -> Json:
    """What the page says of it, as data: the same whatever the language."""
    made = program.composition
    return {
        "archive": made.artifact,
        "changes": list[Json](made.source.changes),
        "commit": made.source.commit,
        "evidence": program.evidence,
        "history": [[one.commit, one.author, one.subject] for one in history(made)],
        "kind": made.kind.value,
        "labels": dict(made.labels),
        "normalised": [[member, by] for member, by in made.normalised],
        "release": made.id,
        "suites": [[name, passed, skipped] for name, passed, skipped in suites(program)],
    }


def lines(program: Verified, language: str) -> list[str]:
    """What the page says of it in one language."""
    made, words = program.composition, _WORDS[language]
    labels = " ".join(f"{name} {value}" for name, value in sorted(made.labels.items()))
    told = [
        f"  {words['program']} {_KINDS[language][made.kind]}: {labels}",
        f"    release {made.id}",
        f"    archive {made.artifact}",
        f"    {words['from']} {made.source.commit}",
        f"    {words['changes']}: {len(made.source.changes)}",
    ]
    listed = history(made)
    for one in listed[:CHANGES]:
        change = words["change"].format(
            commit=one.commit[:12], author=plain(one.author), subject=plain(one.subject)[:60]
        )
        told.append(f"      {change}")
    if len(listed) > CHANGES:
        told.append(f"      {words['more'].format(count=len(listed) - CHANGES)}")
    for name, passed, skipped in suites(program):
        tested = words["tested"].format(suite=name, passed=passed, skipped=skipped)
        told.append(f"    {tested}")
    told.append(f"    {words['clean'].format(members=len(made.manifest.members))}")
    if made.normalised:
        by = ", ".join(sorted({name for _, name in made.normalised}))
        told.append(f"    {words['cleared'].format(count=len(made.normalised), by=by)}")
    return told
