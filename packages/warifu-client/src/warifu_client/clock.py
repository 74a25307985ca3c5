"""The machine's two clocks: the wall, and the seconds since boot that also count in sleep."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime

from warifu_wire.check import Reading

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
