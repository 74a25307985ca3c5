"""The machine's two clocks: the wall, and the seconds since boot that also count in sleep."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from warifu_wire import times
from warifu_wire.check import TOLERANCE, Reading
from warifu_wire.errors import Refusal
from warifu_wire.times import Instant

CLOCKY = frozenset(
    {"lease-over", "lease-too-long", "clock-behind", "routes-over", "metadata-expired"}
)
"""Refusals that a wrong clock brings about."""

if sys.platform == "linux":

    def _boot() -> float:
        return time.clock_gettime(time.CLOCK_BOOTTIME)
else:  # pragma: no cover - the other platforms' way

    def _boot() -> float:
        # Windows' and macOS' monotonic clocks stand still in sleep; the wall clock does not, so a
        # sleep shows as a jump and the switch is undone: the safe side.
        return time.monotonic()


def system() -> Reading:
    """One look at both clocks of this machine."""
    return Reading(datetime.now(UTC), _boot())


@dataclass
class Heard:
    """What the provider's server says the time is: anybody can forge it, so it decides nothing.

    It is good for one thing: to tell a person that it is their clock that is wrong.
    """

    date: str = ""

    def explain(self, error: Refusal, now: Instant) -> None:
        """Add both times and how far they are apart to a refusal that a wrong clock explains."""
        try:
            server = parsedate_to_datetime(self.date).astimezone(UTC)
        except (TypeError, ValueError, OverflowError):
            return
        if error.reason in CLOCKY and abs(server - now) > TOLERANCE:
            error.facts["clock"], error.facts["server"] = times.spell(now), times.spell(server)
            error.facts["apart"] = str(int((now - server).total_seconds()))
