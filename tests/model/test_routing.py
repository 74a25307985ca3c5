"""Drafted routes: who has an offer keeps it, who is broken is repaired, who is older is raised."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.flow.road import PRODUCT, Road
from warifu.model.approval import change
from warifu.model.routing import DeadEnd, First, Fleet, draft, rules
from warifu_wire import routes
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Mismatch, Refusal
from warifu_wire.manifest import Kind
from warifu_wire.routes import Health, Known, Tree
from warifu_wire.stops import Stops

OLD = Known(of_bytes(b"Ver1.00"), 1, "Ver1.00")
NEWER = Known(of_bytes(b"newer"), 99, "newer")


@pytest.fixture(scope="module")
def road() -> Road:
    return Road()


def target(road: Road, kinds: tuple[Kind, ...], fleet: Fleet, installed: Digest | None) -> object:
    """The kind that a machine with `installed` is sent to by a change of these kinds."""
    programs = [road.program(kind, "print(1)") for kind in kinds]
    found = road.change(*programs, fleet=fleet).routes
    route = found.route(installed, Tree.INTACT, Health.UNKNOWN)
    offer = None if route is None or route.offer is None else found.offer(route.offer)
    return None if offer is None else offer.kind


BOTH = (Kind.REPAIR, Kind.UPDATE)


@pytest.mark.parametrize(
    ("kinds", "broken", "installed", "kind"),
    [
        ((Kind.UPDATE,), (), OLD.id, Kind.UPDATE),
        ((Kind.UPDATE,), (), NEWER.id, None),
        ((Kind.UPDATE,), (), None, None),
        ((Kind.INSTALL, Kind.UPDATE), (), None, Kind.INSTALL),
        (BOTH, (OLD.id,), OLD.id, Kind.REPAIR),
        (BOTH, (NEWER.id,), OLD.id, Kind.UPDATE),
        ((Kind.INSTALL,), (), OLD.id, Kind.INSTALL),
    ],
)
def test_who_is_sent_where(
    road: Road,
    kinds: tuple[Kind, ...],
    broken: tuple[Digest, ...],
    installed: Digest | None,
    kind: Kind | None,
) -> None:
    fleet = Fleet((OLD, NEWER), frozenset(broken))
    assert target(road, kinds, fleet, installed) == kind


def test_who_has_an_offer_keeps_it(road: Road) -> None:
    repair, update = (road.program(kind, "print(1)") for kind in BOTH)
    found = road.change(repair, update, fleet=Fleet((OLD,), frozenset({OLD.id}))).routes
    for one in (repair, update):
        route = found.route(one.composition.id, Tree.INTACT, Health.OK)
        assert route is not None
        assert route.offer == one.composition.id


def test_broken_without_a_repair_is_refused() -> None:
    with pytest.raises(Refusal, match="repair-missing"):
        rules((), (OLD,), Fleet(broken=frozenset({OLD.id})))


def test_former_offers_stay_known_and_lifts_stay_lifted(road: Road) -> None:
    own = Road()
    first = own.published(own.program(Kind.INSTALL, "print(1)"), fleet=Fleet((OLD,)))
    before = replace(first.change.routes, lifted=frozenset({OLD.id}))
    tree = of_bytes(b"tree")
    before = replace(before, known_trees={tree: OLD.id})
    found = draft(PRODUCT, before, Stops(PRODUCT, ()), (), Fleet(), own.now, (NEWER.id,))
    assert {one.id for one in found.known} == {OLD.id, before.offers[0].id}
    assert found.rank(before.offers[0].id) == 10
    assert found.lifted == {OLD.id, NEWER.id}
    assert found.known_trees == {tree: OLD.id}
    assert (found.seq, found.prev) == (2, of_bytes(before.to_bytes()))
    assert routes.read(found.to_bytes(), PRODUCT) == found


def test_a_change_offers_exactly_what_is_verified(road: Road) -> None:
    program = road.program(Kind.INSTALL, "print(1)")
    proposed = road.change(program)
    with pytest.raises(Mismatch, match="offers-unverified"):
        change(proposed.routes, ())
    offer = proposed.routes.offers[0]
    for wrong in (
        replace(offer, kind=Kind.UPDATE),
        replace(offer, labels={"version": "Ver1.11"}),
        replace(offer, evidence=of_bytes(b"another")),
        replace(offer, files={**offer.files, "programs/tool/x.zip": offer.id}),
    ):
        with pytest.raises(Mismatch, match="offer-differs"):
            change(replace(proposed.routes, offers=(wrong,)), (program,))
    with pytest.raises(Mismatch, match="offer-differs"):
        change(replace(proposed.routes, product="other"), (program,))


WHY = {"en": "First its data move.", "ja": "先にデータを移します。"}


def ways(found: routes.Routes, *installed: Digest | None) -> list[Digest | None]:
    """Where machines with these releases are sent."""
    told = [found.route(one, Tree.INTACT, Health.OK) for one in installed]
    return [None if one is None else one.offer for one in told]


def test_a_barrier_is_passed_first_and_then_the_way_leads_on() -> None:
    own = Road()
    first = own.published(own.program(Kind.UPDATE, "print(1)"), fleet=Fleet((OLD,)))
    barrier = first.change.programs[0]
    newest = own.program(Kind.UPDATE, "print(2)", "4" * 40)
    fleet = Fleet(first=(First(barrier.composition.id, WHY),))
    found = own.change(barrier, newest, fleet=fleet).routes
    assert ways(found, OLD.id, barrier.composition.id, newest.composition.id) == [
        barrier.composition.id,
        newest.composition.id,
        newest.composition.id,
    ]
    route = found.route(OLD.id, Tree.INTACT, Health.OK)
    assert route is not None
    assert route.why == WHY
    # the newest update itself can be the one that comes first
    assert ways(own.change(newest, fleet=Fleet(first=(First(newest.composition.id, WHY),))).routes,
                OLD.id) == [newest.composition.id]  # fmt: skip
    with pytest.raises(Refusal, match="barrier-not-offered"):
        own.change(newest, fleet=fleet)


def test_a_dead_end_leads_nowhere_and_says_why(road: Road) -> None:
    update = road.program(Kind.UPDATE, "print(1)")
    found = road.change(update, fleet=Fleet((OLD, NEWER), ends=(DeadEnd(OLD.id, WHY),))).routes
    route = found.route(OLD.id, Tree.INTACT, Health.BROKEN)
    assert route is not None
    assert (route.offer, route.why) == (None, WHY)
    with pytest.raises(Refusal, match="unknown-release"):
        road.change(update, fleet=Fleet((OLD,), ends=(DeadEnd(NEWER.id, WHY),)))


def test_four_editions_with_one_label_are_told_apart() -> None:
    """2012: the old one, the bad, the corrected and the repaired all said Ver1.10."""
    own = Road()
    old = own.program(Kind.INSTALL, "print('old')", "1" * 40)
    own.published(old)
    bad = own.program(Kind.UPDATE, "print('bad')", "2" * 40)
    own.published(old, bad)
    corrected = own.program(Kind.UPDATE, "print('corrected')", "4" * 40)
    repaired = own.program(Kind.REPAIR, "print('corrected')", "4" * 40)
    install = own.program(Kind.INSTALL, "print('corrected')", "4" * 40)
    fleet = Fleet(broken=frozenset({bad.composition.id}))
    found = own.change(install, corrected, repaired, fleet=fleet).routes
    made = [one.composition for one in (old, bad, corrected, repaired, install)]
    assert {one.labels["version"] for one in made} == {"Ver1.10"}
    assert len({one.id for one in made}) == 5
    assert ways(found, *(one.id for one in made), None, OLD.id) == [
        corrected.composition.id,  # the old one is raised
        repaired.composition.id,  # the bad one is repaired
        *(one.composition.id for one in (corrected, repaired, install)),  # all others stay
        install.composition.id,
        install.composition.id,
    ]
