"""What every test shares: property runs that repeat exactly in the gate and search on at night."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import pytest
from coverage import Coverage
from hypothesis import HealthCheck, settings

from tests.forks import MEASURING

# In the gate a property test is as repeatable as any other; at night it looks further.
settings.register_profile(
    "gate",
    derandomize=True,
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("nightly", deadline=None, max_examples=2_000, print_blob=True)
if settings.get_current_profile_name() != "nightly":  # a worker has chosen before it reads this
    settings.load_profile("gate")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole roads first: they take longest, and would leave one worker alone at the end."""
    items.sort(key=lambda item: "story" not in item.path.parts)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """A test that only repeats what others run is not measured: that would cost a third of it."""
    whole = item.get_closest_marker("repeats") is not None
    programs = whole or item.get_closest_marker("programs_repeat") is not None
    with _unmeasured() if whole else nullcontext(), _alone() if programs else nullcontext():
        return (yield)


@contextmanager
def _unmeasured() -> Iterator[None]:
    """Where the gate measures, no coverage here; the night, which wants every line, measures on."""
    measured = Coverage.current()
    if measured is None or not any(name.startswith(MEASURING) for name in os.environ):
        yield
        return
    measured.stop()
    try:
        yield
    finally:
        measured.start()


@contextmanager
def _alone() -> Iterator[None]:
    """No coverage in the programs that are started."""
    kept = {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(MEASURING)}
    try:
        yield
    finally:
        os.environ.update(kept)


def pytest_sessionfinish() -> None:
    """A test worker may be ended before it writes what it measured; this is early enough."""
    measured = Coverage.current()
    if measured is not None:
        measured.save()
