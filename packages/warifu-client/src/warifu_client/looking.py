"""The state of the installed tree by looking at it: every file re-hashed, nothing remembered."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from warifu_client import health, seen
from warifu_client.layout import Layout, release_of
from warifu_client.machine import Machine
from warifu_client.seen import NOTHING, Hashed, Mark
from warifu_client.system import HERE
from warifu_wire.digest import Digest, of_bytes, of_file, of_tree
from warifu_wire.errors import Fault, Refusal
from warifu_wire.manifest import Manifest, Member, parse
from warifu_wire.routes import Health, Tree

Found = Mapping[str, tuple[str, Digest]]


@dataclass(frozen=True, slots=True)
class Look:
    """What lies in a release folder: `found` is path → (mode, sha256), data paths left out.

    `wrong` are members missing or different, `extra` the files no manifest knows.
    """

    folder: Path | None
    release: Digest | None
    manifest: Manifest | None
    tree: Tree
    digest: Digest
    found: Found
    wrong: tuple[Member, ...]
    extra: tuple[str, ...]
    health: Health


def look(machine: Machine, name: str | None, hashed: Hashed = NOTHING) -> Look:
    """Look at the folder of that name (None: the legacy folder, if the settings name one).

    `hashed` are files whose hash is believed while size, times and place are the same. Raises
    `Fault` when a file cannot be read.
    """
    layout = machine.layout
    release = None if name is None else release_of(name)
    manifest = None if release is None else kept_manifest(layout, release)
    folder = layout.release(name) if name else legacy(machine)
    modes = machine.system.modes
    found = {} if folder is None else files(folder, manifest, hashed, modes=modes)
    digest = of_tree((path, mode, sha) for path, (mode, sha) in found.items())
    known = health.last(machine, name)
    if manifest is None:
        return Look(folder, release, None, Tree.FOREIGN, digest, found, (), (), known)
    ours = checked(manifest)
    wrong = tuple(one for one in ours if found.get(one.path) != (one.mode, one.sha256))
    extra = tuple(sorted(found.keys() - {one.path for one in manifest.members}))
    tree = _state(layout, manifest, found, wrong, extra)
    return Look(folder, release, manifest, tree, digest, found, wrong, extra, known)


def current(machine: Machine) -> Look:
    """Look at what the pointer names."""
    return look(machine, machine.current.read())


def glance(machine: Machine) -> Look:
    """Look at what the pointer names, reading only files that changed since they were hashed.

    Good enough to ask what is offered. Nothing is ever linked, patched or switched on its word.
    """
    name, began = machine.current.read(), time.time_ns()
    found = look(machine, name, seen.known(machine, name))
    seen.note(machine, name, found.folder, found.found, began)
    return found


def legacy(machine: Machine) -> Path | None:
    """The folder of a program installed before there was an updater, if it is still there."""
    path = Path(machine.settings.legacy) if machine.settings.legacy else None
    return path if path is not None and path.is_dir() else None


def kept_manifest(layout: Layout, release: Digest) -> Manifest | None:
    """The kept manifest of a release, if its bytes are still exactly that release."""
    try:
        data = layout.manifest(release).read_bytes()
    except OSError:
        return None
    if of_bytes(data) != release:
        return None
    try:
        return parse(data)
    except Refusal:
        return None


def files(
    folder: Path,
    manifest: Manifest | None,
    hashed: Hashed = NOTHING,
    *,
    modes: bool = HERE.modes,
) -> dict[str, tuple[str, Digest]]:
    """Every file below a folder as path → (mode, sha256), without the member's data paths.

    Byte code that Python wrote beside its source is no part of a tree: it is only ever loaded for
    the source it was made from, and every start may write it. Where a system has no `modes`, files
    have those that the manifest tells. Raises `Fault`.
    """
    keeps = frozenset() if manifest is None else frozenset(manifest.keeps)
    told = {} if manifest is None else {one.path: one.mode for one in manifest.members}
    try:
        return {
            path: _content(folder / path, None if modes else told.get(path, ""), hashed.get(path))
            for path in _walk(folder, "")
            if not kept(path, keeps) and not _byte_code(path)
        }
    except OSError as error:
        raise Fault(f"cannot read {error.filename}: {error.strerror}", needed="access") from error


def checked(manifest: Manifest) -> tuple[Member, ...]:
    """The members that must be as the manifest says: all but those that begin a data path."""
    keeps = frozenset(manifest.keeps)
    return tuple(one for one in manifest.members if not kept(one.path, keeps))


def strangers(folder: Path, manifest: Manifest, data: Path) -> tuple[str, ...]:
    """Files in a release folder that are neither members, nor byte code, nor in `data` as well."""
    keeps, ours = frozenset(manifest.keeps), {one.path for one in manifest.members}

    def known(path: str) -> bool:
        if kept(path, keeps):
            place, own = folder / path, data / path
            return place.is_symlink() or (own.exists() and place.samefile(own))
        return path in ours or _byte_code(path)

    return tuple(path for path in _walk(folder, "") if not known(path))


def kept(path: str, keeps: frozenset[str]) -> bool:
    """Whether a path is one of the member's own, or below one."""
    return bool(keeps) and (
        path in keeps or any(str(above) in keeps for above in PurePosixPath(path).parents)
    )


def _state(
    layout: Layout,
    manifest: Manifest,
    found: Found,
    wrong: tuple[Member, ...],
    extra: tuple[str, ...],
) -> Tree:
    if not wrong and not extra:
        return Tree.INTACT
    if len(wrong) == len(checked(manifest)):
        return Tree.FOREIGN
    others = _others(layout, manifest)
    strange = [*(one.path for one in wrong), *extra]
    if any(found.get(path) in others.get(path, ()) for path in strange):
        return Tree.MIXED
    return Tree.MODIFIED


def _others(layout: Layout, manifest: Manifest) -> dict[str, set[tuple[str, Digest] | None]]:
    """What other releases this machine knows have at each path."""
    every: dict[str, set[tuple[str, Digest] | None]] = {}
    for path in layout.manifests.glob("*.json"):
        other = kept_manifest(layout, Digest(path.stem))
        if other is not None and other.tree != manifest.tree:
            for one in other.members:
                every.setdefault(one.path, set()).add((one.mode, one.sha256))
    return every


def _walk(folder: Path, below: str) -> Iterator[str]:
    with os.scandir(folder / below) as entries:
        for entry in entries:
            path = f"{below}/{entry.name}" if below else entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(folder, path)
            else:
                yield path


def _content(path: Path, told: str | None, hashed: Mark | None) -> tuple[str, Digest]:
    status = path.lstat()
    mode = status.st_mode
    if stat.S_ISLNK(mode):
        return "link", of_bytes(os.fsencode(path.readlink()))
    if not stat.S_ISREG(mode):
        return "special", of_bytes(b"")
    known = hashed is not None and hashed[0] == seen.stamp(status)
    digest = hashed[1] if hashed is not None and known else of_file(path)
    if told is not None:
        return (told if told in {"file", "exec"} else "file"), digest
    return ("exec" if mode & stat.S_IXUSR else "file"), digest


def _byte_code(path: str) -> bool:
    return path.endswith(".pyc") and PurePosixPath(path).parent.name == "__pycache__"
