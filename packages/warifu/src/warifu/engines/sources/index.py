"""The history index: every object ever brought to a path by a commit of any line, in SQLite.

Built in one pass and continued from the last one, because git answers the same question for one
object only by walking everything.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from warifu.engines.sources.git import Git
from warifu.engines.sources.raw import LOG, introductions
from warifu.model.ground import ground
from warifu_wire.errors import Fault

_SCHEMA = """
CREATE TABLE IF NOT EXISTS tip (id BLOB PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS commits (number INTEGER PRIMARY KEY, id BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS paths (number INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS brought (
  object BLOB NOT NULL, path INTEGER NOT NULL, bringer INTEGER NOT NULL, mode INTEGER NOT NULL,
  PRIMARY KEY (object, path, bringer)
) WITHOUT ROWID;
"""
_BATCH = 20_000
_PATIENCE = 60
"""Seconds to wait for another process that is reading the same history in."""


@dataclass(frozen=True, slots=True)
class Place:
    """A commit that brought an object to a path, with the mode in octal digits."""

    commit: str
    path: str
    mode: str


class Index:
    """The index in a file; nothing in it decides, it only names."""

    def __init__(self, path: Path) -> None:
        try:
            self._rows = sqlite3.connect(path, isolation_level=None, timeout=_PATIENCE)
            self._rows.execute("PRAGMA journal_mode=WAL")
            self._rows.execute("PRAGMA synchronous=NORMAL")
            self._rows.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise Fault(
                f"the history index {path} cannot be used: {error}", needed="delete the file"
            ) from error

    def close(self) -> None:
        """Let go of the file."""
        self._rows.close()

    @ground("the history index", sqlite3.Error)
    def update(self, git: Git, tips: Sequence[str]) -> None:
        """Read what the tips hold beyond the last update; all of it or nothing."""
        wanted = {bytes.fromhex(one) for one in tips}
        known = {row[0] for row in self._rows.execute("SELECT id FROM tip")}
        if wanted <= known:
            return
        here = _present(git, known)
        given = "".join(f"{one.hex()}\n" for one in wanted - known)
        given += "".join(f"^{one}\n" for one in here)
        self._rows.execute("BEGIN IMMEDIATE")
        try:
            with git.stream(*LOG, "--stdin", given=given.encode()) as stream:
                self._take(introductions(stream))
            self._rows.executemany(
                "INSERT OR IGNORE INTO tip VALUES (?)", [(one,) for one in sorted(wanted | known)]
            )
        except BaseException:
            self._rows.execute("ROLLBACK")
            raise
        self._rows.execute("COMMIT")

    @ground("the history index", sqlite3.Error)
    def places(self, object_: str) -> tuple[Place, ...]:
        """Everywhere an object was ever brought to, newest first."""
        found = self._rows.execute(
            "SELECT commits.id, paths.path, mode FROM brought"
            " JOIN commits ON commits.number = bringer JOIN paths ON paths.number = brought.path"
            " WHERE object = ? ORDER BY bringer",
            (bytes.fromhex(object_),),
        )
        return tuple(
            Place(commit.hex(), path.decode("utf-8", "surrogateescape"), f"{mode:06o}")
            for commit, path, mode in found
        )

    @ground("the history index", sqlite3.Error)
    def versions(self, paths: Iterable[str]) -> dict[str, list[tuple[str, Place]]]:
        """Every object that was ever brought to each of these paths, and by which commit."""
        known = dict(self._rows.execute("SELECT path, number FROM paths"))
        names = {known[raw]: path for path in paths if (raw := _raw(path)) in known}
        found: dict[str, list[tuple[str, Place]]] = {path: [] for path in names.values()}
        if names:
            self._rows.execute("CREATE TEMP TABLE IF NOT EXISTS asked (path INTEGER PRIMARY KEY)")
            self._rows.execute("DELETE FROM asked")
            self._rows.executemany("INSERT INTO asked VALUES (?)", [(one,) for one in names])
            rows = self._rows.execute(
                "SELECT brought.path, object, commits.id, mode FROM brought"
                " JOIN asked ON asked.path = brought.path JOIN commits ON commits.number = bringer"
            )
            for number, object_, commit, mode in rows:
                path = names[number]
                found[path].append((object_.hex(), Place(commit.hex(), path, f"{mode:06o}")))
        return found

    def _take(self, found: Iterable[tuple[bytes, bytes, bytes, bytes]]) -> None:
        numbers = dict(self._rows.execute("SELECT path, number FROM paths"))
        (last,) = self._rows.execute("SELECT coalesce(max(number), 0) FROM commits").fetchone()
        before = len(numbers)
        rows: list[tuple[bytes, int, int, int]] = []
        commits: list[tuple[int, bytes]] = []
        current = b""
        for commit, mode, object_, path in found:
            if commit != current:
                current, last = commit, last + 1
                commits.append((last, bytes.fromhex(commit.decode())))
            if path and mode != b"000000":
                number = numbers.setdefault(path, len(numbers) + 1)
                rows.append((bytes.fromhex(object_.decode()), number, last, int(mode, 8)))
            if len(rows) >= _BATCH:
                self._store(rows, commits)
        self._store(rows, commits)
        new = [(number, path) for path, number in numbers.items() if number > before]
        self._rows.executemany("INSERT INTO paths VALUES (?, ?)", new)

    def _store(
        self, rows: list[tuple[bytes, int, int, int]], commits: list[tuple[int, bytes]]
    ) -> None:
        self._rows.executemany("INSERT INTO commits VALUES (?, ?)", commits)
        self._rows.executemany("INSERT OR IGNORE INTO brought VALUES (?, ?, ?, ?)", rows)
        rows.clear()
        commits.clear()


def _raw(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")


def _present(git: Git, known: Iterable[bytes]) -> list[str]:
    """The known tips that the repository still has; others were rebased away and pruned."""
    names = [one.hex() for one in sorted(known)]
    kinds = zip(names, git.kinds(names), strict=True)
    return [name for name, kind in kinds if kind == "commit"]
