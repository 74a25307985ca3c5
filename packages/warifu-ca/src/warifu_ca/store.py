"""The authority's memory: one SQLite file, one change at a time, on disk before it is said.

A change is one transaction that holds the rows and their audit entry, so a killed process leaves
both or neither.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from warifu_ca import audit
from warifu_wire.canonical import Json
from warifu_wire.errors import Fault, Refusal
from warifu_wire.times import Instant

Clock = Callable[[], Instant]
PATIENCE = 30.0  # seconds to wait for another process's change


@dataclass(frozen=True, slots=True)
class Change:
    """A transaction under way: rows are written through `db`, and `tell` adds to the audit."""

    db: sqlite3.Connection
    now: Instant

    def tell(self, kind: str, facts: dict[str, Json]) -> int:
        """Append to the audit; its number. Raises `Refusal` (clock-went-back)."""
        return audit.append(self.db, kind, facts, self.now)


@dataclass(frozen=True, slots=True)
class Store:
    """A connection per thread to one file."""

    path: Path
    clock: Clock
    _local: threading.local = field(default_factory=threading.local)

    @property
    def db(self) -> sqlite3.Connection:
        """This thread's connection; raises `Fault`."""
        found: sqlite3.Connection | None = getattr(self._local, "db", None)
        if found is None:
            found = self._local.db = connect(self.path)
        return found

    @contextmanager
    def change(self) -> Iterator[Change]:
        """One transaction, alone among threads and processes; the clock is read inside it."""
        db = self.db
        try:
            db.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            raise broken(error) from error
        try:
            yield Change(db, audit.steady(db, self.clock()))
            db.execute("COMMIT")
        except sqlite3.Error as error:
            raise broken(error) from error
        finally:
            if db.in_transaction:
                db.execute("ROLLBACK")

    def now(self) -> Instant:
        """The clock, never before the audit's last entry; raises `Refusal` (clock-went-back)."""
        return audit.steady(self.db, self.clock())

    def forget(self) -> None:
        """Clear deleted bytes out of the journal too."""
        self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def connect(path: Path) -> sqlite3.Connection:
    """A connection that fsyncs each commit and overwrites what it deletes; raises `Fault`."""
    try:
        db = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=PATIENCE, isolation_level=None
        )
        db.row_factory = sqlite3.Row
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "secure_delete = ON",
            "trusted_schema = OFF",
        ):
            db.execute(f"PRAGMA {pragma}")
    except sqlite3.Error as error:
        raise Fault(
            f"{path}: {error}", needed="an authority made by init, and space on disk"
        ) from error
    return db


def broken(error: sqlite3.Error) -> Fault:
    """What a failing store looks like from outside: nothing was decided."""
    return Fault(f"the store: {error}", needed="space on disk, and a sound file")


def create(path: Path) -> None:
    """An empty store; raises `Refusal` when the file is there already."""
    if path.exists():
        raise Refusal("already-there", needed="an empty folder", path=path)
    path.touch(mode=0o600)
    with closing(connect(path)) as db:
        db.executescript(resources.files(__package__).joinpath("schema.sql").read_text("utf-8"))
