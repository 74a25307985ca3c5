"""The traffic file: one SQLite database of its own, WAL with full sync, one writer at a time."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

from warifu_wire.errors import Fault
from warifu_wire.times import Instant

BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
BUSY_SECONDS = 30.0


class Database:
    """One connection behind a lock; every block is one transaction, on disk when it ends."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        with _faults(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._connection.row_factory = sqlite3.Row
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
                self._connection.execute(f"PRAGMA {pragma}")
            schema = resources.files(__package__).joinpath("schema.sql").read_text("utf-8")
            self._connection.executescript(schema)
        self._path = path

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A write transaction; all or nothing; raises `Fault` when the disk refuses."""
        with self._lock, _faults(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.rollback()
                raise
            self._connection.commit()

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A look at what is committed."""
        with self._lock, _faults(self._path):
            yield self._connection

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()


def stamp(at: Instant) -> int:
    """Microseconds since 1970, exactly."""
    return (at - BEGINNING) // timedelta(microseconds=1)


def instant(stamped: int) -> Instant:
    """The instant of a stamp."""
    return BEGINNING + timedelta(microseconds=stamped)


@contextmanager
def _faults(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.OperationalError, sqlite3.DatabaseError, OSError) as error:
        raise Fault(f"traffic file {path}: {error}", needed="space and access there") from error
