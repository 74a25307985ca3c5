"""A provider over HTTP and a member's machine, both on the test's own clock."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.client.provider import PRODUCT, Provider
from tests.client.serving import Site, serving
from warifu_client import settings, transport
from warifu_client.layout import Layout
from warifu_client.machine import Checkpoint, Machine, Means, passing
from warifu_client.settings import Settings
from warifu_client.starting import Started, Starter, run
from warifu_wire.check import Reading
from warifu_wire.manifest import Manifest


@dataclass
class Clock:
    """Both clocks of a machine, moved by hand; `drift` moves the wall alone."""

    wall: datetime = datetime(2012, 2, 5, 4, 0, tzinfo=UTC)
    boot: float = 1_000.0
    seen: list[Reading] = field(default_factory=list)

    def __call__(self) -> Reading:
        return Reading(self.wall, self.boot)

    def now(self) -> datetime:
        """The wall."""
        return self.wall

    def pass_(self, seconds: float) -> None:
        """Time goes by on both."""
        self.wall += timedelta(seconds=seconds)
        self.boot += seconds

    def drift(self, seconds: float) -> None:
        """The wall clock is set."""
        self.wall += timedelta(seconds=seconds)


Made = Callable[..., Machine]
GOOD = b"raise SystemExit(0)\n"


def start(settings: Settings, manifest: Manifest, tree: Path) -> Started:
    """The real start test, spared where the program is the one line that always starts."""
    script = tree / "start.py"
    if script.is_file() and script.read_bytes() == GOOD:
        return Started("")
    return run(settings, manifest, tree)


@pytest.fixture
def tmp_path() -> Iterator[Path]:
    """A folder in memory where there is one: these tests flush to disk all the time."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def provider(tmp_path: Path, clock: Clock) -> Provider:
    return Provider(tmp_path / "site", clock.now)


@pytest.fixture
def site(provider: Provider) -> Iterator[Site]:
    with serving(provider.folder) as running:
        yield running


@pytest.fixture
def made(tmp_path: Path, site: Site, provider: Provider, clock: Clock) -> Made:
    """A machine by name; asked for again with other means, it is the same folder."""

    def make(
        name: str = "member-0001",
        *,
        start: Starter = start,
        checkpoint: Checkpoint = passing,
        **told: object,
    ) -> Machine:
        layout = Layout(tmp_path / "machines" / name)
        given = Settings(site.address, PRODUCT, **told)
        if not layout.settings.exists() or told:
            settings.write(layout, given, provider.root)
        means = Means(clock, transport.of(given), start, checkpoint)
        return Machine(layout, settings.read(layout), means)

    return make


@pytest.fixture
def machine(made: Made) -> Machine:
    return made()


@pytest.fixture
def today(tmp_path: Path) -> Iterator[tuple[Provider, Site]]:
    """A provider on the real clock, for what runs as a process of its own."""
    provider = Provider(tmp_path / "today", lambda: datetime.now(UTC))
    with serving(provider.folder) as running:
        yield provider, running
