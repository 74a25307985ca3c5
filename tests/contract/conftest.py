"""A place for the forms under contract."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.contract.forms import Place, a_place


@pytest.fixture
def place() -> Iterator[Place]:
    """A place of the test's own."""
    with a_place() as made:
        yield made
