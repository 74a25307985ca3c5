"""The differ: its edits are the shortest ones, and bounded whatever the texts are."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warifu.model import edits
from warifu.model.edits import Effort, Span, spans

TEXTS = st.lists(st.sampled_from([b"a", b"b", b"c", b"d"]), max_size=14)


def applied(old: list[bytes], new: list[bytes], cut: list[Span]) -> list[bytes]:
    """The old text with every differing run replaced."""
    made = list(old)
    for a, b, c, d in reversed(cut):
        made[a:b] = new[c:d]
    return made


def common(old: list[bytes], new: list[bytes]) -> int:
    """How many lines the longest common subsequence has, by the textbook's table."""
    above = [0] * (len(new) + 1)
    for line in old:
        row = [0]
        for at, other in enumerate(new):
            row.append(above[at] + 1 if line == other else max(above[at + 1], row[at]))
        above = row
    return above[-1]


@given(TEXTS, TEXTS)
def test_the_shortest_edit_is_found(old: list[bytes], new: list[bytes]) -> None:
    cut = list(spans(old, new, Effort()))
    assert applied(old, new, cut) == new
    changed = sum(b - a + d - c for a, b, c, d in cut)
    assert changed == len(old) + len(new) - 2 * common(old, new)


@given(TEXTS, TEXTS, st.integers(0, 80), st.integers(1, 6))
def test_an_edit_cut_short_is_still_an_edit(
    old: list[bytes], new: list[bytes], effort: int, most: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edits, "EDITS", most)
        cut = list(spans(old, new, Effort(effort)))
    assert applied(old, new, cut) == new
    assert all(b < a and d < c for (_, b, _, d), (a, _, c, _) in pairwise(cut))


def test_where_much_differs_the_lines_held_once_are_fixed_first() -> None:
    old = [b"old %d" % n if n % 3 else b"kept %d" % n for n in range(3_000)]
    new = [b"new %d" % n if n % 3 else b"kept %d" % n for n in range(3_000)]
    cut = list(spans(old, new, Effort()))
    assert cut == [(n + 1, n + 3, n + 1, n + 3) for n in range(0, 3_000, 3)]


@given(st.permutations(range(12)))
def test_of_lines_that_changed_places_the_longest_row_stays(order: list[int]) -> None:
    """Where no single line may go or come, what is left is the longest increasing row."""
    old, new = ([b"%d" % n for n in side] for side in (range(12), order))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(edits, "EDITS", 0)
        cut = list(spans(old, new, Effort()))
    assert applied(old, new, cut) == new
    assert len(old) - sum(b - a for a, b, _, _ in cut) == common(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ([b"x"] * 20_000, [b"y", *[b"x"] * 20_000]),
        ([b"x", b"y"] * 10_000, [b"y", b"x", b"z"] * 6_000),
        ([b"x", b"y", b"z"] * 6_000, [b"z", b"y", b"x"] * 6_000),
    ],
)
def test_repeating_texts_cost_no_more_than_their_share(old: list[bytes], new: list[bytes]) -> None:
    effort = Effort(1_000_000)
    assert applied(old, new, list(spans(old, new, effort))) == new
    assert effort.left > -50_000  # the last gap is looked at to its end, and no further one
