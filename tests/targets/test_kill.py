"""kill -9 before every write: a client sees the old or the new, and the next run completes it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.night import every
from tests.targets.house import PRODUCT, House, Release, files_of
from tests.targets.member import local
from tests.targets.process import killed_before
from warifu_wire import check
from warifu_wire.manifest import Kind
from warifu_wire.policy import People

pytestmark = pytest.mark.repeats


def start() -> datetime:
    """A little ago: every test has a lease of its own, however late in the run it comes."""
    return datetime.now(UTC) - timedelta(seconds=200)


@pytest.fixture
def ready(tmp_path: Path) -> tuple[House, Release]:
    """A house that has published one release and has a second one ready."""
    house = House(tmp_path / "public", now=start()).found()
    first = house.release("print('one')", kind=Kind.INSTALL)
    house.publish(first)
    return house, first


Verb = Callable[[House, Release], Callable[[], object]]


def enact(house: House, first: Release) -> Callable[[], object]:
    """Publish a second release."""
    second = house.release("print('two')", rank=2, kind=Kind.INSTALL)
    road = house.approve(house.routes(first, second))
    return lambda: house.repository.enact(
        road, files_of(first, second), house.depot, house.now + timedelta(seconds=5)
    )


def narrow(house: House, first: Release) -> Callable[[], object]:
    """Stop the release."""
    reason = {"en": "No.", "ja": "否。"}
    stops = house.repository.current(PRODUCT).stops.added(
        first.id, check.Halt.STOPPED, since=house.now, reason=reason, by="oncall-1"
    )
    return lambda: house.repository.narrow(stops, "oncall-1", house.now + timedelta(seconds=5))


def policy(house: House, first: Release) -> Callable[[], object]:
    """Somebody on call leaves."""
    left = People(tuple(one for one in house.people.people if one.id != "oncall-2"))
    return lambda: house.repository.policy(house.rules, left, house.now + timedelta(seconds=5))


def welcome(house: House, first: Release) -> Callable[[], object]:
    """A second product."""
    return lambda: house.repository.welcome("second", house.now + timedelta(seconds=5))


def lease(house: House, first: Release) -> Callable[[], object]:
    """Renew everything."""
    return lambda: house.repository.lease(house.now + timedelta(hours=25))


@pytest.mark.parametrize("verb", [enact, narrow, policy, welcome, lease])
def test_old_or_new_at_every_write(
    verb: Verb, ready: tuple[House, Release], tmp_path: Path
) -> None:
    house, first = ready
    base = tmp_path / "base"
    shutil.copytree(house.folder, base)
    act = verb(house, first)
    old = house.repository.current(PRODUCT)
    act()
    new = house.repository.current(PRODUCT)
    assert new != old
    seen: list[bool] = []
    for point in range(1, 500, every(3)):
        shutil.rmtree(house.folder)
        shutil.copytree(base, house.folder)
        if not killed_before(point, act):
            break
        found = house.repository.current(PRODUCT)
        assert found in (old, new)
        member = local(house.folder, tmp_path / f"member-{point}")
        if verb is not lease:
            # The renewed tree is of tomorrow; a client of today has its own tests.
            opened = check.opened(member.refresh(), member.floors, member.clock)
            opened.warned(PRODUCT).routed()
        seen.append(found == new)
        act()
        done = house.repository.current(PRODUCT)
        assert done.versions | {"timestamp": 0} == new.versions | {"timestamp": 0}
        assert (done.routes, done.stops, done.people) == (new.routes, new.stops, new.people)
    assert len(seen) >= 2
    assert seen == sorted(seen)


def test_a_founding_that_was_killed_is_founded_again(tmp_path: Path) -> None:
    for point in range(1, 500, every(3)):
        house = House(tmp_path / f"public-{point}", now=start())
        if not killed_before(point, house.found):
            break
        house.found()
        assert house.repository.current(PRODUCT).stops.entries == ()
    assert point > 10
