"""The page an approver is shown before signing; the signature binds its facts and its text."""

from __future__ import annotations

from dataclasses import dataclass

from warifu.app import page_program
from warifu.app.config import Rollout
from warifu.app.feedpage import UNSTOPPABLE
from warifu.model.approval import Change, Page
from warifu.model.brakes import Calendar
from warifu.model.feed import Feed
from warifu.model.publication import Current
from warifu.model.rollout import stuck
from warifu.model.routing import CURRENT, INSTALL, NOTHING, REPAIR, UPDATE
from warifu_wire import canonical, times
from warifu_wire.canonical import Json
from warifu_wire.digest import of_bytes
from warifu_wire.errors import Refusal
from warifu_wire.routes import Offer, Route
from warifu_wire.stops import Stop

_HEAD = {"ja": "承認する内容", "en": "What you sign"}
_STAGES = {"ja": "段階配信", "en": "stages"}
_STUCK = {
    "ja": "報告が足りず、次の段階は開かない見込みです",
    "en": "too small for its reports: the next stage will likely never open",
}
_LIFTED = {"ja": "停止の解除", "en": "stops lifted"}
_LIFT = {
    "ja": "停止 {seq} を解除: {release}({by}、{since}、{state}): {why}",
    "en": "lifts stop {seq} of {release} ({state} by {by} since {since}): {why}",
}
_FIRST = {"ja": "先に適用させる版", "en": "everybody below goes first to"}
_END = {"ja": "ここから先へは進めない版", "en": "no way on from"}
_FEED = {"ja": "最後の段階の後、他社の更新機能へも配信:", "en": "after the last stage also by"}
_SUNDAY = {
    "ja": "休日または時間外の提案です。公開は体制の整う日時にしてください。",
    "en": "Proposed outside working days and hours: publish when the desk is staffed.",
}
_RULES = {"ja": "必要な承認者数", "en": "approvals needed"}
_BY = {"ja": "署名の期限", "en": "sign by"}
_TRIAL = {
    "ja": "試用の鍵による署名です(trial)。",
    "en": "Signed with trial keys (trial).",
}


@dataclass(frozen=True, slots=True)
class Shown:
    """What the page is made from: the change, what is published, what is declared, the keys."""

    change: Change
    current: Current
    rollout: Rollout
    trial: bool
    feeds: tuple[Feed, ...] = ()

    @property
    def lifts(self) -> tuple[Stop, ...]:
        """The stops that this change lifts."""
        before = self.current.road
        known = frozenset() if before is None else before.lifted
        new = self.change.routes.lifted - known
        return tuple(one for one in self.current.stops.entries if one.digest in new)

    @property
    def detours(self) -> tuple[Route, ...]:
        """The rules that say more than the usual: barriers and dead ends."""
        usual = (CURRENT, INSTALL, NOTHING, REPAIR, UPDATE)
        return tuple(one for one in self.change.routes.routes if one.why not in usual)

    @property
    def untimely(self) -> bool:
        """Whether it was proposed outside working days and hours: 2012 began on a Sunday."""
        calendar = self.rollout.brakes.calendar or Calendar()
        return calendar.brake(self.change.routes.issued) is not None


def facts(shown: Shown) -> Json:
    """What the page says, as data: the same whatever the language."""
    change, routes = shown.change, shown.change.routes
    return {
        "approvals": shown.current.rules.thresholds["approver"],
        "detours": [{"installed": one.installed, "offer": one.offer, "why": dict(one.why)}
                    for one in shown.detours],
        "digest": change.digest,
        "feeds": [one.to_json() for one in shown.feeds],
        "lifted": list[Json](sorted(routes.lifted)),
        "lifts": [one.to_json() for one in shown.lifts],
        "product": routes.product,
        "programs": [page_program.facts(one) for one in change.programs],
        "seq": routes.seq,
        "sign_by": times.spell(routes.sign_by),
        "stages": {one.id: [_stage(one, place) for place in range(len(one.plan.stages))]
                   for one in routes.offers},
        "stuck": {one.id: [wait.to_json() for wait in stuck(one.plan, shown.rollout.pace)]
                  for one in routes.offers},
        "trial": shown.trial,
        "untimely": shown.untimely,
    }  # fmt: skip


def text(shown: Shown, language: str) -> str:
    """The page in one language; raises `Refusal` for a language it does not have."""
    if language not in _HEAD:
        raise Refusal("no-language", needed="ja or en", found=language)
    change, routes = shown.change, shown.change.routes
    lines = [f"{_HEAD[language]}: {routes.product}  routes seq {routes.seq}  {change.digest}"]
    for one in change.programs:
        lines += page_program.lines(one, language)
    for offer in routes.offers:
        stages = " → ".join(_stage(offer, place) for place in range(len(offer.plan.stages)))
        lines.append(f"  {_STAGES[language]} {offer.id[:12]}: {stages}")
        for wait in stuck(offer.plan, shown.rollout.pace):
            need = f"{wait.facts['stage']}: {wait.facts['cap']} < {wait.facts['least']}"
            lines.append(f"    {_STUCK[language]} ({need})")
    lines += [f"  {one}" for one in dict.fromkeys(_detour(one, language) for one in shown.detours)]
    lines.append(f"  {_LIFTED[language]}: {len(shown.lifts)}")
    lines += [f"    {_lift(one, language)}" for one in shown.lifts]
    lines += [
        f"  {_RULES[language]}: {shown.current.rules.thresholds['approver']}",
        f"  {_BY[language]}: {times.spell(routes.sign_by)}",
    ]
    for feed in shown.feeds:
        lines.append(f"  {_FEED[language]} {feed.client} {feed.name}: {UNSTOPPABLE[language]}")
    if shown.untimely:
        lines.append(f"  {_SUNDAY[language]}")
    if shown.trial:
        lines.append(f"  {_TRIAL[language]}")
    return "\n".join(lines) + "\n"


def page(shown: Shown, language: str) -> Page:
    """The digests of the page's facts and text, as the approval statement names them."""
    return Page(
        of_bytes(canonical.dumps(facts(shown))), of_bytes(text(shown, language).encode()), language
    )


def _detour(one: Route, language: str) -> str:
    if one.offer is None:
        return f"{_END[language]} {(one.installed or '')[:12]}: {one.why[language]}"
    return f"{_FIRST[language]} {one.offer[:12]}: {one.why[language]}"


def _lift(one: Stop, language: str) -> str:
    return _LIFT[language].format(
        seq=one.seq,
        release=one.release[:12],
        by=one.by,
        since=times.spell(one.since),
        state=one.state.value,
        why=one.reason[language],
    )


def _stage(offer: Offer, place: int) -> str:
    stage = offer.plan.stages[place]
    return f"{stage.name} ({stage.members or stage.audience.value})"
