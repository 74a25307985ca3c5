"""How far a download is: bytes, rate and remaining time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Moment:
    """`done` of `total` bytes after `seconds`; `step` is the phase that works."""

    step: str
    done: int
    total: int
    seconds: float

    @property
    def rate(self) -> float:
        """Bytes per second so far."""
        return self.done / self.seconds if self.seconds > 0 else 0.0

    @property
    def remaining(self) -> float | None:
        """Seconds still to go at that rate; None while nothing can be said."""
        return (self.total - self.done) / self.rate if self.rate else None


Progress: TypeAlias = Callable[[Moment], None]


def silent(moment: Moment) -> None:
    """Tell nobody."""
    del moment
