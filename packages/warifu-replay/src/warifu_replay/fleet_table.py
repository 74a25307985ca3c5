"""What many runs of a fleet come to: medians, 95 % intervals, and the parameters they rest on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from warifu_replay import fleet
from warifu_replay.fleet import Scene, Told, counts
from warifu_replay.fleet_cast import UNTIL_STOP, UNTIL_TOLD, Traits
from warifu_wire.plan import Audience, Stage
from warifu_wire.stops import WHOLE

LEAST_RUNS = 20


@dataclass(frozen=True, slots=True)
class Spread:
    """A figure over many runs: median, the central 95 %, the worst, and in how many it occurred.

    Times are seconds after publication; all are None where it never occurred.
    """

    median: float | None
    low: float | None
    high: float | None
    most: float | None
    occurred: int
    runs: int


@dataclass(frozen=True, slots=True)
class Summary:
    """One scene over many seeds, every figure of `Told` by its name."""

    name: str
    scene: Scene
    figures: Mapping[str, Spread]

    def parameters(self) -> str:
        """What was assumed, in one line."""
        traits, scene = self.scene.traits, self.scene
        return (
            f"q={traits.fails:g} install={traits.installs:g} report={traits.reports:g} "
            f"members={scene.members} downloads={scene.downloads} "
            f"volunteers={traits.volunteers} q0={scene.q0} mends={traits.mends / 3600:.2f}h "
            f"runs={self.figures['offered'].runs}"
        )


def summary(name: str, scene: Scene, seeds: Sequence[int] = range(LEAST_RUNS)) -> Summary:
    """Run a scene once a seed and summarise it."""
    told = list(fleet.runs(scene, seeds))
    names = asdict(told[0])
    return Summary(name, scene, {one: spread(_figures(told, one)) for one in names})


def spread(values: Sequence[float | None]) -> Spread:
    """Median and 2.5 to 97.5 percentiles of the values that there are."""
    there = np.array([one for one in values if one is not None], dtype=np.float64)
    if not there.size:
        return Spread(None, None, None, None, 0, len(values))
    low, median, high = (float(one) for one in np.percentile(there, (2.5, 50, 97.5)))
    return Spread(median, low, high, float(there.max()), int(there.size), len(values))


def as_in_2012(traits: Traits, members: int = 2_991, downloads: int = 499) -> Scene:
    """Everybody at once, no probe, no alarm; told and stopped by people when it was, disobeyed."""
    everybody = Stage("all", Audience.SHARE, WHOLE, members, 0, 0, 0)
    stages = (Stage("own", Audience.OWN, 0, 0, 0, 0, 0), everybody)
    return Scene(
        *(stages, traits, members, downloads),
        q0=None,
        probe=0.0,
        horizon=UNTIL_STOP + 1.0,
        told_at=UNTIL_TOLD,
        stop_at=UNTIL_STOP,
        obeyed=False,
    )


def by_the_plan(
    traits: Traits,
    steps: Iterable[tuple[int, int]],
    members: int = 2_991,
    downloads: int = 499,
    passes: bool = True,
    days: float = 1.0,
) -> Scene:
    """The probe first, then volunteers, then stages by count, with the alarm all along."""
    stages = counts(
        *(one for one in steps if one[0] < members), members=members, canary=traits.volunteers
    )
    return Scene(stages, traits, members, downloads, passes=passes, horizon=days * 86_400)


def _figures(told: Sequence[Told], name: str) -> list[float | None]:
    return [getattr(one, name) for one in told]
