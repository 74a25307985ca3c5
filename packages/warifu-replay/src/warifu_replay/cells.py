"""The simulated cells of the table: 2012 as it went, and the same releases met by the plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from warifu_replay import fleet_table
from warifu_replay.fleet_cast import Traits
from warifu_replay.fleet_table import Summary, as_in_2012, by_the_plan, summary

RUNS = 20
STEPS = ((40, 6), (150, 22), (500, 75))
VOLUNTEERS = 12
DAYS = 3.0
DOWNLOADS, LETTERS = 499, 2_991
"""How many of the 2,991 who were written to had downloaded it by the stop."""
REPORTED = (
    "2012 as reported: 499 downloads; first report after 12 h 06 min, stopped after 22 h 18 min, "
    "remedy after 47 h 15 min (facts, not simulated)"
)


def made(
    members: int, shares: Sequence[float], installs: float, reports: float, runs: int = RUNS
) -> tuple[Summary, ...]:
    """Simulate a release that fails for each share of `members`; seeds are fixed."""
    downloads = max(1, round(members * DOWNLOADS / LETTERS))
    seeds = range(runs)
    found = []
    for q in shares:
        alone = Traits(q, installs, reports)
        helped = Traits(q, installs, reports, min(VOLUNTEERS, members))
        scenes = {
            "as in 2012": as_in_2012(alone, members, downloads),
            "stages and alarm": by_the_plan(alone, STEPS, members, downloads, days=DAYS),
            "volunteers first": by_the_plan(helped, STEPS, members, downloads, days=DAYS),
            "only production shows it": by_the_plan(helped, STEPS, members, downloads, probe=None),
        }
        found += [summary(f"{name}, q={q:g}", one, seeds) for name, one in scenes.items()]
    return tuple(found)


def table(found: Sequence[Summary]) -> str:
    """The cells for people: median and central 95 % of the runs, and what was assumed."""
    runs = found[0].figures["offered"].runs if found else 0
    head = f"simulated fleets, {runs} runs a row: median [95 % of runs]; times after publication"
    return "\n".join((head, fleet_table.table(found), REPORTED))


def rows(found: Sequence[Summary]) -> list[dict[str, object]]:
    """The cells for programs: every figure with its interval, marked as simulated."""
    return [
        {
            "figures": {name: asdict(figure) for name, figure in one.figures.items()},
            "parameters": one.parameters(),
            "row": one.name,
            "simulated": True,
        }
        for one in found
    ]
