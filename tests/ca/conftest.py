"""One authority is founded for the whole run; every test gets a copy, and its own clock."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.rounds import few, quick
from warifu_ca import founding, serving
from warifu_ca.authority import Authority, opened

PASSPHRASE = "a passphrase for trying"
START = datetime(2012, 1, 10, 0, 0, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that stands until it is moved."""

    now: datetime = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> datetime:
        """Move the clock; by negative amounts, too."""
        self.now += timedelta(**by)
        return self.now


@pytest.fixture(autouse=True)
def paid(request: pytest.FixtureRequest) -> Iterator[None]:
    """A test that does not ask about rounds pays few of them."""
    with quick(request):
        yield


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that is copied; its keys stay loaded."""
    folder = tmp_path_factory.mktemp("founded") / "ca"
    with few():
        return founding.found(folder, PASSPHRASE, url="http://127.0.0.1:8460", clock=Clock())


@pytest.fixture(scope="session")
def founded_today(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority founded now, for the program, which has the wall clock."""
    folder = tmp_path_factory.mktemp("today") / "ca"
    with few():
        return founding.found(folder, PASSPHRASE, url="http://127.0.0.1:8460").folder


@pytest.fixture
def today(founded_today: Path, tmp_path: Path) -> Path:
    """A copy of `founded_today`: the folder."""
    return shutil.copytree(founded_today, tmp_path / "today")


@pytest.fixture
def clock() -> Clock:
    """The test's clock, at the start of the window of 2012."""
    return Clock()


@pytest.fixture
def authority(founded: Authority, tmp_path: Path, clock: Clock) -> Authority:
    """A fresh authority with the keys of `founded`."""
    return copied(founded, tmp_path / "ca", clock)


def copied(authority: Authority, folder: Path, clock: Clock) -> Authority:
    """The same authority as it is now, in another folder, its keys loaded."""
    shutil.copytree(authority.folder, folder)
    copy = opened(folder, PASSPHRASE, clock)
    keys = {role: authority.ring.key(role) for role in authority.certificates}
    return replace(copy, ring=replace(copy.ring, held=keys))


@pytest.fixture
def address(authority: Authority) -> Iterator[tuple[str, int]]:
    """The authority served on a free port of this machine."""
    server = serving.bound(authority, "127.0.0.1", 0)
    stopped = threading.Event()
    thread = threading.Thread(target=serving.serve, args=(server, stopped, print))
    thread.start()
    try:
        yield "127.0.0.1", server.server_address[1]
    finally:
        stopped.set()
        thread.join()
