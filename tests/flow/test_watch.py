"""Watching on a real tree: verdicts, alarms and gates as events, each recorded once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from tests.targets.house import PRODUCT, House
from warifu.flow import watch
from warifu.model.ledger import Draft, Event, Row
from warifu.model.probe import Done, Run
from warifu.model.publication import Current
from warifu.model.rollout import Pace, Wait
from warifu.model.signoff import GoOn
from warifu.testing import MemoryLedger, MemoryStatements, memory_signer
from warifu.testing_watch import MemoryTraffic, ToldBox
from warifu_wire import canonical, times
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Mismatch, Refusal, SignoffMissing
from warifu_wire.gates import Gate, Gates
from warifu_wire.outcome import Outcome, Phase, Result
from warifu_wire.stops import Halt, Stops

OK = Done("install", True, of_bytes(b"output"), 12)
NOT = Done("start", False, of_bytes(b""), 3, "exit 1: plugin-not-loaded")


@dataclass
class Post:
    """A published release with everything that watches it."""

    house: House
    release: Digest = field(init=False)
    ledger: MemoryLedger = field(init=False)
    traffic: MemoryTraffic = field(default_factory=MemoryTraffic)
    statements: MemoryStatements = field(default_factory=MemoryStatements)
    sent: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ledger = MemoryLedger(now=lambda: self.house.now)
        for number in range(40):
            self.enrol(f"member {number:04}")
        self.house.passes(60)
        release = self.house.release("the first")
        self.release = release.id
        self.publish(release)

    @property
    def now(self) -> datetime:
        """The time."""
        return self.house.now

    @property
    def current(self) -> Current:
        """What is published."""
        return self.house.repository.current(PRODUCT)

    def publish(self, *releases: object, **changed: object) -> None:
        """Publish, and have it on record as the publishing station would."""
        road = self.house.publish(*releases, **changed)  # type: ignore[arg-type]
        facts = {
            "issued": times.spell(road.issued),
            "product": PRODUCT,
            "routes_seq": road.seq,
        }
        draft = Draft(
            "publication.opened", f"routes {road.seq}", self.now, "publisher", facts,
            key=f"publication.opened/{road.seq}",
        )  # fmt: skip
        self.ledger.append(draft)

    def read(self, path: str) -> bytes | None:
        """The origin, as it serves gates."""
        assert path == f"gates/{PRODUCT}.json"
        return self.current.gates.to_bytes()

    def enrol(self, member: str) -> None:
        """One installation of a member's."""
        made = self.traffic.enrol(memory_signer(member).public.to_json(), self.now)
        self.traffic.confirm(made, member, self.now)
        self.sent[member] = 0

    def tells(self, member: str, phase: Phase, result: Result, failure: str = "") -> None:
        """A member's machine reports, now."""
        signer = memory_signer(member)
        mine = self.traffic.enrol(signer.public.to_json(), self.now)
        self.sent[member] += 1
        told = Outcome(
            *(PRODUCT, self.current.road.seq if self.current.road else 1, mine, self.sent[member]),
            *(f"attempt {self.sent[member]}", self.release, None, phase, result, failure),
            self.now,
        )
        (receipt,) = self.traffic.accept([told.envelope().signed(mine, signer.sign)], self.now)
        assert receipt.refused == ""

    def probed(self, *steps: Done) -> Event:
        """The box has run."""
        now = self.house.passes(1)
        seq = self.current.road.seq if self.current.road else 1
        run = Run(
            PRODUCT, self.release, seq, "http://127.0.0.1", {"manifest": self.release}, steps, now,
            now,
        )  # fmt: skip
        return watch.probe(
            self.ledger, self.statements, memory_signer("probe"), ToldBox(run),
            product=PRODUCT, release=self.release,
        )  # fmt: skip

    def gate(self, **more: object) -> Event | None:
        """The gate's beat."""
        now = self.house.passes(1)
        judged = watch.judge(
            self.ledger, self.statements, self.traffic, self.current, self.release,
            pace=Pace(), now=now, **more,  # type: ignore[arg-type]
        )  # fmt: skip
        return watch.gate(self.ledger, judged, now=now)

    def widen(self) -> Event | None:
        """The recorded gates are signed and fetched back."""
        return watch.widen(
            self.ledger, self.house.repository, self, product=PRODUCT, now=self.house.passes(1)
        )

    def watch(self) -> tuple[Event, ...]:
        """The alarm's beat."""
        return watch.watch(
            self.ledger, self.traffic, self.current, self.release, now=self.house.passes(1)
        )

    def opens(self) -> None:
        """The next stage opens and is in force."""
        event = self.gate()
        assert event is not None
        assert event.kind == "gate.opened", event.facts
        assert self.widen() is not None


