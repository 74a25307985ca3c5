"""A ledger moves from SQLite to PostgreSQL and back, whole or not at all."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime

import pytest
from django.db import connections

from tests.contract.forms import Place
from warifu.engines.ledger import queries
from warifu.engines.ledger.moving import move
from warifu.engines.ledger.store import DatabaseLedger
from warifu.model.ledger import Draft, Row, Work
from warifu_wire.digest import of_bytes
from warifu_wire.errors import Mismatch, Refusal

pytestmark = pytest.mark.repeats

NOON = datetime(2012, 2, 5, 3, 0, tzinfo=UTC)
ARTIFACT, MANIFEST, VSA = (of_bytes(one) for one in (b"artifact", b"release", b"vsa"))
WAYS = [("sqlite", "postgres"), ("postgres", "sqlite")]


def filled(place: Place, form: str) -> DatabaseLedger:
    """A ledger with something in every table, more than one batch of events."""
    made = place.ledger(form, now=lambda: NOON)
    assert isinstance(made, DatabaseLedger)
    evidence = Row("evidence", VSA, {"artifact": ARTIFACT, "manifest": MANIFEST})
    made.append(
        draft("first", evidence, work=(Work("mail", "x", NOON), Work("sign", "y", NOON))),
        draft("second", Row("publication", MANIFEST, {"evidence": VSA}), Row("t", "あ", {"n": 1})),
        *(draft(str(n)) for n in range(1_200)),
    )
    (due,) = made.claim(NOON)
    made.again(due, NOON, "no connection")
    return made


def draft(key: str, *rows: Row, work: tuple[Work, ...] = ()) -> Draft:
    return Draft("noted", "subject", NOON, "member 0001", {"key": key}, key, rows=rows, work=work)


def empty(place: Place, form: str) -> DatabaseLedger:
    made = place.ledger(form, now=lambda: NOON)
    assert isinstance(made, DatabaseLedger)
    return made


@pytest.mark.parametrize(("old", "new"), WAYS)
def test_everything_moves_and_goes_on(place: Place, old: str, new: str) -> None:
    source, target = filled(place, old), empty(place, new)
    assert move(source, target) == 1_202
    assert target.head() == source.head()
    assert list(target.events()) == list(source.events())
    for table in ("t", "publication", "evidence"):
        assert list(target.rows(table)) == list(source.rows(table))
    assert queries.waiting(target.alias, NOON) == queries.waiting(source.alias, NOON)
    assert target.append(draft("first"))[0].seq == 1
    (event,) = target.append(draft("new", Row("t", "new", {}), work=(Work("mail", "z", NOON),)))
    assert event.seq == 1_203
    assert target.verify() == 1_203
    assert len(target.claim(NOON, limit=9)) == 3


@pytest.mark.parametrize(("old", "new"), WAYS)
def test_a_broken_chain_does_not_move(place: Place, old: str, new: str) -> None:
    source, target = filled(place, old), empty(place, new)
    with connections[source.alias].cursor() as cursor:
        if old == "sqlite":
            cursor.execute("DROP TRIGGER ledger_event_kept_UPDATE")
        else:
            cursor.execute("DROP TRIGGER ledger_event_kept ON ledger_event")
        cursor.execute("UPDATE ledger_event SET facts = '{}' WHERE seq = 700")
    with pytest.raises(Mismatch, match="event-altered"):
        move(source, target)
    assert target.head()[0] == 0


def test_nothing_is_moved_onto_something_or_onto_itself(place: Place) -> None:
    source, target = filled(place, "sqlite"), empty(place, "sqlite")
    target.append(draft("already"))
    with pytest.raises(Refusal, match="not-empty"):
        move(source, target)
    assert target.verify() == 1
    fresh = place.database("sqlite")
    with closing(DatabaseLedger(fresh)) as one, pytest.raises(Refusal, match="not-empty"):
        move(one, DatabaseLedger(fresh))
