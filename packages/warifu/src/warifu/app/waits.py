"""Why a stage waits, in a sentence with its figures, Japanese and English."""

from __future__ import annotations

from collections.abc import Mapping

from warifu.model.brakes import JST
from warifu.model.rollout import Wait
from warifu_wire import times
from warifu_wire.canonical import Json

LANGUAGES = ("en", "ja")
_TIMES = frozenset({"at", "ended", "since", "until"})
_TOLD: Mapping[str, tuple[str, str]] = {
    "capped": (
        "capped at {max_share} millionths by {by} since {since}",
        "{by} により {since} から100万分の {max_share} までに制限中",
    ),
    "desk-full": (
        "the desk can take {capacity} calls, the next stage may bring {predicted}",
        "ヘルプデスクの受付は {capacity} 件まで、次の段階では最大 {predicted} 件の見込み",
    ),
    "gate-not-in-force": (
        "stage {stage} is recorded, but not served yet",
        "段階 {stage} は記録済みだが、まだ配信に反映されていない",
    ),
    "held": (
        "held by {by} since {since}; goes on by a signed lift",
        "{by} により {since} から保留中。再開には承認が必要",
    ),
    "last-stage": ("nothing: everybody is offered it", "なし(全員に配信中)"),
    "no-probe": ("the production probe has not run yet", "本番確認がまだ終わっていない"),
    "no-working-day": (
        "no working day ({at}); stages open on working days",
        "休業日({at})。次の段階は営業日に開く",
    ),
    "outside-hours": (
        "outside working hours ({at}); stages open from {opens} to {closes} o'clock",
        "営業時間外({at})。次の段階は {opens} 時から {closes} 時の間に開く",
    ),
    "probe-before-plan": (
        "the probe of {ended} is older than this plan; a new one is due",
        "{ended} の本番確認は今回の計画より前のもの。改めて行う",
    ),
    "probe-failed": ("the probe of {ended} failed", "{ended} の本番確認に失敗した"),
    "probe-old": (
        "the probe of {ended} is too old; a new one is due",
        "{ended} の本番確認は古い。改めて行う",
    ),
    "soaking": ("stage {stage} runs until {until}", "段階 {stage} は {until} まで様子を見る"),
    "stopped": (
        "stopped by {by} since {since}; goes on by a signed lift",
        "{by} により {since} から公開停止中。再開には承認が必要",
    ),
    "too-few-reports": (
        "{have} of {need} members of stage {stage} have reported",
        "段階 {stage} の報告は {need} 件のうち {have} 件",
    ),
    "too-many-failures": (
        "it failed for {failures} members, the plan allows {allowed}",
        "{failures} 名で失敗。計画上の上限は {allowed} 名",
    ),
}


def told(wait: Wait, language: str) -> str:
    """The reason in one line; its code where there is no sentence for it."""
    forms = _TOLD.get(wait.code)
    if forms is None:
        return wait.code
    said = {name: _spelt(name, value) for name, value in wait.facts.items()}
    return forms[LANGUAGES.index(language)].format_map(said)


def _spelt(name: str, value: Json) -> str:
    if name in _TIMES:
        return f"{times.read(value).astimezone(JST):%Y-%m-%d %H:%M} JST"
    return str(value)
