"""A fleet in simulated time, deciding by the very rules that clients, gates and the alarm use.

Every member asks `warifu_wire.plan`, every stage is opened by `warifu.model.rollout`, every hold
and stop comes from `warifu.model.alarm`; only people, delays and failures are drawn at random.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import numpy as np

from warifu.model import alarm, rollout
from warifu.model.alarm import Count, Evidence, Level, Stream
from warifu.model.outcomes import Tally
from warifu.model.probe import Verdict
from warifu.model.rollout import Opening, Pace, Rollout
from warifu_replay.fleet_cast import UNTIL_STOP, Cast, Traits, drawn
from warifu_wire import plan as stages
from warifu_wire.digest import of_bytes
from warifu_wire.gates import Gate
from warifu_wire.plan import Audience, Circle, Plan, Stage
from warifu_wire.stops import WHOLE, Halt, Stop, Stops
from warifu_wire.times import Instant

PUBLISHED = datetime(2012, 2, 5, 4, 23, tzinfo=UTC)
PRODUCT = "simulated"
RELEASE = of_bytes(b"simulated release")
WHY = {"en": "Simulated.", "ja": "模擬です。"}
SALT = "fleet"
VISIT, REPORT, BEAT, PERSON = 0, 1, 2, 3
EVERY = 600.0
WATCHFUL = 60.0
"""Within how many seconds a volunteer notices that a release is there."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What is simulated: the stages, who is in the fleet, what is known beforehand.

    `downloads` is how many come until the 2012 stop, `q0` the alarm's baseline in millionths
    (None: no alarm), `probe` after how many seconds the probe's verdict is there and `passes` which
    it is, `poll` how long (seconds) somebody who was not offered it waits before asking again.
    `told_at` is when a person hears of it and `stop_at` when a person stops it, whatever the alarm
    says. Where `in_order` is set, places in the ramp follow the order of arrival ("the first 40 who
    come"); `obeyed` says whether machines ask again before they install (not so in 2012).
    """

    stages: tuple[Stage, ...]
    traits: Traits
    members: int = 499
    downloads: int = 499
    q0: int | None = 20_000
    probe: float = 60.0
    passes: bool = True
    poll: float = 3_600.0
    horizon: float = UNTIL_STOP
    in_order: bool = False
    told_at: float | None = None
    stop_at: float | None = None
    obeyed: bool = True


@dataclass(frozen=True, slots=True)
class Told:
    """How one run went: members, and seconds after publication (None: never).

    `exposed` are those for whom it fails if bytes downloaded before the hold are all installed, as
    in 2012; `affected` those for whom it did fail: where the stop is obeyed, far fewer.
    """

    offered: int
    downloaded: int
    installed: int
    affected: int
    exposed: int
    volunteers_affected: int
    detected_at: float | None
    held_at: float | None
    stopped_at: float | None
    remedied_at: float | None
    full_at: float | None


@dataclass(slots=True)
class _State:
    plan: Plan
    detected: float | None
    gate: Gate | None = None
    stage: int = 0
    opened: float = 0.0
    n: int = 0
    k: int = 0
    all_n: int = 0
    all_k: int = 0
    bad_volunteers: int = 0
    stops: Stops = field(default_factory=lambda: Stops(PRODUCT, ()))
    held: float | None = None
    stopped: float | None = None
    full: float | None = None
    offered: list[int] = field(default_factory=list)
    taken: dict[int, float] = field(default_factory=dict)
    waiting: list[int] = field(default_factory=list)
    queue: list[tuple[float, int, int]] = field(default_factory=list)


def counts(
    *steps: tuple[int, int], members: int, soak: int = 7_200, canary: int = 0, failures: int = 10
) -> tuple[Stage, ...]:
    """Stages by count: (members, reports needed) each, volunteers before, everybody at the end.

    At most one in `failures` of the reports needed may be bad.
    """
    volunteers = (Stage("volunteers", Audience.CANARY, 0, canary, 3_600, 1, 0),) if canary else ()
    shares = (
        Stage(
            *(f"to-{most}", Audience.SHARE, min(WHOLE, most * WHOLE // members), most),
            *(soak, need, max(1, need // failures)),
        )
        for most, need in steps
    )
    last = Stage("all", Audience.SHARE, WHOLE, members, 0, 0, 0)
    return (Stage("own", Audience.OWN, 0, 0, 0, 0, 0), *volunteers, *shares, last)


def runs(scene: Scene, seeds: Sequence[int]) -> Iterator[Told]:
    """One run a seed."""
    for seed in seeds:
        yield run(scene, np.random.default_rng(seed))


def run(scene: Scene, rng: np.random.Generator) -> Told:
    """Draw a fleet and let the release meet it."""
    cast = drawn(scene.traits, scene.members, scene.downloads, scene.horizon, rng)
    ids = _ids(scene, cast, rng)
    state = _State(_plan(scene, cast, ids), scene.told_at)
    for member, comes in enumerate(cast.comes):
        if comes < scene.horizon:
            state.queue.append((float(comes), VISIT, member))
    state.queue.append((scene.probe, BEAT, -1))
    if scene.stop_at is not None:
        state.queue.append((scene.stop_at, PERSON, -1))
    heapq.heapify(state.queue)
    while state.queue:
        now, kind, member = heapq.heappop(state.queue)
        if now >= scene.horizon:
            break
        if kind == VISIT:
            _visit(state, cast, ids, member, now)
            continue
        if kind == REPORT:
            _report(state, scene, cast, member, now)
        elif kind == PERSON:
            _halt(state, Level.STOP, now)
        elif not scene.passes:
            state.detected = now
            _halt(state, Level.HOLD, now)
        else:
            heapq.heappush(state.queue, (now + EVERY, BEAT, -1))
        _gate(state, scene, cast, now, rng)
    return _told(state, cast, scene, rng)


def admitted(
    plan: Plan, gate: Gate | None, halts: Iterable[Stop], installation: str, now: Instant
) -> bool:
    """Steps 9, 12 and 13 of the client's check for a machine whose route leads to the release."""
    entries = tuple(halts)
    if any(one.state is not Halt.CAPPED for one in entries):
        return False
    most = min((one.max_share for one in entries), default=WHOLE)
    return stages.is_open(plan, gate, installation, now, most)


def _visit(state: _State, cast: Cast, ids: Sequence[str], member: int, now: float) -> None:
    """A member asks: the client's own rules answer."""
    if not admitted(state.plan, state.gate, state.stops.entries, ids[member], _at(now)):
        state.waiting.append(member)
        return
    state.offered.append(member)
    state.taken[member] = now
    if cast.installs[member] and cast.reports[member]:
        heapq.heappush(state.queue, (now + float(cast.takes[member]), REPORT, member))


def _halt(state: _State, level: Level, now: float) -> None:
    """A hold or stop is in force from now on."""
    if state.held is None:
        state.held = now
    halt = Halt.STOPPED if level is Level.STOP else Halt.HELD
    if level is Level.STOP and state.stopped is None:
        state.stopped = now
    if halt not in {one.state for one in state.stops.entries}:
        state.stops = state.stops.added(RELEASE, halt, since=_at(now), reason=WHY, by="alarm")


def _report(state: _State, scene: Scene, cast: Cast, member: int, now: float) -> None:
    """A report comes in: counted in the open stage, then the alarm's own rule decides."""
    failed = bool(cast.fails[member])
    state.n += 1
    state.k += failed
    state.all_n += 1
    state.all_k += failed
    state.bad_volunteers += failed and bool(cast.volunteer[member])
    if scene.q0 is None:
        return
    if failed and state.detected is None:
        state.detected = now
    levels = {
        alarm.judged(Evidence(Stream.FAILURES, (Count("all", state.k, state.n),), scene.q0)),
        alarm.judged(Evidence(Stream.CANARY, (Count("all", state.bad_volunteers, 1),), scene.q0)),
    }
    for level in (Level.HOLD, Level.STOP):
        if level in levels:
            _halt(state, level, now)


def _gate(state: _State, scene: Scene, cast: Cast, now: float, rng: np.random.Generator) -> None:
    """The rollout's own rule opens the next stage, or not; those who waited ask again in time."""
    if state.full is not None:
        return
    found = rollout.proceed(
        Rollout(
            *(PRODUCT, RELEASE, state.plan, 1, PUBLISHED, PUBLISHED),
            *(state.stage, _at(state.opened), state.stops.entries),
        ),
        Tally((Count("all", state.all_k, state.all_n),), Count("all", 0, 0), {}, (), RELEASE),
        Verdict(RELEASE, RELEASE, 1, _at(now), True, frozenset()),
        Pace(),
        _at(now),
    )
    if not isinstance(found, Opening):
        return
    state.gate, state.stage = found.gate, found.gate.stage
    state.opened, state.n, state.k = now, 0, 0
    if state.stage == len(state.plan.stages) - 1:
        state.full = now
    for member in state.waiting:
        wait = WATCHFUL if cast.volunteer[member] else scene.poll
        heapq.heappush(state.queue, (now + wait * float(rng.random()), VISIT, member))
    state.waiting = []


def _told(state: _State, cast: Cast, scene: Scene, rng: np.random.Generator) -> Told:
    until = scene.horizon if state.held is None or not scene.obeyed else state.held
    would = [member for member in state.taken if cast.installs[member]]
    did = [
        member
        for member in would
        if state.taken[member] + float(cast.takes[member]) - scene.traits.tells < until
    ]
    hit = [member for member in did if cast.fails[member]]
    traits = scene.traits
    mends = float(rng.lognormal(np.log(traits.mends), traits.mends_spread))
    return Told(
        offered=len(state.offered),
        downloaded=len(state.taken),
        installed=len(did),
        affected=len(hit),
        exposed=sum(1 for member in would if cast.fails[member]),
        volunteers_affected=sum(1 for member in hit if cast.volunteer[member]),
        detected_at=state.detected,
        held_at=state.held,
        stopped_at=state.stopped,
        remedied_at=None if state.held is None else state.held + mends,
        full_at=state.full,
    )


def _plan(scene: Scene, cast: Cast, ids: Sequence[str]) -> Plan:
    named = [ids[int(member)] for member in np.flatnonzero(cast.volunteer)]
    nobody = Circle(f"{SALT}-own", frozenset())
    return Plan(SALT, 1, nobody, stages.circle(f"{SALT}-canary", named, ()), scene.stages)


def _ids(scene: Scene, cast: Cast, rng: np.random.Generator) -> tuple[str, ...]:
    """Installation ids: any, or such that the ramp's places follow the order of arrival."""
    if not scene.in_order:
        return tuple(rng.bytes(16).hex() for _ in range(scene.members))
    places = _placed(scene.members)
    order = np.argsort(np.argsort(np.where(cast.volunteer, np.inf, cast.comes), kind="stable"))
    return tuple(places[place] for place in order)


@lru_cache(maxsize=8)
def _placed(members: int) -> tuple[str, ...]:
    """For each of `members` equal parts of the ramp, an id whose slot lies in it."""
    found: dict[int, str] = {}
    number = 0
    while len(found) < members:
        one = f"{number:032x}"
        found.setdefault(stages.slot(SALT, one) * members // WHOLE, one)
        number += 1
    return tuple(found[place] for place in range(members))


def _at(seconds: float) -> Instant:
    return PUBLISHED + timedelta(seconds=seconds)
