"""Where a product stands: what is published, which stage is open, what waits and what is owed."""

from __future__ import annotations

from dataclasses import dataclass

from warifu.app.house import House, clock
from warifu_wire import times
from warifu_wire.canonical import Json
from warifu_wire.routes import Offer


@dataclass(frozen=True, slots=True)
class Release:
    """One offered release: stage opened, what it waits for, its stops, and the probe's verdict."""

    id: str
    kind: str
    label: str
    stage: str
    waits: tuple[str, ...]
    stops: tuple[str, ...]
    probed: str


@dataclass(frozen=True, slots=True)
class Standing:
    """A product's standing."""

    product: str
    routes_seq: int
    timestamp: int
    trial: bool
    releases: tuple[Release, ...]
    expiring: tuple[str, ...]

    def lines(self, language: str) -> list[str]:
        """For people."""
        head = {"en": "routes", "ja": "公開内容"}[language]
        trial = " [trial]" if self.trial else ""
        lines = [f"{self.product}: {head} seq {self.routes_seq}, tuf {self.timestamp}{trial}"]
        for one in self.releases:
            lines.append(f"  {one.id[:12]} {one.kind} {one.label}: {one.stage}, probe {one.probed}")
            lines += [f"    {text}" for text in (*one.stops, *one.waits)]
        return [*lines, *(f"  {one}" for one in self.expiring)]

    def to_json(self) -> dict[str, Json]:
        """For machines."""
        return {
            "expiring": list[Json](self.expiring),
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
                }
                for one in self.releases
            ],
            "routes_seq": self.routes_seq,
            "timestamp": self.timestamp,
            "trial": self.trial,
        }


def standing(house: House) -> Standing:
    """The standing as the published tree and the ledger tell it now."""
    current = house.repository.current(house.product)
    road = current.road
    offers = () if road is None else road.offers
    return Standing(
        house.product,
        0 if road is None else road.seq,
        current.timestamp,
        house.trial,
        tuple(_release(house, one) for one in offers),
        tuple(
            f"{one.role} expires {times.spell(one.expires)}: {one.needed}"
            for one in house.repository.expiring(clock())
        ),
    )


def _release(house: House, offer: Offer) -> Release:
    current = house.repository.current(house.product)
    road = current.road
    gate = current.gates.of(offer.id)
    lifted = frozenset() if road is None else road.lifted
    stage = offer.plan.stages[gate.stage].name if gate else offer.plan.stages[0].name
    waiting = house.ledger.row("waiting", offer.id)
    probe = house.ledger.row("probe", offer.id)
    codes = waiting["codes"] if waiting is not None else []
    return Release(
        offer.id,
        offer.kind.value,
        " ".join(offer.labels[name] for name in sorted(offer.labels)),
        stage,
        tuple(f"waits: {one}" for one in codes) if isinstance(codes, list) else (),
        tuple(
            f"{one.state} by {one.by} since {times.spell(one.since)}: {one.reason['en']}"
            for one in current.stops.entries
            if one.release == offer.id and one.digest not in lifted
        ),
        "–" if probe is None else "passed" if probe["passed"] else "failed",
    )
