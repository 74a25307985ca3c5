"""Which forms of an engine a contract suite runs on, and a fresh one of each."""

from __future__ import annotations

import atexit
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path

import psycopg

from tests.contract import postgres, seaweed
from warifu.engines.depot.bucket import BucketDepot
from warifu.engines.depot.folder import FolderDepot
from warifu.engines.ledger.store import DatabaseLedger
from warifu.model.ports import Depot, Ledger
from warifu.testing import MemoryDepot, MemoryLedger

LEDGERS = ["memory", "sqlite", "postgres"]
DEPOTS = ["memory", "folder", "bucket"]
TEMPLATE = f"warifu_template_{os.getpid()}"

_until_exit = ExitStack()
atexit.register(_until_exit.close)


@dataclass
class Place:
    """Where the real forms live during one test; `postgres` is the DSN of a server."""

    folder: Path
    postgres: str
    opened: list[DatabaseLedger] = field(default_factory=list)
    made: list[str] = field(default_factory=list)

    def ledger(self, form: str, *, now: Callable[[], datetime]) -> Ledger:
        """An empty ledger of a form."""
        if form == "memory":
            return MemoryLedger(now=now)
        made = DatabaseLedger(self.database(form), now=now)
        self.opened.append(made)
        return made

    def database(self, form: str, *, tables: bool = True) -> str:
        """Where an empty database of a real form is; a server's has its tables unless told."""
        if form == "sqlite":
            return str(self.folder / f"{secrets.token_hex(4)}.sqlite")
        self.made.append(postgres.fresh(self.postgres, TEMPLATE if tables else "template1"))
        return self.made[-1]

    def depot(self, form: str) -> Depot:
        """An empty depot of a form."""
        match form:
            case "memory":
                return MemoryDepot()
            case "folder":
                return FolderDepot(self.folder / secrets.token_hex(4))
        return BucketDepot(bucket(secrets.token_hex(4)))


@contextmanager
def a_place() -> Iterator[Place]:
    """A place that is gone afterwards, its databases with it."""
    with tempfile.TemporaryDirectory() as folder:
        place = Place(Path(folder), _server())
        try:
            yield place
        finally:
            for ledger in place.opened:
                ledger.close()
            for made in place.made:
                postgres.drop(place.postgres, made)


@cache
def _server() -> str:
    """One PostgreSQL a run, with a template that has the tables, stopped when the run ends."""
    dsn = _until_exit.enter_context(postgres.server())
    template = postgres.named(dsn, TEMPLATE)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {TEMPLATE}")
        connection.execute(f"CREATE DATABASE {TEMPLATE}")
    _until_exit.callback(postgres.drop, dsn, template)
    DatabaseLedger(template).close()
    return dsn


def bucket(prefix: str) -> str:
    """The store address of a prefix that nothing is in yet."""
    return f"s3://{seaweed.BUCKET}/{prefix}?endpoint={store().endpoint}"


@cache
def store() -> seaweed.Server:
    """One S3-compatible server a run; its credentials are where AWS's own tools look."""
    made = _until_exit.enter_context(seaweed.server())
    os.environ.update(AWS_ACCESS_KEY_ID=seaweed.KEY, AWS_SECRET_ACCESS_KEY=seaweed.SECRET)
    return made
