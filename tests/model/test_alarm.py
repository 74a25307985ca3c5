"""The alarm against the published figures, and bit-equal whatever order or machine."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from warifu.model import alarm
from warifu.model.alarm import HOLD, STOP, Count, Evidence, Level, Stream, judged, least, value
from warifu_wire.errors import Malformed, Mismatch

Q0 = 20_000


def bad_after(healthy: int, threshold: int) -> int:
    """How many failures in a row it takes after some healthy reports."""
    k = 0
    while value(k, healthy + k, Q0) < threshold:
        k += 1
    return k


@pytest.mark.parametrize(
    ("healthy", "hold", "stop"),
    [(0, 2, 4), (200, 12, 17)],
)
def test_failures_in_a_row(healthy: int, hold: int, stop: int) -> None:
    """Published: 0 healthy reports 2 / 4, after 200 healthy ones 12 / 17."""
    assert bad_after(healthy, HOLD) == hold
    assert bad_after(healthy, STOP) == stop


def test_four_reports_of_four() -> None:
    """The closed form at k = n = 4, q0 = .02, by hand: 9 * 7496245 / 6435 over thousandths."""
    assert value(4, 4, Q0) == Fraction(9 * 7_496_245, 6_435)
    assert alarm.spelled(value(4, 4, Q0)) == "10484.258"


def integral(k: int, n: int, q0: int, steps: int = 20_000) -> float:
    """The mixture by Simpson's rule, as the definition has it."""
    low = q0 / 1e6

    def term(q: float) -> float:
        return (1 - q) ** 8 * (q / low) ** k * ((1 - q) / (1 - low)) ** (n - k)

    width = (1 - low) / steps
    total = sum(
        term(low + place * width) * (1 if place in (0, steps) else 4 if place % 2 else 2)
        for place in range(steps + 1)
    )
    return total * width / 3 / ((1 - low) ** 9 / 9)


@pytest.mark.parametrize(
    ("k", "n", "q0"), [(0, 0, Q0), (0, 7, Q0), (1, 5, Q0), (3, 40, 100_000), (9, 60, 5_000)]
)
def test_closed_form_is_the_integral(k: int, n: int, q0: int) -> None:
    """An independent way to the same number."""
    assert float(value(k, n, q0)) == pytest.approx(integral(k, n, q0), rel=1e-9)


@given(n=st.integers(0, 80), q=st.integers(1, 999_999))
def test_no_gain_to_be_expected_from_a_healthy_release(n: int, q: int) -> None:
    """An e-value: at the baseline itself its expectation is exactly 1, so 20 comes by 1 in 20."""
    from math import comb

    share = Fraction(q, 1_000_000)
    mean = sum(
        (comb(n, k) * share**k * (1 - share) ** (n - k) * value(k, n, q) for k in range(n + 1)),
        Fraction(0),
    )
    assert mean == 1


@given(
    n=st.integers(0, 200), q0=st.integers(1_000, 300_000), threshold=st.sampled_from([20, 10_000])
)
def test_least_is_the_frontier(n: int, q0: int, threshold: int) -> None:
    """At the frontier it rings, one below it does not."""
    found = least(n, q0, threshold)
    if found is None:
        assert value(n, n, q0) < threshold
    else:
        assert value(found, n, q0) >= threshold
        assert found == 0 or value(found - 1, n, q0) < threshold


@pytest.mark.parametrize(
    ("expected", "row"),
    [
        (1_000_000, {1: ".1", 2: ".2", 3: ".7", 4: "2.6", 6: "70", 8: "3532"}),
        (150_000, {1: "1.5", 2: "15", 3: "218", 4: "4357"}),
        (10_000, {1: "14", 2: "468", 3: "23381"}),
    ],
)
def test_cases_table(expected: int, row: dict[int, str]) -> None:
    """Published e-values at 12 hours for baselines of 2, .3 and .02 cases a day."""
    for k, published in row.items():
        digits = len(published.partition(".")[2])
        assert round(float(alarm.cases(k, expected)), digits) == float(published)


def test_linked_cases_hold_at_two_and_stop_at_three() -> None:
    """Digest and symptom together: the second holds, the third stops."""
    levels = [judged(Evidence(Stream.CASES, (Count("", k, k),), 10_000)) for k in (1, 2, 3)]
    assert levels == [None, Level.HOLD, Level.STOP]


