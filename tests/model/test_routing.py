"""Drafted routes: who has an offer keeps it, who is broken is repaired, who is older is raised."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.flow.road import PRODUCT, Road
from warifu.model.approval import change
from warifu.model.routing import Fleet, draft, rules
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
        rules((), (OLD,), frozenset({OLD.id}))


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
