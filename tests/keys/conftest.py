"""A live house on real key files: every key of a house in a keyring, a real TUF tree, a member."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.keys.drill import Drill, key_files


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The key files of a house, made once a run."""
    return key_files(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def drill(files: Path, tmp_path: Path) -> Drill:
    """A house that began a moment ago and has published a release that everybody is offered."""
    shutil.copytree(files, tmp_path / "keys")
    return Drill(tmp_path, datetime.now(UTC) - timedelta(seconds=300)).begun()