def test_two_members_never_stop() -> None:
    """However sure two failures make us, a stop takes three members."""
    assert value(2, 2, 10) >= STOP
    assert judged(Evidence(Stream.FAILURES, (Count("a", 2, 2),), 10)) is Level.HOLD
    assert judged(Evidence(Stream.FAILURES, (Count("a", 3, 3),), 10)) is Level.STOP


def test_any_volunteer_holds() -> None:
    """One failure of a volunteer is enough, and never more than a hold."""
    assert judged(Evidence(Stream.CANARY, (Count("a", 0, 12),), Q0)) is None
    assert judged(Evidence(Stream.CANARY, (Count("a", 12, 12),), Q0)) is Level.HOLD


def test_one_stratum_failing_among_many_rings_earlier() -> None:
    """Four of five bad in one origin, none elsewhere: the strata see it, the pool does not."""
    mixed = Evidence(Stream.FAILURES, (Count("a", 4, 5), Count("b", 0, 120)), Q0)
    pooled = Evidence(Stream.FAILURES, (Count("all", 4, 125),), Q0)
    assert judged(pooled) is None
    assert judged(mixed) is Level.HOLD


def test_evidence_replays_to_the_bit() -> None:
    """The same counts give the same bytes, digest and level; any other count another digest."""
    one = Evidence(Stream.FAILURES, (Count("a", 3, 9), Count("b", 1, 4)), 13_337)
    again = Evidence(Stream.FAILURES, (Count("a", 3, 9), Count("b", 1, 4)), 13_337)
    assert one.to_json() == again.to_json()
    assert one.digest == again.digest
    assert one.digest != Evidence(Stream.FAILURES, one.counts, 13_338).digest
    assert one.to_json()["e"] == alarm.spelled(one.e)


@pytest.mark.parametrize(
    ("field", "value"),
    [("e", "10484.259"), ("k", 5), ("stop_at", 10**6), ("q0_millionths", 1), ("stream", "cases")],
)
def test_changed_evidence_does_not_replay(field: str, value: object) -> None:
    """Whatever is changed in it, it no longer follows; unchanged it does."""
    told = Evidence(Stream.FAILURES, (Count("a", 4, 4),), Q0).to_json()
    assert alarm.replayed(told) == Evidence(Stream.FAILURES, (Count("a", 4, 4),), Q0)
    with pytest.raises(Mismatch):
        alarm.replayed({**told, field: value})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("stream", "omens"),
        ("q0_millionths", 0),
        ("counts", [{"k": 5, "n": 4, "stratum": "a"}]),
        ("counts", [{"k": 5}]),
    ],
)
def test_what_is_no_evidence(field: str, value: object) -> None:
    """An unknown stream, no baseline, more bad ones than there were: malformed, not a crash."""
    told = Evidence(Stream.FAILURES, (Count("a", 4, 4),), Q0).to_json()
    with pytest.raises(Malformed):
        alarm.replayed({**told, field: value})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("k", "n", "bound"),
    [(0, 150, 19_774), (3, 500, 15_434), (0, 59, 49_508), (5, 5, 999_999)],
)
def test_upper_bound(k: int, n: int, bound: int) -> None:
    """Clopper-Pearson: 1 - .05^(1/n) for no failure; the rest by the tail sum itself."""
    assert alarm.upper(k, n) == bound
    if k == 0:
        assert bound == -int(-(1 - 0.05 ** (1 / n)) * 1e6 // 1)


def test_baseline_is_learnt_once_there_is_enough() -> None:
    """Little history: the declared one. Enough: the bound, also where that is worse."""
    assert alarm.baseline([Count("r1", 0, 149)], 20_000) == 20_000
    assert alarm.baseline([Count("r1", 0, 100), Count("r2", 0, 50)], 20_000) == 19_774
    assert alarm.baseline([Count("r1", 40, 1_000)], 20_000) > 40_000


def test_false_alarms_at_the_boundary() -> None:
    """1,500 healthy releases of 500 reports at q = .01: published are 0 stops."""
    import numpy as np

    rng = np.random.default_rng(1)
    reports = rng.random((1_500, 500)) < 0.01
    seen = np.cumsum(reports, axis=1)
    stop = np.array([least(n, Q0, STOP) or 10**6 for n in range(1, 501)])
    hold = np.array([least(n, Q0, HOLD) or 10**6 for n in range(1, 501)])
    assert int((seen >= stop).any(axis=1).sum()) == 0
    assert int((seen >= hold).any(axis=1).sum()) <= 1_500 * 0.05
