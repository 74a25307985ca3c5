"""The sentences for members, in Japanese and English, by failure code."""

from __future__ import annotations

from warifu_host.errors import Code

SENTENCES: dict[Code, tuple[str, str]] = {
    "host-not-started": (
        "申請用総合ソフトを起動できません。",
        "The filing application does not start.",
    ),
    "plugin-not-loaded": (
        "電子署名プラグインを読み込めないため、無効にしました。申請用総合ソフトのほかの機能は使えます。",
        "The signing plug-in could not be loaded and was disabled; everything else works.",
    ),
    "abi-mismatch": (
        "電子署名プラグインがこの申請用総合ソフトの版に対応していないため、無効にしました。",
        "The signing plug-in does not fit this edition of the filing application; it was disabled.",
    ),
    "sign-failed": (
        "電子署名を付けられませんでした。",
        "The document could not be signed.",
    ),
    "verify-failed": (
        "付けた電子署名を検証できませんでした。",
        "The signature that was made could not be verified.",
    ),
}
