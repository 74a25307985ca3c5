"""Two signers at once: one is first, the other is refused or waits; readers never see a mixture."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.forks import left
from tests.targets.house import PRODUCT, WHY, House
from tests.targets.member import local
from tests.targets.process import forked
from warifu_wire import check
from warifu_wire.errors import Stale
from warifu_wire.manifest import Kind
from warifu_wire.stops import Halt

pytestmark = pytest.mark.repeats


@pytest.fixture
def live(tmp_path: Path) -> House:
    """A house that began a moment ago."""
    return House(tmp_path / "public", now=datetime.now(UTC) - timedelta(seconds=200)).found()


def at_once(*works: Callable[[], object]) -> list[int]:
    """Exit codes of child processes that work side by side."""
    return [left(one) for one in [forked(work) for work in works]]


def test_of_two_different_publications_of_one_seq_one_is_published(live: House) -> None:
    releases = [live.release(f"print({number})", kind=Kind.INSTALL) for number in range(4)]
    roads = [live.approve(live.routes(one)) for one in releases]

    def enact(number: int) -> Callable[[], object]:
        def work() -> None:
            try:
                live.open().enact(roads[number], releases[number].files, live.depot, live.now)
            except Stale as refusal:
                assert refusal.reason == "routes-seq"

        return work

    assert at_once(*(enact(number) for number in range(4))) == [0] * 4
    found = live.repository.current(PRODUCT).road
    assert found is not None
    assert found.offers[0].id in {one.id for one in releases}
    assert live.repository.current(PRODUCT).versions["releases"] == 2


def test_stops_of_many_signers_are_all_kept(live: House) -> None:
    release = live.release("print('one')", kind=Kind.INSTALL)
    live.publish(release)

    def stop(who: str) -> Callable[[], object]:
        def work() -> None:
            done = 0
            while done < 5:
                repository = live.open()
                stops = repository.current(PRODUCT).stops.added(
                    release.id, Halt.HELD, since=live.now, reason=WHY, by=who
                )
                try:
                    repository.narrow(stops, who, live.now)
                except Stale:
                    continue
                done += 1

        return work

    def lease() -> None:
        for _ in range(10):
            live.open().lease(live.now)

    assert at_once(stop("oncall-1"), stop("oncall-2"), stop("alarm"), lease) == [0] * 4
    entries = live.repository.current(PRODUCT).stops.entries
    assert sorted(one.by for one in entries) == sorted(["oncall-1", "oncall-2", "alarm"] * 5)


def test_a_reader_polls_through_publications_and_kills(live: House, tmp_path: Path) -> None:
    """20 publications, half of them killed at a random moment; each look is whole."""
    releases = [live.release(f"print({number})", rank=number, kind=Kind.INSTALL)
                for number in range(20)]  # fmt: skip
    live.publish(releases[0])
    member = local(live.folder, tmp_path / "member")

    def look() -> int:
        opened = check.opened(member.refresh(), member.floors, member.clock)
        routed = opened.warned(PRODUCT).routed()
        member.floors = routed.floors
        for offer in routed.routes.offers:
            routed.proven(offer)
        return routed.routes.seq

    looks, seen = 0, 0
    for number, one in enumerate(releases[1:], 2):
        live.passes()
        road = live.approve(live.routes(one))
        while seen < number:
            child = forked(lambda: live.open().enact(road, one.files, live.depot, live.now))  # noqa: B023
            if (number + looks) % 2:
                time.sleep((number % 7) / 200)
                os.kill(child, signal.SIGKILL)
            looks += 1
            now = look()
            assert now in (number - 1, number)
            left(child)
            seen = look()
            assert now <= seen <= number
    assert seen == 20
