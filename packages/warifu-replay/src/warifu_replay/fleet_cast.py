"""The fleet's people, drawn at random: when they come, whether they install, fail and report.

Times are seconds after publication. The arrival profile is that of February 2012: a Sunday at
13:23, Sundays at half the rate of weekdays, 499 downloads in the 22 h 18 min until the stop.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Seconds = NDArray[np.float64]

START_HOUR = 13 + 23 / 60
UNTIL_TOLD = 12 * 3600 + 6 * 60
UNTIL_STOP = 22 * 3600 + 18 * 60
UNTIL_REMEDY = 47 * 3600 + 15 * 60
BY_HOUR = (3, 2, 1, 1, 1, 2, 4, 8, 18, 30, 34, 34, 26, 32, 34, 34, 32, 30, 26, 22, 18, 14, 10, 6)
"""How busy each hour of a weekday is, in parts; a Sunday has half of it."""
SUNDAY = 0.5
FIRST_DAY = 6
"""Day 0 of the profile is a Sunday (ISO weekday number minus one)."""


@dataclass(frozen=True, slots=True)
class Traits:
    """How a fleet behaves: shares in [0, 1], delays in seconds.

    `fails` is q, `installs` f, `reports` p; an install follows the download after a log-normal
    delay, its report `tells` seconds later. `mends` is how long people take from the hold to the
    remedy, log-normal too: by default as long as in 2012.
    """

    fails: float
    installs: float = 0.6
    reports: float = 0.5
    volunteers: int = 0
    delay: float = 1_200.0
    spread: float = 1.0
    tells: float = 300.0
    mends: float = UNTIL_REMEDY - UNTIL_STOP
    mends_spread: float = 0.3


@dataclass(frozen=True, slots=True)
class Cast:
    """One drawn fleet, a row a member, in the order they come; volunteers come first of all."""

    comes: Seconds
    takes: Seconds
    installs: NDArray[np.bool_]
    fails: NDArray[np.bool_]
    reports: NDArray[np.bool_]
    volunteer: NDArray[np.bool_]


def drawn(
    traits: Traits, members: int, downloads: int, horizon: float, rng: np.random.Generator
) -> Cast:
    """A fleet of `members` of whom `downloads` on average come until the 2012 stop.

    `horizon` is how long (seconds) we look; who comes later never comes here.
    """
    comes = np.sort(arrivals(members, downloads, horizon, rng))
    volunteer = np.zeros(members, dtype=np.bool_)
    if traits.volunteers:
        chosen = rng.choice(members, traits.volunteers, replace=False)
        volunteer[chosen] = True
    return Cast(
        np.where(volunteer, 0.0, comes),
        rng.lognormal(np.log(traits.delay), traits.spread, members) + traits.tells,
        (rng.random(members) < traits.installs) | volunteer,
        rng.random(members) < traits.fails,
        (rng.random(members) < traits.reports) | volunteer,
        volunteer,
    )


def arrivals(members: int, downloads: int, horizon: float, rng: np.random.Generator) -> Seconds:
    """When each member first comes: one draw from the profile each; inf beyond the horizon."""
    edges, mass = profile(horizon)
    scaled = mass * downloads / (members * np.interp(UNTIL_STOP, edges, mass))
    chance = rng.random(members)
    came = np.interp(chance, scaled, edges)
    return np.where((chance <= scaled[-1]) & (came < horizon), came, np.inf)


def profile(horizon: float) -> tuple[Seconds, Seconds]:
    """(times, cumulative parts): the day profile of 2012 laid out from publication on."""
    hours = int(np.ceil(horizon / 3600)) + 2
    begin = START_HOUR % 1
    edges, mass = [0.0], [0.0]
    for place in range(hours):
        clock = int(START_HOUR) + place
        weekday = (FIRST_DAY + clock // 24) % 7
        parts = BY_HOUR[clock % 24] * (SUNDAY if weekday == FIRST_DAY else 1.0)
        length = (1 - begin) if place == 0 else 1.0
        edges.append(edges[-1] + length * 3600)
        mass.append(mass[-1] + parts * length)
    return np.array(edges), np.array(mass)
