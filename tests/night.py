"""Whether this run is the night's.

Test modules ask it, and conftest does not: the profile is chosen after that was read.
"""

from __future__ import annotations

from hypothesis import settings

NIGHT = settings.get_current_profile_name() == "nightly"
"""Look everywhere; otherwise only so far that the gate stays quick."""


def every(step: int) -> int:
    """How far from one point to the next: `step` in the gate, one at night."""
    return 1 if NIGHT else step
