"""The page an approver is shown before signing; the signature binds its facts and its text."""

from __future__ import annotations

from warifu.model.approval import Change, Page
from warifu.model.rollout import Pace, stuck
from warifu_wire import canonical, times
from warifu_wire.canonical import Json
from warifu_wire.digest import of_bytes
from warifu_wire.errors import Refusal
from warifu_wire.policy import Rules
from warifu_wire.routes import Offer

_HEAD = {"ja": "承認する内容", "en": "What you sign"}
_PROGRAM = {"ja": "プログラム", "en": "program"}
_FROM = {"ja": "出典 commit", "en": "from commit"}
_CHANGES = {"ja": "承認済の変更", "en": "approved changes"}
_STAGES = {"ja": "段階配信", "en": "stages"}
_STUCK = {
    "ja": "報告が足りず、次の段階は開かない見込みです",
    "en": "too small for its reports: the next stage will likely never open",
}
_LIFTED = {"ja": "停止の解除", "en": "stops lifted"}
_RULES = {"ja": "必要な承認者数", "en": "approvals needed"}
_BY = {"ja": "署名の期限", "en": "sign by"}
_TRIAL = {
    "ja": "試用の鍵による署名です(trial)。",
    "en": "Signed with trial keys (trial).",
}


def facts(change: Change, rules: Rules, trial: bool) -> Json:
    """What the page says, as data: the same whatever the language."""
    routes = change.routes
    return {
        "approvals": rules.thresholds["approver"],
        "digest": change.digest,
        "lifted": list[Json](sorted(routes.lifted)),
        "product": routes.product,
        "programs": [
            {
                "archive": one.composition.artifact,
                "changes": list[Json](one.composition.source.changes),
                "commit": one.composition.source.commit,
                "evidence": one.evidence,
                "kind": one.composition.kind.value,
                "labels": dict(one.composition.labels),
                "release": one.composition.id,
            }
            for one in change.programs
        ],
        "seq": routes.seq,
        "sign_by": times.spell(routes.sign_by),
        "stages": {one.id: [_stage(one, place) for place in range(len(one.plan.stages))]
                   for one in routes.offers},
        "stuck": {one.id: [wait.to_json() for wait in stuck(one.plan, Pace())]
                  for one in routes.offers},
        "trial": trial,
    }  # fmt: skip


def text(change: Change, rules: Rules, language: str, trial: bool) -> str:
    """The page in one language; raises `Refusal` for a language it does not have."""
    if language not in _HEAD:
        raise Refusal("no-language", needed="ja or en", found=language)
    routes = change.routes
    lines = [f"{_HEAD[language]}: {routes.product}  routes seq {routes.seq}  {change.digest}"]
    for one in change.programs:
        made = one.composition
        labels = " ".join(f"{name} {value}" for name, value in sorted(made.labels.items()))
        lines += [
            f"  {_PROGRAM[language]} {made.kind.value}: {labels}",
            f"    release {made.id}",
            f"    archive {made.artifact}",
            f"    {_FROM[language]} {made.source.commit}",
            f"    {_CHANGES[language]}: {len(made.source.changes)}",
        ]
    for offer in routes.offers:
        stages = " → ".join(_stage(offer, place) for place in range(len(offer.plan.stages)))
        lines.append(f"  {_STAGES[language]} {offer.id[:12]}: {stages}")
        for wait in stuck(offer.plan, Pace()):
            need = f"{wait.facts['stage']}: {wait.facts['cap']} < {wait.facts['least']}"
            lines.append(f"    {_STUCK[language]} ({need})")
    lines += [
        f"  {_LIFTED[language]}: {len(routes.lifted)}",
        f"  {_RULES[language]}: {rules.thresholds['approver']}",
        f"  {_BY[language]}: {times.spell(routes.sign_by)}",
    ]
    if trial:
        lines.append(f"  {_TRIAL[language]}")
    return "\n".join(lines) + "\n"


def page(change: Change, rules: Rules, language: str, trial: bool) -> Page:
    """The digests of the page's facts and text, as the approval statement names them."""
    return Page(
        of_bytes(canonical.dumps(facts(change, rules, trial))),
        of_bytes(text(change, rules, language, trial).encode()),
        language,
    )


def _stage(offer: Offer, place: int) -> str:
    stage = offer.plan.stages[place]
    return f"{stage.name} ({stage.members or stage.audience.value})"
