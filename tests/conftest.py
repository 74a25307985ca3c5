"""What every test shares: property runs that repeat exactly in the gate and search on at night."""

from __future__ import annotations

import pytest
from coverage import Coverage
from hypothesis import HealthCheck, settings

# In the gate a property test is as repeatable as any other; at night it looks further.
settings.register_profile(
    "gate",
    derandomize=True,
    deadline=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("nightly", deadline=None, max_examples=2_000, print_blob=True)
settings.load_profile("gate")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whole roads first: they take longest, and would leave one worker alone at the end."""
    items.sort(key=lambda item: "story" not in item.path.parts)


def pytest_sessionfinish() -> None:
    """A test worker may be ended before it writes what it measured; this is early enough."""
    measured = Coverage.current()
    if measured is not None:
        measured.save()
