"""Where a product stands: what is published, which stage is open, what waits and what is owed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from warifu.app import expiry, feeding, feedpage, pacing, waits
from warifu.app.wiring import House, clock
from warifu.model.brakes import JST
from warifu.model.publication import Current
from warifu.model.rollout import Wait
from warifu.model.standing import hasty
from warifu_wire.canonical import Json
from warifu_wire.errors import Refusal
from warifu_wire.routes import Offer, Routes
from warifu_wire.stops import Halt, Stop, in_force

_STATES = {Halt.STOPPED: "公開停止", Halt.HELD: "保留", Halt.CAPPED: "配信数を制限"}
_FLOODS = {
    "en": "{by} stopped {stops} times within an hour: if the key is stolen, "
    "`warifu keys checklist stolen-on-call`",
    "ja": "{by} が1時間に {stops} 回停止しました。鍵が盗まれた場合は "
    "`warifu keys checklist stolen-on-call`",
}


@dataclass(frozen=True, slots=True)
class Release:
    """One offered release: stage opened, what it waits for, its stops, and the probe's verdict.

    `why` has a sentence for each of `waits`, `halts` for each of the stops, by language.
    """

    id: str
    kind: str
    label: str
    stage: str
    waits: tuple[str, ...]
    why: Mapping[str, tuple[str, ...]]
    stops: tuple[str, ...]
    halts: Mapping[str, tuple[str, ...]]
    probed: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A product's standing."""

    product: str
    routes_seq: int
    timestamp: int
    trial: bool
    releases: tuple[Release, ...]
    expiring: Mapping[str, tuple[str, ...]]
    feeds: Mapping[str, tuple[str, ...]]
    floods: Mapping[str, tuple[str, ...]]

    def lines(self, language: str) -> list[str]:
        """For people."""
        head = {"en": "routes", "ja": "公開内容"}[language]
        trial = " [trial]" if self.trial else ""
        lines = [f"{self.product}: {head} seq {self.routes_seq}, tuf {self.timestamp}{trial}"]
        for one in self.releases:
            lines.append(f"  {one.id[:12]} {one.kind} {one.label}: {one.stage}, probe {one.probed}")
            waits = {"en": "waits", "ja": "待機"}[language]
            lines += [f"    {text}" for text in one.halts[language]]
            lines += [f"    {waits}: {text}" for text in one.why[language]]
        return [*lines, *(f"  {one}" for one in (*self.floods[language], *self.feeds[language]))]

    def to_json(self) -> dict[str, Json]:
        """For machines."""
        return {
            "expiring": {name: list[Json](said) for name, said in self.expiring.items()},
            "floods": {name: list[Json](said) for name, said in self.floods.items()},
            "feeds": {name: list[Json](said) for name, said in self.feeds.items()},
            "product": self.product,
            "releases": [
                {
                    "id": one.id,
                    "kind": one.kind,
                    "label": one.label,
                    "probed": one.probed,
                    "stage": one.stage,
                    "stops": list[Json](one.stops),
                    "waits": list[Json](one.waits),
                    "why": {name: list[Json](said) for name, said in one.why.items()},
                }
                for one in self.releases
            ],
            "routes_seq": self.routes_seq,
            "timestamp": self.timestamp,
            "trial": self.trial,
        }


def standing(house: House) -> Standing:
    """The standing as the published tree and the ledger tell it now."""
    current, now = house.repository.current(house.product), clock()
    road = current.road
    found, feeds = house.repository.expiring(now), feeding.offered(house, now)
    return Standing(
        house.product,
        0 if road is None else road.seq,
        current.timestamp,
        house.trial,
        () if road is None else tuple(_release(house, current, road, one) for one in road.offers),
        {name: tuple(expiry.told(one, name, now) for one in found) for name in waits.LANGUAGES},
        {name: tuple(feedpage.line(one, name) for one in feeds) for name in waits.LANGUAGES},
        {
            name: tuple(
                form.format(by=by, stops=len(entries))
                for by, entries in hasty(current.stops.entries, now).items()
            )
            for name, form in _FLOODS.items()
        },
    )


def _release(house: House, current: Current, road: Routes, offer: Offer) -> Release:
    gate = current.gates.of(offer.id)
    opened = gate.stage if gate and gate.routes_seq >= offer.plan.since else 0
    stage = offer.plan.stages[opened].name
    reasons = _reasons(house, current, offer)
    probe = house.ledger.row("probe", offer.id)
    halts = in_force(current.stops.entries, offer.id, road.lifted)
    return Release(
        offer.id,
        offer.kind.value,
        " ".join(offer.labels[name] for name in sorted(offer.labels)),
        stage,
        tuple(one.code for one in reasons),
        {name: tuple(waits.told(one, name) for one in reasons) for name in waits.LANGUAGES},
        tuple(_halt(one, "en") for one in halts),
        {name: tuple(_halt(one, name) for one in halts) for name in waits.LANGUAGES},
        "–" if probe is None else "passed" if probe["passed"] else "failed",
    )


def _halt(one: Stop, language: str) -> str:
    form = {
        "en": "{state} by {by} since {since}: {why}",
        "ja": "{by} により {since} から{state}: {why}",
    }[language]
    state = one.state.value if language == "en" else _STATES[one.state]
    since = f"{one.since.astimezone(JST):%Y-%m-%d %H:%M:%S} JST"
    return form.format(state=state, by=one.by, since=since, why=one.reason[language])


def _reasons(house: House, current: Current, offer: Offer) -> tuple[Wait, ...]:
    """Why it waits, as of now; nothing before its publication is on record."""
    try:
        return pacing.waits(house, current, offer.id, clock())
    except Refusal as refusal:
        if refusal.reason != "not-published":
            raise
        return ()
