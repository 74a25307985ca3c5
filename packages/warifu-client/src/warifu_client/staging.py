"""Build the new tree beside the old one: links to verified files, new files, all of it on disk."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from pathlib import Path

from warifu_client import looking
from warifu_client.layout import release_of
from warifu_client.looking import Look
from warifu_client.machine import Machine
from warifu_wire import atomic
from warifu_wire.digest import Digest
from warifu_wire.errors import Fault, Mismatch
from warifu_wire.manifest import Manifest, Member
from warifu_wire.routes import Tree

MODES = {"file": 0o644, "exec": 0o755}


def stage(machine: Machine, manifest: Manifest, name: str, look: Look) -> Look:
    """Build `releases/<name>` and look at it; raises `Mismatch` unless it is exactly the manifest.

    Files of the tree just looked at are linked, the others come from the store; the member's data
    paths are links into the one data folder, seeded from the old tree the first time.
    """
    tree = machine.layout.release(name)
    sources = {sha: path for path, (mode, sha) in look.found.items() if mode in MODES}
    try:
        tree.mkdir()
        for member in manifest.members:
            if not looking.kept(member.path, frozenset(manifest.keeps)):
                _place(machine, tree, member, _source(look, sources, member))
                machine.reached("placed")
        _keep(machine, manifest, tree, look)
        _flush(tree)
        atomic.sync_folder(machine.layout.releases)
    except OSError as error:
        raise Fault(f"cannot build {tree}: {error.strerror}", needed="disk space") from error
    machine.reached("staged")
    return verified(machine, name)


def verified(machine: Machine, name: str) -> Look:
    """Look at a release folder that must be intact; raises `Mismatch`, naming the first file."""
    found = looking.look(machine, name)
    if found.tree is not Tree.INTACT:
        first = next((one.path for one in found.wrong), next(iter(found.extra), name))
        raise Mismatch(
            "staged-tree-differs", needed=found.release or name, found=found.digest, path=first
        )
    return found


def discard(machine: Machine, name: str) -> None:
    """Remove a folder nobody points to, as far as that goes.

    A file that is held open or locked (a host that runs, a scanner, a read-only folder) must not
    keep an attempt from ending: what is left is nobody's, and goes with a later run.
    """
    shutil.rmtree(machine.layout.release(name), ignore_errors=True)
    machine.reached("discarded")


def retire(machine: Machine, name: str) -> None:
    """Remove an old release folder; what is not the program's goes to the member's aside.

    While a file of the member's cannot be moved there, the folder stays.
    """
    release = release_of(name)
    manifest = None if release is None else looking.kept_manifest(machine.layout, release)
    folder = machine.layout.release(name)
    try:
        ours = manifest is not None and folder.is_dir()
        data = machine.layout.data
        for path in looking.strangers(folder, manifest, data) if manifest and ours else ():
            target = machine.layout.aside / name / path
            target.parent.mkdir(parents=True, exist_ok=True)
            (folder / path).replace(target)
    except OSError:
        return
    discard(machine, name)


def _source(look: Look, sources: dict[Digest, str], member: Member) -> Path | None:
    path = sources.get(member.sha256)
    return look.folder / path if look.folder is not None and path is not None else None


def _place(machine: Machine, tree: Path, member: Member, source: Path | None) -> None:
    target = tree / member.path
    target.parent.mkdir(parents=True, exist_ok=True)
    stored = machine.layout.store / member.sha256
    if member.mode == "link":
        target.symlink_to(os.fsdecode(stored.read_bytes()))
        return
    wanted = MODES[member.mode] if machine.system.modes else None
    origin = source or stored
    state = stored.stat() if source is None else None
    if wanted and state and state.st_nlink == 1 and stat.S_IMODE(state.st_mode) != wanted:
        stored.chmod(wanted)
        _flush_file(stored)  # the bytes were flushed when they came; the mode is lost without this
    if wanted in (None, stat.S_IMODE(origin.stat().st_mode)):
        try:
            target.hardlink_to(origin)
            return
        except OSError:  # another disk, or one without links: the bytes are copied
            target.unlink(missing_ok=True)
    shutil.copyfile(origin, target)
    if wanted:
        target.chmod(wanted)
    _flush_file(target)


def _keep(machine: Machine, manifest: Manifest, tree: Path, look: Look) -> None:
    for path in manifest.keeps:
        own = machine.layout.data / path
        own.parent.mkdir(parents=True, exist_ok=True)
        if not os.path.lexists(own):
            _seed(machine, manifest, path, look.folder)
        elif look.release is not None and look.folder is not None:
            _bring_back(machine, look.folder / path, own)
        target = tree / path
        target.parent.mkdir(parents=True, exist_ok=True)
        machine.system.stand_in(target, own)


def _bring_back(machine: Machine, place: Path, own: Path) -> None:
    """A program that writes a new file and renames it has replaced our link by the file.

    What lies in the release folder is then the newest the member has: it becomes the member's own
    again, and the link comes back, so that this release and the next have the same.
    """
    if place.is_symlink() or not place.is_file() or not own.is_file() or place.samefile(own):
        return
    half, link = own.with_name(f"{own.name}.half"), place.with_name(f"{place.name}.half")
    for one in (half, link):
        one.unlink(missing_ok=True)
    shutil.copyfile(place, half)
    _flush_file(half)
    half.replace(own)
    atomic.sync_folder(own.parent)
    machine.system.stand_in(link, own)
    with contextlib.suppress(OSError):  # a program that has it open keeps it until it ends
        link.replace(place)


def _seed(machine: Machine, manifest: Manifest, path: str, old: Path | None) -> None:
    """Begin the member's data: what the old tree had there, else what the release brings."""
    own = machine.layout.data / path
    half = own.with_name(f"{own.name}.half")
    shutil.rmtree(half, ignore_errors=True)
    if old is not None and (old / path).is_dir() and not (old / path).is_symlink():
        shutil.copytree(old / path, half, symlinks=True)
    elif old is not None and (old / path).is_file():
        shutil.copyfile(old / path, half)
    else:
        for member in manifest.members:
            if looking.kept(member.path, frozenset({path})):
                target = half / Path(member.path).relative_to(path)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(machine.layout.store / member.sha256, target)
        if not half.exists() and not Path(path).suffix:
            half.mkdir()
    if half.exists():
        half.replace(own)


def _flush(tree: Path) -> None:
    """Flush every folder of a tree, the deepest first."""
    for folder, _, _ in os.walk(tree, topdown=False):
        atomic.sync_folder(Path(folder))


def _flush_file(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
