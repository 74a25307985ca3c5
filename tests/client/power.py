"""The power goes: of what a process wrote, only what it flushed is certain to be there.

A `Platter` watches a folder from the inside of the process that changes it. A flush of a file makes
its bytes and its mode certain, a flush of a folder the names in it; nothing else is. After the cut
the folder is built anew in one of three ways, all of which a disk may choose.
"""

from __future__ import annotations

import os
import pickle
import random
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

Choose = Callable[[], bool]
"""Whether a change that was not flushed is there all the same."""


@dataclass
class Platter:
    """What is certain, by inode: files as (bytes, mode), folders as name → (inode, link target)."""

    files: dict[int, tuple[bytes, int]] = field(default_factory=dict)
    folders: dict[int, dict[str, tuple[int, str | None]]] = field(default_factory=dict)

    def flush(self, handle: int) -> None:
        """A flush succeeded."""
        self._keep(f"/proc/self/fd/{handle}", os.fstat(handle))

    def everything(self, root: Path) -> None:
        """All that is there now, as after a long night."""
        for path in (root, *root.rglob("*")):
            self._keep(str(path), path.lstat())

    def _keep(self, path: str, status: os.stat_result) -> None:
        if stat.S_ISREG(status.st_mode):
            self.files[status.st_ino] = Path(path).read_bytes(), stat.S_IMODE(status.st_mode)
        elif stat.S_ISDIR(status.st_mode):
            with os.scandir(path) as entries:
                self.folders[status.st_ino] = {
                    one.name: (
                        one.inode(),
                        str(Path(path, one.name).readlink()) if one.is_symlink() else None,
                    )
                    for one in entries
                }


def begin(root: Path) -> Platter:
    """From now on, what is there is certain."""
    found = Platter()
    found.everything(root)
    return found


def ways(k: int) -> dict[str, Choose]:
    """The three ways; the third by dice of its own for each cut."""
    dice = random.Random(k)
    return {
        "flushed alone": lambda: False,
        "every name": lambda: True,
        "a mix": lambda: dice.random() < 0.5,
    }


def rebuild(root: Path, certain: Platter, choose: Choose) -> None:
    """Make the folder what the disk has of it after the cut.

    Bytes that were not flushed are torn or gone in every way: a name without its bytes is what
    file systems are known for.
    """
    now = begin(root)
    every = Platter({**now.files}, {**now.folders})
    tops = root.lstat().st_ino
    half = root.with_name(f"{root.name}.rebuilt")
    shutil.rmtree(half, ignore_errors=True)
    made: dict[int, Path] = {}
    _folder(half, tops, certain, every, choose, made)
    shutil.rmtree(root)
    half.rename(root)


def _folder(
    place: Path,
    inode: int,
    certain: Platter,
    every: Platter,
    choose: Choose,
    made: dict[int, Path],
) -> None:
    place.mkdir()
    old, new = certain.folders.get(inode, {}), every.folders.get(inode, {})
    for name in sorted({*old, *new}):
        found = new.get(name) if old.get(name) == new.get(name) or choose() else old.get(name)
        if found is None:
            continue
        child, target = found
        if target is not None:
            (place / name).symlink_to(target)
        elif child in certain.folders or child in every.folders:
            _folder(place / name, child, certain, every, choose, made)
        elif child in made:
            (place / name).hardlink_to(made[child])
        else:
            _file(place / name, child, certain, every, choose)
            made[child] = place / name


def _file(place: Path, inode: int, certain: Platter, every: Platter, choose: Choose) -> None:
    was, now = certain.files.get(inode), every.files.get(inode)
    if was is None:
        data, mode = now if now is not None else (b"", 0o644)
        data = data[: len(data) // 2] if choose() else b""
    elif now is None or now[0] == was[0]:
        data, mode = was[0], (now[1] if now is not None and choose() else was[1])
    else:
        data, mode = (now[0][: len(now[0]) // 2] if choose() else was[0]), was[1]
    place.write_bytes(data)
    place.chmod(mode)


def save(certain: Platter, path: Path) -> None:
    """Write it down for the process that rebuilds."""
    path.write_bytes(pickle.dumps(certain))


def load(path: Path) -> Platter:
    """What the dead process wrote down."""
    found: Platter = pickle.loads(path.read_bytes())
    return found
