"""The stage plan: who is offered a release when. Signed whole, once; nobody signs each stage."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, digest
from warifu_wire.errors import Malformed
from warifu_wire.fields import exactly, rows, text, unique, whole
from warifu_wire.gates import Gate
from warifu_wire.stops import WHOLE
from warifu_wire.times import Instant


class Audience(StrEnum):
    """Our own machines; volunteers; a share of everybody."""

    OWN = "own"
    CANARY = "canary"
    SHARE = "share"


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: its audience, share in millionths, members meant, and what opens the next.

    The next opens after `soak` seconds and `finished` attempts, at most `failures` of them bad.
    """

    name: str
    audience: Audience
    share: int
    members: int
    soak: int
    finished: int
    failures: int

    def to_json(self) -> dict[str, Json]:
        """The stage as JSON."""
        return {
            "audience": self.audience.value,
            "failures": self.failures,
            "finished": self.finished,
            "members": self.members,
            "name": self.name,
            "share": self.share,
            "soak": self.soak,
        }


@dataclass(frozen=True, slots=True)
class Circle:
    """Named installations as salted hashes, padded with random ones so that nobody can count."""

    salt: str
    hashes: frozenset[Digest]

    def holds(self, installation: str) -> bool:
        """Whether an installation id is in the circle."""
        return salted(self.salt, installation) in self.hashes

    def to_json(self) -> dict[str, Json]:
        """The circle as JSON."""
        return {"hashes": list[Json](sorted(self.hashes)), "salt": self.salt}


@dataclass(frozen=True, slots=True)
class Plan:
    """The stages in order, from our own machines outward, and the ramp's salt.

    `since` is the routes seq at which this plan last began: a gate opened under an earlier seq
    does not count, so that a lift starts again from the first stage.
    """

    salt: str
    since: int
    own: Circle
    canary: Circle
    stages: tuple[Stage, ...]

    def to_json(self) -> dict[str, Json]:
        """The plan as JSON."""
        return {
            "canary": self.canary.to_json(),
            "own": self.own.to_json(),
            "salt": self.salt,
            "since": self.since,
            "stages": [one.to_json() for one in self.stages],
        }


def salted(salt: str, installation: str) -> Digest:
    """sha256 of salt NUL installation id."""
    return Digest(hashlib.sha256(f"{salt}\0{installation}".encode()).hexdigest())


def slot(salt: str, installation: str) -> int:
    """A machine's fixed place in [0, 1,000,000) for one ramp; independent between salts."""
    return int(salted(salt, installation)[:16], 16) * WHOLE >> 64


def open_stage(plan: Plan, gate: Gate | None, now: Instant) -> Stage | None:
    """The stage that is open now, or None: no gate, an old gate, or one beyond the plan."""
    if gate is None or gate.routes_seq < plan.since or gate.stage >= len(plan.stages):
        return None
    stage = gate.stage if now >= gate.opened_at else gate.stage - 1
    return plan.stages[stage] if stage >= 1 else None


def is_open(plan: Plan, gate: Gate | None, installation: str, now: Instant, most: int) -> bool:
    """Whether a machine is offered the release now, at most `most` millionths of everybody."""
    if plan.own.holds(installation):
        return True
    stage = open_stage(plan, gate, now)
    if stage is None or stage.audience is Audience.OWN:
        return False
    if plan.canary.holds(installation):
        return most > 0
    share = stage.share if stage.audience is Audience.SHARE else 0
    return slot(plan.salt, installation) < min(share, most)


def circle(salt: str, installations: Iterable[str], padding: Iterable[Digest]) -> Circle:
    """A circle of installations, padded with `padding` random digests."""
    return Circle(salt, frozenset({*(salted(salt, one) for one in installations), *padding}))


def read(value: Json) -> Plan:
    """Read a plan; raises `Malformed` when shares fall or the first stage is not our own."""
    found = exactly(value, {"canary", "own", "salt", "since", "stages"})
    stages = tuple(_stage(row) for row in rows(found["stages"], 100))
    shares = [one.share for one in stages]
    order = [list(Audience).index(one.audience) for one in stages]
    if not stages or order[0] != 0 or shares != sorted(shares) or order != sorted(order):
        raise Malformed("not-a-plan", needed="own machines first, then only wider stages")
    return Plan(
        text(found["salt"]),
        whole(found["since"], 1),
        _circle(found["own"]),
        _circle(found["canary"]),
        stages,
    )


def _circle(value: Json) -> Circle:
    found = exactly(value, {"hashes", "salt"})
    return Circle(
        text(found["salt"]), frozenset(digest(one) for one in unique(found["hashes"], 256))
    )


def _stage(value: Json) -> Stage:
    names = {"audience", "failures", "finished", "members", "name", "share", "soak"}
    found = exactly(value, names)
    audience = text(found["audience"])
    if audience not in set(Audience):
        raise Malformed("not-a-stage", needed=f"an audience of {sorted(Audience)}")
    return Stage(
        text(found["name"]),
        Audience(audience),
        whole(found["share"], 0, WHOLE),
        whole(found["members"]),
        whole(found["soak"]),
        whole(found["finished"]),
        whole(found["failures"]),
    )
