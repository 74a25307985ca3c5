"""Fixtures of the tree's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.targets.house import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A founded house with one product and nothing published."""
    return House(tmp_path / "public").found()
