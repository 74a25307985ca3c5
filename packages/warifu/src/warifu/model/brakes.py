"""Further gates a house may declare before a stage opens: the calendar's, and the help desk's.

They only ever hold back; the plan says the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta, timezone

from warifu.model.rollout import MILLION, Pace, Rollout, Wait
from warifu_wire import times
from warifu_wire.plan import Stage
from warifu_wire.times import Instant

JST = timezone(timedelta(hours=9), "JST")
SATURDAY = 6


@dataclass(frozen=True, slots=True)
class Calendar:
    """When stages may open: on working days within [opens, closes) hours, Japan time.

    `holidays` are the days on which nobody works besides Saturdays and Sundays.
    """

    opens: int = 9
    closes: int = 17
    holidays: frozenset[date] = frozenset()

    def brake(self, now: Instant) -> Wait | None:
        """Why no stage may open now, or None: 2012 began on a Sunday."""
        here = now.astimezone(JST)
        at = times.spell(now)
        if here.isoweekday() >= SATURDAY or here.date() in self.holidays:
            return Wait("no-working-day", {"at": at, "day": here.isoweekday()})
        if not self.opens <= here.hour < self.closes:
            hours = {"closes": self.closes, "opens": self.opens}
            return Wait("outside-hours", {"at": at, **hours})
        return None


@dataclass(frozen=True, slots=True)
class Desk:
    """What the help desk can absorb: `capacity` calls within the stage's soak.

    `feared` is the share (millionths) of installations that fail in the worst case worth preparing
    for, `contact` the share of those who then call.
    """

    capacity: int
    feared: int = 850_000
    contact: int = 100_000

    def predicted(self, stage: Stage, pace: Pace) -> int:
        """Calls to be expected if a stage goes wrong, rounded up."""
        whole = stage.members * pace.install * self.feared * self.contact
        return -(-whole // MILLION**3)

    def brake(self, stage: Stage, pace: Pace) -> Wait | None:
        """Why this stage is more than the desk could absorb, or None."""
        calls = self.predicted(stage, pace)
        if calls <= self.capacity:
            return None
        return Wait("desk-full", {"capacity": self.capacity, "predicted": calls})


@dataclass(frozen=True, slots=True)
class Brakes:
    """The gates a house has declared; none unless it says so."""

    calendar: Calendar | None = None
    desk: Desk | None = None

    def waits(self, rollout: Rollout, pace: Pace, now: Instant) -> tuple[Wait, ...]:
        """Why the following stage may not open now, for each gate that says no."""
        if rollout.following is None:
            return ()
        found = (
            None if self.calendar is None else self.calendar.brake(now),
            None if self.desk is None else self.desk.brake(rollout.following, pace),
        )
        return tuple(one for one in found if one is not None)
