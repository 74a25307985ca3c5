"""Ramp honesty: who is offered how often, by our rule and by those of two peers.

The peers' rules as they are written there: Balrog throws dice at each request
(`auslib/AUS.py`, backgroundRate); electron-updater compares one number per machine with the share
of whatever release is current (`isStagingMatch`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from warifu_wire import plan
from warifu_wire.gates import Gate
from warifu_wire.plan import Audience, Circle, Plan, Stage
from warifu_wire.stops import WHOLE
from warifu_wire.times import Instant

Offered = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class Ramp:
    """Shares after 1, 10 and 100 polls in per cent, withdrawals, overlap of two releases' first
    machines against independence, in standard deviations."""

    shares: tuple[float, float, float]
    withdrawn: int
    overlap: float

    def off(self, share: float, machines: int) -> float:
        """How far the worst share is from the plan, in standard deviations."""
        sigma = (share * (100 - share) / machines) ** 0.5
        return max(abs(one - share) for one in self.shares) / float(sigma)


def ours(salt: str, share: int, since: Instant) -> Offered:
    """A release in one open stage of a share (millionths), by the rule every client runs."""
    nobody = Circle("", frozenset())
    own = Stage("own", Audience.OWN, 0, 0, 0, 0, 0)
    stages = (own, Stage("share", Audience.SHARE, share, 0, 0, 0, 0))
    found = Plan(salt, 1, nobody, nobody, stages)
    gate = Gate(_ZERO, 1, 1, since, _ZERO, _ZERO)
    return lambda machine: plan.is_open(found, gate, machine, since, WHOLE)


def dice(seed: int, share: int) -> Offered:
    """Balrog's rule: a throw at each request."""
    thrown = random.Random(seed)
    return lambda _: thrown.randrange(WHOLE) < share


def staging(share: int) -> Offered:
    """electron-updater's rule: the machine's id as a number, the same for every release."""
    return lambda machine: int(machine[:8], 16) / 0xFFFFFFFF * WHOLE < share


def measure(first: Offered, second: Offered, machines: Sequence[str], share: int) -> Ramp:
    """Poll 100 times: who has been offered once by then, who lost it, who is first in both."""
    ever = [False] * len(machines)
    last = [False] * len(machines)
    withdrawn = 0
    shares: dict[int, float] = {}
    for poll in range(1, 101):
        for place, machine in enumerate(machines):
            now = first(machine)
            withdrawn += last[place] and not now
            last[place] = now
            ever[place] = ever[place] or now
        shares[poll] = sum(ever) / len(machines) * 100
    one = {place for place, machine in enumerate(machines) if first(machine)}
    two = {place for place, machine in enumerate(machines) if second(machine)}
    p = (share / WHOLE) ** 2
    sigma = (len(machines) * p * (1 - p)) ** 0.5
    overlap = (len(one & two) - p * len(machines)) / sigma
    return Ramp((shares[1], shares[10], shares[100]), withdrawn, overlap)


_ZERO = plan.salted("", "")
