"""The tree in an S3-compatible bucket: every write is conditional, so that no lock is needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import ObjectStore

from warifu.model.ports import Held
from warifu_wire.errors import Fault, Stale

if TYPE_CHECKING:
    from obstore import UpdateVersion

PIECE = 4 << 20


class BucketStore:
    """`Store` for many signers on many machines; the bucket must honour If-None-Match, If-Match.

    Who is about to publish looks at the names it will write and then raises the timestamp's version
    (`staging.publish`): nobody who looked earlier can finish, what such a one left behind may be
    replaced, and a name that changed since the look may not.
    """

    shared = True

    def __init__(self, bucket: ObjectStore) -> None:
        self._bucket = bucket

    def read(self, name: str) -> bytes | None:
        """The bytes under a name, or None."""
        found = self._read(name)
        return None if found is None else found[0]

    def has(self, name: str) -> bool:
        """Whether there are bytes under a name."""
        with _faults(name):
            try:
                obstore.head(self._bucket, name)
            except FileNotFoundError:
                return False
        return True

    def versions(self, role: str) -> tuple[int, ...]:
        """The versions of a role's metadata, in order."""
        with _faults("metadata"):
            pages = obstore.list(self._bucket, prefix="metadata")
            names = [one["path"].rpartition("/")[2] for page in pages for one in page]
        found = (one.split(".")[0] for one in names if one.endswith(f".{role}.json"))
        return tuple(sorted(int(one) for one in found if one.isdecimal()))

    def put(self, name: str, data: bytes) -> None:
        """Create; what is there already has the same content, because its name says so."""
        with _faults(name), suppress(AlreadyExistsError):
            obstore.put(self._bucket, name, data, mode="create", use_multipart=False)

    def look(self, name: str) -> str | None:
        """The entity tag of what lies there."""
        with _faults(name):
            try:
                return obstore.head(self._bucket, name)["e_tag"]
            except FileNotFoundError:
                return None

    def replace(self, name: str, data: bytes, seen: str | None) -> None:
        """Create, or replace exactly what was seen."""
        with _faults(name):
            try:
                if seen is None:
                    obstore.put(self._bucket, name, data, mode="create", use_multipart=False)
                else:
                    tag: UpdateVersion = {"e_tag": seen}
                    obstore.put(self._bucket, name, data, mode=tag, use_multipart=False)
            except (AlreadyExistsError, PreconditionError) as error:
                raise Stale("another-signer", needed="to read the tree again", path=name) from error

    def put_all(self, files: Iterable[tuple[str, bytes]]) -> None:
        """One by one: each is durable when the store has said so."""
        for name, data in files:
            self.put(name, data)

    def swap(self, name: str, expected: bytes | None, data: bytes) -> None:
        """Compare and set by the entity tag of what was compared."""
        found = self._read(name)
        if (None if found is None else found[0]) != expected:
            raise Stale("another-signer", needed="to read the tree again", path=name)
        self.replace(name, data, None if found is None else found[1])

    def exclusive(self) -> AbstractContextManager[None]:
        """Nothing is held: the writes themselves are fenced."""
        return nullcontext()

    def held(self, name: str) -> Held | None:
        """An object as a web server sees it."""
        with _faults(name):
            try:
                found = obstore.head(self._bucket, name)
            except FileNotFoundError:
                return None
        return Held(found["size"], (found["e_tag"] or "").strip('"'))

    def pieces(self, name: str, begin: int, end: int) -> Iterator[bytes]:
        """Its bytes in [begin, end), fetched as they are sent."""
        while begin < end:
            with _faults(name):
                upto = min(end, begin + PIECE)
                piece = bytes(obstore.get_range(self._bucket, name, start=begin, end=upto))
            begin += len(piece)
            yield piece

    def _read(self, name: str) -> tuple[bytes, str] | None:
        with _faults(name):
            try:
                found = obstore.get(self._bucket, name)
            except FileNotFoundError:
                return None
            return bytes(found.bytes()), found.meta["e_tag"] or ""


@contextmanager
def _faults(name: str) -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        raise Fault(f"the bucket failed at {name}: {error}", needed="the store") from error


class BucketShelf:
    """`ports.Shelf` in a bucket: asked anew for every answer, because a stop is seen at once."""

    def __init__(self, bucket: ObjectStore) -> None:
        self._store = BucketStore(bucket)

    def look(self, name: str) -> Held | None:
        """An object's size and entity tag."""
        return self._store.held(name)

    def pieces(self, name: str, begin: int, end: int) -> Iterator[bytes]:
        """Its bytes, fetched as they are sent."""
        return self._store.pieces(name, begin, end)
