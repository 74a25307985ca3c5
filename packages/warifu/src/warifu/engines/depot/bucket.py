"""The depot in an S3-compatible bucket: created only, and hashed anew after every upload.

Create-if-absent is the one conditional write that every such store has; a store may say 200 for
bytes it did not keep, so what is acknowledged here has been read back.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast
from urllib.parse import parse_qs, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import S3Store

from warifu.engines.depot.reading import PIECE, absent, mismatch, part, whole
from warifu_wire.digest import Digest, digest, of_bytes
from warifu_wire.errors import Fault, Malformed

MEMORY = 64 << 20  # bytes of an upload kept in memory before it is spooled to disk


class BucketDepot:
    """`ports.Depot` at `s3://bucket/prefix?endpoint=…&region=…`.

    Credentials come from where AWS's own tools look for them, never from the address.
    """

    def __init__(self, where: str) -> None:
        with _faults():
            self._store = opened(where)

    def put(self, content: Digest, stream: BinaryIO) -> None:
        """Store bytes under their digest, then read them back; raises `Mismatch`, `Fault`."""
        place = _place(content)
        with tempfile.SpooledTemporaryFile(MEMORY) as spool:
            found = hashlib.sha256()
            while piece := stream.read(PIECE):
                found.update(piece)
                spool.write(piece)
            if found.hexdigest() != content:
                raise mismatch(content, found.hexdigest())
            spool.seek(0)
            with _faults():
                if self.size(content) is None:
                    self._create(place, cast("BinaryIO", spool))
        with self.open(content) as kept:
            while kept.read(PIECE):
                pass

    def get(self, content: Digest) -> bytes:
        """The bytes; raises `Refusal` when absent, `Mismatch` when they were altered."""
        data = self._read(content)
        if data is None:
            raise absent(content)
        if of_bytes(data) != content:
            raise mismatch(content, of_bytes(data))
        return data

    def open(self, content: Digest, start: int = 0, end: int | None = None) -> BinaryIO:
        """A stream over [start, end); the whole is verified at its end, a part is not."""
        size = self.size(content)
        if size is None:
            raise absent(content)
        with _faults():
            stream = cast("BinaryIO", obstore.open_reader(self._store, _place(content)))
            if start == 0 and end is None:
                return whole(content, stream)
            start = min(start, size)
            stream.seek(start)
        return part(stream, max(0, min(size, size if end is None else end) - start))

    def found(self, content: Digest) -> Digest | None:
        """The digest of what lies there, hashed anew; None when absent."""
        data = self._read(content)
        return None if data is None else of_bytes(data)

    def size(self, content: Digest) -> int | None:
        """Size in bytes, or None when absent."""
        place = _place(content)
        with _faults():
            try:
                return obstore.head(self._store, place)["size"]
            except FileNotFoundError:
                return None

    def list(self) -> Iterator[Digest]:
        """All digests held, in order."""
        with _faults():
            found = [one["path"] for page in obstore.list(self._store) for one in page]
        return (Digest(path.rpartition("/")[2]) for path in sorted(found))

    def _read(self, content: Digest) -> bytes | None:
        with _faults():
            try:
                return bytes(obstore.get(self._store, _place(content)).bytes())
            except FileNotFoundError:
                return None

    def _create(self, place: str, stream: BinaryIO) -> None:
        try:
            obstore.put(self._store, place, stream, mode="create", use_multipart=False)
        except AlreadyExistsError:
            return  # another writer was quicker; what is there is read back all the same


def opened(where: str) -> S3Store:
    """The bucket of an address; raises `Malformed`. Nothing is asked of it yet."""
    parts = urlsplit(where)
    asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if parts.scheme != "s3" or not parts.netloc or not set(asked) <= {"endpoint", "region"}:
        raise Malformed("store-address", needed="s3://bucket/prefix?endpoint=…&region=…")
    endpoint = asked.get("endpoint")
    plain = endpoint is not None and endpoint.startswith("http://")
    return S3Store(
        parts.netloc,
        prefix=parts.path.strip("/") or None,
        endpoint=endpoint,
        region=asked.get("region", "us-east-1"),
        client_options={"allow_http": plain, "timeout": "60s"},
        retry_config={"max_retries": 3},
    )


def _place(content: Digest) -> str:
    name = digest(content)
    return f"{name[:2]}/{name}"


@contextmanager
def _faults() -> Iterator[None]:
    try:
        yield
    except (BaseError, OSError) as error:
        raise Fault(f"the depot's bucket failed: {error}", needed="the store") from error
