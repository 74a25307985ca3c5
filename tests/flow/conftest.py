"""What the stations' tests share."""

from __future__ import annotations

import pytest

from tests.flow.road import Road


@pytest.fixture
def road() -> Road:
    """A road with memory engines, of the test's own."""
    return Road()
