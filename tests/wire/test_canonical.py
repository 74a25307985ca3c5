"""One value, one spelling: everything else is refused, and nothing but a Refusal comes out."""

from __future__ import annotations

import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warifu_wire import canonical, times
from warifu_wire.canonical import DEPTH_LIMIT, Json
from warifu_wire.errors import Malformed

WHOLE = st.integers(-(2**53) + 1, 2**53 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | WHOLE | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_there_and_back(value: Json) -> None:
    assert canonical.loads(canonical.dumps(value)) == value


@given(VALUES)
def test_the_quick_spelling_is_the_one_of_rfc_8785(value: Json) -> None:
    data = canonical.dumps(value)
    assert canonical._spelled(value, data) == data
    assert canonical._spelled(value, b"") == data or any(
        one in data for one in b"\xf0\xf1\xf2\xf3\xf4"
    )


def test_names_beyond_the_basic_plane_are_ordered_by_utf_16_units() -> None:
    data = canonical.dumps({"\ufb33": 1, "\U0001f600": 2})
    assert data.index(b"\xf0") < data.index(b"\xef")
    assert canonical.loads(data) == {"\ufb33": 1, "\U0001f600": 2}
    with pytest.raises(Malformed, match="not-canonical"):
        canonical.loads('{"\ufb33":1,"\U0001f600":2}'.encode())


@given(VALUES, st.integers(0, 3))
def test_any_other_spelling_is_refused(value: Json, indent: int) -> None:
    other = json.dumps(value, indent=indent).encode()
    if other == canonical.dumps(value):
        return
    with pytest.raises(Malformed):
        canonical.loads(other)


@pytest.mark.repeats
@given(st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_any_bytes_are_a_value_or_malformed(data: bytes) -> None:
    try:
        value = canonical.loads(data)
    except Malformed:
        return
    assert canonical.dumps(value) == data


@pytest.mark.parametrize(
    "data",
    [
        b'{"a":1,"a":2}',
        b'{"b":1,"a":2}',
        b"1.0",
        b"1e2",
        b"-0",
        b"NaN",
        b"Infinity",
        b"9007199254740993",
        b"1" * 5_000,
        b'"\\u0041"',
        b'"\\ud800"',
        b'{"\\ud800":1}',
        b"\xef\xbb\xbf1",
        b"\xff",
        b" 1",
        b"",
    ],
)
def test_traps(data: bytes) -> None:
    with pytest.raises(Malformed):
        canonical.loads(data)


@pytest.mark.parametrize("value", [float("nan"), b"bytes", {1: 2}, "\ud800", {"\ud800": 1}, {1, 2}])
def test_what_has_no_spelling(value: object) -> None:
    with pytest.raises(Malformed):
        canonical.dumps(value)  # type: ignore[arg-type]


def test_nesting_is_counted_before_anything_recurses() -> None:
    deep = b"[" * DEPTH_LIMIT + b"]" * DEPTH_LIMIT
    assert canonical.dumps(canonical.loads(deep)) == deep
    with pytest.raises(Malformed, match="too-deep"):
        canonical.loads(b"[" + deep + b"]")
    with pytest.raises(Malformed, match="too-deep"):
        canonical.loads(b"[" * 100_000)


@given(st.datetimes(timezones=st.timezones()))
def test_times_are_spelled_in_utc_and_whole_seconds(at: datetime) -> None:
    try:
        spelled = times.spell(at)
    except OverflowError:
        return
    assert abs((times.read(spelled) - at).total_seconds()) < 1


@pytest.mark.parametrize(
    "text",
    [
        "2012-02-05T04:23:00+00:00",
        "2012-02-05t04:23:00Z",
        "2012-02-05T04:23:00.5Z",
        "2012-02-30T00:00:00Z",
        "２012-02-05T04:23:00Z",
        " 2012-02-05T04:23:00Z",
        "2012-02-05T04:23:00Z\n",
        "",
        None,
        0,
    ],
)
def test_other_times_are_refused(text: object) -> None:
    with pytest.raises(Malformed):
        times.read(text)


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(Malformed, match="naive"):
        times.spell(datetime(2012, 2, 5))  # noqa: DTZ001
