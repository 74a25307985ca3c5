"""From reports to tallies: one verdict a member, the worst; silence; windows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from warifu.model import outcomes
from warifu.model.alarm import Count
from warifu.model.outcomes import Record, Tally
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.outcome import Outcome, Phase, Result

NOW = datetime(2012, 2, 5, 5, tzinfo=UTC)
RELEASE, OLD = of_bytes(b"release"), of_bytes(b"old")
MINUTE = timedelta(minutes=1)


def record(
    member: str,
    phase: Phase,
    result: Result,
    minutes: float = 0,
    failure: str = "",
    origin: Digest | None = OLD,
) -> Record:
    """A report received some minutes after NOW."""
    at = NOW + timedelta(minutes=minutes)
    told = Outcome(
        *("tool", 1, f"{member} machine", 1, "attempt", RELEASE, origin),
        *(phase, result, failure, at),
    )
    return Record(member, told, at, told.envelope().digest)


def tally(*records: Record, minutes: float = 120, strata: frozenset[Digest] = frozenset()) -> Tally:
    """The tally from NOW on, some minutes later."""
    return outcomes.tally(records, NOW, NOW + timedelta(minutes=minutes), strata)


@pytest.mark.parametrize(
    ("phase", "result", "verdict"),
    [
        (Phase.COMMIT, Result.OK, False),
        (Phase.REPAIR, Result.OK, False),
        (Phase.START_TEST, Result.FAILED, True),
        (Phase.ROLLBACK, Result.FAILED, True),
        (Phase.TRIAL, Result.OK, None),
        (Phase.FETCH, Result.FAILED, None),
        (Phase.CHECK, Result.REFUSED, None),
        (Phase.SWITCH, Result.REFUSED, None),
        (Phase.COMMIT, Result.STARTED, None),
    ],
)
def test_what_finishes_an_attempt(phase: Phase, result: Result, verdict: bool | None) -> None:
    """A failure once the release's own bytes are there is bad; the network's is nobody's."""
    assert outcomes.bad(record("a", phase, result).outcome) is verdict


def test_worst_result_once_a_member() -> None:
    """Three attempts and two machines of one member are one bad member."""
    found = tally(
        record("a", Phase.COMMIT, Result.OK, 1),
        record("a", Phase.START_TEST, Result.FAILED, 2, "plugin-not-loaded"),
        record("a", Phase.TRIAL, Result.FAILED, 3, "plugin-not-loaded"),
        record("a", Phase.COMMIT, Result.OK, 4),
        record("b", Phase.COMMIT, Result.OK, 5),
    )
    assert (found.k, found.n, found.members) == (1, 2, ("a",))
    assert found.failures == {"plugin-not-loaded": 1}


def test_strata() -> None:
    """Members are told apart by the release they came from; unlisted ones go together."""
    found = tally(
        record("a", Phase.TRIAL, Result.FAILED, 1),
        record("b", Phase.COMMIT, Result.OK, 1, origin=None),
        record("c", Phase.COMMIT, Result.OK, 1, origin=of_bytes(b"other")),
        strata=frozenset({OLD}),
    )
    assert set(found.finished) == {Count(OLD, 1, 1), Count("unknown", 0, 2)}


def test_window() -> None:
    """What finished before the window or at its end is not of it; a late failure is."""
    found = tally(
        record("a", Phase.COMMIT, Result.OK, -1),
        record("b", Phase.COMMIT, Result.OK, 0),
        record("a", Phase.TRIAL, Result.FAILED, 60),
        record("c", Phase.TRIAL, Result.FAILED, 120),
    )
    assert (found.k, found.n) == (1, 2)
    assert found.counted != tally(record("b", Phase.COMMIT, Result.OK, 0)).counted


def test_silence() -> None:
    """Begun and nothing in 30 minutes: silent, for good; answered in time: not."""
    told = (
        record("silent", Phase.STAGE, Result.STARTED, 10),
        record("late", Phase.STAGE, Result.STARTED, 10),
        record("late", Phase.COMMIT, Result.OK, 41),
        record("well", Phase.STAGE, Result.STARTED, 10),
        record("well", Phase.COMMIT, Result.OK, 39),
        record("back", Phase.SWITCH, Result.STARTED, 10),
        record("back", Phase.ROLLBACK, Result.OK, 12),
        record("stopped", Phase.STAGE, Result.STARTED, 10),
        record("stopped", Phase.SWITCH, Result.REFUSED, 12),
        record("fetching", Phase.FETCH, Result.STARTED, 10),
    )
    assert tally(*told, minutes=40).started == Count("all", 0, 3)
    assert tally(*told, minutes=41).started == Count("all", 2, 5)
    assert tally(*told, minutes=120).started == Count("all", 2, 5)


def test_silence_is_counted_where_it_is_decided() -> None:
    """Begun before the stage opened, silent within it: counted here. Decided before: not."""
    found = tally(
        record("a", Phase.STAGE, Result.STARTED, -20),
        record("b", Phase.STAGE, Result.STARTED, -29),
        record("b", Phase.COMMIT, Result.OK, -1),
        record("c", Phase.STAGE, Result.STARTED, -31),
    )
    assert found.started == Count("all", 1, 1)
    assert found.n == 0
