"""The stages of one release: which may open now, and if none may, every reason why it waits.

All that a stage asks for was signed with the plan. Nothing here widens beyond it: a plan that would
wait for ever is refused before it is signed (`stuck`), and a person who wants to go on regardless
needs a sign-off of the approvers, like any other widening.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from warifu.model.outcomes import Tally
from warifu.model.probe import Verdict
from warifu_wire import canonical, stops, times
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Refusal
from warifu_wire.gates import Gate, Gates
from warifu_wire.plan import Plan, Stage
from warifu_wire.routes import Routes
from warifu_wire.stops import Halt, Stop
from warifu_wire.times import Instant

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Pace:
    """What is known of the fleet, in millionths: who installs what is offered, and who reports.

    `probe_age` is how old (seconds) a passed verdict may be when a stage opens on it.
    """

    install: int = 600_000
    report: int = 500_000
    probe_age: int = 3_600


@dataclass(frozen=True, slots=True)
class Wait:
    """A reason for waiting: a stable code and the figures; the words are made in the doors."""

    code: str
    facts: Mapping[str, Json]

    def to_json(self) -> dict[str, Json]:
        """The reason as JSON."""
        return {"code": self.code, "facts": dict(self.facts)}


@dataclass(frozen=True, slots=True)
class Rollout:
    """One release on its way: its plan, the stage that is open (0: only our own), and the stops.

    `issued` is when the routes that began this plan were signed, `published` when they were first
    served, `opened_at` when the open stage was opened (stage 0: `published`).
    """

    product: str
    release: Digest
    plan: Plan
    routes_seq: int
    issued: Instant
    published: Instant
    stage: int
    opened_at: Instant
    halts: tuple[Stop, ...]

    @property
    def open(self) -> Stage:
        """The stage that is open now."""
        return self.plan.stages[self.stage]

    @property
    def following(self) -> Stage | None:
        """The stage that opens next; None after the last."""
        place = self.stage + 1
        return self.plan.stages[place] if place < len(self.plan.stages) else None


@dataclass(frozen=True, slots=True)
class Opening:
    """A stage that may open: the gate to be signed, and the evidence its digest names."""

    gate: Gate
    evidence: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Waiting:
    """No stage may open now; `reasons` is never empty."""

    reasons: tuple[Wait, ...]


Judged: TypeAlias = tuple[Rollout, Tally, Opening | Waiting]
"""Where a release stands, what was counted under its plan, and what may open or why not."""


def rollout(
    routes: Routes,
    every: Iterable[Stop],
    gates: Gates,
    release: Digest,
    issued: Instant,
    published: Instant,
) -> Rollout:
    """A release's rollout as the signed files tell it; raises `Refusal` when it is not offered.

    `every` is all stops there are. A gate opened before the plan began anew does not count: a lift
    starts from stage 0.
    """
    offer = routes.offer(release)
    if offer is None:
        raise Refusal("not-offered", needed="a release of the routes in force", release=release)
    gate = gates.of(release)
    stage, opened_at = 0, published
    if gate is not None and gate.routes_seq >= offer.plan.since:
        stage, opened_at = min(gate.stage, len(offer.plan.stages) - 1), gate.opened_at
    return Rollout(
        *(routes.product, release, offer.plan, routes.seq, issued, published),
        *(stage, opened_at, stops.in_force(every, release, routes.lifted)),
    )


def proceed(
    rollout: Rollout,
    tally: Tally,
    verdict: Verdict | None,
    pace: Pace,
    now: Instant,
    *,
    brakes: Iterable[Wait] = (),
    signoff: Digest | None = None,
) -> Opening | Waiting:
    """Open the next stage, or every reason to wait.

    `tally` counts everything reported under this plan so far. `brakes` are further declared gates
    that say no (the desk, the calendar). `signoff` is the digest of an approvers' sign-off for this
    very stage: it stands in for reports that will not come, and for nothing else.
    """
    following = rollout.following
    if following is None:
        return Waiting((Wait("last-stage", {"stage": rollout.open.name}),))
    reasons = (
        *_halted(rollout, following),
        *_probe(rollout, verdict, pace, now),
        *_soak(rollout, now),
        *_reports(rollout, tally, pace, signoff),
        *brakes,
    )
    if reasons or verdict is None:
        return Waiting(reasons)
    evidence: dict[str, Json] = {
        "counted": tally.counted,
        "failures": tally.k,
        "finished": tally.n,
        "probe": verdict.digest,
        "release": rollout.release,
        "signoff": signoff,
        "stage": rollout.stage + 1,
    }
    gate = Gate(
        rollout.release,
        rollout.routes_seq,
        rollout.stage + 1,
        now,
        verdict.digest,
        of_bytes(canonical.dumps(evidence)),
    )
    return Opening(gate, evidence)


def stuck(plan: Plan, pace: Pace) -> tuple[Wait, ...]:
    """Stages of a plan that would likely never see the reports they wait for, with the least cap.

    A stage that needs reports must hold `2 · need / (install share · reporting share)` members; one
    that needs none is opened by its soak alone. Our own machines and volunteers all report.
    """
    return tuple(
        Wait(
            "cap-too-small",
            {"cap": one.members, "least": cap, "need": one.finished, "stage": one.name},
        )
        for one in plan.stages[:-1]
        if one.share and one.members < (cap := least_cap(one.finished, pace))
    )


def least_cap(need: int, pace: Pace) -> int:
    """The fewest members among whom `need` reports can be counted on, rounded up."""
    return -(-2 * need * MILLION * MILLION // (pace.install * pace.report))


def _halted(rollout: Rollout, following: Stage) -> Iterable[Wait]:
    for one in rollout.halts:
        if one.state is not Halt.CAPPED or following.share > one.max_share:
            yield Wait(
                one.state.value,
                {"by": one.by, "max_share": one.max_share, "since": times.spell(one.since)},
            )


def _probe(rollout: Rollout, verdict: Verdict | None, pace: Pace, now: Instant) -> Iterable[Wait]:
    if verdict is None or verdict.release != rollout.release:
        yield Wait("no-probe", {"release": rollout.release})
        return
    facts: dict[str, Json] = {"ended": times.spell(verdict.ended), "verdict": verdict.digest}
    if verdict.routes_seq < rollout.plan.since or verdict.ended < rollout.issued:
        yield Wait("probe-before-plan", {**facts, "since": rollout.plan.since})
    elif not verdict.passed:
        yield Wait("probe-failed", facts)
    elif now - verdict.ended > timedelta(seconds=pace.probe_age):
        yield Wait("probe-old", {**facts, "at_most": pace.probe_age})


def _soak(rollout: Rollout, now: Instant) -> Iterable[Wait]:
    until = rollout.opened_at + timedelta(seconds=rollout.open.soak)
    if now < until:
        yield Wait("soaking", {"stage": rollout.open.name, "until": times.spell(until)})


def _reports(rollout: Rollout, tally: Tally, pace: Pace, signoff: Digest | None) -> Iterable[Wait]:
    stage = rollout.open
    if tally.k > stage.failures:
        yield Wait("too-many-failures", {"allowed": stage.failures, "failures": tally.k})
    if tally.n < stage.finished and signoff is None:
        facts: dict[str, Json] = {"have": tally.n, "need": stage.finished, "stage": stage.name}
        if stage.share:
            facts |= {"cap": stage.members, "least_cap": least_cap(stage.finished, pace)}
        yield Wait("too-few-reports", facts)
