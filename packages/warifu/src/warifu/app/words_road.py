"""What verify and sign refuse, and everything on the road together: what is wrong, what to do.

Each code has a sentence and a step in both languages; the facts of the refusal are filled in. An
empty English step is the one the refusal itself tells.
"""

from __future__ import annotations

from collections.abc import Mapping

from warifu.app.words_source import ARCHIVES, BUILDS, RECOMPOSE, RECOMPOSE_JA, SOURCES, Told

_OTHER = "This was said about other bytes than the ones at hand ({found})."
_OTHER_JA = "手元の内容({found})とは別のものについての証明です。"

VERIFICATION: Mapping[str, Told] = {
    "contaminated": Told(
        "The verifier found bytes that the approved source does not have.",
        "承認されたソースにない内容が検証で見つかりました。",
        RECOMPOSE,
        RECOMPOSE_JA,
    ),
    "mismatch": Told(
        "The bytes were changed: here is {found}.",
        "内容が変わっています。実際は {found} です。",
        "",
        RECOMPOSE_JA,
    ),
    "another-program": Told(
        "warifu.toml approves another commit or another build than what was composed ({found}).",
        "warifu.toml の承認コミットまたはビルドが、構成したときと異なります({found})。",
        "`warifu compose` again.",
        "`warifu compose` をやり直してください。",
    ),
    "builder-is-rebuilder": Told(
        "{who} built both times.",
        "{who} が二回のビルドの両方を行っています。",
        "",
        "二回目は別の人の別の鍵でビルドしてください。",
    ),
    "builder-is-verifier": Told(
        "{who} built it and verified it.",
        "{who} がビルドと検証の両方を行っています。",
        "",
        "ビルドしていない人の鍵で検証してください。",
    ),
    "statements-missing": Told(
        "Not all statements about this artifact are there.",
        "この成果物についての証明がそろっていません。",
        RECOMPOSE,
        RECOMPOSE_JA,
    ),
    "not-passed": Told(
        "The verification summary says {found}.",
        "検証の結論が {found} です。",
        RECOMPOSE,
        RECOMPOSE_JA,
    ),
    "level-missing": Told(
        "The verification does not reach all the levels that the rules ask for.",
        "検証が規則の求める水準に達していません。",
        "",
        RECOMPOSE_JA,
    ),
    "rules-not-accepted": Told(
        "It was verified under other rules ({found}).",
        "別の規則({found})の下で検証されています。",
        "`warifu verify` again under the rules in force.",
        "現在の規則で `warifu verify` をやり直してください。",
    ),
    **{
        code: Told(_OTHER, _OTHER_JA, RECOMPOSE, RECOMPOSE_JA)
        for code in (
            "about-another", "another-basis", "another-commit", "another-composition",
            "another-evidence", "another-kind", "another-product", "another-recipe",
            "tested-another", "wrong-predicate",
        )
    },
}  # fmt: skip
SIGNING: Mapping[str, Told] = {
    "not-composed": Told(
        "There is no composed program of the kind {kind}.",
        "{kind} のプログラムはまだ構成されていません。",
        "",
        "先に `warifu compose --kind {kind}` を実行してください。",
    ),
    "not-verified": Told(
        "There is no verified program.",
        "検証済のプログラムがありません。",
        "",
        "先に `warifu verify` を実行してください。",
    ),
    "nothing-proposed": Told(
        "Nothing is proposed for sign-off.",
        "承認待ちの提案がありません。",
        "",
        "`warifu sign --as 承認者` で提案してください。",
    ),
    "not-an-approver": Told(
        "{person} does not approve. Approvers are: {approvers}.",
        "{person} は承認者ではありません。承認者: {approvers}",
        "",
        "承認者の名前を --as に指定してください。",
    ),
    "not-your-key": Told(
        "This key is not {person}'s.",
        "この鍵は {person} のものではありません。",
        "",
        "{person} 本人の鍵で署名してください。",
    ),
    "signoff-missing": Told(
        "Too few persons have signed ({signed}).",
        "承認者が足りません(署名済: {signed})。",
        "",
        "残りの承認者が `warifu sign --as …` を実行してください。",
    ),
    "wrong-passphrase": Told(
        "The passphrase is wrong.",
        "パスフレーズが違います。",
        "",
        "正しいパスフレーズを入力してください。",
    ),
    "proposal-replaced": Told(
        "The proposal was edited; earlier sign-offs are void.",
        "提案が変更されたため、以前の承認は無効です。",
        "",
        "新しい提案の内容を確かめ、署名し直してください。",
    ),
    "proposal-over": Told(
        "The proposal is too old to be signed (until {until}).",
        "提案の署名期限({until})が過ぎています。",
        "",
        "もう一度 `warifu sign` で提案してください。",
    ),
    "routes-not-next": Told(
        "Something else was published meanwhile (seq {found}).",
        "その間に別の公開が行われました(seq {found})。",
        "a new proposal: `warifu sign --as …` once more.",
        "もう一度 `warifu sign` で提案してください。",
    ),
    "approval-of-another": Told(
        "An approval is about another change ({found}) than the proposed one.",
        "承認が提案とは別の内容({found})についてのものです。",
        "approvals of the open proposal, by everybody who signs.",
        "署名する全員が、現在の提案を承認してください。",
    ),
    "another-change": Told(
        "The signed routes ({found}) are not the proposed ones.",
        "署名された公開内容({found})が提案と異なります。",
        "signatures over the open proposal.",
        "現在の提案に署名してください。",
    ),
    "duties-not-separate": Told(
        "{person} also builds or verifies, or is a machine, and so cannot approve.",
        "{person} はビルドまたは検証も担当している(または機械である)ため、承認できません。",
        "",
        "ビルドにも検証にも携わらない人が承認してください。",
    ),
    "offers-unverified": Told(
        "The change offers programs that are not verified.",
        "検証されていないプログラムが提案に含まれています。",
        "",
        "提案するプログラムをすべて `warifu verify` してください。",
    ),
    "offer-differs": Told(
        "The change says of {release} what was not verified: {offered}",
        "提案の {release} についての記載が検証と異なります: {offered}",
        "",
        "もう一度 `warifu sign` で提案してください。",
    ),
    "signoff-of-another": Told(
        _OTHER, _OTHER_JA, "a sign-off of this stage.", "この段階の承認に署名してください。"
    ),
    "nothing-refused": Told(
        "Nothing was refused yet.",
        "中止したものはありません。",
        "",
        "構成または検証が中止されたときに表示されます。",
    ),
    "not-refused": Told(
        "The event {seq} is no refusal of compose or verify.",
        "記録 {seq} は構成・検証の中止ではありません。",
        "",
        "`warifu ledger show` で番号を確かめてください。",
    ),
    "no-closer-look": Told(
        "No closer look was taken for the refusal {seq}.",
        "記録 {seq} には詳しい比較がありません。",
        "",
        "バイナリの違いによる中止で、diffoscope が入っている場合だけ残ります。",
    ),
    "not-a-date": Told(
        "{found} is no day.",
        "{found} は日付ではありません。",
        "",
        "ブランチ=YYYY-MM-DD の形で指定してください。",
    ),
    "unknown-ref": Told(
        "The repository has no commit or branch {ref}.",
        "リポジトリに {ref} という commit や branch はありません。",
        "",
        "リポジトリにある名前を指定してください。",
    ),
}
ROAD: Mapping[str, Told] = {**SOURCES, **BUILDS, **ARCHIVES, **VERIFICATION, **SIGNING}
