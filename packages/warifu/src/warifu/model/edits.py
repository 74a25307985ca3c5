"""The shortest edit between two texts by lines, at a bounded cost whatever the texts are.

Eugene W. Myers, "An O(ND) Difference Algorithm and Its Variations" (1986). Where too much differs
for it, the lines that both texts hold exactly once are fixed first and the gaps between them are
looked at one by one; what is still too much is told as one run.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

EDITS = 500
"""How many single lines may go or come in one gap before it is cut further."""
STEPS = 20_000_000

Span: TypeAlias = tuple[int, int, int, int]
"""A run `old[a:b]` that became `new[c:d]`."""
_Run: TypeAlias = tuple[int, int, int]
"""Equal lines: where in the old text, where in the new one, how many."""


@dataclass(slots=True)
class Effort:
    """How many steps are left for all texts of one inspection together."""

    left: int = STEPS

    def spend(self, steps: int) -> bool:
        """Whether there was that much left."""
        self.left -= steps
        return self.left >= 0


def spans(old: Sequence[bytes], new: Sequence[bytes], effort: Effort) -> Iterator[Span]:
    """The differing runs in order; none of them touch."""
    numbers: dict[bytes, int] = {}
    one, other = ([numbers.setdefault(line, len(numbers)) for line in side] for side in (old, new))
    a = c = 0
    for at, there, count in [*_runs(one, other, effort), (len(one), len(other), 0)]:
        if (a, c) != (at, there):
            yield a, at, c, there
        a, c = at + count, there + count


def _runs(one: list[int], other: list[int], effort: Effort) -> list[_Run]:
    """The equal runs, found gap by gap from the outside in."""
    found: list[_Run] = []
    gaps: list[Span] = [(0, len(one), 0, len(other))]
    while gaps:
        a, b, c, d = gaps.pop()
        head = _alike(one, other, (a, b, c, d), 1)
        tail = _alike(one, other, (a + head, b, c + head, d), -1)
        found += [(a, c, head), (b - tail, d - tail, tail)]
        inner = (a + head, b - tail, c + head, d - tail)
        if not effort.spend(inner[1] - inner[0] + inner[3] - inner[2]):
            continue
        short = _shortest(one, other, inner, effort)
        if short is not None:
            found += short
            continue
        fixed = _fixed(one, other, inner)
        found += fixed
        ends = [(inner[0], inner[2]), *((at + 1, there + 1) for at, there, _ in fixed)]
        starts = [*((at, there) for at, there, _ in fixed), (inner[1], inner[3])]
        if fixed:
            gaps += [(a, b, c, d) for (a, c), (b, d) in zip(ends, starts, strict=True)]
    return sorted(run for run in found if run[2])


def _alike(one: list[int], other: list[int], gap: Span, way: int) -> int:
    """How many lines are equal at the beginning (`way` 1) or at the end (-1) of a gap."""
    a, b, c, d = gap
    most, count = min(b - a, d - c), 0
    at, there = (a, c) if way == 1 else (b - 1, d - 1)
    while count < most and one[at + way * count] == other[there + way * count]:
        count += 1
    return count


def _shortest(one: list[int], other: list[int], gap: Span, effort: Effort) -> list[_Run] | None:
    """The equal runs of the shortest edit; None when it is longer than `EDITS`."""
    a, b, c, d = gap
    wide, high = b - a, d - c
    middle = min(wide + high, EDITS) + 1
    reach = [0] * (2 * middle + 2)
    trace = []
    for edits in range(middle):
        trace.append(reach[middle - edits - 1 : middle + edits + 2])
        if not effort.spend(edits + 1):
            return None
        for k in range(-edits, edits + 1, 2):
            down = k == -edits or (k != edits and reach[middle + k - 1] < reach[middle + k + 1])
            x = reach[middle + k + 1] if down else reach[middle + k - 1] + 1
            start = x
            while x < wide and x - k < high and one[a + x] == other[c + x - k]:
                x += 1
            effort.left -= x - start
            reach[middle + k] = x
            if x >= wide and x - k >= high:
                return [(a + at, c + there, count) for at, there, count in _back(trace, x, x - k)]
    return None


def _back(trace: Sequence[Sequence[int]], x: int, y: int) -> Iterator[_Run]:
    """The equal runs on the way that led to (x, y), last first."""
    for edits in range(len(trace) - 1, -1, -1):
        reach, k, middle = trace[edits], x - y, edits + 1
        down = k == -edits or (k != edits and reach[middle + k - 1] < reach[middle + k + 1])
        before = k + 1 if down else k - 1
        at = reach[middle + before]
        start = at if down else at + 1
        yield start, start - k, x - start
        x, y = at, at - before


def _fixed(one: list[int], other: list[int], gap: Span) -> list[_Run]:
    """The longest row of lines that both sides hold exactly once, in the order of both."""
    a, b, c, d = gap
    here, there = Counter(one[a:b]), Counter(other[c:d])
    places = {line: at for at, line in enumerate(other[c:d], c) if there[line] == 1}
    pairs = [
        (at, places[line])
        for at, line in enumerate(one[a:b], a)
        if here[line] == 1 and line in places
    ]
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for number, (_, place) in enumerate(pairs):
        at = bisect_left(ends, place)
        ends[at : at + 1] = [place]
        last[at : at + 1] = [number]
        before.append(last[at - 1] if at else -1)
    row = []
    number = last[-1] if last else -1
    while number >= 0:
        row.append((*pairs[number], 1))
        number = before[number]
    return row[::-1]
