"""What only real databases can get wrong: tampering, many writers, kills, absence, old schemas."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import IntegrityError, ProgrammingError, connections
from django.db.utils import DatabaseError, InternalError

from tests.contract.forms import Place
from warifu.engines.ledger.store import DatabaseLedger
from warifu.model.ledger import Draft, Row, Work
from warifu_wire.digest import of_bytes
from warifu_wire.errors import Fault, Mismatch

pytestmark = pytest.mark.programs_repeat

NOON = datetime(2012, 2, 5, 3, 0, tzinfo=UTC)
ARTIFACT, MANIFEST, VSA, OTHER = (of_bytes(one) for one in (b"artifact", b"release", b"vsa", b"2"))
REFUSED = (IntegrityError, InternalError, ProgrammingError, DatabaseError)


@pytest.fixture(params=["sqlite", "postgres"])
def where(request: pytest.FixtureRequest, place: Place) -> str:
    """An empty database of each real form."""
    return place.database(request.param)


@pytest.fixture
def ledger(where: str) -> Iterator[DatabaseLedger]:
    """A ledger of three events, one publication and its evidence."""
    with closing(DatabaseLedger(where)) as made:
        evidence = Row("evidence", VSA, {"artifact": ARTIFACT, "manifest": MANIFEST})
        published = Row("publication", MANIFEST, {"evidence": VSA})
        made.append(draft("0"), draft("1", evidence), draft("2", published))
        yield made


def draft(key: str, *rows: Row) -> Draft:
    return Draft("noted", "subject", NOON, "member 0001", {"key": key}, key, rows=rows)


def run(ledger: DatabaseLedger, *statements: str) -> None:
    """Plain SQL past all our code."""
    with connections[ledger.alias].cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_event SET facts = '{}' WHERE seq = 2",
        "UPDATE ledger_event SET facts = '{}' WHERE seq = 99",
        "DELETE FROM ledger_event WHERE seq = 3",
        "DELETE FROM ledger_event",
        "UPDATE ledger_evidence SET manifest = artifact",
        "DELETE FROM ledger_evidence",
        f"UPDATE ledger_publication SET evidence_id = '{OTHER}'",
        f"UPDATE ledger_publication SET release = '{OTHER}'",
        f"INSERT INTO ledger_publication VALUES ('{OTHER}', '{{}}', '{VSA}')",
        f"INSERT INTO ledger_publication VALUES ('{MANIFEST}x', '{{}}', '{OTHER}')",
    ],
)
def test_the_database_itself_holds_the_laws(ledger: DatabaseLedger, statement: str) -> None:
    untouched = "WHERE seq = 99" in statement and connections[ledger.alias].vendor == "sqlite"
    if untouched:
        run(ledger, statement)  # SQLite's triggers fire by row, and there is none
    else:
        with pytest.raises(REFUSED):
            run(ledger, statement)
    assert ledger.verify() == 3
    assert list(ledger.rows("publication")) == [(MANIFEST, {"evidence": VSA})]


def test_postgres_refuses_to_empty_the_chain(place: Place) -> None:
    with closing(DatabaseLedger(place.database("postgres"))) as ledger:
        ledger.append(draft("0"))
        with pytest.raises(REFUSED, match="append-only"):
            run(ledger, "TRUNCATE ledger_event CASCADE")
        assert ledger.verify() == 1


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE ledger_event SET facts = '{}' WHERE seq = 2", "event-altered"),
        ("UPDATE ledger_event SET \"by\" = 'x' WHERE seq = 3", "event-altered"),
        ("DELETE FROM ledger_event WHERE seq = 2", "chain-gap"),
        ("UPDATE ledger_event SET prev = digest WHERE seq = 3", "chain-broken"),
    ],
)
def test_who_takes_the_triggers_away_is_found_by_the_chain(
    ledger: DatabaseLedger, statement: str, found: str
) -> None:
    if connections[ledger.alias].vendor == "sqlite":
        run(
            ledger, "DROP TRIGGER ledger_event_kept_UPDATE", "DROP TRIGGER ledger_event_kept_DELETE"
        )
    else:
        run(ledger, "DROP TRIGGER ledger_event_kept ON ledger_event")
    run(ledger, statement)
    with pytest.raises(Mismatch, match=found):
        ledger.verify()


def test_many_writers_make_one_chain_and_each_event_once(where: str) -> None:
    def write(number: int) -> None:
        with closing(DatabaseLedger(where)) as mine:
            for n in range(20):
                mine.append(draft(f"{number % 3}/{n}"))

    writers = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    with closing(DatabaseLedger(where)) as ledger:
        assert ledger.verify() == 60
        assert {one.key for one in ledger.events()} == {
            f"{a}/{b}" for a in range(3) for b in range(20)
        }


def test_many_workers_claim_each_piece_of_work_once(where: str) -> None:
    with closing(DatabaseLedger(where)) as ledger:
        owed = tuple(Work("mail", str(n), NOON) for n in range(60))
        ledger.append(Draft("noted", "s", NOON, "member 0001", {}, "0", work=owed))
    claimed: list[str] = []

    def work() -> None:
        with closing(DatabaseLedger(where)) as mine:
            while taken := mine.claim(NOON, limit=3):
                claimed.extend(one.work.subject for one in taken)

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted(claimed) == sorted(one.subject for one in owed)


WRITER = """
import sys
from datetime import UTC, datetime
from warifu.engines.ledger.store import DatabaseLedger
from warifu.model.ledger import Draft, Row, Work
noon = datetime(2012, 2, 5, 3, 0, tzinfo=UTC)
ledger = DatabaseLedger(sys.argv[1])
for n in range(int(sys.argv[2]), 10_000):
    key = str(n)
    ledger.append(
        Draft("noted", "s", noon, "member 0001", {"n": n}, key,
              rows=(Row("t", key, {"n": n}),), work=(Work("mail", key, noon),)),
        Draft("noted too", "s", noon, "member 0001", {"n": n}, f"{key}/2"),
    )
    print(key, flush=True)
