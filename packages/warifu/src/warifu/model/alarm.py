"""The alarm: when failures, silence or cases are more than a healthy release would show.

A mixture e-process over failure rates q in (q0, 1) with prior (1 - q)^8, exact in fractions, so
that every figure kept as evidence replays to the same bit. By Ville's inequality a healthy release
reaches e >= 1/a with probability at most a, however often one looks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Context, Decimal
from enum import StrEnum
from fractions import Fraction
from functools import lru_cache
from math import comb, factorial

from warifu_wire import canonical
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Malformed, Mismatch
from warifu_wire.fields import exactly, rows, text, whole

MILLION = 1_000_000
HOLD = 20
STOP = 10_000
STOP_MEMBERS = 3
PRIOR = 8
EVIDENCE = frozenset(
    {"counts", "e", "hold_at", "k", "n", "prior", "q0_millionths", "stop_at", "stop_members"}
    | {"stream"}
)
_EXACT = Context(prec=60)
_CASES_SCALE = Fraction(1, 20)


class Level(StrEnum):
    """Hold: nothing new until a person has looked. Stop: not installed any more."""

    HOLD = "hold"
    STOP = "stop"


class Stream(StrEnum):
    """What is counted: members it failed for, members gone silent, volunteers, cases."""

    FAILURES = "failures"
    SILENCE = "silence"
    CANARY = "canary"
    CASES = "cases"


@dataclass(frozen=True, slots=True)
class Baselines:
    """Declared bad shares in millionths, for as long as there is no history to learn from.

    `cases` is how many millionths of a case a day a healthy release brings, for each symptom.
    """

    failures: int = 20_000
    silence: int = 100_000
    cases: int = 20_000


@dataclass(frozen=True, slots=True, order=True)
class Count:
    """Of `n` members in a stratum, `k` bad ones."""

    stratum: str
    k: int
    n: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """All that a decision rested on; `q0` in millionths, for cases the expected number.

    `judged(evidence)` gives the level again, to the bit.
    """

    stream: Stream
    counts: tuple[Count, ...]
    q0: int

    @property
    def k(self) -> int:
        """Bad members (or cases) in all strata."""
        return sum(one.k for one in self.counts)

    @property
    def n(self) -> int:
        """Members in all strata."""
        return sum(one.n for one in self.counts)

    @property
    def e(self) -> Fraction:
        """The e-value: half of it over everybody, half spread evenly over the strata."""
        if self.stream is Stream.CASES:
            return cases(self.k, self.q0)
        whole = value(self.k, self.n, self.q0)
        if len(self.counts) < 2:
            return whole
        parts = sum((value(one.k, one.n, self.q0) for one in self.counts), Fraction(0))
        return (whole + parts / len(self.counts)) / 2

    @property
    def digest(self) -> Digest:
        """The sha256 of the canonical evidence."""
        return of_bytes(canonical.dumps(self.to_json()))

    def to_json(self) -> dict[str, Json]:
        """The evidence as JSON: counts, baseline, e-value in thousandths, thresholds."""
        return {
            "counts": [{"k": one.k, "n": one.n, "stratum": one.stratum} for one in self.counts],
            "e": spelled(self.e),
            "hold_at": HOLD,
            "k": self.k,
            "n": self.n,
            "prior": PRIOR,
            "q0_millionths": self.q0,
            "stop_at": STOP,
            "stop_members": STOP_MEMBERS,
            "stream": self.stream.value,
        }


@lru_cache(maxsize=65_536)
def value(k: int, n: int, q0: int) -> Fraction:
    """The e-value of k bad of n against a baseline of q0 millionths, exactly.

    The incomplete beta integral in closed form, r = (1 - q0)/q0:
    9 / ((n + 9) C(n + 8, k)) * sum over j = 0..k of C(n + 9, j) r^(k - j).
    """
    up, down = MILLION - q0, q0
    total, term, power = 0, 1, 1
    for j in range(k + 1):
        total = total * up + term * power
        term = term * (n + PRIOR + 1 - j) // (j + 1)
        power *= down
    return Fraction((PRIOR + 1) * total, (n + PRIOR + 1) * comb(n + PRIOR, k) * down**k)


@lru_cache(maxsize=65_536)
def least(n: int, q0: int, threshold: int) -> int | None:
    """The fewest bad of n at which the e-value reaches the threshold; None when n is too few."""
    if value(n, n, q0) < threshold:
        return None
    low, high = 0, n
    while low < high:
        middle = (low + high) // 2
        if value(middle, n, q0) >= threshold:
            high = middle
        else:
            low = middle + 1
    return low


def cases(k: int, expected: int) -> Fraction:
    """Gamma-Poisson e-value of k cases where `expected` millionths of a case were to be expected.

    b^a G(a + k) / (G(a) (b + mu)^(a + k)) e^mu with a = 1, b = 1/20; e^mu to 60 digits.
    """
    mu = Fraction(expected, MILLION)
    grown = Fraction(_EXACT.exp(_EXACT.divide(Decimal(expected), Decimal(MILLION))))
    return _CASES_SCALE * factorial(k) / (_CASES_SCALE + mu) ** (k + 1) * grown


def judged(evidence: Evidence) -> Level | None:
    """What the evidence asks for; any failure of a volunteer holds."""
    if evidence.stream is Stream.CANARY:
        return Level.HOLD if evidence.k else None
    e = evidence.e
    if e >= STOP and evidence.k >= STOP_MEMBERS:
        return Level.STOP
    return Level.HOLD if e >= HOLD else None


def replayed(told: Json) -> Evidence:
    """Evidence read back and computed anew; raises `Mismatch` unless every bit of it follows.

    A release is never stopped on figures that nobody can compute again.
    """
    row = exactly(told, EVIDENCE)
    counts = tuple(
        Count(text(one["stratum"]), whole(one["k"], 0, whole(one["n"])), whole(one["n"]))
        for one in (exactly(each, {"k", "n", "stratum"}) for each in rows(row["counts"]))
    )
    stream = text(row["stream"])
    if stream not in set(Stream):
        raise Malformed("not-evidence", needed=f"a stream of {sorted(Stream)}", found=stream)
    found = Evidence(Stream(stream), counts, whole(row["q0_millionths"], 1))
    if found.to_json() != row:
        raise Mismatch("evidence-differs", needed=spelled(found.e), found=row["e"])
    return found


def baseline(healthy: Iterable[Count], declared: int, enough: int = 150) -> int:
    """q0 in millionths: the upper 95 % bound over earlier healthy releases.

    Until `enough` members have finished there is nothing to learn from, and the declared one holds.
    """
    seen = tuple(healthy)
    n = sum(one.n for one in seen)
    return declared if n < enough else upper(sum(one.k for one in seen), n)


def upper(k: int, n: int) -> int:
    """The least q in millionths with P(at most k of n | q) <= 5 % (Clopper-Pearson, one-sided)."""
    low, high = 1, MILLION
    while low < high:
        middle = (low + high) // 2
        if _at_most(k, n, middle) <= Decimal("0.05"):
            high = middle
        else:
            low = middle + 1
    return min(low, MILLION - 1)


def spelled(e: Fraction) -> str:
    """An e-value in thousandths, rounded down: `10484.258`."""
    thousandths = e.numerator * 1000 // e.denominator
    return f"{thousandths // 1000}.{thousandths % 1000:03d}"


def _at_most(k: int, n: int, q: int) -> Decimal:
    """P(Binomial(n, q) <= k), in decimals of 60 digits: the same on every machine."""
    odds = _EXACT.divide(Decimal(q), Decimal(MILLION - q))
    term = _EXACT.power(_EXACT.divide(Decimal(MILLION - q), Decimal(MILLION)), n)
    total = term
    for j in range(k):
        ratio = _EXACT.divide(Decimal(n - j), Decimal(j + 1))
        term = _EXACT.multiply(_EXACT.multiply(term, ratio), odds)
        total = _EXACT.add(total, term)
    return total
