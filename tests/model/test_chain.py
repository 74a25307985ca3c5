"""The ledger's rules without a ledger: the next link, a repeat, the walk, what evidence may be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from warifu.model import chain
from warifu.model.ledger import GENESIS, Draft, Event, Row
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Refusal

NOON = datetime(2012, 2, 5, 12, 0, 0, 250_000, tzinfo=timezone(timedelta(hours=9)))
ARTIFACT, RELEASE, VSA, OTHER = (of_bytes(one) for one in (b"artifact", b"release", b"vsa", b"2"))
DRAFT = Draft("noted", "subject", NOON, "member 0001", {"n": 1}, "a key")
FOUND = {"artifact": ARTIFACT, "manifest": RELEASE}


def links(count: int) -> list[tuple[Event, Digest]]:
    """A whole chain, each event with the digest kept beside it."""
    made: list[tuple[Event, Digest]] = []
    for _ in range(count):
        head = (made[-1][0].seq, made[-1][0].digest) if made else (0, GENESIS)
        event = chain.link(DRAFT, head, NOON)
        made.append((event, event.digest))
    return made


def code(doing: Callable[[], object]) -> str:
    """Why something is refused."""
    with pytest.raises(Refusal) as refused:
        doing()
    return refused.value.reason


def test_a_link_follows_its_head_in_whole_seconds_of_utc() -> None:
    event = chain.link(DRAFT, (7, OTHER), NOON + timedelta(minutes=1))
    assert (event.seq, event.prev) == (8, OTHER)
    assert event.at == datetime(2012, 2, 5, 3, 0, tzinfo=UTC)
    assert event.recorded == datetime(2012, 2, 5, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize("name", ["kind", "subject", "by", "key"])
@pytest.mark.parametrize("value", ["", "a\nb"])
def test_a_name_is_printable(name: str, value: str) -> None:
    draft = replace(DRAFT, **{name: value})  # type: ignore[arg-type]
    assert code(lambda: chain.link(draft, (0, GENESIS), NOON)) == "bad-event"


def test_a_source_and_a_zone_are_known() -> None:
    assert code(lambda: chain.link(replace(DRAFT, source="B"), (0, GENESIS), NOON)) == "bad-event"
    naive = NOON.replace(tzinfo=None)
    assert code(lambda: chain.link(replace(DRAFT, at=naive), (0, GENESIS), NOON)) == "naive-time"
    assert code(lambda: chain.link(DRAFT, (0, GENESIS), naive)) == "naive-time"


def test_a_repeat_may_come_later_and_mean_nothing_else() -> None:
    event = chain.link(DRAFT, (0, GENESIS), NOON)
    assert chain.repeat(event, replace(DRAFT, at=NOON + timedelta(hours=1))) is event
    for other in ({"kind": "x"}, {"subject": "x"}, {"by": "x"}, {"source": "H"}, {"facts": {}}):
        again = replace(DRAFT, **other)  # type: ignore[arg-type]
        assert code(lambda again=again: chain.repeat(event, again)) == "key-taken"


def test_a_whole_chain_is_walked_to_its_end() -> None:
    assert chain.walk([]) == 0
    assert chain.walk(links(3)) == 3


def test_a_walk_stops_where_something_is_missing_altered_or_elsewhere() -> None:
    one, two, three = links(3)
    assert code(lambda: chain.walk([one, three])) == "chain-gap"
    with pytest.raises(Refusal, match="chain-gap") as refused:
        chain.walk([two])
    assert (refused.value.facts["expected"], refused.value.facts["found"]) == ("1", "2")
    moved = replace(two[0], prev=OTHER)
    assert code(lambda: chain.walk([one, (moved, moved.digest)])) == "chain-broken"
    altered = replace(two[0], by="somebody else")
    assert code(lambda: chain.walk([one, (altered, two[1])])) == "event-altered"


def test_evidence_is_added_once_and_stays() -> None:
    row = Row("evidence", VSA, FOUND)
    assert chain.evidence(row, None) == FOUND
    assert chain.evidence(row, FOUND) is None
    assert code(lambda: chain.evidence(row, {**FOUND, "artifact": OTHER})) == "evidence-kept"
    assert code(lambda: chain.evidence(replace(row, value=None), FOUND)) == "evidence-kept"
    for bad in (replace(row, key="x"), replace(row, value={"artifact": ARTIFACT})):
        assert code(lambda bad=bad: chain.evidence(bad, None)) == "not-a-digest"


def test_nothing_is_published_without_evidence_of_its_own() -> None:
    row = Row("publication", RELEASE, {"evidence": VSA})
    chain.published(row, FOUND)
    assert chain.rests_on(row.value or {}) == VSA
    assert code(lambda: chain.published(row, None)) == "no-evidence"
    assert code(lambda: chain.published(row, {**FOUND, "manifest": OTHER})) == "evidence-of-another"