"""


def test_a_killed_writer_loses_nothing_and_doubles_nothing(where: str) -> None:
    """SIGKILL at random moments; each life begins again with what it does not know was kept."""
    chance, said = random.Random(20120205), 0
    for _ in range(6):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, where, str(said)], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            for _ in range(chance.randint(1, 30)):
                said = int(writer.stdout.readline())
            threading.Event().wait(chance.random() / 50)
            writer.send_signal(signal.SIGKILL)
            rest = writer.stdout.read().split()
            said = int(rest[-1]) if rest else said
    with closing(DatabaseLedger(where)) as ledger:
        count = ledger.verify()
        keys = [one.key for one in ledger.events()]
        assert len(set(keys)) == count
        assert count % 2 == 0
        wholes = [str(n) for n in range(count // 2)]
        assert keys == [key for n in wholes for key in (n, f"{n}/2")]
        assert len(wholes) > said
        assert sorted(key for key, _ in ledger.rows("t")) == sorted(wholes)
        owed = ledger.claim(NOON, limit=count)
        assert sorted(one.work.subject for one in owed) == sorted(wholes)


@pytest.mark.parametrize("form", ["sqlite", "postgres"])
def test_several_processes_may_make_the_tables_at_once(place: Place, form: str) -> None:
    code = "import sys; from warifu.engines.ledger.store import DatabaseLedger as L; L(sys.argv[1])"
    where = place.database(form, tables=False)
    starting = [subprocess.Popen([sys.executable, "-c", code, where]) for _ in range(3)]
    assert [one.wait() for one in starting] == [0] * 3
    with closing(DatabaseLedger(where)) as ledger:
        assert ledger.append(draft("0"))[0].seq == 1


def test_a_database_that_is_not_there_is_a_fault(tmp_path: Path) -> None:
    for where in (str(tmp_path / "no" / "folder.sqlite"), f"postgresql:///x?host={tmp_path}"):
        with pytest.raises(Fault, match="database"):
            DatabaseLedger(where)


def test_a_file_that_is_no_database_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"not a database" * 100)
    with pytest.raises(Fault, match="database"):
        DatabaseLedger(tmp_path / "file")


def test_the_tables_are_the_ones_the_code_describes(ledger: DatabaseLedger) -> None:
    call_command("makemigrations", "ledger", check=True, dry_run=True, verbosity=0)
    with connections[ledger.alias].cursor() as cursor:
        tables = connections[ledger.alias].introspection.table_names(cursor)
    assert {"ledger_event", "ledger_publication", "ledger_evidence"} <= set(tables)


def test_sqlite_writes_ahead_and_syncs_every_commit(place: Place) -> None:
    with closing(DatabaseLedger(place.database("sqlite"))) as ledger:
        ledger.append(draft("0"))
        with connections[ledger.alias].cursor() as cursor:
            found = [
                cursor.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("journal_mode", "synchronous", "foreign_keys")
            ]
    assert found == ["wal", 2, 1]
