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


@pytest.fixture(scope="session")
def begun(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a live house, made once a run."""
    folder = tmp_path_factory.mktemp("begun")
    shutil.copytree(files, folder / "keys")
    Drill(folder, datetime.now(UTC) - timedelta(seconds=300)).begun()
    return folder


@pytest.fixture
def drill(begun: Path, tmp_path: Path) -> Drill:
    """A house that has published a release that everybody is offered, its lease signed just now."""
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    return Drill(tmp_path, datetime.now(UTC) - timedelta(seconds=100)).resumed()
