"""Watching a release: the probe's verdicts, the members' outcomes, and the stages they open.

Nothing here stops a release: a failed probe and an alarm are events, and the table of reactions
says what follows.
"""

from __future__ import annotations

from collections.abc import Iterable

from warifu.model import alarm, outcomes, rollout, signoff
from warifu.model import probe as verdicts
from warifu.model.alarm import Baselines, Count, Evidence, Level, Stream
from warifu.model.case import Symptom
from warifu.model.ledger import Draft, Event, Row, Work
from warifu.model.outcomes import SILENT_AFTER, Counted, Tally
from warifu.model.ports import Ledger, Origin, Repository, Signer, Statements
from warifu.model.ports_watch import Box, Traffic
from warifu.model.publication import Current
from warifu.model.rollout import Judged, Opening, Pace, Rollout, Wait, Waiting
from warifu.model.signoff import GoOn
from warifu.model.standing import healthy, recorded_gates, recorded_stops, routes_of
from warifu_wire import canonical, gates, stops, times
from warifu_wire.canonical import Json
from warifu_wire.digest import Digest, digest, of_bytes
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Mismatch, Refusal
from warifu_wire.gates import Gates
from warifu_wire.times import Instant

WATCHER = "watch"
ALARMS = ("outcome.alarm", "case.alarm")
DAY = 86_400


def probe(
    ledger: Ledger,
    statements: Statements,
    signer: Signer,
    box: Box,
    *,
    product: str,
    release: Digest,
) -> Event:
    """Let the box try what production serves; sign and record its verdict, passed or failed."""
    run = box.run(product, release)
    signed = run.statement().envelope().signed(signer.public.keyid, signer.sign)
    statements.put(signed)
    ended = times.spell(run.ended)
    row: dict[str, Json] = {"ended": ended, "passed": run.passed, "verdict": signed.digest}
    return ledger.append(
        Draft(
            "probe.passed" if run.passed else "probe.failed",
            release,
            run.ended,
            WATCHER,
            {
                "failure": run.failure,
                "product": product,
                "routes_seq": run.routes_seq,
                "steps": [one.to_json() for one in run.steps],
                "verdict": signed.digest,
            },
            key=f"probe/{signed.digest}",
            rows=(Row("probe", release, row),),
        )
    )[0]


def seal(ledger: Ledger, traffic: Traffic, now: Instant) -> int:
    """Name every batch of reports in the ledger by its digest; how many batches there were."""
    done = 0
    while (batch := traffic.seal()) is not None:
        facts: dict[str, Json] = {"count": batch.count, "first": batch.first, "last": batch.last}
        key = f"outcomes.sealed/{batch.first}"
        ledger.append(Draft("outcomes.sealed", batch.digest, now, WATCHER, facts, key=key))
        traffic.sealed(batch)
        done += 1
    return done


def watch(
    ledger: Ledger,
    traffic: Traffic,
    current: Current,
    release: Digest,
    *,
    now: Instant,
    baselines: Baselines = Baselines(),
) -> tuple[Event, ...]:
    """Count what members reported in the open stage; an event for each alarm that newly rings."""
    here = standing(ledger, current, release)
    counted = count(traffic, current, here, now)
    rung = (
        _alarm(here, counted.stage, one, level, now)
        for one in evidence(ledger, here, counted, baselines)
        if (level := alarm.judged(one)) is not None
    )
    return ledger.append(*(one for one in rung if ledger.row("alarm", one.key) is None))


def cases(
    ledger: Ledger,
    current: Current,
    release: Digest,
    *,
    now: Instant,
    baselines: Baselines = Baselines(),
) -> tuple[Event, ...]:
    """Count the members who called about a release with one symptom; an event for each alarm.

    A case without release, member or a symptom of the list moves nothing.
    """
    here = standing(ledger, current, release)
    callers: dict[str, set[Json]] = {}
    for event in ledger.events(kind="case.opened"):
        told = event.facts
        known = told["release"] == release and told["member"] and told["symptom"] != Symptom.OTHER
        if known and here.published <= event.at < now:
            callers.setdefault(str(told["symptom"]), set()).add(told["member"])
    days = (now - here.published).total_seconds() / DAY
    expected = max(1, round(baselines.cases * days))
    drafts = []
    for symptom, members in sorted(callers.items()):
        counted = (Count(symptom, len(members), len(members)),)
        found = Evidence(Stream.CASES, counted, expected)
        level = alarm.judged(found)
        if level is not None:
            drafts.append(_called(here, symptom, found, level, now))
    return ledger.append(*(one for one in drafts if ledger.row("alarm", one.key) is None))


def replay(ledger: Ledger) -> int:
    """Compute every recorded alarm anew from its evidence; how many there are.

    Raises `Mismatch` at the first whose figures or level do not follow from what it counted.
    """
    done = 0
    for event in (one for kind in ALARMS for one in ledger.events(kind=kind)):
        level = alarm.judged(alarm.replayed(event.facts["evidence"]))
        if level is None or level.value != event.facts["level"]:
            raise Mismatch(
                "alarm-differs", needed=str(level), found=event.facts["level"], seq=event.seq
            )
        done += 1
    return done


