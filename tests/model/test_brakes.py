"""The calendar and the desk hold a stage back, and say by how much."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from tests.model.test_rollout import PLAN, at
from warifu.model.brakes import Brakes, Calendar, Desk
from warifu.model.rollout import Pace
from warifu_wire.plan import Audience, Stage

CALENDAR = Calendar(holidays=frozenset({date(2012, 2, 13)}))


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (datetime(2012, 2, 5, 4, 23, tzinfo=UTC), "no-working-day"),  # Sunday 13:23, as in 2012
        (datetime(2012, 2, 11, 4, 0, tzinfo=UTC), "no-working-day"),  # Saturday
        (datetime(2012, 2, 13, 1, 0, tzinfo=UTC), "no-working-day"),  # declared
        (datetime(2012, 2, 5, 23, 59, tzinfo=UTC), "outside-hours"),  # Monday 08:59
        (datetime(2012, 2, 6, 0, 0, tzinfo=UTC), None),  # Monday 09:00
        (datetime(2012, 2, 6, 7, 59, tzinfo=UTC), None),  # Monday 16:59
        (datetime(2012, 2, 6, 8, 0, tzinfo=UTC), "outside-hours"),  # Monday 17:00
    ],
)
def test_calendar(at: datetime, code: str | None) -> None:
    """Working days and hours are Japan's."""
    found = CALENDAR.brake(at)
    assert (None if found is None else found.code) == code


def stage(members: int) -> Stage:
    """A stage for so many members."""
    return Stage("to", Audience.SHARE, 1, members, 0, 0, 0)


def test_desk() -> None:
    """500 * .6 * .85 * .1 = 25.5 calls: 26 fit, 25 do not."""
    assert Desk(26).brake(stage(500), Pace()) is None
    found = Desk(25).brake(stage(500), Pace())
    assert found is not None
    assert (found.code, found.facts) == ("desk-full", {"capacity": 25, "predicted": 26})
    assert Desk(0).predicted(stage(0), Pace()) == 0


def test_declared_gates_hold_what_is_still_to_open() -> None:
    """None is declared unless a house says so; after the last stage there is nothing to hold."""
    sunday = datetime(2012, 2, 5, 4, 23, tzinfo=UTC)
    declared = Brakes(Calendar(), Desk(0))
    codes = [one.code for one in declared.waits(at(1, 60), Pace(), sunday)]
    assert codes == ["no-working-day", "desk-full"]
    assert Brakes().waits(at(1, 60), Pace(), sunday) == ()
    last = at(len(PLAN.stages) - 1, 60)
    assert declared.waits(last, Pace(), sunday) == ()
