"""The bytes under a release: its files as TUF targets, its members as compressed blobs."""

from __future__ import annotations

from collections.abc import Mapping

from backports import zstd
from tuf.api.metadata import TargetFile

from warifu.engines.targets import layout
from warifu.engines.targets.store import Store
from warifu.model import archive
from warifu.model.ports import Depot
from warifu_wire import manifest
from warifu_wire.digest import Digest
from warifu_wire.errors import Refusal

LEVEL = 3


def lay(store: Store, files: Mapping[str, Digest], depot: Depot) -> dict[str, TargetFile]:
    """Put every file and every member under its name in the tree; what TUF will say of each.

    Nothing is served as trusted by this: only signed metadata name a target. Raises `Refusal`
    for bytes the depot does not hold, `Mismatch` for bytes of another digest.
    """
    infos = {}
    for path, content in files.items():
        size = depot.size(content)
        if size is None:
            raise Refusal("not-in-depot", needed="the bytes of that digest", content=content)
        name = layout.target(path, content)
        if not store.has(name):
            with depot.open(content) as stream:
                store.copy(name, stream, content)
        infos[path] = TargetFile(size, {"sha256": content}, path)
    for path, content in files.items():
        if path.startswith("manifests/"):
            _members(store, manifest.parse(depot.get(content)), files, depot)
    return infos


def _members(
    store: Store, found: manifest.Manifest, files: Mapping[str, Digest], depot: Depot
) -> None:
    """The members a client may fetch one by one: from the depot, else out of the archives."""
    missing = {one.sha256 for one in found.members if not store.has(layout.blob(one.sha256))}
    for content in sorted(missing):
        if depot.size(content) is not None:
            _blob(store, content, depot.get(content))
            missing.discard(content)
    for path, content in files.items():
        if missing and path.startswith("programs/"):
            for one in archive.read(depot.get(content)).values():
                if one.sha256 in missing:
                    _blob(store, one.sha256, one.data)
                    missing.discard(one.sha256)
    if missing:
        raise Refusal("member-missing", needed="the bytes of every member", content=min(missing))


def _blob(store: Store, content: Digest, data: bytes) -> None:
    packed = zstd.compress(data, LEVEL)
    name = layout.blob(content)
    store.put(name, packed)
