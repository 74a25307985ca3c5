"""What a refusal or a fault is called for people: one sentence by code, in Japanese and English."""

from __future__ import annotations

from collections.abc import Mapping

from warifu_wire.errors import Fault, Refusal

LANGUAGES = ("en", "ja")
LOOK = "warifu why --look"
"""The command that shows the closer look at a binary."""
_TOLD: Mapping[str, tuple[str, str]] = {
    "no-config": ("There is no warifu.toml here.", "warifu.toml がありません。"),
    "not-toml": ("warifu.toml cannot be read.", "warifu.toml を読み取れません。"),
    "unknown-key": (
        "warifu.toml has the unknown key {key}.",
        "warifu.toml に不明な項目 {key} があります。",
    ),
    "bad-key": (
        "The key {key} in warifu.toml is wrong.",
        "warifu.toml の {key} が正しくありません。",
    ),
    "no-such-key": ("There is no key named {name}.", "{name} という鍵はありません。"),
    "no-repository": ("There is no git repository here.", "git リポジトリがありません。"),
    "already-founded": ("This product has been founded already.", "この製品はすでに設定済みです。"),
    "port-taken": ("The port {port} is in use.", "ポート {port} は使用中です。"),
    "not-what-was-approved": (
        "{path} is not what was approved: approved {approved}, found {found}.",
        "{path} は承認されたものと異なります。承認 {approved}、実際 {found}",
    ),
    "not-published": ("This release was never published.", "この版は公開されていません。"),
    "release-stopped": (
        "The release was stopped by {by} at {since}: {reason_en}",
        "この版は {by} により {since} に公開停止されました: {reason_ja}",
    ),
    "release-held": (
        "The release is held by {by} since {since}: {reason_en}",
        "この版は {by} により {since} から保留中です: {reason_ja}",
    ),
    "trial-keys": (
        "Trial keys are not served beyond this machine ({address}).",
        "試用の鍵のまま外部({address})へ公開することはできません。",
    ),
    "still-offered": ("First stop the bad release.", "先に不具合のある版を停止してください。"),
    "literal-fact": (
        "The report's prose has a figure of its own in line {line}: {text}",
        "報告書の本文 {line} 行目に台帳に基づかない数字があります: {text}",
    ),
    "role-expired": ("The role {role} has expired.", "役割 {role} の有効期限が切れています。"),
    "keys-missing": (
        "Too few keys of {role} can sign now ({usable}).",
        "{role} の署名に使える鍵が足りません({usable}本)。",
    ),
    "key-retired": ("The key {name} is retired.", "鍵 {name} は引退済みです。"),
    "key-compromised": ("The key {name} was stolen.", "鍵 {name} は盗まれた鍵です。"),
    "key-in-use": ("The key {name} is in use ({by}).", "鍵 {name} は使用中です({by})。"),
    "kms-uri": (
        "{uri} is no place of a cloud key store.",
        "{uri} は鍵サービスの場所ではありません。",
    ),
    "kms-makes-keys": (
        "The cloud key store makes its own keys: {name} needs a new one there first.",
        "鍵サービスの鍵はサービス側で作ります。{name} の新しい鍵を先に作ってください。",
    ),
    "key-exists": ("There is a key named {name} already.", "鍵 {name} はすでにあります。"),
    "passphrase-needed": (
        "Nobody gave the passphrase of {name}.",
        "{name} のパスフレーズが入力されていません。",
    ),
    "weak-passphrase": ("The passphrase is too short.", "パスフレーズが短すぎます。"),
    "secret-exposed": (
        "Others can read {file}, which opens a key.",
        "鍵を開くファイル {file} をほかの利用者が読めます。",
    ),
    "not-on-call": ("{key} is not on call.", "{key} は当番ではありません。"),
    "unknown-person": ("Nobody is named {person}.", "{person} という人はいません。"),
    "no-evidence": (
        "Release {release} has no recorded verification.",
        "版 {release} には検証の記録がありません。",
    ),
    "evidence-of-another": (
        "The verification named for {release} is of another release.",
        "版 {release} に示された検証は別の版のものです。",
    ),
    "event-altered": (
        "Event {seq} of the ledger was altered.",
        "台帳の記録 {seq} が書き換えられています。",
    ),
    "chain-broken": (
        "The ledger's chain breaks at event {seq}.",
        "台帳の鎖が記録 {seq} で切れています。",
    ),
    "chain-gap": ("Event {expected} is missing.", "台帳の記録 {expected} がありません。"),
    "key-taken": (
        "This was recorded already as something else (event {seq}).",
        "別の内容ですでに記録されています(記録 {seq})。",
    ),
    "not-in-depot": ("The bytes {content} are not kept here.", "{content} は保管されていません。"),
    "not-empty": (
        "There is a ledger already ({events} events).",
        "すでに台帳があります(記録 {events} 件)。",
    ),
}


def told(error: Refusal | Fault, language: str = "en") -> str:
    """What is wrong, why and what to do, in at most three lines; a contamination has its page."""
    if isinstance(error, Fault):
        what = {"en": "This did not work: {}", "ja": "実行できませんでした: {}"}[language]
        return f"{what.format(error.what)}\n{_do(error.needed, language)}"
    if "findings" in error.facts:
        from warifu.model.told import page  # only a contamination has a page

        return page(error.facts, language, LOOK).text().rstrip()
    at, facts = LANGUAGES.index(language), _Facts(error.facts)
    if error.reason in _TOLD:
        said, do = _TOLD[error.reason][at].format_map(facts), ""
    else:
        said, do = _road(error, at)
    return f"{said}\n{_do(do or error.needed, language)}"


def _road(error: Refusal, at: int) -> tuple[str, str]:
    """What is wrong and what to do on the road; the bare facts where a code has no words."""
    from warifu.app.words_road import ROAD  # a stop needs none of them

    if error.reason in ROAD:
        found, facts = ROAD[error.reason], _Facts(error.facts)
        return found[at].format_map(facts), found[2 + at].format_map(facts)
    listed = ", ".join(f"{name} {value}" for name, value in error.facts.items())
    refused = f"{('Refused', '拒否しました')[at]} ({error.reason})"
    return (f"{refused}: {listed}" if listed else refused), ""


def _do(needed: str, language: str) -> str:
    return {"en": f"Needed: {needed}", "ja": f"必要なもの: {needed}"}[language]


class _Facts(dict[str, str]):
    """The facts of a refusal, to be filled in; what is not told is a dash."""

    def __getitem__(self, name: str) -> str:
        return self.get(name) or "–"