def judge(
    ledger: Ledger,
    statements: Statements,
    traffic: Traffic,
    current: Current,
    release: Digest,
    *,
    pace: Pace,
    now: Instant,
    brakes: Iterable[Wait] = (),
    go_on: Envelope | None = None,
) -> Judged:
    """Where a release stands, what was counted under its plan, and what may open or why not.

    `go_on` is the approvers' sign-off to leave this very stage without the reports it asks for.
    """
    here = standing(ledger, current, release)
    wanted = GoOn(here.product, release, here.plan.since, here.stage)
    leave = None if go_on is None else signoff.signed(go_on, wanted, current.rules, current.people)
    counted = count(traffic, current, here, now).plan
    verdict = _verdict(ledger, statements, current, release)
    recorded = recorded_gates(current, ledger.rows("gate"))
    if here.stage and current.gates.of(release) != recorded.of(release):
        brakes = (*brakes, Wait("gate-not-in-force", {"stage": here.open.name}))
    found = rollout.proceed(here, counted, verdict, pace, now, brakes=brakes, signoff=leave)
    return here, counted, found


def gate(ledger: Ledger, judged: Judged, *, now: Instant) -> Event | None:
    """Open the next stage, or record why it waits; None when that is on record already."""
    here, counted, found = judged
    if isinstance(found, Opening):
        return ledger.append(_opened(here, found, counted))[0]
    if here.following is None:
        return _settled(ledger, here, counted, now)
    return _waits(ledger, here, found, now)


def probe_again(
    ledger: Ledger, current: Current, release: Digest, *, pace: Pace, now: Instant
) -> Event | None:
    """Order one more probe once the last verdict is as old as `pace` allows; None before that.

    While stages are still to open a verdict is renewed at half the age at which it would no longer
    count, afterwards once a day. Each verdict orders the next one once.
    """
    row = ledger.row("probe", release)
    if row is None or not row["passed"]:
        return None
    here = standing(ledger, current, release)
    every = pace.probe_age / 2 if here.following else DAY
    if (now - times.read(row["ended"])).total_seconds() < every:
        return None
    facts: dict[str, Json] = {"product": here.product, "verdict": row["verdict"]}
    key = f"probe.due/{row['verdict']}"
    work = Work("probe", release, now, {"product": here.product, "release": release})
    return ledger.append(Draft("probe.due", release, now, WATCHER, facts, key=key, work=(work,)))[0]


def widen(
    ledger: Ledger, repository: Repository, origin: Origin, *, product: str, now: Instant
) -> Event | None:
    """Sign every recorded gate into the tree and fetch it back; None when it is not served yet."""
    wanted = recorded_gates(repository.current(product), ledger.rows("gate"))
    repository.widen(wanted, now)
    served = origin.read(f"gates/{product}.json")
    if served is None or gates.read(served, product) != wanted:
        return None
    facts: dict[str, Json] = {
        "open": [{"release": one.release, "stage": one.stage} for one in wanted.entries],
        "product": product,
    }
    key = f"gate.in-force/{product}/{of_bytes(wanted.to_bytes())}"
    return ledger.append(Draft("gate.in-force", product, now, "origin", facts, key=key))[0]


def standing(ledger: Ledger, current: Current, release: Digest) -> Rollout:
    """How far a release is, with every gate and stop on record, in force or not yet.

    Raises `Refusal` when it is not offered, or when nobody recorded its publication.
    """
    routes = routes_of(current)
    offer = routes.offer(release)
    if offer is None:
        raise Refusal("not-offered", needed="a release of the routes in force", release=release)
    for event in ledger.events(kind="publication.opened"):
        facts = event.facts
        if (facts["product"], facts["routes_seq"]) == (current.product, offer.plan.since):
            issued = times.read(facts["issued"])
            ours = recorded_stops(current.product, ledger.rows("stop"))
            halts = stops.union(current.stops.entries, ours)
            known = recorded_gates(current, ledger.rows("gate"))
            return rollout.rollout(routes, halts, known, release, issued, event.at)
    raise Refusal("not-published", needed="the publication on record", release=release)


def count(traffic: Traffic, current: Current, here: Rollout, now: Instant) -> Counted:
    """The members who reported on a release under its plan, in all and in the open stage.

    Our own machines and volunteers are counted apart as well, from the beginning.
    """
    found = [
        one
        for one in traffic.records(
            here.release,
            since=here.published - SILENT_AFTER,
            until=now,
            known_before=here.issued,
        )
        if one.outcome.gate >= here.plan.since
    ]
    strata = frozenset(one.id for one in routes_of(current).known)
    circles = (here.plan.own, here.plan.canary)
    named = [
        one for one in found if any(circle.holds(one.outcome.installation) for circle in circles)
    ]
    return Counted(
        outcomes.tally(found, here.published, now, strata),
        outcomes.tally(found, here.opened_at, now, strata),
        outcomes.tally(named, here.published, now),
    )


