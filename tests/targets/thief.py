"""Somebody with stolen keys and write access to the tree, outside of our code and its checks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from tuf.api.metadata import Metadata, MetaFile, Snapshot, TargetFile, Targets, Timestamp

from warifu.engines.targets import layout
from warifu.engines.targets.signing import signed
from warifu.testing import memory_signer
from warifu_wire.digest import of_bytes


class Thief:
    """Writes whatever the stolen keys can sign."""

    def __init__(self, tree: Path, now: datetime) -> None:
        self.tree = tree
        self.now = now

    def target(self, path: str, data: bytes) -> TargetFile:
        """Lay bytes in the tree."""
        place = self.tree / layout.target(path, of_bytes(data))
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        return TargetFile(len(data), {"sha256": of_bytes(data)}, path)

    def role(
        self, role: str, key: str, files: dict[str, bytes], *, step: int = 1, version: int = 0
    ) -> None:
        """A delegated role with files replaced, then snapshot and timestamp."""
        told = self.timestamp().snapshot_meta.version
        snapshot = self.read("snapshot", told).signed
        assert isinstance(snapshot, Snapshot)
        former = self.read(role, snapshot.meta[f"{role}.json"].version).signed
        assert isinstance(former, Targets)
        former.version = version or former.version + step
        for path, data in files.items():
            former.targets[path] = self.target(path, data)
        data = signed(former, [memory_signer(key)])
        self.write(layout.metadata(role, former.version), data)
        snapshot.meta[f"{role}.json"] = meta(former.version, data)
        self.snapshot(snapshot)

    def without(self, role: str, key: str, path: str) -> None:
        """A delegated role with a target left out."""
        told = self.timestamp().snapshot_meta.version
        snapshot = self.read("snapshot", told).signed
        assert isinstance(snapshot, Snapshot)
        former = self.read(role, snapshot.meta[f"{role}.json"].version).signed
        assert isinstance(former, Targets)
        former.version += 1
        del former.targets[path]
        data = signed(former, [memory_signer(key)])
        self.write(layout.metadata(role, former.version), data)
        snapshot.meta[f"{role}.json"] = meta(former.version, data)
        self.snapshot(snapshot)

    def snapshot(self, snapshot: Snapshot) -> None:
        """The next snapshot, and a timestamp over it."""
        snapshot.version += 1
        snapshot.expires = (self.now + timedelta(days=1)).replace(microsecond=0)
        data = signed(snapshot, [memory_signer("snapshot")])
        self.write(layout.metadata("snapshot", snapshot.version), data)

        def over(found: Timestamp) -> None:
            found.snapshot_meta = meta(snapshot.version, data)

        self.lease(over)

    def lease(
        self,
        change: Callable[[Timestamp], object] = lambda found: None,
        *,
        life: float = 600,
        step: int = 1,
    ) -> None:
        """A timestamp with something changed."""
        found = self.timestamp()
        found.version += step
        found.expires = (self.now + timedelta(seconds=life)).replace(microsecond=0)
        change(found)
        self.write(layout.TIMESTAMP, signed(found, [memory_signer("timestamp")]))

    def timestamp(self) -> Timestamp:
        """The timestamp that lies there."""
        return Metadata[Timestamp].from_bytes((self.tree / layout.TIMESTAMP).read_bytes()).signed

    def read(self, role: str, version: int) -> Metadata:  # type: ignore[type-arg]
        """A role's metadata."""
        data = (self.tree / layout.metadata(role, version)).read_bytes()
        return Metadata.from_bytes(data)

    def write(self, name: str, data: bytes) -> None:
        """Replace a file of the tree."""
        (self.tree / name).write_bytes(data)


def meta(version: int, data: bytes) -> MetaFile:
    """What a snapshot or timestamp says of a file."""
    return MetaFile(version, len(data), {"sha256": of_bytes(data)})