@pytest.fixture
def post(tmp_path: Path) -> Post:
    """A release just published, nothing known of it."""
    return Post(House(tmp_path / "public").found())


def waits(event: Event | None) -> set[str]:
    """The codes a wait gives."""
    assert event is not None
    assert event.kind == "gate.waits"
    reasons = event.facts["reasons"]
    assert isinstance(reasons, list)
    return {str(one["code"]) for one in reasons if isinstance(one, dict)}


def test_no_member_before_the_probe(post: Post) -> None:
    """Stage 0 waits for a verdict and says so once; nothing is open; a failed one opens nothing."""
    assert waits(post.gate()) == {"no-probe", "too-few-reports"}
    assert post.gate() is None
    assert post.probed(OK, NOT).kind == "probe.failed"
    assert waits(post.gate()) == {"probe-failed", "too-few-reports"}
    assert post.current.gates.entries == ()


def test_verdicts_are_signed_and_kept(post: Post) -> None:
    """The event names the statement; the statement names what was fetched and each step."""
    event = post.probed(OK)
    kept = post.statements.get(Digest(str(event.facts["verdict"])))
    assert event.kind == "probe.passed"
    assert kept.signatures[0][0] == memory_signer("probe").public.keyid
    assert event.facts["failure"] == ""


def test_stages_open_one_by_one(post: Post) -> None:
    """Own machine, volunteers, a tenth: each on its own evidence, and only what is in force."""
    passed = post.probed(OK)
    post.tells("member 0000", Phase.COMMIT, Result.OK)
    event = post.gate()
    assert event is not None
    assert event.kind == "gate.opened"
    assert post.current.gates.of(post.release) is None
    assert waits(post.gate()) >= {"gate-not-in-force"}
    assert post.widen() is not None
    opened = post.current.gates.of(post.release)
    assert opened is not None
    assert (opened.stage, opened.probe) == (1, passed.facts["verdict"])
    for number in range(1, 12):
        post.tells(f"member {number:04}", Phase.COMMIT, Result.OK)
    assert waits(post.gate()) == {"soaking"}
    post.house.passes(60)
    post.opens()
    assert post.current.gates.of(post.release).stage == 2  # type: ignore[union-attr]


def test_widen_says_nothing_before_it_is_served(post: Post) -> None:
    """An origin that serves the old gates: recorded, not in force."""
    post.probed(OK)
    post.tells("member 0000", Phase.COMMIT, Result.OK)
    post.gate()
    before = post.current.gates.to_bytes()

    class Behind:
        """An origin one publication behind."""

        def read(self, path: str) -> bytes | None:
            """Yesterday's gates."""
            return before if path else None

    tree = post.house.repository
    assert watch.widen(post.ledger, tree, Behind(), product=PRODUCT, now=post.now) is None
    first = post.widen()
    assert first is not None
    assert post.widen() == first


def test_an_alarm_rings_once(post: Post) -> None:
    """Two failures of two hold, four stop; the evidence is in the event; a repeat adds nothing."""
    for number in (1, 2):
        post.tells(f"member {number:04}", Phase.START_TEST, Result.FAILED, "plugin-not-loaded")
    (held,) = post.watch()
    assert (held.kind, held.facts["level"]) == ("outcome.alarm", "hold")
    evidence = held.facts["evidence"]
    assert isinstance(evidence, dict)
    assert (evidence["k"], evidence["n"], evidence["e"]) == (2, 2, "54.454")
    assert held.facts["failures"] == {"plugin-not-loaded": 2}
    assert post.watch() == ()
    for number in (3, 4):
        post.tells(f"member {number:04}", Phase.TRIAL, Result.FAILED, "abi-mismatch")
    (stopped,) = post.watch()
    assert stopped.facts["level"] == "stop"
    assert post.watch() == ()


