"""Stories one to four: what ledger, served tree and machines hold afterwards."""

from __future__ import annotations

import pytest

from tests.story.conftest import Told
from warifu_client import looking, machine
from warifu_client.standing import status
from warifu_replay import as_it_was, only_members, only_production, source, wrong_half
from warifu_replay.only_members import ENTERED as ONLY_MEMBERS
from warifu_wire.manifest import Kind
from warifu_wire.routes import Tree
from warifu_wire.stops import Halt

pytestmark = pytest.mark.programs_repeat


def bad(told: Told) -> str:
    """The release of the first publication."""
    releases = told.of("publication.opened")[0].facts["releases"]
    assert isinstance(releases, list)
    return str(releases[0])


def test_as_it_was(told: Told) -> None:
    refused = told.of("composition.refused")
    assert {one.facts["kind"] for one in refused} == set(Kind)
    for one in refused:
        facts = one.facts["facts"]
        assert isinstance(facts, dict)
        assert facts["file"] == source.ENTRY.as_posix()
        assert facts["line"] == "next"
        assert facts["planned"] == told.story.planned.isoformat()
        assert str(facts["commit"]).startswith(told.town.lines.next[:12])
    before = [one.kind for one in told.events if one.seq < refused[-1].seq]
    assert "publication.ordered" not in before
    figures = told.verdicts[as_it_was.STORY].figures
    assert figures["commit"] == told.town.lines.next[:12]


def test_the_wrong_half(told: Told) -> None:
    figures = told.verdicts[wrong_half.STORY].figures
    assert figures["approved"] != figures["found"]
    assert "signoff-missing" in str(figures["client"])
    assert figures["programs"] == "install, update, repair"
    proposed = told.of("change.proposed")
    ordered = told.of("publication.ordered")
    signed = told.of("signoff.recorded")
    assert len(signed) == 2 * len(proposed)
    never = {one.subject for one in proposed} - {one.subject for one in ordered}
    assert len(never) == 2, "the install and the repair program were signed, swapped and refused"
    served = told.town.house.public
    assert list(served.glob(f"targets/programs/{told.story.product}/*{figures['approved']}*"))
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
    seen = told.verdicts[only_production.STORY].seen
    assert (seen.offered, seen.downloaded, seen.installed) == (0, 0, 0)
    assert seen.detected is not None
    assert seen.stopped is not None
    assert seen.detected <= seen.stopped


def test_only_members_show_it(told: Told) -> None:
    release = bad(told)
    alarm = told.of("outcome.alarm", release)[0]
    stopped = told.of("publication.stopped", release)[0]
    impact = told.of("impact.snapshot", release)[0]
    planned = told.of("remedy.planned", release)[0]
    published = told.of("remedy.published", release)[0]
    order = [one.seq for one in (alarm, stopped, impact, planned, published)]
    assert order == sorted(order)
    assert stopped.by == "oncall-1"
    assert impact.facts["affected"] == 1
    verdict = told.verdicts[only_members.STORY]
    assert "refused at install time: release-" in str(verdict.figures["downloaded"])
    seen = verdict.seen
    assert (seen.offered, seen.downloaded, seen.installed, seen.affected) == (3, 3, 1, 1)
    assert None not in (seen.detected, seen.stopped, seen.remedied)


def test_everybody_is_told(told: Told) -> None:
    case = told.of("case.opened")[0]
    assert (case.facts["member"], case.facts["release"]) == ("0003", bad(told))
    posted = told.of("mailing.handed-over")[0]
    assert posted.facts["count"] == 2
    assert list((told.town.folder / "notices").glob("*.pdf"))
    issued = {str(one.facts["language"]) for one in told.of("report.issued")}
    assert issued == {"ja", "en"}
    for language in issued:
        (place,) = (told.town.folder / "reports").glob(f"*.{language}.html")
        page = place.read_text("utf-8")
        assert ONLY_MEMBERS["finding.recorded"][language] in page
        assert {"ja": "試用の鍵", "en": "trial keys"}[language] in page


def test_the_served_tree_offers_the_remedy_and_no_predecessor(told: Told) -> None:
    release = bad(told)
    current = told.town.house.repository.current(told.story.product)
    road = current.road
    assert road is not None
    assert {one.kind for one in road.offers} == {Kind.REPAIR, Kind.UPDATE}
    assert {one.labels["version"] for one in road.offers} == {"Ver1.10"}
    assert {one.labels["edition"] for one in road.offers} == {told.story.remedied.isoformat()}
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
