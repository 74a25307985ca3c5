"""The replay's one table: 2012 as reported, the stories as their machines saw them, and fleets.

Every row is marked `reported`, `real` or `simulated`, and so is every cell in it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

from warifu_replay.fleet_cast import UNTIL_REMEDY, UNTIL_STOP, UNTIL_TOLD, Traits
from warifu_replay.fleet_table import Spread, Summary, as_in_2012, by_the_plan, summary
from warifu_replay.told import Verdict

RUNS = 20
STEPS = ((40, 6), (150, 22), (500, 75))
VOLUNTEERS = 12
DAYS = 3.0
DOWNLOADS, LETTERS = 499, 2_991
"""How many of the 2,991 who were written to had downloaded it by the stop."""
COUNTS = ("offered", "downloaded", "installed", "affected")
TIMES = ("detected", "stopped", "remedied")
SIMULATED = {"detected": "detected_at", "stopped": "held_at", "remedied": "remedied_at"}
"""A simulated release counts as stopped from its first hold: nobody is offered it from then on."""


class Mark(StrEnum):
    """Where a row's cells come from."""

    REPORTED = "reported"
    REAL = "real"
    SIMULATED = "simulated"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its name, its mark, and each figure by name; `beneath` is what it rests on."""

    name: str
    mark: Mark
    figures: dict[str, Spread | float | None]
    beneath: str = ""


REPORTED = Row(
    "2012",
    Mark.REPORTED,
    {
        **dict.fromkeys(COUNTS),
        "downloaded": DOWNLOADS,
        "detected": UNTIL_TOLD,
        "stopped": UNTIL_STOP,
        "remedied": UNTIL_REMEDY,
    },
)


def simulated(
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
            "only production shows it": by_the_plan(
                helped, STEPS, members, downloads, passes=False
            ),
            "only members show it": by_the_plan(helped, STEPS, members, downloads, days=DAYS),
            "… without volunteers": by_the_plan(alone, STEPS, members, downloads, days=DAYS),
        }
        found += [summary(f"{name}, q={q:g}", one, seeds) for name, one in scenes.items()]
    return tuple(found)


def rows(verdicts: Sequence[Verdict], fleets: Sequence[Summary]) -> list[Row]:
    """All rows: the report of 2012, the stories on real machines, the fleets."""
    return [REPORTED, *(_real(one) for one in verdicts), *(_simulated(one) for one in fleets)]


def table(found: Sequence[Row]) -> str:
    """The rows for people: median and central 95 % of the runs where simulated."""
    heads = ("", "cells are", *COUNTS, *TIMES)
    lines = [heads, *((one.name, one.mark, *_texts(one)) for one in found)]
    widths = [max(_wide(line[place]) for line in lines) for place in range(len(heads))]
    drawn = [
        "  ".join(_padded(cell, width) for cell, width in zip(line, widths, strict=True))
        for line in lines
    ]
    beneath = [f"{one.name}: {one.beneath}" for one in found if one.beneath]
    return "\n".join(
        (
            "members, and time after publication; simulated: median [95 % of runs]",
            *(line.rstrip() for line in drawn),
            *beneath,
        )
    )


def spelled(found: Sequence[Row]) -> list[dict[str, object]]:
    """The rows for programs: every figure, marked; times in seconds after publication."""
    return [
        {
            "figures": {
                name: asdict(figure) if isinstance(figure, Spread) else figure
                for name, figure in one.figures.items()
            },
            "mark": one.mark.value,
            "parameters": one.beneath,
            "row": one.name,
        }
        for one in found
    ]


def _real(verdict: Verdict) -> Row:
    return Row(verdict.story, Mark.REAL, asdict(verdict.seen))


def _simulated(found: Summary) -> Row:
    figures: dict[str, Spread | float | None] = {name: found.figures[name] for name in COUNTS}
    figures |= {name: found.figures[SIMULATED[name]] for name in TIMES}
    return Row(found.name, Mark.SIMULATED, figures, found.parameters())


def _texts(row: Row) -> list[str]:
    return [
        *(_count(row.figures[name]) for name in COUNTS),
        *(_time(row.figures[name]) for name in TIMES),
    ]


def _count(figure: Spread | float | None) -> str:
    match figure:
        case Spread(median=float(median), low=float(low), high=float(high)):
            return f"{median:.0f} [{low:.0f}, {high:.0f}]"
        case int() | float():
            return f"{figure:.0f}"
        case _:
            return "–"


def _time(figure: Spread | float | None) -> str:
    match figure:
        case Spread(median=float(median), low=float(low), high=float(high)):
            often = "" if figure.occurred == figure.runs else f" in {figure.occurred}/{figure.runs}"
            return f"{median / 3600:.1f} h [{low / 3600:.1f}, {high / 3600:.1f}]{often}"
        case Spread():
            return "never"
        case int() | float() if figure < 600:
            return f"{figure:.1f} s"
        case int() | float():
            return f"{figure // 3600:.0f} h {figure % 3600 // 60:02.0f} min"
        case _:
            return "–"


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _wide(text))


def _wide(text: str) -> int:
    """Columns on a terminal."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text)
