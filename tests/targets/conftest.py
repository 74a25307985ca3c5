"""Fixtures of the tree's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.targets.house import House


@pytest.fixture(params=["folder", "memory"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> House:
    """A founded house with one product and nothing published, in each form."""
    return House(tmp_path / "public", memory=request.param == "memory").found()


@pytest.fixture
def disk(tmp_path: Path) -> House:
    """The same with a real tree."""
    return House(tmp_path / "public").found()
