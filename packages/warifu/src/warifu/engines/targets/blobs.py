"""The bytes under a release: its files as TUF targets, its members as compressed blobs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

from backports import zstd
from tuf.api.metadata import TargetFile

from warifu.engines.targets import layout
from warifu.engines.targets.store import Store
from warifu.model import archive
from warifu.model.ports import Depot
from warifu_wire import manifest
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Mismatch, Refusal

LEVEL = 1
"""The fastest: what a member downloads is a patch, mostly; a blob is what is left."""


def lay(store: Store, files: Mapping[str, Digest], depot: Depot) -> dict[str, TargetFile]:
    """Put every file and every member under its name in the tree; what TUF will say of each.

    Nothing is served as trusted by this: only signed metadata name a target. Raises `Refusal`
    for bytes the depot does not hold, `Mismatch` for bytes of another digest.
    """
    held = {path: depot.get(content) for path, content in files.items()}
    for path, content in files.items():
        if (found := of_bytes(held[path])) != content:
            raise Mismatch(needed=content, path=path, found=found)
    wanted = {
        one.sha256
        for path, data in held.items()
        if path.startswith("manifests/")
        for one in manifest.parse(data).members
    }
    missing = {one for one in wanted if not store.has(layout.blob(one))}
    targets = [
        (name, held[path])
        for path, content in files.items()
        if not store.has(name := layout.target(path, content))
    ]
    with ThreadPoolExecutor(2) as pool:  # the disk works on one while the other is compressed
        laid = pool.submit(store.put_all, targets)
        store.put_all(pool.map(_packed, _members(missing, held, depot)))
        laid.result()
    return {
        path: TargetFile(len(held[path]), {"sha256": content}, path)
        for path, content in files.items()
    }


def _packed(member: tuple[Digest, bytes]) -> tuple[str, bytes]:
    content, data = member
    return layout.blob(content), zstd.compress(data, LEVEL)


def _members(
    missing: set[Digest], held: Mapping[str, bytes], depot: Depot
) -> Iterator[tuple[Digest, bytes]]:
    """The members a client may fetch one by one: out of the archives, else from the depot."""
    for path, data in held.items():
        if missing and path.startswith("programs/"):
            for _, one in archive.members(data):
                if one.sha256 in missing:
                    missing.discard(one.sha256)
                    yield one.sha256, one.data
    for content in sorted(missing):
        if depot.size(content) is None:
            raise Refusal("member-missing", needed="the bytes of every member", content=content)
        yield content, depot.get(content)
