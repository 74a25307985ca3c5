"""What the updater says to the member, in Japanese and English: one sentence, and what to do."""

from __future__ import annotations

from collections.abc import Mapping

from warifu_client.ended import End, Ended
from warifu_client.progress import Moment
from warifu_client.settings import Settings
from warifu_wire.errors import Fault, Refusal

Say = tuple[str, str]
LANGUAGES = ("ja", "en")

REFUSALS: Mapping[str, Say] = {
    "release-stopped": (
        "この版は {since} に {by} が公開を停止しました（{reason_ja}）。今の版をお使いください。",
        "This release was stopped by {by} at {since}: {reason_en}. Keep using the installed one.",
    ),
    "release-held": (
        "この版は {since} に {by} が配信を保留しました（{reason_ja}）。再開をお待ちください。",
        "This release was put on hold by {by} at {since}: {reason_en}. Please wait.",
    ),
    "lease-over": (
        "提供元の最新の確認が取れません。パソコンの時計と接続を確かめてください（{needed}）。",
        "The provider's answer is too old: check this machine's clock and network ({needed}).",
    ),
    "clock-behind": (
        "パソコンの時計が遅れています。時刻を合わせてからもう一度実行してください。",
        "This machine's clock is behind. Set it right and try again.",
    ),
    "clock-jumped": (
        "切替えの間に時計が動いたため、元の版に戻しました。もう一度実行してください。",
        "The clock jumped during the switch, so it was undone. Try again.",
    ),
    "signoff-missing": (
        "必要な承認の署名がそろっていません（{role}: {signed}）。何も変更していません。",
        "The required approvals are missing ({role}: {signed}). Nothing was changed.",
    ),
    "not-what-was-verified": (
        "配信された内容が検証済みのものと一致しません（{path}）。何も変更していません。",
        "What is served is not what was verified ({path}). Nothing was changed.",
    ),
    "no-room": (
        "空き容量が足りません（必要: {needed}）。",
        "There is not enough disk space (needed: {needed}).",
    ),
    "busy": (
        "別の更新処理が動いています。終わってからもう一度実行してください。",
        "Another updater is at work. Try again when it is done.",
    ),
    "nothing-kept": (
        "戻せる前の版がありません。",
        "No previous release is kept to go back to.",
    ),
    "not-confirmed": (
        "提供元に確認できず、同意もないため導入しませんでした。",
        "The provider cannot be asked and you did not agree, so nothing was installed.",
    ),
    "bundle-incomplete": (
        "このファイルは壊れているか、正規の一式ではありません（{path}）。",
        "This file is damaged or no bundle of ours ({path}).",
    ),
    "no-longer-offered": (
        "切替えの直前の確認で、この版はもう提供されていませんでした（{why}）。何も変更していません。",
        "Right before the switch this release was no longer offered ({why}). Nothing was changed.",
    ),
}
OTHER: Say = (
    "確認できないため中止しました（{code}; 必要: {needed}）。何も変更していません。",
    "Refused ({code}; needed: {needed}). Nothing was changed.",
)
FAULT: Say = (
    "処理を続けられませんでした（{what}）。{needed}を確かめて、もう一度実行してください。",
    "Could not go on: {what}. Needed: {needed}. Try again.",
)
ENDS: Mapping[End, Say] = {
    End.NOTHING: ("更新はありません（{code}）。{why_ja}", "Nothing to install ({code}). {why_en}"),
    End.OFFERED: (
        "新しい版があります: {label} [{release}]（{size} バイト）。{why_ja}",
        "A release is offered: {label} [{release}] ({size} bytes). {why_en}",
    ),
    End.INSTALLED: (
        "{label} [{release}] を導入し、起動を確認しました。",
        "{label} [{release}] is installed and starts.",
    ),
    End.TRIAL: (
        "{label} [{release}] は起動しましたが、確認がまだ取れません（{code}）。次回に続けます。",
        "{label} [{release}] starts, but cannot be confirmed yet ({code}). It goes on next time.",
    ),
    End.UNDONE: (
        "[{release}] は使えなかったため、前の版に戻しました（{code}）。",
        "[{release}] did not work here and was undone ({code}). The one before is in use.",
    ),
    End.ROLLED_BACK: (
        "前の版 [{release}] に戻しました。",
        "The previous release [{release}] is in use again.",
    ),
}
OFFLINE: Say = (
    "提供元に確認できません。{label} はこのファイルの期限 {until} まで導入できます。導入しますか。",
    "The provider cannot be asked. By this file {label} may be installed until {until}. Install?",
)
CONSENT: Say = (
    "適用結果（製品、版、段階、成否、導入の番号）を提供元に送ります（--no-report で停止）。",
    "Outcomes (product, release, phase, result, this installation's id) are sent to the provider.",
)
SHORT = 12
COMPARE = "案内状にある値と同じことを確かめてください / compare with the value in your letter"


def refusal(error: Refusal, language: str) -> str:
    """Why the house says no, who said so, and what is needed."""
    said = REFUSALS.get(error.reason, OTHER)
    return _filled(said, language, {**error.facts, "needed": error.needed, "code": error.reason})


def fault(error: Fault, language: str) -> str:
    """What gave way, and what to do."""
    return _filled(FAULT, language, {"what": error.what, "needed": error.needed})


def ended(end: Ended, language: str) -> str:
    """How it ended."""
    facts = {
        "code": end.code,
        "label": end.labels.get(language) or next(iter(end.labels.values()), ""),
        "release": (end.release or "")[:SHORT],
        "size": f"{end.size:,}",
        "why_ja": end.why.get("ja", ""),
        "why_en": end.why.get("en", ""),
    }
    return _filled(ENDS[end.end], language, facts).strip()


def offline(label: str, until: str, language: str) -> str:
    """The question when nobody but the member can be asked."""
    return _filled(OFFLINE, language, {"label": label, "until": until})


def consent(settings: Settings) -> str:
    """What is sent, or nothing where nothing is."""
    return _filled(CONSENT, settings.language, {}) if settings.report else ""


def progress(moment: Moment) -> str:
    """Bytes, rate and remaining time, short enough for one line."""
    left = moment.remaining
    rest = "" if left is None else f"  {left:.0f} s"
    return f"{moment.done:,} / {moment.total:,} B  {moment.rate / 1e6:.1f} MB/s{rest}"


class _Facts(dict[str, str]):
    """A fact that a sentence names and nobody gave is a dash, not an error."""

    def __missing__(self, key: str) -> str:
        return "—"


def _filled(said: Say, language: str, facts: Mapping[str, str]) -> str:
    return said[LANGUAGES.index(language)].format_map(_Facts(facts))