def test_recorded_alarms_replay(post: Post) -> None:
    """Each follows from its own evidence to the bit; one that was made up does not."""
    assert watch.replay(post.ledger) == 0
    for number in range(4):
        post.tells(f"member {number:04}", Phase.TRIAL, Result.FAILED, "abi-mismatch")
    (rung,) = post.watch()
    assert watch.replay(post.ledger) == 1
    facts = {**rung.facts, "level": "hold"}
    post.ledger.append(Draft("outcome.alarm", "x", post.now, "watch", facts, key="made up"))
    with pytest.raises(Mismatch):
        watch.replay(post.ledger)


def test_who_enrolled_afterwards_moves_nothing(post: Post) -> None:
    """Fifty machines enrolled after the routes were issued report failures: not counted."""
    for number in range(50, 100):
        post.enrol(f"member {number:04}")
        post.tells(f"member {number:04}", Phase.TRIAL, Result.FAILED, "invented")
    assert post.watch() == ()


def test_silence_rings(post: Post) -> None:
    """Five who began and were never heard of again: hold, against the silence's own baseline."""
    for number in range(5):
        post.tells(f"member {number:04}", Phase.SWITCH, Result.STARTED)
    assert post.watch() == ()
    post.house.passes(30 * 60)
    (event,) = post.watch()
    evidence = event.facts["evidence"]
    assert isinstance(evidence, dict)
    assert (evidence["stream"], evidence["e"], event.facts["level"]) == (
        "silence",
        "128.739",
        "hold",
    )


def test_a_stop_on_record_holds_the_stage_back(post: Post) -> None:
    """Held by the person on call: no stage opens, whatever the evidence."""
    post.probed(OK)
    post.tells("member 0000", Phase.COMMIT, Result.OK)
    post.house.stop(post.release, Halt.HELD)
    assert waits(post.gate()) == {"held"}


def test_brakes_and_sign_offs(post: Post) -> None:
    """The desk can hold it back; two approvers can go on without reports, one cannot."""
    post.probed(OK)
    full = Wait("desk-full", {"predicted": 40})
    assert waits(post.gate(brakes=[full])) == {"desk-full", "too-few-reports"}
    asked = GoOn(PRODUCT, post.release, 1, 0).envelope()
    with pytest.raises(SignoffMissing):
        post.gate(go_on=post.house.signed(asked, "approver-1"))
    event = post.gate(go_on=post.house.signed(asked, "approver-1", "approver-2"))
    assert event is not None
    assert event.kind == "gate.opened"


def test_a_lift_starts_again(post: Post) -> None:
    """Routes that begin the plan anew: stage 0, and the old verdict no longer counts."""
    post.probed(OK)
    post.tells("member 0000", Phase.COMMIT, Result.OK)
    post.opens()
    road = post.current.road
    assert road is not None
    again = post.house.release("the first")
    assert again.id == post.release
    post.publish(again, since=road.seq + 1)
    here = watch.standing(post.ledger, post.current, post.release)
    assert (here.stage, here.plan.since) == (0, 2)
    assert waits(post.gate()) == {"probe-before-plan", "too-few-reports"}
    post.probed(OK)
    post.tells("member 0000", Phase.COMMIT, Result.OK)
    post.opens()
    opened = post.current.gates.of(post.release)
    assert opened is not None
    assert (opened.stage, opened.routes_seq) == (1, 2)


