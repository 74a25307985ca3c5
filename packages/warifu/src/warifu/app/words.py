"""What a refusal or a fault is called for people: one sentence by code, in Japanese and English."""

from __future__ import annotations

from collections.abc import Mapping

from warifu_wire.errors import Fault, Refusal

LANGUAGES = ("en", "ja")
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
    "unknown-ref": (
        "The repository has no commit or branch {ref}.",
        "リポジトリに {ref} という commit や branch はありません。",
    ),
    "no-such-key": ("There is no key named {name}.", "{name} という鍵はありません。"),
    "no-repository": ("There is no git repository here.", "git リポジトリがありません。"),
    "already-founded": ("This product has been founded already.", "この製品はすでに設定済みです。"),
    "port-taken": ("The port {port} is in use.", "ポート {port} は使用中です。"),
    "contaminated": (
        "The program holds bytes that the approved source does not: {file}.",
        "承認されたソースにない内容がプログラムに含まれています: {file}",
    ),
    "unapproved-change": (
        "Commit {commit} on the approved line was approved by nobody.",
        "承認されていない変更 {commit} が含まれています。",
    ),
    "unknown-line": (
        "The branch {ref} is not in the line registry.",
        "ブランチ {ref} は開発系統の登録にありません。",
    ),
    "not-what-was-approved": (
        "{path} is not what was approved: approved {approved}, found {found}.",
        "{path} は承認されたものと異なります。承認 {approved}、実際 {found}",
    ),
    "signoff-missing": (
        "Too few persons have signed ({signed}).",
        "承認者が足りません(署名済: {signed})。",
    ),
    "not-your-key": ("This key is not {person}'s.", "この鍵は {person} のものではありません。"),
    "wrong-passphrase": ("The passphrase is wrong.", "パスフレーズが違います。"),
    "proposal-replaced": (
        "The proposal was edited; earlier sign-offs are void.",
        "提案が変更されたため、以前の承認は無効です。",
    ),
    "proposal-over": ("The proposal is too old to be signed.", "提案の署名期限が過ぎています。"),
    "nothing-proposed": ("Nothing is proposed for sign-off.", "承認待ちの提案がありません。"),
    "not-verified": ("There is no verified program.", "検証済のプログラムがありません。"),
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
        from warifu.model import why  # only a contamination has a page
        from warifu.model.told import findings

        found = findings(error.facts)
        return why.page(error.facts["product"], found, why.Language(language)).text().rstrip()
    forms = _TOLD.get(error.reason)
    if forms is None:
        facts = ", ".join(f"{name} {value}" for name, value in error.facts.items())
        refused = {"en": "Refused", "ja": "拒否しました"}[language]
        said = f"{refused} ({error.reason}): {facts}" if facts else f"{refused} ({error.reason})"
    else:
        said = forms[LANGUAGES.index(language)].format_map(_Facts(error.facts))
    return f"{said}\n{_do(error.needed, language)}"


def _do(needed: str, language: str) -> str:
    return {"en": f"Needed: {needed}", "ja": f"必要なもの: {needed}"}[language]


class _Facts(dict[str, str]):
    def __missing__(self, name: str) -> str:
        return f"({name})"
