"""Who stops more within an hour than one incident needs."""

from __future__ import annotations

from datetime import timedelta

from tests.wire import sample
from warifu.model.standing import hasty
from warifu_wire.digest import of_bytes
from warifu_wire.stops import Halt, Stops


def listed(*minutes: int, releases: int) -> Stops:
    """Stops by oncall-1 so many minutes ago, of so many releases in turn."""
    found = Stops(sample.PRODUCT, ())
    for number, ago in enumerate(minutes):
        found = found.added(
            of_bytes(b"%d" % (number % releases)),
            Halt.HELD,
            since=sample.NOW - timedelta(minutes=ago),
            reason=sample.REASON,
            by="oncall-1",
        )
    return found


def test_haste_is_many_stops_or_many_releases_within_an_hour() -> None:
    assert hasty(listed(1, 1, 1, releases=3).entries, sample.NOW) == {}
    assert set(hasty(listed(1, 1, 1, 1, releases=4).entries, sample.NOW)) == {"oncall-1"}
    assert hasty(listed(61, 1, 1, 1, releases=4).entries, sample.NOW) == {}
    assert hasty(listed(*[5] * 10, releases=1).entries, sample.NOW) == {}
    assert len(hasty(listed(*[5] * 11, releases=1).entries, sample.NOW)["oncall-1"]) == 11
