"""Somebody else's client reads our repository, and refuses it when it was tampered with: tuf-js."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.client.serving import Site, serving
from tests.node import NODE, installed
from tests.targets.house import PRODUCT, House, Release
from warifu_wire.digest import Digest

HERE = Path(__file__).parent / "tufjs"


@pytest.fixture(scope="session")
def reader() -> Path:
    """tuf-js as its lock file pins it, installed once beside the other things that are made."""
    return installed(HERE) / "read.mjs"


@pytest.fixture
def published(tmp_path: Path) -> Iterator[tuple[House, Release, Site]]:
    """Our own repository with one release, served now."""
    house = House(tmp_path / "public", now=datetime.now(UTC).replace(microsecond=0)).found()
    one = house.release("one")
    house.publish(one)
    with serving(house.folder) as site:
        yield house, one, site


def read(reader: Path, folder: Path, site: Site, *names: str) -> tuple[int, dict[str, Digest], str]:
    """What the reader found: exit code, digests by name, and what it said."""
    metadata, targets = folder / "metadata", folder / "targets"
    for one in (metadata, targets):
        one.mkdir(parents=True, exist_ok=True)
    shutil.copy(site.folder / "metadata" / "1.root.json", metadata / "root.json")
    command = [NODE, reader, metadata, targets, site.address, *names]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rows = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    return done.returncode, {name: Digest(sha) for sha, name in rows}, done.stderr


def test_it_reads_every_target(
    reader: Path, published: tuple[House, Release, Site], tmp_path: Path
) -> None:
    _, one, site = published
    names = [
        *("policy/rules.json", "policy/people.json", f"stops/{PRODUCT}.json"),
        *(f"gates/{PRODUCT}.json", f"routes/{PRODUCT}.json", *one.files),
    ]
    code, found, said = read(reader, tmp_path / "reader", site, *names)
    assert (code, said) == (0, "")
    assert found.keys() == set(names)
    assert {name: found[name] for name in one.files} == one.files


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets", "stops", "releases"])
def test_it_refuses_tampered_metadata(
    role: str, reader: Path, published: tuple[House, Release, Site], tmp_path: Path
) -> None:
    house, _, site = published
    paths = sorted((house.folder / "metadata").glob(f"*{role}.json"))
    data = paths[-1].read_bytes()
    paths[-1].write_bytes(data.replace(b'"expires":"2', b'"expires":"3', 1))
    assert paths[-1].read_bytes() != data
    name = f"stops/{PRODUCT}.json" if role == "stops" else f"routes/{PRODUCT}.json"
    code, found, said = read(reader, tmp_path / "reader", site, name)
    assert (code, found) == (1, {})
    assert "Error" in said


def test_it_refuses_a_tampered_target(
    reader: Path, published: tuple[House, Release, Site], tmp_path: Path
) -> None:
    house, one, site = published
    for path in (house.folder / "targets" / "manifests").rglob("*.json"):
        path.write_bytes(path.read_bytes().replace(b"Ver1.10", b"Ver9.99"))
    code, _, said = read(reader, tmp_path / "reader", site, f"manifests/{PRODUCT}/{one.id}.json")
    assert code == 1
    assert "Error" in said
