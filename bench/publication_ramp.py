"""Ramp honesty: who is offered how often, by our rule and by those of peers.

electron-updater and @hot-updater/core decide by their own code. Balrog is not to be had as a
package; its rule is written again here: it throws dice at each request (`auslib/AUS.py`,
backgroundRate).
"""

from __future__ import annotations

import importlib
import random
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from warifu_wire import plan
from warifu_wire.gates import Gate
from warifu_wire.plan import Audience, Circle, Plan, Stage
from warifu_wire.stops import WHOLE
from warifu_wire.times import Instant

node = importlib.import_module("tests.node")

PEERS = Path(__file__).parents[1] / "tests" / "web" / "peers"
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


def peers(machines: Sequence[str], share: int) -> tuple[tuple[Offered, Offered], ...]:
    """The rules of electron-updater and @hot-updater/core for two releases: their own code, run by
    Node on these machines."""
    scripts = node.installed(PEERS)
    told: list[list[dict[str, bool]]] = [[], []]
    for release in ("first", "second"):
        command = [str(node.NODE), str(scripts / "ramp.cjs"), str(share * 100 // WHOLE), release]
        done = subprocess.run(
            command, input="\n".join(machines), capture_output=True, text=True, check=True
        )
        rows = [line.split() for line in done.stdout.split("\n") if line]
        for place in (0, 1):
            answers = (row[place] == "1" for row in rows)
            told[place].append(dict(zip(machines, answers, strict=True)))
    return tuple((one.__getitem__, two.__getitem__) for one, two in told)


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
