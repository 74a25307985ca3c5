"""Stages: what may open, every reason to wait, and plans that would wait for ever."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from warifu.model import rollout
from warifu.model.alarm import Count
from warifu.model.outcomes import Tally
from warifu.model.probe import Verdict
from warifu.model.rollout import Opening, Pace, Rollout, Wait, Waiting
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Refusal
from warifu_wire.gates import Gate, Gates
from warifu_wire.manifest import Kind
from warifu_wire.plan import Audience, Circle, Plan, Stage
from warifu_wire.routes import Offer, Routes
from warifu_wire.stops import Halt, Stop, Stops

NOW = datetime(2012, 2, 5, 5, tzinfo=UTC)
RELEASE = of_bytes(b"release")
STAGES = (
    Stage("own", Audience.OWN, 0, 0, 60, 0, 0),
    Stage("volunteers", Audience.CANARY, 0, 12, 3_600, 6, 0),
    Stage("to-40", Audience.SHARE, 13_000, 40, 7_200, 6, 1),
    Stage("all", Audience.SHARE, 1_000_000, 3_000, 0, 0, 0),
)
PLAN = Plan("salt", 3, Circle("a", frozenset()), Circle("b", frozenset()), STAGES)
PASSED = Verdict(of_bytes(b"verdict"), RELEASE, 3, NOW, True, frozenset({RELEASE}))
NOBODY = Digest("0" * 64)


def seen(k: int, n: int) -> Tally:
    """A tally of n finished, k of them bad."""
    return Tally((Count("unknown", k, n),), Count("all", 0, 0), {}, (), of_bytes(b"counted"))


def at(stage: int, minutes: float, *halts: Stop) -> Rollout:
    """The rollout with a stage opened some minutes before NOW."""
    opened = NOW - timedelta(minutes=minutes)
    issued = NOW - timedelta(days=1)
    return Rollout("tool", RELEASE, PLAN, 4, issued, issued, stage, opened, halts)


def codes(found: Opening | Waiting) -> set[str]:
    """The reasons' codes; empty when something opens."""
    return {one.code for one in found.reasons} if isinstance(found, Waiting) else set()


def proceed(here: Rollout, tally: Tally, verdict: Verdict | None = PASSED) -> Opening | Waiting:
    """What may open now."""
    return rollout.proceed(here, tally, verdict, Pace(), NOW)


def test_opens_on_its_evidence() -> None:
    """Soaked, probed, enough reports: the gate names the verdict and the digest of its evidence."""
    found = proceed(at(1, 60), seen(0, 6))
    assert isinstance(found, Opening)
    assert found.gate == Gate(RELEASE, 4, 2, NOW, PASSED.digest, found.gate.evidence)
    assert found.evidence["finished"] == 6
    assert found.evidence["counted"] == of_bytes(b"counted")
    again = proceed(at(1, 60), seen(0, 7))
    assert isinstance(again, Opening)
    assert again.gate.evidence != found.gate.evidence


@pytest.mark.parametrize(
    ("here", "tally", "verdict", "code"),
    [
        (at(1, 59), seen(0, 6), PASSED, "soaking"),
        (at(1, 60), seen(0, 5), PASSED, "too-few-reports"),
        (at(1, 60), seen(1, 6), PASSED, "too-many-failures"),
        (at(1, 60), seen(0, 6), None, "no-probe"),
        (at(1, 60), seen(0, 6), replace(PASSED, release=NOBODY), "no-probe"),
        (at(1, 60), seen(0, 6), replace(PASSED, passed=False), "probe-failed"),
        (at(1, 60), seen(0, 6), replace(PASSED, routes_seq=2), "probe-before-plan"),
        (
            at(1, 60),
            seen(0, 6),
            replace(PASSED, ended=NOW - timedelta(days=2)),
            "probe-before-plan",
        ),
        (at(1, 60), seen(0, 6), replace(PASSED, ended=NOW - timedelta(hours=2)), "probe-old"),
        (at(3, 60), seen(0, 99), PASSED, "last-stage"),
    ],
)
def test_each_reason_alone(here: Rollout, tally: Tally, verdict: Verdict | None, code: str) -> None:
    """Each missing condition is named, and only it."""
    assert codes(proceed(here, tally, verdict)) == {code}


def test_all_reasons_at_once() -> None:
    """Who asks sees everything that is missing, not the first thing."""
    found = proceed(at(1, 10), seen(1, 2), None)
    assert codes(found) == {"no-probe", "soaking", "too-few-reports", "too-many-failures"}


