"""The simulated fleet: it decides as clients do, and gives the published figures again."""

from __future__ import annotations

import statistics
from dataclasses import replace
from datetime import timedelta
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire import machine, sample
from warifu_replay import cells, fleet, fleet_table
from warifu_replay.fleet import Scene, Told, counts
from warifu_replay.fleet_cast import (
    UNTIL_REMEDY,
    UNTIL_STOP,
    UNTIL_TOLD,
    Traits,
    arrivals,
    profile,
)
from warifu_replay.told import Seen, Verdict
from warifu_wire.check import Go
from warifu_wire.digest import of_bytes
from warifu_wire.errors import Stopped
from warifu_wire.gates import Gate, Gates
from warifu_wire.plan import Audience, Stage
from warifu_wire.stops import WHOLE, Halt, Stops

EVERYBODY = (
    Stage("own", Audience.OWN, 0, 0, 0, 0, 0),
    Stage("all", Audience.SHARE, WHOLE, 499, 0, 0, 0),
)
STEPS = ((40, 6), (150, 25), (500, 80))
COUNTS = counts((40, 6), (150, 25), (499, 80), members=499)
CANARY = counts((40, 6), (150, 25), (499, 80), members=499, canary=12)
RUNS = range(100)


@cache
def told(stages: tuple[Stage, ...], q: float, p: float = 0.5) -> list[Told]:
    """A hundred runs with the published assumptions."""
    volunteers = 12 if stages[1].audience is Audience.CANARY else 0
    return list(fleet.runs(Scene(stages, Traits(q, 0.6, p, volunteers), in_order=True), RUNS))


def held(found: list[Told]) -> list[float]:
    """When it was held, in hours, where it was."""
    return [one.held_at / 3600 for one in found if one.held_at is not None]


def exposed(found: list[Told]) -> tuple[float, float, int]:
    """Median, 95th percentile and worst of those it fails for as in 2012."""
    values = [one.exposed for one in found]
    return statistics.median(values), float(np.percentile(values, 95)), max(values)


@pytest.mark.repeats
@pytest.mark.parametrize(
    ("stages", "q", "p", "hours", "published"),
    [
        (EVERYBODY, 0.85, 0.5, 0.6, (11, 19, 22)),
        (EVERYBODY, 0.85, 0.05, 2.1, (44, 91, 135)),
        (COUNTS, 0.85, 0.5, 0.5, (10, 17, 22)),
        (COUNTS, 0.85, 0.05, 1.2, (21, 25, 29)),
        (CANARY, 0.85, 0.5, 0.1, (10, 12, 12)),
        (CANARY, 0.30, 0.5, 0.2, (3, 7, 27)),
    ],
)
def test_published_rows(
    stages: tuple[Stage, ...], q: float, p: float, hours: float, published: tuple[int, int, int]
) -> None:
    """Hold (median) within a third, affected within three members or a tenth, no worse worst."""
    found = told(stages, q, p)
    assert statistics.median(held(found)) == pytest.approx(hours, rel=1 / 3, abs=0.12)
    median, high, worst = exposed(found)
    assert median == pytest.approx(published[0], abs=3)
    assert high == pytest.approx(published[1], abs=3)
    assert worst <= published[2] + 3


def test_the_cap_bounds_what_the_alarm_cannot_see() -> None:
    """With one in twenty reporting most runs are never held, and never leave the first 40."""
    found = told(COUNTS, 0.85, 0.05)
    assert 15 <= len(held(found)) <= 45
    assert {one.full_at for one in found} == {None}
    assert max(one.downloaded for one in found) == 40


def test_volunteers_are_the_only_ones_hit() -> None:
    """q = .85: never anybody but the twelve, however few members report."""
    for p in (0.5, 0.05):
        found = told(CANARY, 0.85, p)
        assert all(one.affected == one.volunteers_affected <= 12 for one in found)


@pytest.mark.repeats
def test_a_healthy_release_reaches_everybody() -> None:
    """Never stopped, seldom held, and out to everybody within a day."""
    found = told(CANARY, 0.005)
    assert [one.stopped_at for one in found] == [None] * 100
    assert len(held(found)) <= 10
    assert sum(one.full_at is not None for one in found) >= 88


def test_an_obeyed_stop_spares_who_had_only_downloaded() -> None:
    """Machines ask again before they install: fewer are hit than had downloaded."""
    found = told(EVERYBODY, 0.85, 0.05)
    assert sum(one.affected for one in found) < sum(one.exposed for one in found)
    same = Scene(EVERYBODY, Traits(0.85, 0.6, 0.05), in_order=True, obeyed=False)
    assert [one.affected for one in fleet.runs(same, RUNS)] == [one.exposed for one in found]


def test_as_it_was() -> None:
    """2012: nobody held anything, 499 downloads and some 240 affected until a person stopped it."""
    found = fleet_table.summary("2012", fleet_table.as_in_2012(Traits(0.85)), range(40))
    downloads, affected = found.figures["downloaded"], found.figures["affected"]
    assert downloads.low is not None
    assert downloads.high is not None
    assert downloads.low < 499 < downloads.high
    assert affected.median == pytest.approx(232, abs=12)
    assert found.figures["held_at"].median == UNTIL_STOP
    assert found.figures["stopped_at"].occurred == 40
    assert found.figures["detected_at"].most == UNTIL_TOLD
    remedied = found.figures["remedied_at"]
    assert remedied.low is not None
    assert remedied.high is not None
    assert remedied.low < UNTIL_REMEDY < remedied.high


