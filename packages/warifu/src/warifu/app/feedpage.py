"""What is said of feeds wherever they show: no stop holds at install time."""

from __future__ import annotations

from collections.abc import Iterable

from warifu.app.feeding import Offered
from warifu.model.feed import Feed

_NAMES = {"electron": "electron-updater", "sparkle": "Sparkle"}
UNSTOPPABLE = {
    "en": "no install-time stop: what was downloaded is installed, whatever is stopped later",
    "ja": "適用時の停止はできません。取得済みのプログラムは、後で停止しても適用されます",
}
_HEAD = {"en": "What you sign: feeds of {}", "ja": "承認する内容: {} の他社更新機能への配信"}
_FILE = {"en": "the whole archive", "ja": "アーカイブ全体"}
_WHEN = {
    "en": "Each begins after the last stage, and is empty as soon as the release is stopped.",
    "ja": "最後の段階の後に始まり、停止すると直ちに空になります。",
}
_EMPTY = {"en": "offers nothing ({})", "ja": "配信なし({})"}
_NOW = {"en": "offers {} ({})", "ja": "{} を配信中({})"}


def text(product: str, feeds: Iterable[Feed], language: str) -> str:
    """The page to be shown before feeds are signed."""
    lines = [_HEAD[language].format(product)]
    for one in feeds:
        file = one.file or _FILE[language]
        lines.append(f"  {_NAMES[one.client]} {one.name}: {file}")
    return "\n".join([*lines, f"  {_WHEN[language]}", f"  {UNSTOPPABLE[language]}"]) + "\n"


def line(one: Offered, language: str) -> str:
    """A feed as it stands, in one line."""
    if one.parcel is None:
        what = _EMPTY[language].format(one.why)
    else:
        what = _NOW[language].format(one.parcel.version, one.parcel.release[:12])
    return f"{_NAMES[one.feed.client]} {one.feed.name}: {what}; {UNSTOPPABLE[language]}"