def test_settled_releases_teach_the_next(post: Post) -> None:
    """The last stage soaks: its counts are the next release's baseline, unless it was stopped."""
    stages = watch.standing(post.ledger, post.current, post.release).plan.stages
    asked = [GoOn(PRODUCT, post.release, 1, stage).envelope() for stage in range(len(stages))]
    for number in range(len(stages) - 1):
        post.house.passes(60)
        post.probed(OK)
        post.tells(f"member {number:04}", Phase.COMMIT, Result.OK)
        leave = post.house.signed(asked[number], "approver-1", "approver-2")
        event = post.gate(go_on=leave)
        assert event is not None
        assert event.kind == "gate.opened", event.facts
        post.widen()
    post.house.passes(86_000)
    assert post.gate() is None
    post.house.passes(400)
    event = post.gate()
    assert event is not None
    assert event.kind == "release.settled"
    assert event.facts["failures"] == {"k": 0, "n": 3}
    assert post.gate() is None
    nxt = post.house.release("the second", 2)
    post.publish(nxt)
    post.release = nxt.id
    current = post.current
    here = watch.standing(post.ledger, current, nxt.id)
    counted = watch.count(post.traffic, current, here, post.now)
    found = watch.evidence(post.ledger, here, counted, watch.Baselines())
    assert [one.q0 for one in found] == [20_000, 100_000, 20_000]


def test_other_products_are_left_alone(post: Post) -> None:
    """Gates and settled releases of another product change nothing here."""
    gate = Gate(post.release, 1, 2, post.now, post.release, post.release)
    entry = canonical.loads(Gates("other", (gate,)).to_bytes())
    assert isinstance(entry, dict)
    settled: Mapping[str, Json] = {
        "failures": {"k": 90, "n": 900},
        "product": "other",
        "silence": {"k": 0, "n": 900},
    }
    rows = (Row("gate", f"other/{post.release}", entry), Row("settled", "0" * 64, settled))
    post.ledger.append(Draft("gate.opened", "other", post.now, "watch", {}, key="x", rows=rows))
    here = watch.standing(post.ledger, post.current, post.release)
    assert here.stage == 0
    counted = watch.count(post.traffic, post.current, here, post.now)
    assert watch.evidence(post.ledger, here, counted, watch.Baselines())[0].q0 == 20_000


def test_a_release_that_was_stopped_teaches_nothing(post: Post) -> None:
    """Settled and stopped afterwards: its counts are no baseline; without the stop they are."""
    settled: Mapping[str, Json] = {
        "failures": {"k": 90, "n": 900},
        "product": PRODUCT,
        "silence": {"k": 9, "n": 900},
    }
    earlier = of_bytes(b"earlier")
    row = Row("settled", earlier, settled)
    post.ledger.append(Draft("a", "x", post.now, "watch", {}, key="a", rows=(row,)))
    here = watch.standing(post.ledger, post.current, post.release)
    counted = watch.count(post.traffic, post.current, here, post.now)
    learnt = watch.evidence(post.ledger, here, counted, watch.Baselines())
    assert [one.q0 > share for one, share in zip(learnt, (100_000, 10_000), strict=False)] == [
        True,
        True,
    ]
    entry = Stops(PRODUCT, ()).added(
        earlier, Halt.STOPPED, since=post.now, reason={"en": "x", "ja": "x"}, by="oncall-1"
    )
    stop = Row("stop", f"{PRODUCT}/00000001", entry.entries[0].to_json())
    post.ledger.append(Draft("b", "x", post.now, "watch", {}, key="b", rows=(stop,)))
    assert watch.evidence(post.ledger, here, counted, watch.Baselines())[0].q0 == 20_000


def test_verdicts_are_renewed(post: Post) -> None:
    """Half an hour after a verdict the next probe is due, once; daily when everybody has it."""
    pace = Pace()

    def due(seconds: float) -> Event | None:
        now = post.house.passes(seconds)
        return watch.probe_again(post.ledger, post.current, post.release, pace=pace, now=now)

    assert due(0) is None
    first = post.probed(OK)
    assert due(1_700) is None
    event = due(200)
    assert event is not None
    assert (event.kind, event.facts["verdict"]) == ("probe.due", first.facts["verdict"])
    assert due(10) == event
    (work,) = [one.work for one in post.ledger.claim(post.now, limit=9) if one.work.verb == "probe"]
    assert (work.subject, work.facts["release"]) == (post.release, post.release)
    post.probed(OK, NOT)
    assert due(86_400) is None


