"""Trees on disk: written for a sandbox, and read back from it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from warifu.model.tree import File, Tree, file
from warifu_wire.errors import Malformed, Refusal

_LIMIT = 1 << 30


def spread(tree: Tree, folder: Path, epoch: int = 315_532_800) -> None:
    """Write a tree into an empty folder, all files dated `epoch` (seconds).

    Raises `Malformed` for a path that would leave the folder.
    """
    links = []
    for path, one in tree.items():
        parts = path.split("/")
        if any(part in {"", ".", ".."} for part in parts):
            raise Malformed("path-outside-tree", needed="a plain relative path", found=path)
        target = folder.joinpath(*parts)
        target.parent.mkdir(parents=True, exist_ok=True)
        if one.mode == "link":  # after all files, so that nothing is written through a link
            links.append((target, one.data))
            continue
        target.write_bytes(one.data)
        target.chmod(0o755 if one.mode == "exec" else 0o644)
        os.utime(target, (epoch, epoch))
    for target, data in links:
        target.symlink_to(os.fsdecode(data))


def collect(folder: Path) -> dict[str, File]:
    """Everything in a folder as a tree; raises `Refusal` for what no program may hold."""
    found: dict[str, File] = {}
    size = 0
    for above, folders, names in os.walk(folder):
        links = [name for name in folders if Path(above, name).is_symlink()]
        for name in sorted(names + links):
            target = Path(above, name)
            path = target.relative_to(folder).as_posix()
            if any("\udc80" <= one <= "\udcff" for one in path):  # a byte that is no UTF-8
                raise Refusal("path-not-utf8", needed="file names in UTF-8", path=ascii(path))
            how = target.lstat()
            size += how.st_size
            if size > _LIMIT:
                raise Refusal("build-too-large", needed=f"at most {_LIMIT} bytes", path=path)
            found[path] = _one(target, how, path)
    return found


def _one(target: Path, how: os.stat_result, path: str) -> File:
    if stat.S_ISLNK(how.st_mode):
        return file("link", os.fsencode(target.readlink()))
    if not stat.S_ISREG(how.st_mode):
        raise Refusal("strange-file", needed="plain files and links", path=path)
    return file("exec" if how.st_mode & 0o111 else "file", target.read_bytes())
