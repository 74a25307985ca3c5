"""Which files were hashed when: size, times and place on disk, so that a glance need not read."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from warifu_client.machine import Machine
from warifu_wire import atomic
from warifu_wire.digest import Digest, digest
from warifu_wire.errors import Refusal

Mark: TypeAlias = tuple[str, Digest]
Hashed: TypeAlias = Mapping[str, Mark]
NOTHING: Hashed = {}
PLAIN = frozenset({"file", "exec"})
RACY = 2_000_000_000
"""Clocks of file systems are coarse: changes this close (ns) to the reading are not told apart."""


def stamp(status: os.stat_result) -> str:
    """What changes when a file is written, replaced or touched; ctime cannot be set by hand."""
    times = (status.st_mtime_ns, status.st_ctime_ns)
    return " ".join(map(str, (status.st_dev, status.st_ino, status.st_size, *times)))


def known(machine: Machine, name: str | None) -> Hashed:
    """The hashes noted for a folder; a damaged note is none."""
    try:
        found = json.loads(machine.layout.seen.read_bytes())
        rows = found["files"] if found["folder"] == name else {}
        return {path: (str(mark), digest(sha)) for path, (mark, sha) in rows.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, Refusal):
        return NOTHING


def note(
    machine: Machine,
    name: str | None,
    folder: Path | None,
    found: Mapping[str, tuple[str, Digest]],
    began: int,
) -> None:
    """Write down what was hashed since `began` (ns), unless it stands there. Raises `Fault`.

    A file that changed so lately that it may have changed after its hashing is left out.
    """
    if name is None or folder is None:
        return
    states = {path: (folder / path).lstat() for path, (mode, _) in found.items() if mode in PLAIN}
    marks = {
        path: (stamp(state), found[path][1])
        for path, state in states.items()
        if state.st_ctime_ns < began - RACY
    }
    if marks != known(machine, name):
        data = json.dumps({"files": marks, "folder": name}, separators=(",", ":")).encode()
        atomic.write(machine.layout.seen, data)
