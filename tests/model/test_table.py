"""The reader of warifu.toml: a wrong key is refused by its full name, a right one is read."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

import pytest

from warifu.model.table import Table
from warifu_wire.errors import Malformed

DAY = date(2012, 2, 13)
FOUND: dict[str, object] = {
    "text": "a", "texts": ["a", "b"], "number": 3, "numbers": [0, 5], "share": 100, "days": [DAY],
    "inner": {"a": "b"}, "rows": [{"a": "b"}, {"a": "c"}], "yes": True, "id": "0" * 40,
}  # fmt: skip
TABLE = Table("program", FOUND)


def refused(reading: Callable[[], object], key: str) -> str:
    """What is needed where a key is refused."""
    with pytest.raises(Malformed) as caught:
        reading()
    assert caught.value.facts["key"] == key
    return caught.value.needed


def test_what_is_there_is_read() -> None:
    assert TABLE.only(*FOUND) is TABLE
    assert TABLE.text("text") == "a"
    assert TABLE.texts("texts") == ("a", "b")
    assert TABLE.number("number", 1) == 3
    assert TABLE.numbers("numbers", ()) == (0, 5)
    assert TABLE.share("share", 1) == 1_000_000
    assert TABLE.dates("days") == {DAY}
    assert TABLE.pairs("inner") == {"a": "b"}
    assert [one.text("a") for one in TABLE.rows("rows")] == ["b", "c"]
    assert TABLE.commit("id") == "0" * 40


def test_what_is_absent_is_its_default_or_asked_for() -> None:
    assert TABLE.text("gone", "usual") == "usual"
    assert TABLE.texts("gone", ("a",)) == ("a",)
    assert TABLE.number("gone", 7) == 7
    assert TABLE.numbers("gone", (1, 2)) == (1, 2)
    assert TABLE.share("gone", 3) == 30_000
    assert TABLE.dates("gone") == frozenset()
    assert TABLE.pairs("gone") == {}
    assert list(TABLE.rows("gone")) == []
    assert refused(lambda: TABLE.text("gone"), "program.gone") == "a string"
    assert refused(lambda: TABLE.texts("gone"), "program.gone") == "a list of strings"


def test_a_number_lies_between_its_bounds() -> None:
    bounded = Table("", {"n": 5})
    assert bounded.number("n", 1, 5, 5) == 5
    assert refused(lambda: bounded.number("n", 1, 6), "n") == "a whole number from 6"
    assert refused(lambda: bounded.number("n", 1, 1, 4), "n") == "a whole number from 1 to 4"
    assert refused(lambda: Table("", {"n": 0}).number("n", 1), "n") == "a whole number from 1"
    over = Table("", {"n": 101})
    assert refused(lambda: over.share("n", 1), "n") == "a whole number from 1 to 100"


@pytest.mark.parametrize(
    ("read", "wrong", "right"),
    [
        (Table.text, ("number", "texts", "yes", "inner"), "text"),
        (Table.texts, ("text", "numbers", "number"), "texts"),
        (Table.dates, ("text", "texts", "numbers"), "days"),
        (Table.table, ("text", "texts", "rows"), "inner"),
        (Table.rows, ("text", "inner", "texts"), "rows"),
        (Table.commit, ("text", "number"), "id"),
        (lambda table, key: table.number(key, 1), ("text", "yes", "numbers"), "number"),
        (lambda table, key: table.numbers(key, ()), ("number", "texts", "inner"), "numbers"),
    ],
)
def test_another_kind_is_refused_by_its_full_name(
    read: Callable[[Table, str], object], wrong: tuple[str, ...], right: str
) -> None:
    read(TABLE, right)
    for key in wrong:
        assert refused(lambda key=key: read(TABLE, key), f"program.{key}")


def test_a_list_holds_no_truth_and_no_time_of_day() -> None:
    assert refused(lambda: Table("", {"n": [1, True]}).numbers("n", ()), "n")
    assert refused(lambda: Table("", {"n": [datetime(2012, 2, 13)]}).dates("n"), "n")  # noqa: DTZ001 - as TOML has it


def test_an_unknown_key_is_named_with_those_that_are_known() -> None:
    known = Table("", {"a": 1, "b": 2})
    assert refused(lambda: known.only("a", "c"), "b") == "one of a, c"
