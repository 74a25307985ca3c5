"""Stages, circles and slots: who is offered a release when, and that a share is a share."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from tests.wire import sample
from warifu_wire import plan
from warifu_wire.digest import of_bytes
from warifu_wire.gates import Gate
from warifu_wire.plan import Plan
from warifu_wire.stops import WHOLE

LATER = sample.NOW + timedelta(hours=1)


def gate(stage: int, seq: int = 1) -> Gate:
    """An open stage."""
    return replace(sample.gates().entries[0], stage=stage, routes_seq=seq)


def test_a_stage_is_open_from_its_time_and_never_beyond_the_plan() -> None:
    found = sample.plan()
    assert plan.open_stage(found, None, LATER) is None
    assert plan.open_stage(found, gate(2), LATER) == found.stages[2]
    assert plan.open_stage(found, gate(4), LATER) is None
    assert plan.open_stage(found, gate(2), sample.NOW - timedelta(seconds=1)) == found.stages[1]
    assert plan.open_stage(found, gate(1), sample.NOW - timedelta(seconds=1)) is None


def test_a_gate_opened_before_the_plan_began_anew_does_not_count() -> None:
    assert plan.open_stage(sample.plan(since=2), gate(2, seq=1), LATER) is None
    assert plan.open_stage(sample.plan(since=2), gate(2, seq=2), LATER) is not None


@pytest.mark.parametrize(
    ("id", "stage", "most", "expected"),
    [
        ("probe-1", None, WHOLE, True),
        ("probe-1", 1, 0, True),
        ("volunteer-1", None, WHOLE, False),
        ("volunteer-1", 1, WHOLE, True),
        ("volunteer-1", 1, 0, False),
        ("volunteer-1", 3, WHOLE, True),
        ("somebody", 1, WHOLE, False),
        ("somebody", 3, WHOLE, True),
        ("somebody", 3, 0, False),
    ],
)
def test_who_is_in(id: str, stage: int | None, most: int, expected: bool) -> None:
    opened = None if stage is None else gate(stage)
    assert plan.is_open(sample.plan(), opened, id, LATER, most) is expected


def test_our_own_stage_is_open_to_nobody_else() -> None:
    found = sample.plan()
    own = Plan(found.salt, 1, found.own, found.canary, (found.stages[0], found.stages[0]))
    assert not plan.is_open(own, gate(1), "volunteer-1", LATER, WHOLE)


def test_shares_are_honest_nested_and_independent() -> None:
    ids = [f"{number:032x}" for number in range(20_000)]
    slots = {salt: [plan.slot(salt, one) for one in ids] for salt in ("a", "b")}
    assert all(0 <= one < WHOLE for one in slots["a"])
    sigma = (20_000 * 0.1 * 0.9) ** 0.5
    tenth = {salt: {n for n, one in enumerate(found) if one < 100_000}
             for salt, found in slots.items()}  # fmt: skip
    assert abs(len(tenth["a"]) - 2_000) < 3 * sigma
    assert abs(len(tenth["a"] & tenth["b"]) - 200) < 3 * 200**0.5
    offered = [{n for n, one in enumerate(slots["a"]) if one < share}
               for share in range(0, WHOLE + 1, 50_000)]  # fmt: skip
    assert all(less <= more for less, more in pairwise(offered))


def test_circles_do_not_tell_who_is_in() -> None:
    padding = [of_bytes(bytes([one])) for one in range(20)]
    found = plan.circle("salt", ["volunteer-1"], padding)
    assert len(found.hashes) == 21
    assert found.holds("volunteer-1")
    assert not found.holds("volunteer-2")
    assert not plan.circle("other", ["volunteer-1"], ()).hashes & found.hashes
