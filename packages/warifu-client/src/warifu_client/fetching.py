"""Bring the contents that are missing: by patch where there is one, else whole; always verified."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from warifu_client import downloading, looking, patching, unpacking
from warifu_client.downloading import Meter
from warifu_client.layout import release_of
from warifu_client.looking import Look
from warifu_client.machine import Machine
from warifu_wire.delta import Delta, Patch
from warifu_wire.digest import Digest, of_file
from warifu_wire.errors import Mismatch, Refusal
from warifu_wire.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Wanted:
    """One content to bring and its size in bytes; `patch` from the file `base`, if there is one."""

    sha256: Digest
    size: int
    patch: Patch | None = None
    base: Path | None = None

    @property
    def cost(self) -> int:
        """About how many bytes it takes to bring."""
        return self.size if self.patch is None else self.patch.size


def missing(
    machine: Machine, manifest: Manifest, look: Look, delta: Delta | None = None
) -> tuple[Wanted, ...]:
    """Contents of a manifest that neither the tree just looked at nor the store has."""
    here = {sha: path for path, (mode, sha) in look.found.items() if mode in {"file", "exec"}}
    patches = {} if delta is None else delta.patches
    every: dict[Digest, Wanted] = {}
    for one in manifest.members:
        if one.sha256 in here or (machine.layout.store / one.sha256).is_file():
            continue
        patch = patches.get(one.sha256)
        if patch is not None and patch.base in here and look.folder is not None:
            base = look.folder / here[patch.base]
            every[one.sha256] = Wanted(one.sha256, one.size, patch, base)
        else:
            every[one.sha256] = Wanted(one.sha256, one.size)
    return tuple(every.values())


def gather(machine: Machine, manifest: Manifest, look: Look) -> None:
    """Link into the store what the kept previous release has of the missing contents, re-hashed."""
    kept = _kept(machine)
    wanted = {one.sha256 for one in missing(machine, manifest, look)}
    for sha, path in kept.items():
        if sha in wanted and _is(path, sha):
            with contextlib.suppress(OSError):  # another try brings it from the provider
                (machine.layout.store / sha).hardlink_to(path)


def cost(machine: Machine, wanted: Iterable[Wanted]) -> int:
    """About how many bytes have to come from the provider for these."""
    kept = _kept(machine)
    return sum(one.cost for one in wanted if one.sha256 not in kept)


def room(machine: Machine, wanted: Iterable[Wanted]) -> None:
    """Refuse before the first byte when the disk or the quota cannot take it, and ten per cent."""
    every = tuple(wanted)
    largest = max((one.size for one in every), default=0)
    need = int((sum(one.size + one.cost for one in every) + largest) * 1.1)
    free = shutil.disk_usage(machine.layout.root).free
    limit = min(free, machine.settings.quota or free)
    if need > limit:
        raise Refusal("no-room", needed=f"{need} bytes of disk space", free=limit)


def fetch(machine: Machine, wanted: tuple[Wanted, ...]) -> None:
    """Bring all of them into the store, each verified; raises `Refusal` or `Fault`."""
    meter = Meter(machine, sum(one.cost for one in wanted))
    for one in wanted:
        content(machine, one, meter)
        machine.reached("fetched")


def content(machine: Machine, wanted: Wanted, meter: Meter) -> Path:
    """One content in the store; a patch that cannot be had or does not fit costs a whole blob."""
    if wanted.patch is not None and wanted.base is not None:
        try:
            return _by_patch(machine, wanted, wanted.patch, wanted.base, meter)
        except Refusal:
            meter.total += wanted.size
    return _whole(machine, wanted, meter)


def _kept(machine: Machine) -> dict[Digest, Path]:
    """What the kept previous release should have, by digest; not looked at."""
    name = machine.previous.read()
    release = None if name is None else release_of(name)
    manifest = None if release is None else looking.kept_manifest(machine.layout, release)
    if name is None or manifest is None:
        return {}
    folder = machine.layout.release(name)
    return {one.sha256: folder / one.path for one in manifest.members if one.mode != "link"}


def _is(path: Path, wanted: Digest) -> bool:
    try:
        return of_file(path) == wanted
    except OSError:
        return False


def _by_patch(machine: Machine, wanted: Wanted, patch: Patch, base: Path, meter: Meter) -> Path:
    kept = machine.layout.store / wanted.sha256
    part = kept.with_name(f"{wanted.sha256}.{patch.format}.part")
    downloading.download(machine, patch.path(wanted.sha256), part, patch.size, meter)
    try:
        return patching.patched(base, part, patch, kept, wanted.sha256, wanted.size)
    finally:
        downloading.drop(part)


def _whole(machine: Machine, wanted: Wanted, meter: Meter) -> Path:
    """From the compressed blob; where the bytes are wrong, once more from zero and elsewhere."""
    kept = machine.layout.store / wanted.sha256
    part = kept.with_name(f"{wanted.sha256}.zst.part")
    path = f"blobs/{wanted.sha256[:2]}/{wanted.sha256}.zst"
    tries = 2 + len(machine.settings.mirrors)
    for left in reversed(range(tries)):
        downloading.download(
            machine, path, part, unpacking.bound(wanted.size), meter, skip=tries - 1 - left
        )
        try:
            return unpacking.unpack(part, kept, wanted.sha256, wanted.size)
        except Mismatch:
            if not left:
                raise
        finally:
            downloading.drop(part)
    raise AssertionError("one of the tries returns or raises")
