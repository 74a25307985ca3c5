"""The tree in an S3-compatible bucket: every write is conditional, so that no lock is needed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import ObjectStore

from warifu_wire.errors import Fault, Stale

if TYPE_CHECKING:
    from obstore import UpdateVersion


class BucketStore:
    """`Store` for many signers on many machines; the bucket must honour If-None-Match, If-Match.

    Who is about to publish first raises the timestamp's version (`staging.publish`): from then on
    nobody who looked earlier can finish, and what such a one left behind may be replaced.
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
        """Create; a leftover is replaced only while it is the one that was seen."""
        with _faults(name):
            try:
                obstore.put(self._bucket, name, data, mode="create", use_multipart=False)
            except AlreadyExistsError:
                self._replace(name, data)

    def put_all(self, files: Iterable[tuple[str, bytes]]) -> None:
        """One by one: each is durable when the store has said so."""
        for name, data in files:
            self.put(name, data)

    def swap(self, name: str, expected: bytes | None, data: bytes) -> None:
        """Compare and set by the entity tag of what was compared."""
        found = self._read(name)
        if (None if found is None else found[0]) != expected:
            raise Stale("another-signer", needed="to read the tree again", path=name)
        with _faults(name):
            try:
                if found is None:
                    obstore.put(self._bucket, name, data, mode="create", use_multipart=False)
                else:
                    seen: UpdateVersion = {"e_tag": found[1]}
                    obstore.put(self._bucket, name, data, mode=seen, use_multipart=False)
            except (AlreadyExistsError, PreconditionError) as error:
                raise Stale("another-signer", needed="to read the tree again", path=name) from error

    def exclusive(self) -> AbstractContextManager[None]:
        """Nothing is held: the writes themselves are fenced."""
        return nullcontext()

    def _replace(self, name: str, data: bytes) -> None:
        found = self._read(name)
        if found is None or found[0] == data:
            return
        try:
            seen: UpdateVersion = {"e_tag": found[1]}
            obstore.put(self._bucket, name, data, mode=seen, use_multipart=False)
        except PreconditionError as error:
            raise Stale("another-signer", needed="to read the tree again", path=name) from error

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