def test_a_failed_probe_offers_it_to_nobody() -> None:
    """Only production shows it: nobody is ever offered anything."""
    scene = fleet_table.by_the_plan(Traits(0.85, volunteers=12), STEPS, passes=False)
    found = fleet_table.summary("probe", scene)
    assert found.figures["offered"].most == 0
    assert found.figures["detected_at"].most == found.figures["held_at"].most == scene.probe
    assert found.figures["full_at"].occurred == 0


def test_the_table() -> None:
    """Every row is marked; a simulated one shows its interval, how often, and its parameters."""
    scene = fleet_table.by_the_plan(Traits(0.85, volunteers=12), STEPS)
    one = fleet_table.summary("members", scene)
    rare = replace(one, name="rare", figures={
        **one.figures,
        "held_at": fleet_table.spread([3600.0, None, None]),
        "remedied_at": fleet_table.spread([None]),
    })  # fmt: skip
    told = Verdict("a story", "this", "that", Seen(3, 2, 1, 0, detected=6.0, stopped=8.0), {})
    lines = cells.table(cells.rows([told], [one, rare])).splitlines()
    assert lines[2].split("  ")[0] == "2012"
    assert "499" in lines[2]
    assert "12 h 06 min" in lines[2]
    assert lines[3].split() == "a story real 3 2 1 0 6.0 s 8.0 s –".split()
    assert "12 [12, 12]" in lines[4]
    assert "1.0 h [1.0, 1.0] in 1/3" in lines[5]
    assert lines[5].endswith("never")
    assert "q=0.85 install=0.6 report=0.5 members=2991 downloads=499 volunteers=12" in lines[6]


def test_the_cells_of_the_replay() -> None:
    """Every row is marked, carries its parameters, and follows q and the install share."""
    found = cells.simulated(499, (0.85,), 0.6, 0.5, runs=2)
    rows = cells.spelled(cells.rows([], found))
    assert [one["mark"] for one in rows] == ["reported", *["simulated"] * 4]
    assert "q=0.85 install=0.6 report=0.5 members=499 downloads=83" in str(rows[1]["parameters"])
    other = cells.simulated(499, (0.85,), 0.1, 0.5, runs=2)
    assert [one.figures for one in found] != [one.figures for one in other]
    figures = rows[1]["figures"]
    assert isinstance(figures, dict)
    assert figures["downloaded"]["runs"] == 2
    assert rows[0]["figures"]["stopped"] == UNTIL_STOP  # type: ignore[index]


def test_the_same_seed_gives_the_same_run() -> None:
    """Runs repeat exactly; other parameters, other figures."""
    scene = Scene(CANARY, Traits(0.3, volunteers=12))
    assert list(fleet.runs(scene, range(5))) == list(fleet.runs(scene, range(5)))
    other = replace(scene, traits=Traits(0.05, installs=0.2, volunteers=12))
    assert list(fleet.runs(scene, range(5))) != list(fleet.runs(other, range(5)))


def test_the_profile_of_2012() -> None:
    """Published: 1.5 and 5 downloads in 3 and 10 minutes, 257 until 01:29, 321 until 09:00."""
    edges, mass = profile(UNTIL_STOP)
    share = [float(np.interp(at, edges, mass)) for at in (180, 600, 43_560, 70_620, UNTIL_STOP)]
    came = [499 * one / share[-1] for one in share]
    assert came[:2] == pytest.approx([1.5, 5], rel=0.1)
    assert came[2:4] == pytest.approx([257, 321], rel=0.05)
    rng = np.random.default_rng(3)
    times = arrivals(2_991, 499, UNTIL_STOP, rng)
    assert np.isinf(times).sum() == pytest.approx(2_991 - 499, abs=60)


@given(
    stage=st.integers(0, 4),
    opened=st.integers(-2, 2),
    seq=st.integers(1, 2),
    who=st.integers(0, 40),
    halts=st.lists(st.sampled_from(list(Halt)), max_size=2),
    share=st.integers(0, WHOLE),
)
def test_the_fleet_decides_as_the_client_does(
    stage: int, opened: int, seq: int, who: int, halts: list[Halt], share: int
) -> None:
    """For any gate, stops and machine: admitted exactly where the client's whole check says go."""
    offer = replace(sample.offer(), plan=sample.plan(since=2))
    road = sample.routes(offers=(offer,), seq=3)
    served = machine.files(routes=sample.approved(road).to_bytes())
    product = sample.PRODUCT
    gate = None
    if stage:
        at = sample.NOW + timedelta(seconds=1 + opened)
        gate = Gate(offer.id, seq, stage, at, of_bytes(b"probe"), of_bytes(b"evidence"))
    served[f"gates/{product}.json"] = Gates(product, (gate,) if gate else ()).to_bytes()
    stops = Stops(product, ())
    for state in halts:
        stops = stops.added(
            offer.id, state, since=sample.NOW, reason=sample.REASON, by="x", max_share=share
        )
    served[f"stops/{product}.json"] = stops.to_bytes()
    name = ("probe-1", "volunteer-1")[who] if who < 2 else f"machine {who}"
    asked = replace(machine.OLD, installation=name)
    try:
        went = isinstance(machine.decide(served, asked), Go)
    except Stopped:
        went = False
    now = machine.Wall().now
    assert fleet.admitted(offer.plan, gate, stops.entries, name, now) is went
