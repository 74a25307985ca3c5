"""Routes of fifty releases, and a machine that gets the newest: what a decision is measured on."""

from __future__ import annotations

from dataclasses import replace

from tests.wire import sample
from tests.wire.machine import OLD, decide, files
from warifu_wire.check import Machine
from warifu_wire.digest import of_bytes
from warifu_wire.gates import Gates
from warifu_wire.routes import Known, Route

__all__ = ["decide", "fifty"]


def fifty() -> tuple[dict[str, bytes], Machine, int]:
    """What is served, the machine, and the size of the routes payload in bytes."""
    made = [replace(sample.manifest(), labels={"edition": str(number)}) for number in range(8)]
    offers = tuple(sample.offer(one, rank=100 + place) for place, one in enumerate(made))
    known = tuple(
        Known(of_bytes(b"release %d" % number), number, f"Ver1.{number:02}") for number in range(42)
    )
    best = offers[-1]
    rules = (
        *(Route(one.id, None, None, one.id, sample.WHY) for one in offers),
        *(Route(one.id, None, None, best.id, sample.WHY) for one in known),
        Route(None, None, None, None, sample.WHY),
    )
    road = sample.routes(offers=offers, known=known, known_trees={}, routes=rules)
    gate = replace(sample.gates().entries[0], release=best.id)
    told = sample.vsa(made[-1])
    served = files(
        routes=sample.approved(road).to_bytes(),
        gates=Gates(sample.PRODUCT, (gate,)).to_bytes(),
    )
    served[f"manifests/{sample.PRODUCT}/{best.id}.json"] = made[-1].to_bytes()
    served[f"statements/{sample.PRODUCT}/{told.digest}.json"] = told.to_bytes()
    return served, replace(OLD, installed=known[0].id), len(road.to_bytes())
