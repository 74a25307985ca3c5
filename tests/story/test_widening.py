"""What was narrowed goes on only by what M persons sign: lift, resume, go on; nothing else does."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner

from tests.story import small as smalls
from tests.story.small import NOW, Small
from warifu.app import circles, halting, keeping, pacing, road
from warifu.app import config as configs
from warifu.app.wiring import clock
from warifu.cli import main
from warifu.testing import memory_signer
from warifu_wire.digest import Digest, digest
from warifu_wire.errors import Malformed
from warifu_wire.manifest import Kind
from warifu_wire.plan import Audience
from warifu_wire.pseudonym import pseudonym
from warifu_wire.stops import in_force


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Small]:
    """Two programs on offer, install and update, after an earlier install program."""
    made = smalls.found(tmp_path_factory.mktemp("widening"))
    smalls.signed(made)
    assert not road.publish(made.house(), NOW)
    smalls.move_on(made, "Ver1.10", "print('two')\n")
    smalls.signed(made, Kind.INSTALL, Kind.UPDATE)
    assert not road.publish(made.house(), NOW)
    made.keep("published")
    yield made
    made.end()


@pytest.fixture
def small(published: Small) -> Iterator[Small]:
    """The same for each test."""
    head = smalls.git(published.source, "rev-parse", "HEAD")
    yield published
    published.lay("published")
    smalls.git(published.source, "reset", "--hard", "--quiet", head)
    smalls.describe(published, "Ver1.10")


def run(small: Small, *words: str, code: int = 0) -> str:
    """One command in this process."""
    done = CliRunner().invoke(main, ["-C", str(small.source), *words])
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


def halted(small: Small, release: Digest, *how: str) -> None:
    """Stopped, held or capped by the person on call."""
    run(small, "stop", release, "--as", "oncall-1", "--why", "it hangs", *how)


def standing(small: Small, release: Digest) -> tuple[int, int]:
    """How many stops of a release are in force, and since when its plan counts."""
    current = small.house().repository.current("small")
    assert current.road is not None
    offer = current.road.offer(release)
    assert offer is not None
    return len(in_force(current.stops.entries, release, current.road.lifted)), offer.plan.since


def test_a_lift_is_a_change_that_two_persons_sign(small: Small) -> None:
    update = digest(smalls.release(small.house(), Kind.UPDATE))
    install = digest(smalls.release(small.house(), Kind.INSTALL))
    halted(small, update, "--hold")
    halted(small, update)
    assert standing(small, update) == (2, 2)
    first = run(small, "sign", "--as", "approver-1", "--lift", update[:12])
    assert f"lifts stop 1 of {update[:12]} (held by oncall-1" in first
    assert "stops lifted: 2" in first
    run(small, "publish", code=1)
    assert standing(small, update) == (2, 2)
    # the other one may say what is lifted, or not: it is the same proposal
    second = run(small, "sign", "--as", "approver-2", "--lift", update[:12])
    assert "2 of 2" in second
    assert run(small, "sign", "--as", "approver-2").splitlines()[0] == second.splitlines()[0]
    run(small, "publish")
    assert standing(small, update) == (0, 3)  # and its stages begin again
    assert standing(small, install) == (0, 2)  # what else is on offer stays as it was
    told = json.loads(run(small, "--json", "status").splitlines()[-1])
    assert {one["id"]: one["stage"] for one in told["releases"]} == {update: "own", install: "own"}
    assert run(small, "sign", "--as", "approver-1", "--lift", update[:12], code=1)


def test_all_stops_of_a_stolen_key_are_lifted_at_once(small: Small) -> None:
    both = [digest(smalls.release(small.house(), kind)) for kind in (Kind.INSTALL, Kind.UPDATE)]
    for one in both:
        halted(small, one)
    run(small, "stop", both[0], "--as", "alarm", "--why", "it fails")
    for person in ("approver-1", "approver-2"):
        run(small, "sign", "--as", person, "--lift-by", "oncall-1")
    run(small, "publish")
    assert [standing(small, one) for one in both] == [(1, 3), (0, 3)]


def test_more_stops_than_one_incident_needs_are_told_and_none_waits(small: Small) -> None:
    """Attack 32: a thief with an on-call key stops everything there is, the repair too."""
    release = digest(smalls.release(small.house(), Kind.UPDATE))
    for number in range(10):
        halted(small, release, "--cap", str(900_000 - number))
    house = small.house()
    halting.look(house, house.repository.current("small"), clock())
    assert "oncall-1 stopped" not in run(small, "status")
    halted(small, release)
    assert "oncall-1 stopped 11 times within an hour" in run(small, "status")
    assert "1時間に 11 回" in run(small, "--lang", "ja", "status")
    for _ in range(2):
        halting.look(house, house.repository.current("small"), clock())
    (event,) = house.ledger.events(kind="stop.flood")
    assert (event.facts["by"], event.facts["stops"]) == ("oncall-1", 11)


def test_what_was_replaced_is_not_brought_back(small: Small) -> None:
    old = next(
        key for key, row in small.house().ledger.rows("publication")
        if dict(row)["labels"] == {"version": "Ver1.00"}
    )  # fmt: skip
    halted(small, digest(old))
    told = run(small, "sign", "--as", "approver-1", "--lift", old[:12], code=1)
    assert "Needed: a release of the routes in force" in told


def test_a_stage_is_left_with_fewer_reports_when_two_persons_say_so(small: Small) -> None:
    house = small.house()
    update = digest(smalls.release(house, Kind.UPDATE))
    current = house.repository.current("small")
    here = pacing.judged(house, current, update, NOW)[0]
    run(small, "sign", "--as", "approver-1", "--go-on", update[:12])
    assert pacing.signed(small.house(), current, pacing.wanted(here)) is None
    told = run(small, "sign", "--as", "approver-2", "--go-on", update[:12])
    assert "signed by approver-1, approver-2: 2 of 2." in told
    assert pacing.signed(small.house(), current, pacing.wanted(here)) is not None
    events = list(house.ledger.events(kind="consent.recorded", subject=update))
    assert [one.by for one in events] == ["approver-1", "approver-2"]
    run(small, "sign", "--as", "oncall-1", "--go-on", update[:12], code=1)


def test_volunteers_are_named_and_served_first(small: Small) -> None:
    house = small.house()
    ids = [
        house.traffic.enrol(memory_signer(f"machine {number}").public.to_json(), NOW)
        for number in range(3)
    ]
    for one in ids:
        run(small, "members", "volunteer", one)
    run(small, "members", "volunteer", ids[2], "--leave")
    run(small, "members", "volunteer", ids[2], "--leave", code=1)
    run(small, "members", "volunteer", "unheard", code=1)
    assert set(circles.circles(house, NOW).volunteers) == set(ids[:2])
    smalls.move_on(small, "Ver1.20", "print('three')\n")
    for kind in (Kind.INSTALL, Kind.UPDATE):
        road.compose(small.house(), kind, NOW)
        road.verify(small.house(), kind, NOW)
    run(small, "sign", "--as", "approver-1")
    offer = dict(small.house().ledger.row("proposal", "small") or {})["routes"]
    plan = offer["releases"][0]["plan"]  # type: ignore[index,call-overload]
    stage = plan["stages"][1]  # type: ignore[index,call-overload]
    assert (stage["audience"], stage["members"]) == (Audience.CANARY, 2)  # type: ignore[index,call-overload]


def declare(small: Small, text: str) -> None:
    """More in warifu.toml."""
    place = small.source / configs.NAME
    place.write_text(place.read_text("utf-8") + text)


def test_a_barrier_declared_in_warifu_toml_is_signed_and_served(small: Small) -> None:
    barrier = digest(smalls.release(small.house(), Kind.UPDATE))
    old = digest(
        next(
            key for key, row in small.house().ledger.rows("publication")
            if dict(row)["labels"] == {"version": "Ver1.00"}
        )
    )  # fmt: skip
    smalls.move_on(small, "Ver1.20", "print('three')\n")
    declare(
        small,
        f'[[routes.first]]\nrelease = "{barrier[:12]}"\nen = "Its data move first."\nja = "先に"\n'
        f'[[routes.end]]\nrelease = "{old[:12]}"\nen = "Please install anew."\nja = "再導入"\n',
    )
    for kind in (Kind.INSTALL, Kind.UPDATE):
        road.compose(small.house(), kind, NOW)
        road.verify(small.house(), kind, NOW)
    for person in ("approver-1", "approver-2"):
        told = run(small, "sign", "--as", person)
    assert f"everybody below goes first to {barrier[:12]}" not in told  # nobody is below but:
    assert f"no way on from {old[:12]}: Please install anew." in told
    run(small, "publish")
    current = small.house().repository.current("small").road
    assert current is not None
    newest = digest(smalls.release(small.house(), Kind.UPDATE))
    assert len(current.offers) == 3
    assert (current.rank(barrier), current.rank(newest)) == (20, 30)
    found = {one.installed: one.offer for one in current.routes if one.installed}
    assert (found[barrier], found[newest], found[old]) == (newest, newest, None)


def test_what_warifu_toml_declares_is_enforced(small: Small) -> None:
    house = small.house()
    update = digest(smalls.release(house, Kind.UPDATE))
    current = house.repository.current("small")
    sunday = datetime(2012, 2, 5, 4, tzinfo=UTC)
    codes = {one.code for one in pacing.waits(house, current, update, sunday)}
    assert not codes & {"no-working-day", "desk-full"}
    declare(
        small,
        "[rollout]\nstages = [500]\nfinished = [75]\n[rollout.calendar]\nholidays = [2012-02-06]\n"
        "[rollout.desk]\ncapacity = 0\nfeared = 100\ncontact = 100\n[keep]\nreports = 30\n",
    )
    house = small.house()
    for day in (sunday, sunday + timedelta(days=1)):
        found = pacing.waits(house, current, update, day)
        assert {"no-working-day", "desk-full"} <= {one.code for one in found}
    assert house.config.keep.reports == timedelta(days=30)
    assert house.config.keep.downloads == timedelta(days=1_095)
    for wrong, key in (
        ("[rollout.calendar]\nopens = 17\ncloses = 9\n", "rollout.calendar.closes"),
        ('[rollout.calendar]\nholidays = ["2012-02-06"]\n', "rollout.calendar.holidays"),
        ("[rollout]\ninstall = 101\n", "rollout.install"),
        ("[routes]\nfirst = 1\n", "routes.first"),
        ("[keep]\nforever = 1\n", "keep.forever"),
        ('[rollout]\nstages = ["40"]\n', "rollout.stages"),
    ):
        smalls.describe(small, "Ver1.10")
        declare(small, wrong)
        with pytest.raises(Malformed, match=re.escape(key)):
            configs.load(small.source / configs.NAME)


def test_downloads_are_forgotten_in_time_and_the_ledger_says_so(small: Small) -> None:
    house = small.house()
    machine = house.traffic.enrol(memory_signer("machine").public.to_json(), NOW)
    assert keeping.forget(house, NOW) == 0
    line = {
        "at": NOW.isoformat(), "method": "GET", "path": f"/blobs/aa/{'a' * 64}.zst",
        "status": "200", "sent": "5", "range": "", "length": "5",
        "machine": pseudonym(machine, NOW),
    }  # fmt: skip
    house.log.write_text(json.dumps(line) + "\n")
    assert keeping.forget(house, NOW + timedelta(days=1_094)) == 0
    assert keeping.forget(house, NOW + timedelta(days=1_096)) == 1
    (event,) = house.ledger.events(kind="traffic.forgotten")
    assert (event.facts["downloads"], event.facts["reports"]) == (1, 0)
