"""What outcome reports come down to: one verdict a member, the worst there was, and tallies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from warifu.model.alarm import Count
from warifu_wire.digest import Digest, of_tree
from warifu_wire.outcome import Outcome, Phase, Result
from warifu_wire.times import Instant

SILENT_AFTER = timedelta(minutes=30)
UNTOUCHED = frozenset({Phase.CHECK, Phase.FETCH})
"""Phases before a release's own bytes do anything: a failure there is the network's."""
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Record:
    """One accepted report: whose machine sent it, when it reached us (our clock), its digest."""

    member: str
    outcome: Outcome
    received: Instant
    payload: Digest


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one report: the digest of its payload, and the refusal's code if refused.

    A repeat is accepted again and changes nothing.
    """

    payload: Digest
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Tally:
    """Members who finished in a window (bad ones by failure signature), and who fell silent."""

    finished: tuple[Count, ...]
    started: Count
    failures: Mapping[str, int]
    members: tuple[str, ...]
    counted: Digest

    @property
    def n(self) -> int:
        """Members who finished an attempt."""
        return sum(one.n for one in self.finished)

    @property
    def k(self) -> int:
        """Members for whom it failed at least once."""
        return sum(one.k for one in self.finished)


@dataclass(frozen=True, slots=True)
class Counted:
    """A release under its plan so far, its open stage alone, and the machines named in the plan."""

    plan: Tally
    stage: Tally
    named: Tally


def bad(outcome: Outcome) -> bool | None:
    """Whether a report finishes an attempt badly (True), well (False), or not at all (None).

    A refusal is the house's doing, a going back because of a stop too: neither finishes anything.
    """
    if outcome.result is Result.FAILED and outcome.phase not in UNTOUCHED:
        return True
    if outcome.result is Result.OK and outcome.phase in (Phase.COMMIT, Phase.REPAIR):
        return False
    return None


def tally(
    records: Iterable[Record], since: Instant, now: Instant, strata: frozenset[Digest] = frozenset()
) -> Tally:
    """Count members over the reports of one release; the window is [since, now).

    A member's worst finishing report counts, once, in the stratum of the release it came from.
    Silence is decided 30 minutes after a member's first sign that an install had begun: a report
    that comes later no longer undoes it. What is decided in the window counts, so `records` must
    reach back to `since - SILENT_AFTER`.
    """
    seen = _Seen()
    digests: list[tuple[str, str, str]] = []
    for one in records:
        if since - SILENT_AFTER <= one.received < now:
            seen.add(one, since)
            digests.append((one.member, str(one.outcome.counter), one.payload))
    names: dict[str, list[int]] = {}
    for member, (worst, origin) in seen.verdicts.items():
        del member
        stratum = origin if origin in strata else UNKNOWN
        count = names.setdefault(stratum, [0, 0])
        count[0] += worst
        count[1] += 1
    silent, begun = seen.silence(since, now)
    return Tally(
        tuple(Count(name, k, n) for name, (k, n) in sorted(names.items())),
        Count("all", silent, begun),
        dict(sorted(seen.failures.items())),
        tuple(sorted(member for member, (worst, _) in seen.verdicts.items() if worst)),
        of_tree(digests),
    )


@dataclass(slots=True)
class _Seen:
    verdicts: dict[str, tuple[bool, Digest | None]] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    first: dict[str, Instant] = field(default_factory=dict)
    answered: dict[str, Instant] = field(default_factory=dict)

    def add(self, one: Record, since: Instant) -> None:
        outcome = one.outcome
        worst = bad(outcome)
        if outcome.result is Result.STARTED and outcome.phase not in UNTOUCHED:
            self._earliest(self.first, one)
        if worst is None:
            back = outcome.result is Result.OK and outcome.phase is Phase.ROLLBACK
            if outcome.result is Result.REFUSED or back:
                self._earliest(self.answered, one)
            return
        self._earliest(self.first, one)
        self._earliest(self.answered, one)
        if one.received < since:
            return
        before, origin = self.verdicts.get(one.member, (False, outcome.origin))
        if worst and not before:
            self.failures[outcome.failure] = self.failures.get(outcome.failure, 0) + 1
            origin = outcome.origin
        self.verdicts[one.member] = (before or worst, origin)

    def silence(self, since: Instant, now: Instant) -> tuple[int, int]:
        """(members silent, members decided), of those decided in [since, now)."""
        silent = decided = 0
        for member, begun in self.first.items():
            limit = begun + SILENT_AFTER
            at = min(self.answered.get(member, limit), limit)
            if since <= at < now:
                decided += 1
                silent += at == limit
        return silent, decided

    @staticmethod
    def _earliest(table: dict[str, Instant], one: Record) -> None:
        table[one.member] = min(table.get(one.member, one.received), one.received)
