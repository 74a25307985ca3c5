"""Where the tree lies: everything is written once, only the timestamp is ever replaced."""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import islice
from pathlib import Path
from typing import Protocol

from warifu.engines.targets.layout import LOCK
from warifu_wire import atomic
from warifu_wire.errors import Fault, Stale

BATCH = 256


class Store(Protocol):
    """A tree of files by name. Durable on return; raises `Fault` when the ground gives way.

    `shared`: other machines may sign at the same time, and no lock keeps them out.
    """

    shared: bool

    def read(self, name: str) -> bytes | None:
        """The bytes under a name, or None."""

    def has(self, name: str) -> bool:
        """Whether there are bytes under a name."""

    def versions(self, role: str) -> tuple[int, ...]:
        """The versions of a role's metadata that lie there, in order."""

    def put(self, name: str, data: bytes) -> None:
        """Bytes under a name that says what they are."""

    def look(self, name: str) -> str | None:
        """What lies under a name, for `replace`; None for nothing."""

    def replace(self, name: str, data: bytes, seen: str | None) -> None:
        """Bytes under a name where a signer that was killed may have left others; raises `Stale`
        when it is not what was seen."""

    def put_all(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Many files at once, all of them durable on return."""

    def swap(self, name: str, expected: bytes | None, data: bytes) -> None:
        """Compare and set; raises `Stale` when something else than `expected` lies there."""

    def exclusive(self) -> AbstractContextManager[None]:
        """The right to sign, for one signer at a time."""


class FolderStore:
    """The tree in a folder of this machine's disk, any web server's document root."""

    shared = False

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, name: str) -> bytes | None:
        """The bytes under a name, or None."""
        try:
            return (self.root / name).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _fault("read", name, error) from error

    def has(self, name: str) -> bool:
        """Whether there are bytes under a name."""
        return (self.root / name).is_file()

    def versions(self, role: str) -> tuple[int, ...]:
        """The versions of a role's metadata, in order."""
        found = (one.name.split(".")[0] for one in self.root.glob(f"metadata/*.{role}.json"))
        return tuple(sorted(int(one) for one in found if one.isdecimal()))

    def put(self, name: str, data: bytes) -> None:
        """Write whole or not at all."""
        atomic.write(self._place(name), data)

    def look(self, name: str) -> str | None:
        """Nothing to compare: the lock of `exclusive` keeps others out."""
        del name
        return None

    def replace(self, name: str, data: bytes, seen: str | None) -> None:
        """Write, under the lock of `exclusive`."""
        del seen
        self.put(name, data)

    def put_all(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Write a batch before the first fsync of it: then the disk has it already, mostly."""
        every = iter(files)
        while batch := [*islice(every, BATCH)]:
            self._put_batch(batch)

    def _put_batch(self, batch: Iterable[tuple[str, bytes]]) -> None:
        halves: dict[Path, Path] = {}
        parents: set[Path] = set()
        try:
            for name, data in batch:
                path = self._place(name, parents)
                half = path.with_name(f".{path.name[:40]}.{secrets.token_hex(6)}.part")
                halves[half] = path
                half.write_bytes(data)
            for half, path in halves.items():
                with half.open("rb+") as stream:
                    os.fsync(stream.fileno())
                half.replace(path)
            for folder in parents | {path.parent for path in halves.values()}:
                atomic.sync_folder(folder)
        except OSError as error:
            raise _fault("write", "a batch", error) from error
        finally:
            for half in halves:
                half.unlink(missing_ok=True)

    def swap(self, name: str, expected: bytes | None, data: bytes) -> None:
        """Compare and set, under the lock of `exclusive`."""
        if self.read(name) != expected:
            raise Stale("another-signer", needed="to read the tree again", path=name)
        self.put(name, data)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Waits for the other signer; the lock dies with its process."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.root / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise _fault("lock", LOCK, error) from error
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _place(self, name: str, parents: set[Path] | None = None) -> Path:
        """Where a name lies; its folders are there, and on disk, or their parents are added to
        what the caller flushes."""
        path = self.root / name
        try:
            for folder in reversed((path.parent, *path.parent.parents)):
                if not folder.exists():
                    folder.mkdir(exist_ok=True)
                    if parents is None:
                        atomic.sync_folder(folder.parent)
                    else:
                        parents.add(folder.parent)
        except OSError as error:
            raise _fault("write", name, error) from error
        return path


def _fault(verb: str, name: str, error: OSError) -> Fault:
    return Fault(f"cannot {verb} {name}: {error.strerror}", needed="space and access there")
