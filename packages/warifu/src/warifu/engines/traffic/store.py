"""Enrolments and outcomes on SQLite: verified when they come in, each counted once."""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from warifu.engines.traffic.database import Database, instant, stamp
from warifu.model import members
from warifu.model.intake import is_new
from warifu.model.members import Installation
from warifu.model.outcomes import Receipt, Record
from warifu.model.ports_watch import Batch
from warifu_wire import canonical, outcome
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Refusal
from warifu_wire.keys import public_key
from warifu_wire.outcome import Outcome, Phase, Result
from warifu_wire.times import Instant

BATCH = 10_000


class SqliteTraffic:
    """`ports_watch.Traffic` in a file of its own."""

    def __init__(self, path: Path) -> None:
        self._database = Database(path)

    def enrol(self, key: Json, now: Instant) -> str:
        """Issue a random 128-bit id to a key; a repeat gets the same one; raises `Malformed`."""
        found = public_key("installation", key)
        with self._database.write() as connection:
            row = connection.execute(
                "SELECT id FROM installation WHERE numbers = ?", (found.numbers,)
            ).fetchone()
            if row is not None:
                return str(row["id"])
            made = secrets.token_hex(16)
            connection.execute(
                "INSERT INTO installation (id, numbers, keyid, key, issued) VALUES (?, ?, ?, ?, ?)",
                (made, found.numbers, made, canonical.dumps(found.to_json()).decode(), stamp(now)),
            )
            return made

    def confirm(self, id: str, member: str, now: Instant) -> Installation:
        """Make an installation a member's own; raises `Refusal`."""
        with self._database.write() as connection:
            one = _installation(connection, id)
            if one is None:
                raise Refusal("installation-unknown", needed="an enrolled installation", id=id)
            rows = connection.execute("SELECT * FROM installation WHERE member = ?", (member,))
            made = members.confirmed(one, member, [_enrolled(row) for row in rows], now)
            connection.execute(
                "UPDATE installation SET member = ?, confirmed = ? WHERE id = ?",
                (made.member, None if made.confirmed is None else stamp(made.confirmed), id),
            )
        return made

    def installation(self, id: str) -> Installation | None:
        """An installation by id."""
        with self._database.read() as connection:
            return _installation(connection, id)

    def accept(self, envelopes: Sequence[Envelope], now: Instant) -> tuple[Receipt, ...]:
        """Take reports, one receipt each; all that is accepted is on disk on return."""
        with self._database.write() as connection:
            return tuple(_accept(connection, one, now) for one in envelopes)

    def records(
        self, release: Digest, *, since: Instant, until: Instant, known_before: Instant
    ) -> Iterator[Record]:
        """Reports on a release received in [since, until), of members enrolled before."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT o.*, i.member FROM outcome o JOIN installation i ON i.id = o.installation"
                " WHERE o.release = ? AND o.received >= ? AND o.received < ? AND i.confirmed < ?"
                " ORDER BY o.seq",
                (release, stamp(since), stamp(until), stamp(known_before)),
            ).fetchall()
        return (_record(row) for row in rows)

    def seal(self) -> Batch | None:
        """The oldest batch that the ledger has not named; the same one until `sealed`."""
        with self._database.write() as connection:
            row = connection.execute(
                "SELECT * FROM batch WHERE NOT named ORDER BY first"
            ).fetchone()
            if row is not None:
                return Batch(Digest(row["digest"]), row["count"], row["first"], row["last"])
            rows = connection.execute(
                "SELECT seq, payload FROM outcome"
                " WHERE seq > (SELECT coalesce(max(last), 0) FROM batch) ORDER BY seq LIMIT ?",
                (BATCH,),
            ).fetchall()
            if not rows:
                return None
            lines = "".join(f"{one['seq']} {one['payload']}\n" for one in rows)
            made = Batch(of_bytes(lines.encode()), len(rows), rows[0]["seq"], rows[-1]["seq"])
            connection.execute(
                "INSERT INTO batch (first, last, count, digest) VALUES (?, ?, ?, ?)",
                (made.first, made.last, made.count, made.digest),
            )
        return made

    def sealed(self, batch: Batch) -> None:
        """The ledger has named the batch."""
        with self._database.write() as connection:
            connection.execute("UPDATE batch SET named = 1 WHERE first = ?", (batch.first,))

    def forget(self, before: Instant) -> int:
        """Drop named reports received before that time, but for the newest of each machine."""
        with self._database.write() as connection:
            done = connection.execute(
                "DELETE FROM outcome WHERE received < ?"
                " AND seq <= (SELECT coalesce(max(last), 0) FROM batch WHERE named)"
                " AND seq NOT IN (SELECT max(seq) FROM outcome GROUP BY installation)",
                (stamp(before),),
            )
            return done.rowcount

    def close(self) -> None:
        """Give the file back."""
        self._database.close()


def _accept(connection: sqlite3.Connection, envelope: Envelope, now: Instant) -> Receipt:
    try:
        found = outcome.read(envelope)
        _insert(connection, envelope, found, now)
    except Refusal as refusal:
        return Receipt(envelope.digest, refusal.reason)
    return Receipt(envelope.digest)


def _insert(
    connection: sqlite3.Connection, envelope: Envelope, found: Outcome, now: Instant
) -> None:
    """Add one report, or nothing when it is known already; raises `Refusal`."""
    row = connection.execute(
        "SELECT * FROM installation WHERE id = ?", (found.installation,)
    ).fetchone()
    same = connection.execute(
        "SELECT payload, counter FROM outcome WHERE installation = ? AND (counter = ?"
        " OR (attempt = ? AND phase = ? AND ended = ?))",
        (
            *(found.installation, found.counter, found.attempt),
            *(found.phase.value, found.result is not Result.STARTED),
        ),
    )
    known = {Digest(one["payload"]): int(one["counter"]) for one in same}
    enrolled = None if row is None else _enrolled(row)
    if not is_new(envelope, found, enrolled, 0 if row is None else row["counter"], known):
        return
    connection.execute(
        "INSERT INTO outcome (installation, counter, attempt, phase, result, product, gate,"
        " release, origin, failure, at, received, payload, envelope)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(found.installation, found.counter, found.attempt, found.phase.value),
            *(found.result.value, found.product, found.gate, found.release, found.origin),
            *(found.failure, stamp(found.at), stamp(now), envelope.digest, envelope.to_bytes()),
        ),
    )
    connection.execute(
        "UPDATE installation SET counter = max(counter, ?) WHERE id = ?",
        (found.counter, found.installation),
    )


def _installation(connection: sqlite3.Connection, id: str) -> Installation | None:
    row = connection.execute("SELECT * FROM installation WHERE id = ?", (id,)).fetchone()
    return None if row is None else _enrolled(row)


def _enrolled(row: sqlite3.Row) -> Installation:
    return Installation(
        row["id"],
        public_key(row["keyid"], canonical.loads(row["key"].encode())),
        instant(row["issued"]),
        row["member"],
        None if row["confirmed"] is None else instant(row["confirmed"]),
    )


def _record(row: sqlite3.Row) -> Record:
    told = Outcome(
        row["product"],
        row["gate"],
        row["installation"],
        row["counter"],
        row["attempt"],
        Digest(row["release"]),
        None if row["origin"] is None else Digest(row["origin"]),
        Phase(row["phase"]),
        Result(row["result"]),
        row["failure"],
        instant(row["at"]),
    )
    return Record(row["member"], told, instant(row["received"]), Digest(row["payload"]))
