"""The probe's verdict: what a member's machine in a box did with what production really serves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from warifu_wire import times
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Malformed, Refusal
from warifu_wire.policy import People, Rules, need
from warifu_wire.statements import Predicate, Statement, read
from warifu_wire.times import Instant

ROLE = "probe"


@dataclass(frozen=True, slots=True)
class Done:
    """One step as it ended: its output's digest, how long (ms), and why it failed, if it did."""

    name: str
    ok: bool
    output: Digest
    milliseconds: int
    failure: str = ""

    def to_json(self) -> dict[str, Json]:
        """The step as JSON."""
        return {
            "failure": self.failure,
            "milliseconds": self.milliseconds,
            "name": self.name,
            "ok": self.ok,
            "output": self.output,
        }


@dataclass(frozen=True, slots=True)
class Run:
    """One pass of the box: what it fetched from the public address, and each step in order.

    `routes_seq` is the one it was served: a verdict from before a lift is told by it.
    """

    product: str
    release: Digest
    routes_seq: int
    address: str
    fetched: Mapping[str, Digest]
    steps: tuple[Done, ...]
    began: Instant
    ended: Instant

    @property
    def passed(self) -> bool:
        """Whether something was fetched, something was tried, and every step of it held."""
        return bool(self.fetched and self.steps) and all(one.ok for one in self.steps)

    @property
    def failure(self) -> str:
        """The first step that failed and why; empty when none did."""
        bad = next((one for one in self.steps if not one.ok), None)
        if bad is None:
            return "" if self.passed else "nothing-fetched"
        return f"{bad.name}: {bad.failure}"

    def statement(self) -> Statement:
        """The verdict as an in-toto statement about the release and all that was fetched."""
        return Statement(
            {"release": self.release, **self.fetched},
            Predicate.PROBE,
            {
                "address": self.address,
                "began": times.spell(self.began),
                "ended": times.spell(self.ended),
                "product": self.product,
                "release": self.release,
                "result": "PASSED" if self.passed else "FAILED",
                "routes_seq": self.routes_seq,
                "steps": [one.to_json() for one in self.steps],
            },
        )


@dataclass(frozen=True, slots=True)
class Verdict:
    """A signed verdict as the gates may use it: about which release, under which routes, when."""

    digest: Digest
    release: Digest
    routes_seq: int
    ended: Instant
    passed: bool
    subjects: frozenset[Digest]


def verdict(envelope: Envelope, rules: Rules, people: People) -> Verdict:
    """Read a verdict that the probe's key signed; raises `Refusal` or `Malformed`."""
    need(envelope, people, ROLE, rules.thresholds.get(ROLE, 1))
    statement = read(envelope, Predicate.PROBE)
    match statement.predicate:
        case {
            "ended": ended,
            "release": str(release),
            "result": str(result),
            "routes_seq": int(seq),
        }:
            pass
        case _:
            raise Malformed("not-a-verdict", needed="release, result, routes_seq and ended")
    if statement.subjects.get("release") != release:
        raise Refusal("verdict-of-another", needed=release, found=statement.subjects.get("release"))
    return Verdict(
        envelope.digest,
        Digest(release),
        seq,
        times.read(ended),
        result == "PASSED",
        frozenset(statement.subjects.values()),
    )