def evidence(
    ledger: Ledger, here: Rollout, counted: Counted, baselines: Baselines
) -> tuple[Evidence, ...]:
    """Everything the alarm looks at, with the baseline of each stream."""
    against = recorded_stops(here.product, ledger.rows("stop"))
    history = tuple(healthy(here.product, here.release, ledger.rows("settled"), against))
    failures = alarm.baseline((one for one, _ in history), baselines.failures)
    silence = alarm.baseline((one for _, one in history), baselines.silence)
    return (
        Evidence(Stream.FAILURES, counted.stage.finished, failures),
        Evidence(Stream.SILENCE, (counted.stage.started,), silence),
        Evidence(Stream.CANARY, counted.named.finished, failures),
    )


def _alarm(here: Rollout, counted: Tally, found: Evidence, level: Level, now: Instant) -> Draft:
    place = f"{here.release}/{here.plan.since}/{here.stage}"
    key = f"outcome.alarm/{place}/{found.stream}/{level}"
    facts: dict[str, Json] = {
        "counted": counted.counted,
        "evidence": found.to_json(),
        "failures": dict(counted.failures),
        "level": level.value,
        "product": here.product,
        "routes_seq": here.routes_seq,
        "stage": here.stage,
    }
    row = Row("alarm", key, {"level": level.value, "release": here.release})
    return Draft("outcome.alarm", here.release, now, WATCHER, facts, key=key, rows=(row,))


def _called(here: Rollout, symptom: str, found: Evidence, level: Level, now: Instant) -> Draft:
    key = f"case.alarm/{here.release}/{here.plan.since}/{symptom}/{level}"
    facts: dict[str, Json] = {
        "evidence": found.to_json(),
        "level": level.value,
        "product": here.product,
        "routes_seq": here.routes_seq,
        "symptom": symptom,
    }
    row = Row("alarm", key, {"level": level.value, "release": here.release})
    return Draft("case.alarm", here.release, now, WATCHER, facts, key=key, rows=(row,))


def _opened(here: Rollout, found: Opening, counted: Tally) -> Draft:
    """The gate's event, its row, and the work of signing it."""
    one = found.gate
    entry = canonical.loads(Gates(here.product, (one,)).to_bytes())
    assert isinstance(entry, dict)
    facts: dict[str, Json] = {
        "evidence": dict(found.evidence),
        "failures": dict(counted.failures),
        "product": here.product,
        "routes_seq": one.routes_seq,
        "rule": here.plan.stages[one.stage].to_json(),
        "stage": here.plan.stages[one.stage].name,
    }
    return Draft(
        "gate.opened",
        one.release,
        one.opened_at,
        WATCHER,
        facts,
        key=f"gate.opened/{one.release}/{here.plan.since}/{one.stage}",
        rows=(
            Row("gate", f"{here.product}/{one.release}", entry),
            Row("waiting", one.release, None),
        ),
        work=(Work("widen", here.product, one.opened_at, {"release": one.release}),),
    )


def _waits(ledger: Ledger, here: Rollout, found: Waiting, now: Instant) -> Event | None:
    codes: list[Json] = [*sorted({one.code for one in found.reasons})]
    value: dict[str, Json] = {"codes": codes, "since": here.plan.since, "stage": here.stage}
    if ledger.row("waiting", here.release) == value:
        return None
    facts: dict[str, Json] = {
        "product": here.product,
        "reasons": [one.to_json() for one in found.reasons],
        "rule": here.open.to_json(),
        "stage": here.open.name,
    }
    said = of_bytes(canonical.dumps(value))
    key = f"gate.waits/{here.release}/{here.routes_seq}/{times.spell(now)}/{said}"
    row = Row("waiting", here.release, value)
    return ledger.append(
        Draft("gate.waits", here.release, now, WATCHER, facts, key=key, rows=(row,))
    )[0]


def _settled(ledger: Ledger, here: Rollout, counted: Tally, now: Instant) -> Event | None:
    """Offered to everybody for a day at least, and nothing against it: baselines may learn."""
    key = f"release.settled/{here.release}"
    soaked = (now - here.opened_at).total_seconds() >= max(here.open.soak, DAY)
    if here.halts or not soaked or ledger.row("settled", here.release) is not None:
        return None
    value: dict[str, Json] = {
        "failures": {"k": counted.k, "n": counted.n},
        "product": here.product,
        "silence": {"k": counted.started.k, "n": counted.started.n},
    }
    row = Row("settled", here.release, value)
    return ledger.append(
        Draft("release.settled", here.release, now, WATCHER, value, key=key, rows=(row,))
    )[0]


def _verdict(
    ledger: Ledger, statements: Statements, current: Current, release: Digest
) -> verdicts.Verdict | None:
    """The last verdict on a release, its signature verified again; None when there is none."""
    row = ledger.row("probe", release)
    if row is None:
        return None
    return verdicts.verdict(statements.get(digest(row["verdict"])), current.rules, current.people)
