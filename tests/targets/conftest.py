"""Fixtures of the tree's tests."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from tests.contract.forms import bucket
from tests.targets.house import House
from warifu.engines.depot.bucket import BucketDepot
from warifu.engines.targets.bucket import BucketStore


@pytest.fixture(params=["folder", "memory", "bucket"])
def house(request: pytest.FixtureRequest, tmp_path: Path) -> House:
    """A founded house with one product and nothing published, in each form."""
    if request.param == "bucket":
        return House(tmp_path / "public", store=bucket_store()).found()
    return House(tmp_path / "public", memory=request.param == "memory").found()


@pytest.fixture
def disk(tmp_path: Path) -> House:
    """The same with a real tree."""
    return House(tmp_path / "public").found()


def bucket_store() -> BucketStore:
    """The tree in a fresh prefix of a real S3-compatible store."""
    return BucketStore(BucketDepot(bucket(f"tree-{secrets.token_hex(4)}"))._store)
