"""The console's own words, Japanese and English."""

from __future__ import annotations

from collections.abc import Mapping

LANGUAGES = ("ja", "en")

_WORDS: Mapping[str, tuple[str, str]] = {
    "artifact": ("成果物", "Artifact"),
    "by": ("担当", "By"),
    "entered": ("記入", "entered"),
    "events": ("台帳", "Ledger"),
    "evidence": ("検証の根拠", "Evidence"),
    "expiring": ("期限の近い役割", "Roles that run out"),
    "facts": ("内容", "Facts"),
    "feeds": ("他社の更新機能への配信", "Feeds for other people's clients"),
    "home": ("公開状況", "Standing"),
    "failed": ("不合格", "failed"),
    "impact": ("影響範囲", "Impact"),
    "incident": ("事象の報告書", "Incident report"),
    "install": ("新規インストール", "install"),
    "keys": ("鍵と署名者", "Keys and people"),
    "kind": ("種別", "Kind"),
    "name": ("名前", "Name"),
    "no_worker": (
        "ワーカーが動いていません。有効確認が更新されず、停止などの処理が進みません。",
        "No worker is running: the lease is not renewed, and stops and other work wait.",
    ),
    "none": ("ありません。", "None."),
    "older": ("以前の記録", "Older"),
    "past": ("過去の版", "Former releases"),
    "passed": ("合格", "passed"),
    "place": ("保管", "Place"),
    "probe": ("本番確認", "Probe"),
    "product": ("製品", "Product"),
    "refused": ("表示できません", "Refused"),
    "release": ("版", "Release"),
    "repair": ("修正", "repair"),
    "roles": ("役割", "Roles"),
    "rows": ("記録", "Record"),
    "stage": ("段階", "Stage"),
    "state": ("状態", "State"),
    "stops": ("停止", "Stops"),
    "subject": ("対象", "Subject"),
    "timeline": ("経過", "Timeline"),
    "update": ("更新", "update"),
    "trial": (
        "試用の鍵で動いています。外部には公開できません。",
        "This house runs on trial keys: nothing is served beyond this machine.",
    ),
    "when": ("日時", "When"),
    "why": ("構成・検証で中止したもの", "Refused by compose and verify"),
    "waiting": ("滞っている処理", "Work that waits"),
    "waits": ("待っている理由", "Waits for"),
}


def words(language: str) -> dict[str, str]:
    """All words of a language."""
    at = LANGUAGES.index(language)
    return {name: forms[at] for name, forms in _WORDS.items()}
