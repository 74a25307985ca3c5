"""What may follow what is published: the next routes, the next stage, and a lift from its start."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.flow.road import PRODUCT, Road, with_changed
from warifu.flow import stop
from warifu.model import publication
from warifu.model.approval import Change
from warifu.model.publication import Current
from warifu.model.verification import Verified
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Refusal
from warifu_wire.gates import Gate, Gates
from warifu_wire.manifest import Kind
from warifu_wire.plan import Plan
from warifu_wire.stops import Halt

SECOND = timedelta(seconds=1)
WHY = of_bytes(b"verdict"), of_bytes(b"evidence")


@pytest.fixture
def program(road: Road) -> Verified:
    """A program that is published."""
    made = road.program(Kind.INSTALL, "print(1)")
    road.published(made)
    return made


def signed(road: Road, proposed: Change) -> Envelope:
    """The routes of a change with both approvers' signatures, whatever they say."""
    envelope = proposed.envelope()
    for person in ("approver-1", "approver-2"):
        signer = road.keyring.signer(person)
        envelope = envelope.signed(signer.public.keyid, signer.sign)
    return envelope


def refused(doing: Callable[[], object]) -> str:
    """Why not."""
    with pytest.raises(Refusal) as caught:
        doing()
    return caught.value.reason


def follow(road: Road, proposed: Change) -> str:
    """Why these routes do not follow what is published, or "" where they do."""
    try:
        publication.follows(road.repository.current(PRODUCT), signed(road, proposed), road.now)
    except Refusal as refusal:
        return refusal.reason
    return ""


def halted(road: Road, release: Digest, state: Halt = Halt.STOPPED) -> Digest:
    """A stop in force: its digest."""
    road.halt(release, state, 5 if state is Halt.CAPPED else 0)
    stop.enforce(
        road.ledger, road.repository, road.repository, product=PRODUCT, by="oncall-1", now=road.now
    )
    return road.repository.current(PRODUCT).stops.entries[-1].digest


def test_only_the_next_routes_of_the_chain_follow(road: Road, program: Verified) -> None:
    following = road.change(program)
    assert follow(road, following) == ""
    for seq in (following.routes.seq - 1, following.routes.seq + 1):
        assert follow(road, with_changed(following, seq=seq)) == "routes-seq"
    assert follow(road, with_changed(following, prev=of_bytes(b"x"))) == "routes-prev"


def test_what_is_published_already_is_no_news(road: Road, program: Verified) -> None:
    current = road.repository.current(PRODUCT)
    assert current.routes is not None
    assert publication.follows(current, current.routes, road.now) is None


def test_routes_are_signed_and_published_in_their_time(road: Road, program: Verified) -> None:
    proposed = road.change(program)
    short = with_changed(proposed, valid_until=proposed.routes.issued + timedelta(hours=1))
    early = with_changed(proposed, issued=road.now + publication.AHEAD)
    assert follow(road, early) == ""
    assert follow(road, with_changed(early, issued=early.routes.issued + SECOND)) == "routes-over"
    road.now = proposed.routes.sign_by
    assert follow(road, proposed) == ""
    road.now += SECOND
    assert follow(road, proposed) == "sign-by-over"
    road.now = short.routes.valid_until - SECOND
    assert follow(road, short) == ""
    road.now += SECOND
    assert follow(road, short) == "routes-over"


def replanned(proposed: Change, since: int) -> Change:
    """The same routes with every plan begun at another time."""
    offers = tuple(
        replace(one, plan=replace(one.plan, since=since)) for one in proposed.routes.offers
    )
    return with_changed(proposed, offers=offers)


def test_a_plan_begins_under_known_routes_and_never_goes_back(
    road: Road, program: Verified
) -> None:
    proposed = road.change(program)
    assert follow(road, replanned(proposed, 2)) == ""
    assert follow(road, replanned(proposed, 1)) == ""
    assert follow(road, replanned(proposed, 3)) == "plan-since"
    road.later(minutes=1)
    again = road.approved(replanned(road.change(program), 2))
    road.order(again)
    road.enact(again)
    assert follow(road, replanned(road.change(program), 1)) == "plan-since"


