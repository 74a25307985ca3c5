"""What doors read from the ledger, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from tests.contract.forms import Place
from warifu.engines.ledger import queries
from warifu.engines.ledger.store import DatabaseLedger
from warifu.model.ledger import Draft, Row, Work
from warifu_wire.digest import of_bytes

NOON = datetime(2012, 2, 5, 3, 0, tzinfo=UTC)
ARTIFACT, MANIFEST, VSA = (of_bytes(one) for one in (b"artifact", b"release", b"vsa"))


@pytest.fixture(params=["sqlite", "postgres"])
def ledger(request: pytest.FixtureRequest, place: Place) -> Iterator[DatabaseLedger]:
    """Seven events on three subjects."""
    with closing(DatabaseLedger(place.database(request.param))) as made:
        made.append(*(draft(str(n), kind=f"k{n % 2}", subject=f"s{n % 3}") for n in range(7)))
        yield made


def draft(
    key: str,
    *,
    kind: str = "noted",
    subject: str = "subject",
    rows: tuple[Row, ...] = (),
    work: tuple[Work, ...] = (),
) -> Draft:
    return Draft(kind, subject, NOON, "member 0001", {}, key, rows=rows, work=work)


def test_events_come_newest_first_page_by_page(ledger: DatabaseLedger) -> None:
    first = queries.events(ledger.alias, limit=4)
    rest = queries.events(ledger.alias, before=first[-1].seq, limit=4)
    assert [one.seq for one in first + rest] == [7, 6, 5, 4, 3, 2, 1]
    assert first[0] == list(ledger.events())[-1]


def test_events_are_chosen_by_subjects_and_kinds(ledger: DatabaseLedger) -> None:
    chosen = queries.events(ledger.alias, subjects=["s0", "s1"], kinds=["k1"])
    assert [(one.subject, one.kind) for one in chosen] == [("s0", "k1"), ("s1", "k1")]


def test_one_event_is_read_by_its_seq(ledger: DatabaseLedger) -> None:
    found = queries.event(ledger.alias, 3)
    assert found is not None
    assert found.key == "2"
    assert queries.event(ledger.alias, 99) is None


def test_publications_come_with_their_evidence(ledger: DatabaseLedger) -> None:
    evidence = Row("evidence", VSA, {"artifact": ARTIFACT, "manifest": MANIFEST, "suite": "all"})
    ledger.append(draft("a", rows=(evidence,)))
    assert queries.published(ledger.alias) == []
    ledger.append(draft("b", rows=(Row("publication", MANIFEST, {"evidence": VSA}),)))
    (found,) = queries.published(ledger.alias)
    assert (found.release, found.publication) == (MANIFEST, {"evidence": VSA})
    assert found.evidence["suite"] == "all"


def test_rows_are_read_by_the_beginning_of_their_key(ledger: DatabaseLedger) -> None:
    keys = ["a/1", "a/2", "b/1", "a", "A/1", "a%1"]
    ledger.append(draft("a", rows=tuple(Row("t", key, {"key": key}) for key in keys)))
    assert [key for key, _ in queries.rows(ledger.alias, "t", "a/")] == ["a/1", "a/2"]
    assert [key for key, _ in queries.rows(ledger.alias, "t")] == sorted(keys)


def test_work_that_waits_says_how_often_it_was_tried_and_why(ledger: DatabaseLedger) -> None:
    later = NOON + timedelta(minutes=1)
    ledger.append(draft("a", work=(Work("mail", "x", NOON), Work("sign", "y", later))))
    (due,) = ledger.claim(NOON)
    ledger.again(due, later, "no connection")
    assert queries.waiting(ledger.alias, NOON - timedelta(seconds=1)) == []
    assert queries.waiting(ledger.alias, NOON) == [
        queries.Waiting("mail", "x", NOON, 1, "no connection")
    ]
    ledger.done(due)
    assert [one.verb for one in queries.waiting(ledger.alias, later)] == ["sign"]
