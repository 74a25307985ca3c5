"""Files on disk: written whole or not at all, and digests of what is really there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tests.wire import sample
from warifu_wire import atomic
from warifu_wire.digest import of_bytes, of_file, of_tree
from warifu_wire.errors import Fault


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "facts"
    atomic.write(path, b"old")
    atomic.write(path, b"new", mode=0o600)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_cannot_be_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    with pytest.raises(Fault, match="cannot write"):
        atomic.write(tmp_path / "missing" / "facts", b"new")
    (tmp_path / "taken").mkdir()
    with pytest.raises(Fault, match=os.strerror(errno.EISDIR)):
        atomic.write(tmp_path / "taken", b"new")
    assert [one.name for one in tmp_path.iterdir()] == ["taken"]


def test_a_full_disk_is_a_fault() -> None:
    with pytest.raises(Fault):
        atomic.write(Path("/dev/full/facts"), b"new")


def test_digests(tmp_path: Path) -> None:
    path = tmp_path / "bytes"
    path.write_bytes(bytes(3 << 20))
    assert of_file(path) == of_bytes(bytes(3 << 20))
    rows = [("b", "file", sample.ARCHIVE), ("a", "exec", sample.ARCHIVE)]
    assert of_tree(rows) == of_tree(reversed(rows))
    assert of_tree(rows) != of_tree([("a", "file", sample.ARCHIVE), ("b", "exec", sample.ARCHIVE)])
