"""Bring the bytes that are missing, by digest, going on where an earlier try ended."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from warifu_client import unpacking
from warifu_client.looking import Look
from warifu_client.machine import Machine
from warifu_client.progress import Moment
from warifu_client.transport import Reply
from warifu_wire.digest import Digest
from warifu_wire.errors import Fault, Mismatch, Refusal
from warifu_wire.manifest import Manifest

TRIES = 4


@dataclass(frozen=True, slots=True)
class Wanted:
    """One content to bring, and the size in bytes it must have."""

    sha256: Digest
    size: int


def missing(machine: Machine, manifest: Manifest, look: Look) -> tuple[Wanted, ...]:
    """Contents of a manifest that neither the tree just looked at nor the store has."""
    here = {sha for mode, sha in look.found.values() if mode in {"file", "exec"}}
    every = {one.sha256: Wanted(one.sha256, one.size) for one in manifest.members}
    return tuple(
        one
        for sha, one in sorted(every.items())
        if sha not in here and not (machine.layout.store / sha).is_file()
    )


def room(machine: Machine, wanted: Iterable[Wanted]) -> None:
    """Refuse before the first byte when the disk or the quota cannot take it, and ten per cent."""
    sizes = [one.size for one in wanted]
    need = int((sum(sizes) + max(sizes, default=0)) * 1.1)
    free = shutil.disk_usage(machine.layout.root).free
    limit = min(free, machine.settings.quota or free)
    if need > limit:
        raise Refusal("no-room", needed=f"{need} bytes of disk space", free=limit)


def fetch(machine: Machine, wanted: tuple[Wanted, ...]) -> None:
    """Bring all of them into the store, each verified; raises `Refusal` or `Fault`."""
    total, done, begun = sum(one.size for one in wanted), 0, time.monotonic()
    for one in wanted:
        blob(machine, one)
        done += one.size
        machine.means.progress(Moment("fetch", done, total, time.monotonic() - begun))
        machine.reached("fetched")


def blob(machine: Machine, wanted: Wanted) -> Path:
    """One content whole, from its compressed blob; wrong bytes are fetched once more from zero."""
    kept = machine.layout.store / wanted.sha256
    part = kept.with_suffix(".part")
    for last in (False, True):
        _download(machine, f"blobs/{wanted.sha256[:2]}/{wanted.sha256}.zst", part, wanted)
        try:
            return unpacking.unpack(part, kept, wanted.sha256, wanted.size)
        except Mismatch:
            if last:
                raise
        finally:
            part.unlink(missing_ok=True)
    raise AssertionError("one of two tries returns or raises")


def _download(machine: Machine, path: str, part: Path, wanted: Wanted) -> None:
    """Append to `part` until the server says that it is whole."""
    url = f"{machine.settings.address.rstrip('/')}/{path}"
    limit = unpacking.bound(wanted.size)
    for left in reversed(range(TRIES)):
        try:
            start = part.stat().st_size if part.exists() else 0
            with machine.means.transport.get(url, start=start) as reply:
                if _take(reply, part, start, limit, url):
                    return
        except Fault:
            if not left:
                raise


def _take(reply: Reply, part: Path, start: int, limit: int, url: str) -> bool:
    """Write what a reply brings; whether the file is whole now."""
    if reply.status == 416:
        return True
    if reply.status >= 500:
        raise Fault(f"{url} answered {reply.status}", needed="a later try")
    if reply.status not in {200, 206}:
        raise Refusal("bytes-missing", needed=url, status=reply.status)
    resumed = reply.status == 206
    with part.open("ab" if resumed else "wb", buffering=0) as stream:
        done = start if resumed else 0
        for chunk in reply.chunks:
            done += len(chunk)
            if done > limit:
                raise Mismatch("longer-than-signed", needed=f"at most {limit} bytes", url=url)
            stream.write(chunk)
    return True
