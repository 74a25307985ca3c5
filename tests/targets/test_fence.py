"""A bucket without locks: a signer that slept finishes nothing, and loses nothing."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.targets.conftest import bucket_store
from tests.targets.house import PRODUCT, WHY, House
from warifu.engines.targets.bucket import BucketStore
from warifu.engines.targets.layout import TIMESTAMP
from warifu.engines.targets.repository import TufRepository
from warifu_wire.errors import Stale
from warifu_wire.manifest import Kind
from warifu_wire.stops import Halt

pytestmark = pytest.mark.repeats


@pytest.fixture
def live(tmp_path: Path) -> House:
    """A house whose tree is in a bucket, with a release published."""
    house = House(tmp_path / "public", store=bucket_store()).found()
    house.publish(house.release("print('one')", kind=Kind.INSTALL))
    return house


class Sleepy(BucketStore):
    """Somebody else works before this signer's step number `at`, once."""

    def __init__(self, store: BucketStore, at: int, meanwhile: Callable[[], object]) -> None:
        super().__init__(store._bucket)
        self.left = at
        self.meanwhile = meanwhile

    def put(self, name: str, data: bytes) -> None:
        self._tick()
        super().put(name, data)

    def look(self, name: str) -> str | None:
        self._tick()
        return super().look(name)

    def replace(self, name: str, data: bytes, seen: str | None) -> None:
        self._tick()
        super().replace(name, data, seen)

    def _tick(self) -> None:
        self.left -= 1
        if self.left == 0:
            self.meanwhile()


def stop(house: House, repository: TufRepository, who: str) -> None:
    """One more stop, by whoever; read again when another one was faster."""
    road = house.repository.current(PRODUCT).road
    assert road is not None
    for _ in range(20):
        stops = repository.current(PRODUCT).stops.added(
            road.offers[0].id, Halt.HELD, since=house.now, reason=WHY, by=who
        )
        try:
            repository.narrow(stops, who, house.now)
        except Stale:
            continue
        return
    raise AssertionError("never came to it")


@pytest.mark.parametrize("at", range(1, 8))
def test_a_signer_that_sleeps_before_any_step_spoils_nothing(live: House, at: int) -> None:
    assert isinstance(live.store, BucketStore)
    sleepy = Sleepy(live.store, at, lambda: stop(live, live.open(), "oncall-2"))
    stop(live, TufRepository(sleepy, live.keyring), "oncall-1")
    assert sleepy.left <= 0
    by = [one.by for one in live.repository.current(PRODUCT).stops.entries]
    assert sorted(by) == ["oncall-1", "oncall-2"]


def test_signers_on_many_machines_lose_no_stop(live: House) -> None:
    def work(who: str) -> None:
        repository = live.open()
        for _ in range(3):
            stop(live, repository, who)

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(work, ("oncall-1", "oncall-2", "alarm")))
    entries = live.repository.current(PRODUCT).stops.entries
    assert sorted(one.by for one in entries) == sorted(["oncall-1", "oncall-2", "alarm"] * 3)


def test_what_a_killed_signer_left_is_replaced(live: House) -> None:
    assert isinstance(live.store, BucketStore)
    before = live.repository.current(PRODUCT)
    name = f"metadata/{before.versions['stops'] + 1}.stops.json"
    live.store.put(name, b"left behind")
    live.store.put(name, b"something else")
    assert live.store.read(name) == b"left behind"
    stop(live, live.open(), "oncall-1")
    assert live.store.read(name) != b"left behind"
    assert live.repository.current(PRODUCT).stops.seq == 1


def test_a_swap_on_what_is_not_there_any_more_is_refused(live: House) -> None:
    assert isinstance(live.store, BucketStore)
    for expected in (b"another", None):
        with pytest.raises(Stale, match="another-signer"):
            live.store.swap(TIMESTAMP, expected, b"mine")
    assert live.store.read("metadata/none.json") is None
    assert not live.store.has("metadata/none.json")
