"""The world once for all tests, and a bench with engines of the test's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.composition.bench import Bench
from tests.composition.world import World, make


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The repositories; tests that change them make their own."""
    return make(tmp_path_factory.mktemp("world"))


@pytest.fixture
def bench(world: World, tmp_path: Path) -> Bench:
    """Engines over the shared world."""
    return Bench(world, tmp_path)
