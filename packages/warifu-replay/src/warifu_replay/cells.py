"""The simulated cells of story four: what the plan and the alarm make of two bad releases."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from warifu_replay import fleet
from warifu_replay.fleet import Scene, Told, counts
from warifu_replay.fleet_cast import Traits

RUNS = 40
STEPS = ((40, 6), (150, 25), (500, 80))


@dataclass(frozen=True, slots=True)
class Cell:
    """One policy met by one bad share: medians over the runs, and the worst case."""

    q: float
    volunteers: int
    held: float
    affected: float
    worst: int
    downloaded: float


def cell(q: float, volunteers: int, members: int, installs: float, reports: float) -> Cell:
    """Simulate a release that fails for a share q of `members`; seeds are fixed."""
    steps = tuple(one for one in STEPS if one[0] < members)
    scene = Scene(
        counts(*steps, members=members, canary=volunteers),
        Traits(q, installs, reports, volunteers),
        members=members,
        downloads=members,
    )
    told = list(fleet.runs(scene, range(RUNS)))
    held = [one.held_at / 3_600 for one in told if one.held_at is not None]
    return Cell(
        q,
        volunteers,
        statistics.median(held) if held else float("nan"),
        statistics.median(_of(told, "exposed")),
        max(_of(told, "exposed")),
        statistics.median(_of(told, "downloaded")),
    )


def table(cells: Sequence[Cell], members: int) -> str:
    """The cells for people."""
    lines = [f"simulated, {members} members, {RUNS} runs each (2012: 22.3 h, 499 downloads)"]
    lines.append("    q     volunteers  held (median)  affected (median / worst)  downloaded")
    for one in cells:
        held = "never" if one.held != one.held else f"{one.held:.1f} h"
        lines.append(
            f"    {one.q:<5.2f} {one.volunteers:<11} {held:<14} "
            f"{one.affected:.0f} / {one.worst:<22} {one.downloaded:.0f}"
        )
    return "\n".join(lines)


def _of(told: Sequence[Told], name: str) -> list[int]:
    return [int(getattr(one, name)) for one in told]
