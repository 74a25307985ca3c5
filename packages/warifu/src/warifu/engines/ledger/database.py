"""Which database a ledger lives in: a SQLite file or a PostgreSQL DSN, prepared and locked."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import DatabaseError, InterfaceError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.executor import MigrationExecutor

from warifu_wire.errors import Fault

APPEND_LOCK = 0x77617269  # one number for all writers of one PostgreSQL database
MIGRATE_LOCK = APPEND_LOCK + 1
BUSY = 30  # seconds a writer waits for the one before it


def connect(where: str) -> str:
    """Open and prepare the database of a path or a `postgresql://` DSN; returns its Django alias.

    Raises `Fault` when it cannot be reached.
    """
    alias = f"ledger-{sha256(where.encode()).hexdigest()[:16]}"
    if alias not in connections.settings:
        complete = connections.configure_settings({"default": {}, alias: _described(where)})
        connections.settings[alias] = complete[alias]
    with faults(alias):
        _prepare(alias, where)
    return alias


def connection(alias: str) -> BaseDatabaseWrapper:
    """This thread's connection."""
    return connections[alias]


@contextmanager
def faults(alias: str) -> Iterator[None]:
    """Turn a database that fails into `Fault`; the broken connection is dropped, not kept."""
    try:
        yield
    except (DatabaseError, InterfaceError) as error:
        connections[alias].close()
        raise Fault(f"the ledger's database failed: {error}", needed="the database") from error


def is_postgres(alias: str) -> bool:
    """Whether the alias is PostgreSQL; else it is SQLite."""
    return connections[alias].vendor == "postgresql"


def _described(where: str) -> dict[str, Any]:
    if where.startswith(("postgresql://", "postgres://")):
        return _postgres(where)
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": where,
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "timeout": BUSY,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL",
        },
    }


def _postgres(dsn: str) -> dict[str, Any]:
    from psycopg.conninfo import conninfo_to_dict

    parts = dict(conninfo_to_dict(dsn))
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname", ""),
        "USER": parts.pop("user", "") or "",
        "PASSWORD": parts.pop("password", "") or "",
        "HOST": parts.pop("host", "") or "",
        "PORT": parts.pop("port", "") or "",
        "CONN_MAX_AGE": None,
        "OPTIONS": parts,
    }


def _prepare(alias: str, where: str) -> None:
    """Bring the tables to this code's form; two processes that start at once take turns."""
    if _is_current(alias):
        return
    with _alone(alias, where):
        call_command("migrate", database=alias, verbosity=0, interactive=False)


def _is_current(alias: str) -> bool:
    executor = MigrationExecutor(connections[alias])
    return not executor.migration_plan(executor.loader.graph.leaf_nodes())


@contextmanager
def _alone(alias: str, where: str) -> Iterator[None]:
    if is_postgres(alias):
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [MIGRATE_LOCK])
            try:
                yield
            finally:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [MIGRATE_LOCK])
        return
    with Path(f"{where}.lock").open("ab") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        yield
