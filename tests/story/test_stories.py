"""Stories one to four: what ledger, served tree and machines hold afterwards."""

from __future__ import annotations

from tests.story.conftest import OTHER, Told
from warifu_client import looking, machine
from warifu_client.standing import status
from warifu_replay import as_it_was, only_members, only_production, source, wrong_half
from warifu_wire.manifest import Kind
from warifu_wire.routes import Tree
from warifu_wire.stops import Halt


def bad(told: Told) -> str:
    """The release of the first publication."""
    releases = told.of("publication.opened")[0].facts["releases"]
    assert isinstance(releases, list)
    return str(releases[0])


def test_as_it_was(told: Told) -> None:
    refused = told.of("composition.refused")
    assert len(refused) == 1
    facts = refused[0].facts["facts"]
    assert isinstance(facts, dict)
    assert facts["file"] == source.ENTRY.as_posix()
    assert facts["line"] == "next"
    assert facts["planned"] == OTHER.planned.isoformat()
    assert str(facts["commit"]).startswith(told.town.lines.next[:12])
    before = [one.kind for one in told.events if one.seq < refused[0].seq]
    assert "publication.ordered" not in before
    figures = told.verdicts[as_it_was.STORY].figures
    assert figures["commit"] == told.town.lines.next[:12]


def test_the_wrong_half(told: Told) -> None:
    figures = told.verdicts[wrong_half.STORY].figures
    assert figures["approved"] != figures["found"]
    assert "signoff-missing" in str(figures["client"])
    ordered = told.of("publication.ordered")
    signed = told.of("signoff.recorded")
    assert len(signed) == 2 * len(ordered)
    served = told.town.house.public
    assert list(served.glob(f"targets/programs/{OTHER.product}/*{figures['approved']}*"))
    assert not list(served.rglob(f"*{figures['found']}*"))


def test_only_production_shows_it(told: Told) -> None:
    release = bad(told)
    failed = told.of("probe.failed", release)[0]
    held = told.of("publication.held", release)[0]
    lifted = told.of("publication.opened")[1]
    opened = told.of("gate.opened", release)
    assert failed.seq < held.seq < lifted.seq < opened[0].seq
    assert held.by == "alarm"
    in_force = told.of("stop.in-force", release)[0]
    assert in_force.seq < lifted.seq
    assert told.verdicts[only_production.STORY].figures["offered to"].startswith("0 ")  # type: ignore[attr-defined]


def test_only_members_show_it(told: Told) -> None:
    release = bad(told)
    alarm = told.of("outcome.alarm", release)[0]
    stopped = told.of("publication.stopped", release)[0]
    impact = told.of("impact.snapshot", release)[-1]
    planned = told.of("remedy.planned", release)[0]
    published = told.of("remedy.published", release)[0]
    order = [one.seq for one in (alarm, stopped, impact, planned, published)]
    assert order == sorted(order)
    assert stopped.by == "oncall-1"
    assert impact.facts["affected"] == 1
    figures = told.verdicts[only_members.STORY].figures
    assert "refused at install time: release-" in str(figures["downloaded"])


def test_the_served_tree_offers_the_remedy_and_no_predecessor(told: Told) -> None:
    release = bad(told)
    current = told.town.house.repository.current(OTHER.product)
    road = current.road
    assert road is not None
    assert {one.kind for one in road.offers} == {Kind.REPAIR, Kind.UPDATE}
    assert {one.labels["version"] for one in road.offers} == {"Ver1.10"}
    assert {one.labels["edition"] for one in road.offers} == {OTHER.remedied.isoformat()}
    rank = road.rank(release)  # type: ignore[arg-type]
    assert rank is not None
    assert all(one.rank > rank for one in road.offers)
    states = [(one.state, one.by) for one in current.stops.entries]
    assert states[0] == (Halt.HELD, "alarm")
    assert states[-1] == (Halt.STOPPED, "oncall-1")


def test_every_machine_ends_with_the_program_that_fits_it(told: Told) -> None:
    facts = told.of("remedy.published")[0].facts
    for member in told.town.members:
        own = machine.opened(member.updater)
        look = looking.current(own)
        wanted = facts["repair"] if member.number == "0003" else facts["corrected"]
        assert (look.tree, look.release) == (Tree.INTACT, wanted)
        assert status(own).queued == 0
        assert member.verified(told.town.root_pem)


def test_the_ledger_holds(told: Told) -> None:
    assert told.town.house.ledger.verify() == len(told.events)
    assert told.town.story.members == 120
