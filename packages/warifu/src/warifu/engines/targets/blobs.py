"""The bytes under a release: its files as TUF targets, its members as compressed blobs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from itertools import islice
from typing import TypeAlias

from backports import zstd
from tuf.api.metadata import TargetFile

from warifu.engines.targets import layout
from warifu.engines.targets.store import Store
from warifu.model import archive
from warifu.model.ports import Depot
from warifu.model.tree import File
from warifu_wire import manifest
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Mismatch, Refusal

Blob: TypeAlias = Callable[[], tuple[str, bytes] | None]
"""Makes a blob under its name; None where it turns out that it is there already."""
BATCH, WRITTEN_BEHIND = 32, 3
LEVEL = 1
"""The fastest: what a member downloads is a patch, mostly; a blob is what is left."""


def lay(store: Store, files: Mapping[str, Digest], depot: Depot) -> dict[str, TargetFile]:
    """Put every file and every member under its name in the tree; what TUF will say of each.

    Nothing is served as trusted by this: only signed metadata name a target. Raises `Refusal`
    for bytes the depot does not hold, `Mismatch` for bytes of another digest.
    """
    held = {path: depot.get(content) for path, content in files.items()}
    wanted = {
        one.sha256
        for path, data in held.items()
        if path.startswith("manifests/")
        for one in manifest.parse(data).members
    }
    missing = {one for one in wanted if not store.has(layout.blob(one))}
    with ThreadPoolExecutor(2) as packing, ThreadPoolExecutor(2) as writing:
        laid = writing.submit(_lay_targets, store, files, held)
        for makers in (_unpacking(missing, held), _fetching(missing, depot)):
            _lay_all(store, makers, packing, writing)
        laid.result()
    return {
        path: TargetFile(len(held[path]), {"sha256": content}, path)
        for path, content in files.items()
    }


def _lay_targets(store: Store, files: Mapping[str, Digest], held: Mapping[str, bytes]) -> None:
    """Lay what metadata will name, of the right digest whatever the depot said of itself."""
    for path, content in files.items():
        if (found := of_bytes(held[path])) != content:
            raise Mismatch(needed=content, path=path, found=found)
    names = {path: layout.target(path, content) for path, content in files.items()}
    store.put_all((name, held[path]) for path, name in names.items() if not store.has(name))


def _lay_all(
    store: Store, makers: Iterator[Blob], packing: ThreadPoolExecutor, writing: ThreadPoolExecutor
) -> None:
    """Lay blobs in batches: one is made while another is written; only a few lie in memory."""
    under_way: deque[Future[None]] = deque()
    while batch := [*islice(makers, BATCH)]:
        made = packing.map(lambda make: make(), batch)
        if len(under_way) > WRITTEN_BEHIND:
            under_way.popleft().result()
        under_way.append(writing.submit(store.put_all, filter(None, made)))
    for one in under_way:
        one.result()


def _unpacking(missing: set[Digest], held: Mapping[str, bytes]) -> Iterator[Blob]:
    """What of the archives is missing among the blobs."""

    def made(unpack: Callable[[], File]) -> tuple[str, bytes] | None:
        one = unpack()
        if one.sha256 not in missing:
            return None
        missing.discard(one.sha256)
        return _packed(one.sha256, one.data)

    for path, data in held.items():
        if missing and path.startswith("programs/"):
            for _, unpack in archive.members(data):
                yield partial(made, unpack)


def _fetching(missing: set[Digest], depot: Depot) -> Iterator[Blob]:
    """What lay in no archive, from the depot."""
    for content in sorted(missing):
        if depot.size(content) is None:
            raise Refusal("member-missing", needed="the bytes of every member", content=content)
        yield partial(_fetched, depot, content)


def _fetched(depot: Depot, content: Digest) -> tuple[str, bytes]:
    return _packed(content, depot.get(content))


def _packed(content: Digest, data: bytes) -> tuple[str, bytes]:
    return layout.blob(content), zstd.compress(data, LEVEL)