def test_a_lift_names_a_stop_and_begins_anew(road: Road, program: Verified) -> None:
    entry = halted(road, program.composition.id)
    proposed = road.change(program)
    unknown = with_changed(proposed, lifted=frozenset({of_bytes(b"x")}))
    assert follow(road, unknown) == "unknown-lift"
    lift = with_changed(proposed, lifted=frozenset({entry}))
    assert follow(road, replanned(lift, 1)) == "lift-keeps-stage"
    assert follow(road, replanned(lift, 2)) == ""


def step(road: Road, release: Digest, stage: int = 1, seq: int = 1, ahead: float = 0) -> str:
    """Why a stage may not be opened, or "" where it may."""
    at = road.now + timedelta(seconds=ahead)
    return widen(road, road.repository.current(PRODUCT), Gate(release, seq, stage, at, *WHY))


def widen(road: Road, current: Current, gate: Gate) -> str:
    """Why this gate may not be the release's, or "" where it may."""
    try:
        assert publication.widened(current, current.gates.opened(gate), road.now)
    except Refusal as refusal:
        return refusal.reason
    return ""


def test_a_gate_opens_the_next_stage_of_a_plan_in_force(road: Road, program: Verified) -> None:
    release = program.composition.id
    assert step(road, release) == ""
    assert step(road, of_bytes(b"x")) == "not-offered"
    for stage in (0, 2):
        assert step(road, release, stage) == "stage-not-next"
    for seq in (0, 2):
        assert step(road, release, seq=seq) == "gate-of-another-plan"
    ahead = publication.AHEAD.total_seconds()
    assert step(road, release, ahead=ahead) == ""
    assert step(road, release, ahead=ahead + 1) == "gate-in-future"


def test_a_stage_follows_the_one_that_is_open(road: Road) -> None:
    made = road.program(Kind.INSTALL, "print(1)")
    proposed = road.change(made)
    (offer,) = proposed.routes.offers
    plan = offer.plan
    longer: Plan = replace(plan, stages=(*plan.stages, plan.stages[-1]))
    found = road.approved(with_changed(proposed, offers=(replace(offer, plan=longer),)))
    road.order(found)
    road.enact(found)
    published = road.repository.current(PRODUCT)
    for open_now, stage, why in (
        (1, 1, ""), (1, 2, ""), (1, 3, "stage-not-next"), (2, 2, ""), (2, 3, "stage-not-next")
    ):  # fmt: skip
        opened = Gate(offer.id, 1, open_now, road.now, *WHY)
        current = replace(published, gates=Gates(PRODUCT, (opened,)))
        wanted = replace(opened, stage=stage, probe=of_bytes(b"later"))
        assert widen(road, current, wanted) == why


def test_a_stage_of_an_earlier_plan_does_not_count(road: Road, program: Verified) -> None:
    proposed = replanned(road.change(program), 2)
    (offer,) = proposed.routes.offers
    longer = replace(offer.plan, stages=(*offer.plan.stages, offer.plan.stages[-1]))
    found = road.approved(with_changed(proposed, offers=(replace(offer, plan=longer),)))
    road.order(found)
    road.enact(found)
    opened = Gate(offer.id, 1, 1, road.now, *WHY)
    current = replace(road.repository.current(PRODUCT), gates=Gates(PRODUCT, (opened,)))
    assert widen(road, current, replace(opened, routes_seq=2, stage=2)) == "stage-not-next"
    assert widen(road, current, replace(opened, routes_seq=2)) == ""


def test_a_stopped_release_opens_no_stage_and_a_capped_one_does(
    road: Road, program: Verified
) -> None:
    release = program.composition.id
    halted(road, release, Halt.CAPPED)
    assert step(road, release) == ""
    halted(road, release, Halt.HELD)
    assert step(road, release) == "stopped"


def test_what_is_published_stays_as_it_is() -> None:
    one, other = of_bytes(b"1"), of_bytes(b"2")
    publication.same([("a", one)], {"a": one, "b": other})
    assert refused(lambda: publication.same([("a", one)], {"a": other})) == "mismatch"
