"""The ledger's contract, held by every form of it: memory, SQLite, PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.contract.forms import LEDGERS, Place, a_place
from warifu.model import chain
from warifu.model.ledger import GENESIS, Draft, Event, Row, Work
from warifu.model.ports import Ledger
from warifu.testing import MemoryLedger
from warifu_wire.digest import of_bytes
from warifu_wire.errors import Malformed, Mismatch, Refusal

NOON = datetime(2012, 2, 5, 3, 0, tzinfo=UTC)
ARTIFACT, MANIFEST, VSA, OTHER = (of_bytes(one) for one in (b"artifact", b"release", b"vsa", b"2"))


@pytest.fixture(params=LEDGERS)
def ledger(request: pytest.FixtureRequest, place: Place) -> Ledger:
    """An empty ledger of each form; its clock stands at noon."""
    return place.ledger(request.param, now=lambda: NOON)


def draft(key: str, **other: object) -> Draft:
    """An event with nothing special about it."""
    usual: dict[str, object] = {
        "kind": "noted", "subject": "subject", "at": NOON, "by": "member 0001", "facts": {}
    }  # fmt: skip
    return Draft(key=key, **{**usual, **other})  # type: ignore[arg-type]


def evidence(**other: str) -> Row:
    return Row("evidence", VSA, {"artifact": ARTIFACT, "manifest": MANIFEST, **other})


def refused(doing: Callable[[], object], code: str) -> Refusal:
    with pytest.raises(Refusal) as caught:
        doing()
    assert caught.value.reason == code
    return caught.value


def test_an_empty_ledger_has_a_head_to_append_to(ledger: Ledger) -> None:
    assert ledger.head() == (0, GENESIS)
    assert ledger.verify() == 0
    assert ledger.append() == ()


def test_events_are_chained_and_read_back_as_appended(ledger: Ledger) -> None:
    first, second = ledger.append(
        draft("1", facts={"file": "別紙.txt", "n": 3, "nested": [None, {"b": True}], "nul": "\0"}),
        draft("2", source="H", kind="asked", at=NOON.astimezone(timezone(timedelta(hours=9)))),
    )
    assert (first.prev, second.prev) == (GENESIS, first.digest)
    assert second.at == NOON
    assert second.to_bytes().count(b"2012-02-05T03:00:00Z") == 2
    assert list(ledger.events()) == [first, second]
    assert ledger.head() == (2, second.digest)
    assert ledger.verify() == 2


def test_fractions_of_a_second_are_not_kept(ledger: Ledger) -> None:
    (event,) = ledger.append(draft("1", at=NOON + timedelta(milliseconds=900)))
    assert event.at == NOON
    assert list(ledger.events()) == [event]


def test_events_are_read_by_kind_subject_and_place(ledger: Ledger) -> None:
    kinds = [("made", "a"), ("made", "b"), ("stopped", "a"), ("made", "a")]
    ledger.append(*(draft(str(n), kind=k, subject=s) for n, (k, s) in enumerate(kinds)))
    assert [one.seq for one in ledger.events(kind="made")] == [1, 2, 4]
    assert [one.seq for one in ledger.events(kind="made", subject="a")] == [1, 4]
    assert [one.seq for one in ledger.events(subject="a", after=1)] == [3, 4]
    assert list(ledger.events(after=4)) == []


@pytest.mark.repeats
def test_more_events_than_a_page_come_in_order_while_the_reader_writes(ledger: Ledger) -> None:
    ledger.append(*(draft(str(n)) for n in range(1_001)))
    seen = []
    for event in ledger.events():
        if event.seq in {1, 600}:
            ledger.append(draft(f"while reading {event.seq}"))
        seen.append(event.seq)
    assert seen == list(range(1, 1_002))
    assert ledger.verify() == 1_003


def test_a_repeat_returns_the_first_event_and_changes_nothing(ledger: Ledger) -> None:
    once = draft("1", rows=(Row("t", "k", {"v": 1}),), work=(Work("mail", "a", NOON),))
    (first,) = ledger.append(once)
    ledger.append(draft("2", rows=(Row("t", "k", {"v": 2}),)))
    later = draft("1", at=NOON + timedelta(hours=1), rows=once.rows, work=once.work)
    assert ledger.append(later) == (first,)
    assert ledger.row("t", "k") == {"v": 2}
    assert len(ledger.claim(NOON, limit=9)) == 1
    assert ledger.verify() == 2


def test_a_repeat_within_one_append_is_a_repeat(ledger: Ledger) -> None:
    first, again, new = ledger.append(draft("1"), draft("1"), draft("2"))
    assert again == first
    assert new.seq == 2


@pytest.mark.parametrize(
    "other",
    [{"kind": "x"}, {"subject": "x"}, {"by": "x"}, {"source": "H"}, {"facts": {"n": 1}}],
    ids=lambda one: next(iter(one)),
)
def test_a_key_cannot_mean_two_events(ledger: Ledger, other: dict[str, object]) -> None:
    ledger.append(draft("1"))
    refused(lambda: ledger.append(draft("2"), draft("1", **other)), "key-taken")
    assert ledger.verify() == 1


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"at": NOON.replace(tzinfo=None)}, "naive-time"),
        ({"kind": ""}, "bad-event"),
        ({"by": "a\0b"}, "bad-event"),
        ({"source": "X"}, "bad-event"),
    ],
    ids=["naive", "empty", "unprintable", "source"],
)
def test_a_malformed_event_is_refused_whole(
    ledger: Ledger, other: dict[str, object], code: str
) -> None:
    bad = draft("2", rows=(Row("t", "k", {}),), **other)
    with pytest.raises(Malformed) as caught:
        ledger.append(draft("1"), bad)
    assert caught.value.reason == code
    assert ledger.head() == (0, GENESIS)
    assert ledger.row("t", "k") is None


def test_rows_are_replaced_taken_away_and_listed_by_key(ledger: Ledger) -> None:
    keys = ["b", "a", "あ", "B", "é", "a-1"]
    ledger.append(draft("1", rows=tuple(Row("t", key, {"key": key}) for key in keys)))
    ledger.append(draft("2", rows=(Row("t", "b", {"n": 2}), Row("t", "a", None))))
    ledger.append(draft("3", rows=(Row("t", "gone", None), Row("u", "a", {}))))
    assert [key for key, _ in ledger.rows("t")] == sorted(set(keys) - {"a"})
    assert ledger.row("t", "b") == {"n": 2}
    assert ledger.row("t", "a") is None
    assert ledger.row("t", "あ") == {"key": "あ"}
    assert list(ledger.rows("none")) == []


def test_due_work_is_claimed_once_until_its_lease_runs_out(ledger: Ledger) -> None:
    ledger.append(
        draft(
            "1",
            work=(Work("mail", "a", NOON, {"to": "x"}), Work("sign", "b", NOON + timedelta(0, 5))),
        )
    )
    assert ledger.claim(NOON - timedelta(seconds=1)) == []
    (mail,) = ledger.claim(NOON, limit=5, lease=60)
    assert (mail.event, mail.tries, mail.work) == (1, 1, Work("mail", "a", NOON, {"to": "x"}))
    assert ledger.claim(NOON) == []
    (sign,) = ledger.claim(NOON + timedelta(seconds=5))
    assert sign.work.verb == "sign"
    (second,) = ledger.claim(NOON + timedelta(seconds=60))
    assert (second.number, second.tries) == (mail.number, 2)


def test_work_that_is_done_does_not_come_back(ledger: Ledger) -> None:
    ledger.append(draft("1", work=(Work("mail", "a", NOON),)))
    (due,) = ledger.claim(NOON)
    ledger.done(due)
    ledger.done(due)
    assert ledger.claim(NOON + timedelta(days=9)) == []


def test_work_that_failed_is_due_again_when_said(ledger: Ledger) -> None:
    ledger.append(draft("1", work=(Work("mail", "a", NOON),)))
    (due,) = ledger.claim(NOON)
    ledger.again(due, NOON + timedelta(seconds=600), "no connection")
    assert ledger.claim(NOON + timedelta(seconds=599)) == []
    (due,) = ledger.claim(NOON + timedelta(seconds=600))
    assert due.tries == 2
    assert due.work.due == NOON


def test_a_worker_that_lost_its_lease_cannot_shorten_anothers(ledger: Ledger) -> None:
    ledger.append(draft("1", work=(Work("mail", "a", NOON),)))
    (slow,) = ledger.claim(NOON, lease=10)
    (quick,) = ledger.claim(NOON + timedelta(seconds=10), lease=60)
    ledger.again(slow, NOON, "too late")
    assert ledger.claim(NOON + timedelta(seconds=20)) == []
    ledger.done(quick)
    assert ledger.claim(NOON + timedelta(days=1)) == []


def test_older_work_is_claimed_first(ledger: Ledger) -> None:
    late, early = Work("late", "a", NOON), Work("early", "a", NOON - timedelta(hours=1))
    ledger.append(draft("1", work=(late, early)))
    assert [one.work.verb for one in ledger.claim(NOON, limit=2)] == ["early", "late"]


def test_work_can_be_claimed_by_its_verb(ledger: Ledger) -> None:
    ledger.append(draft("1", work=(Work("probe", "a", NOON), Work("sign", "a", NOON))))
    (found,) = ledger.claim(NOON, limit=9, verbs=("sign", "mail"))
    assert found.work.verb == "sign"
    assert ledger.claim(NOON, verbs=("mail",)) == []
    assert [one.work.verb for one in ledger.claim(NOON, limit=9)] == ["probe"]


def test_a_release_is_published_on_its_own_evidence_only(ledger: Ledger) -> None:
    ledger.append(draft("1", rows=(evidence(),)))
    ledger.append(draft("2", rows=(Row("publication", MANIFEST, {"evidence": VSA, "by": "x"}),)))
    assert ledger.row("evidence", VSA) == {"artifact": ARTIFACT, "manifest": MANIFEST}
    assert list(ledger.rows("publication")) == [(MANIFEST, {"by": "x", "evidence": VSA})]
    assert [key for key, _ in ledger.rows("evidence")] == [VSA]
    ledger.append(draft("3", rows=(Row("publication", MANIFEST, {"evidence": VSA, "by": "y"}),)))
    assert ledger.row("publication", MANIFEST) == {"by": "y", "evidence": VSA}
    ledger.append(draft("4", rows=(Row("publication", MANIFEST, None),)))
    assert ledger.row("publication", MANIFEST) is None


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (Row("publication", MANIFEST, {"evidence": OTHER}), "no-evidence"),
        (Row("publication", OTHER, {"evidence": VSA}), "evidence-of-another"),
        (Row("publication", MANIFEST, {}), "not-a-digest"),
        (Row("evidence", VSA, None), "evidence-kept"),
        (Row("evidence", VSA, {"artifact": OTHER, "manifest": MANIFEST}), "evidence-kept"),
        (Row("evidence", OTHER, {"artifact": ARTIFACT}), "not-a-digest"),
        (Row("evidence", "short", {"artifact": ARTIFACT, "manifest": OTHER}), "not-a-digest"),
    ],
    ids=["none", "another", "unnamed", "removed", "changed", "half", "bad-key"],
)
def test_nothing_is_published_without_a_vsa(ledger: Ledger, row: Row, code: str) -> None:
    ledger.append(draft("1", rows=(evidence(),)))
    refused(lambda: ledger.append(draft("2", rows=(row,))), code)
    assert ledger.verify() == 1
    assert list(ledger.rows("publication")) == []
    assert list(ledger.rows("evidence")) == [(VSA, {"artifact": ARTIFACT, "manifest": MANIFEST})]


def test_the_same_evidence_may_be_recorded_again(ledger: Ledger) -> None:
    ledger.append(draft("1", rows=(evidence(),)), draft("2", rows=(evidence(),)))
    assert ledger.verify() == 2


def answer(ledger: Ledger, batch: list[Draft]) -> tuple[tuple[Event, ...], str]:
    """What a ledger says to a batch: its events, or its refusal."""
    try:
        return ledger.append(*batch), ""
    except Refusal as no:
        return (), str(no)


KEYS = st.sampled_from("abcdef")
DRAFTS = st.builds(
    lambda key, n, row: draft(key, facts={"n": n}, rows=(Row("t", row, {"key": key, "n": n}),)),
    KEYS,
    st.integers(0, 1),
    KEYS,
)


@settings(max_examples=max(1, settings().max_examples // 6))  # each makes a database
@given(st.lists(st.lists(DRAFTS, max_size=4), max_size=6))
@pytest.mark.parametrize("form", [one for one in LEDGERS if one != "memory"])
def test_every_form_answers_as_memory_does(form: str, batches: list[list[Draft]]) -> None:
    with a_place() as place:
        model, real = MemoryLedger(now=lambda: NOON), place.ledger(form, now=lambda: NOON)
        for batch in batches:
            assert answer(real, batch) == answer(model, batch)
        assert list(real.events()) == list(model.events())
        assert list(real.rows("t")) == list(model.rows("t"))
        assert real.verify() == model.verify()


POOL = [of_bytes(bytes([n])) for n in range(4)]
NAMES = st.sampled_from(POOL)
ANY_ROW = st.one_of(
    st.builds(
        lambda key, artifact, manifest: Row(
            "evidence", key, {"artifact": artifact, "manifest": manifest}
        ),
        NAMES, NAMES, NAMES,
    ),
    st.builds(lambda key, named: Row("publication", key, {"evidence": named}), NAMES, NAMES),
    st.builds(lambda table, key: Row(table, key, None),
              st.sampled_from(["evidence", "publication"]), NAMES),
    st.builds(lambda table, key, value: Row(table, key, {"evidence": value}),
              st.sampled_from(["evidence", "publication"]), NAMES, st.sampled_from(["", "x"])),
)  # fmt: skip


@settings(max_examples=max(1, settings().max_examples // 6))
@given(st.lists(st.lists(ANY_ROW, max_size=3), max_size=12))
@pytest.mark.parametrize("form", LEDGERS)
def test_no_sequence_of_appends_publishes_without_evidence(
    form: str, batches: list[list[Row]]
) -> None:
    with a_place() as place:
        ledger = place.ledger(form, now=lambda: NOON)
        for number, rows in enumerate(batches):
            answer(ledger, [draft(str(number), rows=tuple(rows))])
            evidenced = dict(ledger.rows("evidence"))
            for release, value in ledger.rows("publication"):
                assert evidenced[str(value["evidence"])]["manifest"] == release


def test_the_walk_names_a_missing_an_altered_and_a_moved_event() -> None:
    ledger = MemoryLedger(now=lambda: NOON)
    links = [(one, one.digest) for one in ledger.append(*(draft(str(n)) for n in range(3)))]
    other = [
        (one, one.digest) for one in MemoryLedger(now=lambda: NOON).append(draft("x"), draft("y"))
    ]
    with pytest.raises(Mismatch, match="chain-gap"):
        chain.walk([links[0], links[2]])
    with pytest.raises(Mismatch, match="event-altered"):
        chain.walk([links[0], (links[1][0], links[2][1])])
    with pytest.raises(Mismatch, match="chain-broken"):
        chain.walk([links[0], other[1]])
