"""10,000 random pairs of a machine and a policy: no predecessor, nothing stopped, ever offered."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.wire import sample
from tests.wire.machine import OLD, Paths, Wall, files
from warifu_wire import check, stops
from warifu_wire.check import Go, Machine, Routed, Served
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Refusal
from warifu_wire.floors import Floors
from warifu_wire.gates import Gate, Gates
from warifu_wire.manifest import Kind, Manifest
from warifu_wire.routes import Health, Known, Route, Tree
from warifu_wire.stops import Halt, Stops

POLICIES, MACHINES = 100, 100
KINDS = list(Kind)
MANIFESTS = [replace(sample.manifest(kind), labels={"edition": str(number)})
             for number, kind in enumerate(KINDS * 3)]  # fmt: skip
KNOWN = [of_bytes(b"known %d" % number) for number in range(6)]


def policy(dice: random.Random) -> Routed:
    """A policy that two persons might sign: any routes, ranks, stops, lifts and gates."""
    made = dice.sample(MANIFESTS, dice.randrange(1, 6))
    offers = tuple(sample.offer(one, rank=dice.randrange(9)) for one in made)
    known = tuple(Known(one, dice.randrange(6), "") for one in dice.sample(KNOWN, 4))
    every: list[Digest | None] = [None, *(one.id for one in (*offers, *known))]
    rules = tuple(
        Route(
            dice.choice([None, *every]),
            dice.choice([None, None, None, *Tree]),
            dice.choice([None, None, None, *Health]),
            dice.choice(offers).id if dice.random() < 0.9 else None,
            sample.WHY,
        )
        for _ in range(dice.randrange(1, 8))
    )
    list_ = Stops(sample.PRODUCT, ())
    for _ in range(dice.randrange(3)):
        list_ = list_.added(
            dice.choice(offers).id, dice.choice(list(Halt)), since=sample.NOW,
            reason=sample.REASON, by="oncall-1", max_share=dice.randrange(1_000_000),
        )  # fmt: skip
    lifted = frozenset(one.digest for one in list_.entries if dice.random() < 0.3)
    gates = Gates(
        sample.PRODUCT, tuple(gate(one.id, dice) for one in offers if dice.random() < 0.9)
    )
    road = sample.routes(
        offers=offers, known=known, known_trees={}, routes=rules, lifted=lifted,
        stops_seq=list_.seq, stops_head=list_.head,
    )  # fmt: skip
    served = files(
        routes=sample.approved(road).to_bytes(), stops=list_.to_bytes(), gates=gates.to_bytes()
    )
    for one in made:
        told = sample.vsa(one)
        served |= {
            f"manifests/{sample.PRODUCT}/{one.id}.json": one.to_bytes(),
            f"statements/{sample.PRODUCT}/{told.digest}.json": told.to_bytes(),
        }
    until = sample.NOW + timedelta(seconds=600)
    opened = check.opened(Served(1, 1, until, Paths(served)), Floors(), Wall())
    return opened.warned(sample.PRODUCT).routed()


def gate(release: Digest, dice: random.Random) -> Gate:
    """Any stage, in the plan or beyond it."""
    return replace(sample.gates().entries[0], release=release, stage=dice.randrange(1, 5))


def machine(routed: Routed, dice: random.Random) -> Machine:
    """A machine in any state."""
    road = routed.routes
    every = [None, *(one.id for one in (*road.offers, *road.known)), of_bytes(b"unheard of")]
    return replace(
        OLD,
        installation=dice.choice(["probe-1", f"{dice.getrandbits(128):032x}"]),
        installed=dice.choice(every),
        tree=dice.choice(list(Tree)),
        health=dice.choice(list(Health)),
    )


@pytest.mark.repeats
def test_nothing_ever_goes_back_or_is_stopped() -> None:
    dice = random.Random(2012)
    went = refused = 0
    for _ in range(POLICIES):
        routed = policy(dice)
        for _ in range(MACHINES):
            one = machine(routed, dice)
            try:
                found = routed.decide(one)
            except Refusal:
                refused += 1
                continue
            if isinstance(found, Go):
                went += 1
                holds(routed, one, found)
    assert went > 500
    assert refused > 500


def holds(routed: Routed, one: Machine, found: Go) -> None:
    """Higher or the same, never stopped or held, and no update of the unknown."""
    have = None if one.installed is None else routed.routes.rank(one.installed)
    if have is None:
        assert found.offer.kind is not Kind.UPDATE
    else:
        assert found.offer.rank > have or found.offer.id == one.installed
    for entry in stops.in_force(routed.floors.stops, found.offer.id, routed.routes.lifted):
        assert entry.state is Halt.CAPPED
    assert isinstance(found.manifest, Manifest)
    assert found.manifest.id == found.offer.id