def test_figures_of_a_wait() -> None:
    """The reason for waiting is shown with its figures."""
    found = proceed(at(2, 120), seen(0, 2))
    assert isinstance(found, Waiting)
    (one,) = found.reasons
    assert one.to_json() == {
        "code": "too-few-reports",
        "facts": {"cap": 40, "have": 2, "least_cap": 40, "need": 6, "stage": "to-40"},
    }
    (volunteers,) = rollout.proceed(at(1, 60), seen(0, 2), PASSED, Pace(), NOW).reasons  # type: ignore[union-attr]
    assert volunteers.facts == {"have": 2, "need": 6, "stage": "volunteers"}


def test_signoff_stands_in_for_reports_only() -> None:
    """With a sign-off too few reports are enough; failures, soak and stops still hold it back."""
    leave = of_bytes(b"sign-off")
    found = rollout.proceed(at(1, 60), seen(0, 0), PASSED, Pace(), NOW, signoff=leave)
    assert isinstance(found, Opening)
    assert found.evidence["signoff"] == leave
    late = rollout.proceed(at(1, 10), seen(1, 1), None, Pace(), NOW, signoff=leave)
    assert codes(late) == {"no-probe", "soaking", "too-many-failures"}


def stop(state: Halt, share: int = 0) -> Stop:
    """One entry against the release."""
    reason = {"en": "It cannot sign.", "ja": "署名できません。"}
    stops = Stops("tool", ()).added(
        RELEASE, state, since=NOW, reason=reason, by="oncall-1", max_share=share
    )
    return stops.entries[0]


@pytest.mark.parametrize(
    ("halt", "code"),
    [
        (stop(Halt.STOPPED), {"stopped"}),
        (stop(Halt.HELD), {"held"}),
        (stop(Halt.CAPPED, 12_999), {"capped"}),
        (stop(Halt.CAPPED, 13_000), set[str]()),
    ],
)
def test_stops_hold_stages_back(halt: Stop, code: set[str]) -> None:
    """A stop or hold always; a cap once the next stage is wider."""
    assert codes(proceed(at(1, 60, halt), seen(0, 6))) == code


def test_brakes() -> None:
    """A declared gate outside the plan, such as the desk's, can only hold back."""
    brake = Wait("desk-full", {"capacity": 12, "predicted": 40})
    found = rollout.proceed(at(1, 60), seen(0, 6), PASSED, Pace(), NOW, brakes=[brake])
    assert codes(found) == {"desk-full"}


def test_stuck_plans() -> None:
    """Cap 10 with 6 reports at half reporting never opens; 40 does; volunteers all report."""
    small = replace(STAGES[2], members=39)
    plan = replace(PLAN, stages=(*STAGES[:2], small, STAGES[3]))
    (found,) = rollout.stuck(plan, Pace())
    assert found.facts == {"cap": 39, "least": 40, "need": 6, "stage": "to-40"}
    assert rollout.stuck(PLAN, Pace()) == ()
    timer = replace(small, finished=0)
    assert rollout.stuck(replace(plan, stages=(*STAGES[:2], timer, STAGES[3])), Pace()) == ()


@pytest.mark.parametrize(("need", "cap"), [(6, 40), (25, 167), (80, 534), (0, 0)])
def test_least_cap(need: int, cap: int) -> None:
    """2 * need / (f * p) at f = .6 and p = .5, rounded up."""
    assert rollout.least_cap(need, Pace()) == cap


def test_read_from_the_signed_files() -> None:
    """The rollout follows from routes, stops and gates; an older gate or another release's not."""
    offer = Offer(RELEASE, Kind.UPDATE, 2, {}, {"manifest": RELEASE}, of_bytes(b"evidence"), PLAN)
    routes = Routes(
        *("tool", 4, NOBODY, NOW, NOW + timedelta(days=9), NOW + timedelta(days=1), 0, NOBODY),
        *((offer,), (), {}, (), frozenset({stop(Halt.HELD).digest})),
    )

    def read(seq: int, stage: int) -> Rollout:
        gate = Gate(RELEASE, seq, stage, NOW, NOBODY, NOBODY)
        halts = (stop(Halt.HELD), stop(Halt.STOPPED))
        issued = NOW - timedelta(days=2)
        return rollout.rollout(routes, halts, Gates("tool", (gate,)), RELEASE, issued, issued)

    assert (read(3, 1).stage, read(3, 1).opened_at) == (1, NOW)
    assert (read(2, 1).stage, read(2, 1).opened_at) == (0, NOW - timedelta(days=2))
    assert (read(3, 9).stage, read(3, 9).following) == (3, None)
    assert [one.state for one in read(3, 1).halts] == [Halt.STOPPED]
    with pytest.raises(Refusal) as refused:
        rollout.rollout(routes, (), Gates("tool", ()), NOBODY, NOW, NOW)
    assert refused.value.reason == "not-offered"