def test_the_last_stage_is_probed_daily(post: Post) -> None:
    """Nothing is left to open: a verdict holds for a day."""
    last = len(watch.standing(post.ledger, post.current, post.release).plan.stages) - 1
    gate = Gate(post.release, 1, last, post.now, post.release, post.release)
    entry = canonical.loads(Gates(PRODUCT, (gate,)).to_bytes())
    assert isinstance(entry, dict)
    row = Row("gate", f"{PRODUCT}/{post.release}", entry)
    post.ledger.append(Draft("gate.opened", "x", post.now, "watch", {}, key="x", rows=(row,)))
    post.probed(OK)
    current, pace = post.current, Pace()
    for seconds, kind in ((80_000, None), (7_000, "probe.due")):
        now = post.house.passes(seconds)
        event = watch.probe_again(post.ledger, current, post.release, pace=pace, now=now)
        assert (None if event is None else event.kind) == kind


def calls(post: Post, member: str, symptom: str, release: Digest | None = None) -> None:
    """A case at the desk, as that station records it."""
    number = len(list(post.ledger.events(kind="case.opened")))
    facts: dict[str, Json] = {
        "channel": "mail",
        "entitled": None,
        "member": member,
        "release": release,
        "symptom": symptom,
    }
    now = post.house.passes(1)
    post.ledger.append(Draft("case.opened", f"{number}", now, "desk", facts, key=f"case {number}"))


def test_linked_cases_hold_and_stop(post: Post) -> None:
    """Digest and symptom: nothing at one, hold at two, stop at three; each rings once."""

    def rung() -> list[Json]:
        now = post.house.passes(1)
        found = watch.cases(post.ledger, post.current, post.release, now=now)
        return [one.facts["level"] for one in found]

    post.house.passes(12 * 3_600)
    calls(post, "member 0001", "host-does-not-start", post.release)
    calls(post, "member 0001", "host-does-not-start", post.release)
    assert rung() == []
    calls(post, "member 0002", "host-does-not-start", post.release)
    assert (rung(), rung()) == (["hold"], [])
    calls(post, "member 0003", "host-does-not-start", post.release)
    assert rung() == ["stop"]
    assert watch.replay(post.ledger) == 2


def test_unlinked_cases_move_nothing(post: Post) -> None:
    """Without release, member or symptom, or about another release: a hundred are nothing."""
    for number in range(25):
        calls(post, f"member {number:04}", "host-does-not-start")
        calls(post, "", "host-does-not-start", post.release)
        calls(post, f"member {number:04}", "other", post.release)
        calls(post, f"member {number:04}", "cannot-sign", of_bytes(b"another"))
    now = post.house.passes(1)
    assert watch.cases(post.ledger, post.current, post.release, now=now) == ()


def test_reports_are_sealed(post: Post) -> None:
    """Each batch is named once by its digest; nothing new, nothing named."""
    assert watch.seal(post.ledger, post.traffic, post.now) == 0
    post.tells("member 0000", Phase.COMMIT, Result.OK)
    post.tells("member 0001", Phase.COMMIT, Result.OK)
    assert watch.seal(post.ledger, post.traffic, post.now) == 1
    post.tells("member 0002", Phase.COMMIT, Result.OK)
    assert watch.seal(post.ledger, post.traffic, post.now) == 1
    assert watch.seal(post.ledger, post.traffic, post.now) == 0
    counted = [event.facts for event in post.ledger.events(kind="outcomes.sealed")]
    assert counted == [
        {"count": 2, "first": 1, "last": 2},
        {"count": 1, "first": 3, "last": 3},
    ]


def test_nothing_is_watched_that_is_not_published(post: Post) -> None:
    """Not offered, not on record, no routes at all: each refused by name."""
    with pytest.raises(Refusal) as refused:
        watch.standing(post.ledger, post.current, of_bytes(b"another"))
    assert refused.value.reason == "not-offered"
    with pytest.raises(Refusal) as refused:
        watch.standing(MemoryLedger(), post.current, post.release)
    assert refused.value.reason == "not-published"


def test_no_routes_yet(tmp_path: Path) -> None:
    """A product that never published anything."""
    house = House(tmp_path / "public").found()
    current = house.repository.current(PRODUCT)
    with pytest.raises(Refusal) as refused:
        watch.standing(MemoryLedger(), current, of_bytes(b"any"))
    assert refused.value.reason == "no-routes"
