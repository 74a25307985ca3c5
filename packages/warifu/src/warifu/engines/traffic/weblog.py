"""Downloads from the web server's own log, each line once, whatever is killed or rotated."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from pathlib import Path

from warifu.engines.traffic.database import Database, instant, stamp
from warifu.model.downloads import Contents, Fetched, Hit, downloaded, hit
from warifu.model.ports_watch import Download, LogRead
from warifu_wire.digest import Digest
from warifu_wire.errors import Fault, Malformed
from warifu_wire.pseudonym import pseudonym
from warifu_wire.times import Instant

CHUNK = 8 << 20


class WebLog:
    """`ports_watch.Downloads` in the traffic file."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path)

    def read(self, path: Path) -> LogRead:
        """Take in what was added to a log since the last time; raises `Fault`.

        A log that was renamed to `NAME.1` is read to its end before the new one is begun.
        """
        found = LogRead(0, 0, 0)
        while True:
            more = self._some(path)
            if more is None:
                return found
            found = LogRead(*(a + b for a, b in zip(found.counts, more.counts, strict=True)))

    def downloads(self, contents: Contents, since: Instant, until: Instant) -> tuple[Download, ...]:
        """Who had downloaded a release in [since, until), each installation once, in order."""
        files = json.dumps([contents.archive, *contents.files])
        has: dict[str, dict[Digest, Instant]] = {}
        with self._database.read() as connection:
            members = dict(connection.execute("SELECT id, member FROM installation").fetchall())
            for row in connection.execute(
                "SELECT machine, file, complete FROM fetched WHERE complete IS NOT NULL"
                " AND file IN (SELECT value FROM json_each(?))",
                (files,),
            ):
                mine = has.setdefault(row["machine"], {})
                mine[Digest(row["file"])] = instant(row["complete"])
        found = (
            Download(machine, members[machine], at)
            for machine, mine in has.items()
            if (at := downloaded(mine, contents)) is not None and since <= at < until
        )
        return tuple(sorted(found, key=lambda one: (one.at, one.installation)))

    def unresolved(self, file: Digest) -> int:
        """Answers with bytes of a file to machines that gave no name we know."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT answers FROM unresolved WHERE file = ?", (file,)
            ).fetchone()
        return 0 if row is None else int(row["answers"])

    def elsewhere(self, file: Digest) -> int:
        """Whole downloads of a feed's file, by the bytes that were sent of it."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT bytes / max(size, 1) AS whole FROM elsewhere WHERE file = ?", (file,)
            ).fetchone()
        return 0 if row is None else int(row["whole"])

    def forget(self, before: Instant) -> int:
        """Drop what was first fetched before that time; how many rows it was."""
        with self._database.write() as connection:
            done = connection.execute("DELETE FROM fetched WHERE first < ?", (stamp(before),))
            return done.rowcount

    def close(self) -> None:
        """Give the file back."""
        self._database.close()

    def _some(self, path: Path) -> LogRead | None:
        """The next lines and how far they reach, in one transaction; None when there are none."""
        with self._database.write() as connection:
            row = connection.execute("SELECT * FROM log WHERE path = ?", (str(path),)).fetchone()
            place = _Place(path, 0, 0) if row is None else _Place(path, row["inode"], row["place"])
            data, after = place.further()
            if after == place:
                return None
            found = _taken(connection, data.splitlines())
            connection.execute(
                "INSERT INTO log (path, inode, place) VALUES (?, ?, ?) ON CONFLICT (path)"
                " DO UPDATE SET inode = excluded.inode, place = excluded.place",
                (str(path), after.inode, after.offset),
            )
            return found


@dataclass(frozen=True, slots=True)
class _Place:
    """How far a log was read: in the file of that inode, to that offset."""

    path: Path
    inode: int
    offset: int

    def further(self) -> tuple[bytes, _Place]:
        """The whole lines that follow, and the place after them."""
        try:
            for path in (self.path.with_name(f"{self.path.name}.1"), self.path):
                if path.exists() and path.stat().st_ino == self.inode:
                    data, offset = _lines(path, self.offset)
                    if data or path == self.path:
                        return data, _Place(self.path, self.inode, offset)
            if not self.path.exists():
                return b"", self
            return b"", _Place(self.path, self.path.stat().st_ino, 0)
        except OSError as error:
            raise Fault(
                f"cannot read {self.path}: {error.strerror}", needed="read access"
            ) from error


def _lines(path: Path, offset: int) -> tuple[bytes, int]:
    """Whole lines from an offset; from the start where the file has become shorter."""
    with path.open("rb") as stream:
        begin = offset if offset <= os.fstat(stream.fileno()).st_size else 0
        stream.seek(begin)
        data = stream.read(CHUNK)
    data = data[: data.rfind(b"\n") + 1]
    return data, begin + len(data)


def _taken(connection: sqlite3.Connection, lines: list[bytes]) -> LogRead:
    names = _Names(connection)
    files = unread = 0
    for line in lines:
        try:
            found = hit(line.decode())
        except (Malformed, UnicodeDecodeError):
            unread += 1
            continue
        if found is not None:
            files += 1
            _add(connection, found, names.installation(found))
    return LogRead(len(lines), files, unread)


def _add(connection: sqlite3.Connection, found: Hit, machine: str | None) -> None:
    if found.elsewhere:
        connection.execute(
            "INSERT INTO elsewhere (file, size, bytes) VALUES (?, ?, ?) ON CONFLICT (file)"
            " DO UPDATE SET bytes = bytes + excluded.bytes",
            (found.file, found.size, found.span[1] - found.span[0]),
        )
        return
    if machine is None:
        connection.execute(
            "INSERT INTO unresolved (file, answers, bytes) VALUES (?, 1, ?) ON CONFLICT (file)"
            " DO UPDATE SET answers = answers + 1, bytes = bytes + excluded.bytes",
            (found.file, found.span[1] - found.span[0]),
        )
        return
    row = connection.execute(
        "SELECT * FROM fetched WHERE machine = ? AND file = ?", (machine, found.file)
    ).fetchone()
    before = Fetched(found.file, found.size, (), found.at, None) if row is None else _fetched(row)
    now = before.with_hit(found)
    connection.execute(
        "INSERT OR REPLACE INTO fetched (machine, file, size, spans, first, complete)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            *(machine, now.file, now.size, json.dumps(now.spans), stamp(now.first)),
            None if now.complete is None else stamp(now.complete),
        ),
    )


def _fetched(row: sqlite3.Row) -> Fetched:
    spans = tuple((begin, end) for begin, end in json.loads(row["spans"]))
    complete = None if row["complete"] is None else instant(row["complete"])
    return Fetched(Digest(row["file"]), row["size"], spans, instant(row["first"]), complete)


@dataclass(slots=True)
class _Names:
    """Who a pseudonym is, by the enrolments; each day's names are made when first needed."""

    connection: sqlite3.Connection
    days: dict[date, dict[str, str]] = field(default_factory=dict)

    def installation(self, found: Hit) -> str | None:
        """The installation a hit was for; clocks of machines may be a day off ours."""
        for off in (0, -1, 1):
            at = found.at + timedelta(days=off)
            known = self._day(at).get(found.machine)
            if known is not None:
                return known
        return None

    def _day(self, at: Instant) -> dict[str, str]:
        day = at.astimezone(UTC).date()
        if day not in self.days:
            self.days[day] = {pseudonym(one, at): one for one in self._ids()}
        return self.days[day]

    def _ids(self) -> Iterator[str]:
        for row in self.connection.execute("SELECT id FROM installation"):
            yield row["id"]
