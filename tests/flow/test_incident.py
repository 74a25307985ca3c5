"""From impact to report: everything said is read from the ledger, and changes with it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.flow.road import PRODUCT, Road
from warifu.engines.post import documents, words
from warifu.flow import attend, notify, remedy, report, stop
from warifu.model import incident as incidents
from warifu.model import report as reports
from warifu.model.case import Case, Symptom, entitled
from warifu.model.impact import impact
from warifu.model.ledger import Draft, Event
from warifu.model.notice import Campaign, Channel, campaign
from warifu.model.outcomes import Record
from warifu.model.remedy import remedy as remedy_of
from warifu.model.routing import Fleet
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Malformed, Mismatch, Refusal
from warifu_wire.manifest import Kind
from warifu_wire.outcome import Outcome, Phase, Result
from warifu_wire.stops import Halt

WHY = {"en": "it does not start", "ja": "起動しません"}


def record(
    road: Road, member: str, release: Digest, phase: Phase, result: Result, minutes: int = 1
) -> Record:
    at = road.now + timedelta(minutes=minutes)
    outcome = Outcome(
        PRODUCT, 1, f"machine of {member}", minutes, "attempt", release, None, phase, result, "", at
    )
    return Record(member, outcome, at, outcome.envelope().digest)


@pytest.fixture
def bad(road: Road) -> Digest:
    """A published and stopped update."""
    program = road.program(Kind.UPDATE, "broken")
    road.published(program)
    road.later(hours=12)
    stop.stop(
        road.ledger, road.repository, product=PRODUCT, release=program.composition.id,
        state=Halt.STOPPED, by="oncall-1", why=WHY, now=road.now,
    )  # fmt: skip
    road.later(minutes=1)
    return program.composition.id


def test_impact_tells_downloaded_installed_and_affected_apart(road: Road) -> None:
    release = of_bytes(b"release")
    told = [
        record(road, "1", release, Phase.FETCH, Result.OK),
        record(road, "2", release, Phase.SWITCH, Result.STARTED),
        record(road, "3", release, Phase.START_TEST, Result.FAILED),
        record(road, "4", release, Phase.TRIAL, Result.FAILED),
        record(road, "5", release, Phase.COMMIT, Result.OK),
        record(road, "6", release, Phase.CHECK, Result.REFUSED),
        record(road, "7", release, Phase.FETCH, Result.STARTED),
        record(road, "7", release, Phase.FETCH, Result.FAILED),
        record(road, "8", of_bytes(b"other"), Phase.COMMIT, Result.OK),
        record(road, "9", release, Phase.COMMIT, Result.OK, minutes=90),
    ]
    found = impact(release, told, road.now + timedelta(hours=1))
    assert found.downloaded == {"1", "2", "3", "4", "5"}
    assert found.installed == {"2", "4", "5"}
    assert found.affected == {"3", "4"}
    assert found.silent == {"2"}
    assert found.to_json()["affected"] == 2


def test_the_servers_log_counts_as_well(road: Road) -> None:
    """Who fetched it and never reported had downloaded it; nobody is counted twice."""
    release = of_bytes(b"release")
    told = [record(road, "1", release, Phase.COMMIT, Result.OK)]
    found = impact(release, told, road.now + timedelta(hours=1), ["1", "2"])
    assert (found.downloaded, found.installed) == ({"1", "2"}, {"1"})


def test_assessing_takes_a_snapshot_of_what_was_published(road: Road, bad: Digest) -> None:
    told = [record(road, "1", bad, Phase.TRIAL, Result.FAILED, minutes=-1)]
    found = remedy.assess(road.ledger, bad, told, by="oncall-1", now=road.now)
    (event,) = road.ledger.events(kind="impact.snapshot")
    assert event.facts["affected"] == len(found.affected) == 1
    with pytest.raises(Refusal, match="not-published"):
        remedy.assess(road.ledger, of_bytes(b"x"), (), by="oncall-1", now=road.now)


def test_a_remedy_is_one_fix_in_two_programs(road: Road, bad: Digest) -> None:
    tree = road.source.files
    del tree
    repair, update = (road.program(kind, "fixed", "4" * 40) for kind in (Kind.REPAIR, Kind.UPDATE))
    other = road.program(Kind.UPDATE, "fixed otherwise", "5" * 40)
    bad_tree = of_bytes(b"the bad tree")
    found = remedy_of(bad, bad_tree, repair, update)
    assert found.fix == "4" * 40
    with pytest.raises(Refusal, match="not-a-remedy"):
        remedy_of(bad, bad_tree, update, repair)
    with pytest.raises(Mismatch, match="not-one-fix"):
        remedy_of(bad, bad_tree, repair, other)
    with pytest.raises(Refusal, match="nothing-fixed"):
        remedy_of(bad, repair.composition.manifest.tree, repair, update)
    assert remedy.published(road.ledger, bad, now=road.now) is None
    remedy.plan(road.ledger, found, by="engineer", now=road.now)
    assert remedy.published(road.ledger, bad, now=road.now) is None
    road.published(repair, update, fleet=Fleet(broken=frozenset({bad})))
    event = remedy.published(road.ledger, bad, now=road.now)
    assert event is not None
    assert event.facts["repair"] == repair.composition.id


def test_first_stop_then_repair(road: Road) -> None:
    program = road.program(Kind.UPDATE, "broken")
    road.published(program)
    pair = [road.program(kind, "fixed", "4" * 40) for kind in (Kind.REPAIR, Kind.UPDATE)]
    found = remedy_of(program.composition.id, of_bytes(b"tree"), *pair)
    with pytest.raises(Refusal, match="still-offered"):
        remedy.plan(road.ledger, found, by="engineer", now=road.now)


def test_the_desk_sees_what_a_caller_is_entitled_to(road: Road, bad: Digest) -> None:
    pair = [road.program(kind, "fixed", "4" * 40) for kind in (Kind.REPAIR, Kind.UPDATE)]
    published = road.published(*pair, fleet=Fleet(broken=frozenset({bad})))
    routes = published.change.routes
    case = Case("case-1", "mail", "0001", Symptom.HOST_DOES_NOT_START, bad, road.now)
    event = attend.attend(road.ledger, case, routes, by="desk")
    assert event.facts["entitled"] == pair[0].composition.id
    assert entitled(None, case) is None
    assert entitled(routes, replace(case, release=None)) is None
    assert entitled(routes, replace(case, symptom=Symptom.OTHER)) == pair[0].composition.id
    assert entitled(replace(routes, routes=()), case) is None


def mailing(release: Digest, *members: str, template: bytes = b"letter") -> Campaign:
    affected = frozenset(members[:1])
    return campaign(release, "downloaded", Channel.LETTER, of_bytes(template), members, affected)


def test_letters_are_posted_as_approved_and_counted(road: Road, bad: Digest) -> None:
    planned = mailing(bad, "0002", "0001", "0001")
    assert [(one.member, one.affected) for one in planned.recipients] == [
        ("0001", False),
        ("0002", True),
    ]
    given = {"by": "approver-1", "now": road.now}
    with pytest.raises(Refusal, match="not-composed"):
        notify.approve(road.ledger, planned, **given)  # type: ignore[arg-type]
    notify.compose(road.ledger, planned, **given)  # type: ignore[arg-type]
    with pytest.raises(Refusal, match="not-approved"):
        notify.hand_over(road.ledger, planned, printed=2, receipt=2, **given)  # type: ignore[arg-type]
    with pytest.raises(Mismatch, match="another-mailing"):
        notify.approve(road.ledger, mailing(bad, "0001", template=b"other"), **given)  # type: ignore[arg-type]
    notify.approve(road.ledger, planned, **given)  # type: ignore[arg-type]
    for printed, receipt in ((1, 2), (2, 1)):
        with pytest.raises(Mismatch, match="counts-differ"):
            notify.hand_over(
                road.ledger,
                planned,
                printed=printed,
                receipt=receipt,
                **given,  # type: ignore[arg-type]
            )
    event = notify.hand_over(road.ledger, planned, printed=2, receipt=2, **given)  # type: ignore[arg-type]
    assert (event.source, event.facts["count"], event.facts["affected"]) == ("H", 2, 1)
    row = road.ledger.row("notice", f"{planned.id}/0001")
    assert row is not None
    assert row["state"] == "handed-over"


def entered(road: Road, release: Digest, kind: str, text: str) -> Event:
    facts = {"text_en": text, "text_ja": f"{text}(日本語)"}
    at = road.now - timedelta(minutes=30)
    return report.enter(road.ledger, release, kind, facts, by="oncall-1", at=at, now=road.now)  # type: ignore[arg-type]


def drafts(road: Road, release: Digest) -> dict[str, str]:
    return {
        language: report.draft(
            road.ledger, release, documents.template(language), words.style(language)
        ).text
        for language in words.LANGUAGES
    }


def test_the_report_says_what_the_ledger_holds_and_changes_with_it(road: Road, bad: Digest) -> None:
    told = [record(road, str(one), bad, Phase.TRIAL, Result.FAILED, minutes=-2) for one in range(7)]
    remedy.assess(road.ledger, bad, told, by="oncall-1", now=road.now)
    entered(road, bad, "finding.recorded", "parts of the next program")
    first = drafts(road, bad)
    assert "parts of the next program" in first["en"]
    assert first["ja"].count("7 名") == 6
    assert "oncall-1" in first["ja"]
    changed = Road(now=road.now)
    events = list(road.ledger.events())
    for event in events:
        facts = dict(event.facts)
        if event.kind == "impact.snapshot":
            facts |= {"downloaded": 8, "installed": 8, "affected": 8}
        at = event.at + timedelta(minutes=5) if event.kind == "publication.stopped" else event.at
        changed.ledger.append(
            Draft(event.kind, event.subject, at, event.by, facts, event.key, event.source)
        )
    second = drafts(changed, bad)
    assert "7 名" not in second["ja"]
    assert second["ja"].count("8 名") == 6
    before, after = (
        words.moment(one.at, "en")
        for one in (
            next(road.ledger.events(kind="publication.stopped")),
            next(changed.ledger.events(kind="publication.stopped")),
        )
    )
    assert first["en"].count(before) == second["en"].count(after) == 2


def test_an_invented_incident_gives_a_full_report_too(road: Road) -> None:
    program = road.program(Kind.INSTALL, "it prints the wrong year")
    road.published(program)
    release = program.composition.id
    road.later(minutes=3)
    for kind, facts in (
        ("probe.failed", {"failure": "start: exit 1"}),
        ("outcome.alarm", {"level": "hold"}),
    ):
        road.ledger.append(Draft(kind, release, road.now, "watch", facts, key=kind))  # type: ignore[arg-type]
    stop.stop(
        road.ledger, road.repository, product=PRODUCT, release=release, state=Halt.HELD,
        by="alarm", why=WHY, now=road.now,
    )  # fmt: skip
    case = Case("case-7", "telephone", "0042", Symptom.OTHER, release, road.now)
    attend.attend(road.ledger, case, None, by="desk")
    road.later(hours=1)
    for kind, text in (
        ("finding.recorded", "a year is read from the wrong file"),
        ("customer.contacted", "by telephone"),
        ("prevention.decided", "the year has a test"),
    ):
        entered(road, release, kind, text)
    planned = mailing(release, "0042")
    given = {"by": "approver-1", "now": road.now}
    notify.compose(road.ledger, planned, **given)  # type: ignore[arg-type]
    notify.approve(road.ledger, planned, **given)  # type: ignore[arg-type]
    notify.hand_over(road.ledger, planned, printed=1, receipt=1, **given)  # type: ignore[arg-type]
    found = drafts(road, release)
    for text in found.values():
        assert "{{" not in text
        assert "(:" not in text
        for said in ("a year is read from the wrong file", "the year has a test", "alarm"):
            assert said in text
    assert found["en"].count("JST") >= 14
    assert "The composition check had refused" not in found["en"]
    assert "The production probe had failed on" in found["en"]


def test_an_issued_report_is_an_event_with_its_place(road: Road, bad: Digest) -> None:
    made = report.draft(road.ledger, bad, documents.template("en"), words.style("en"))
    event = report.issue(road.ledger, bad, made, "en", by="approver-1", now=road.now)
    assert event.facts["sha256"] == made.digest
    assert event.facts["ledger_seq"] == event.seq - 1


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_a_reports_page_names_the_event_of_every_fact(
    road: Road, bad: Digest, language: str, tmp_path: Path
) -> None:
    entered(road, bad, "finding.recorded", "a <b>file</b> of the next release")
    made = report.draft(road.ledger, bad, documents.template(language), words.style(language))
    place = documents.save(made, language, tmp_path, trial=True)
    page = ET.fromstring(place.read_text("utf-8").replace("<!doctype html>", ""))
    told = " ".join("".join(page.itertext()).split())
    assert "a <b>file</b> of the next release" in told
    assert all(" ".join(one.split()) in told for line in made.text.splitlines()
               for one in [line.lstrip("#- ")])  # fmt: skip
    rows = [[cell.text for cell in row] for row in page.iter("tr")][1:]
    assert [row[:3] for row in rows] == [[one.text, one.token, f"#{one.seq}"] for one in made.used]
    assert page.get("lang") == language
    note = {"ja": "試用の鍵", "en": "trial keys"}[language]
    assert note in told
    assert note not in documents.page(made, language, trial=False)


def test_what_a_person_enters_is_marked_and_bounded(road: Road, bad: Digest) -> None:
    event = entered(road, bad, "incident.declared", "started")
    (line,) = (one for one in incidents.timeline(incidents.read(bad, road.ledger.events()))
               if one.seq == event.seq)  # fmt: skip
    assert line.entered
    assert line.late == 1_800
    with pytest.raises(Refusal, match="not-entered"):
        entered(road, bad, "publication.opened", "no")
    with pytest.raises(Refusal, match="not-yet"):
        report.enter(
            road.ledger, bad, "task.started", {}, by="x", at=road.now + timedelta(1), now=road.now
        )


def test_no_incident_without_a_publication(road: Road) -> None:
    program = road.program(Kind.INSTALL, "print(1)")
    for release in (of_bytes(b"unknown"), program.composition.id):
        found = [one for one in road.ledger.events() if one.kind == "composition.made"]
        with pytest.raises(Refusal, match="no-incident"):
            incidents.read(release, found)


def test_lines_stand_only_where_they_are_true_and_in_order_of_time(road: Road, bad: Digest) -> None:
    road.later(hours=1)
    for audience in ("issued", "downloaded"):
        facts = {"audience": audience, "count": 7, "release": bad}
        road.ledger.append(
            Draft("mailing.handed-over", "m", road.now, "post", facts, key=audience)  # type: ignore[arg-type]
        )
    template = """\
?mailing.handed-over {{time mailing.handed-over}} posted
?publication.stopped {{time publication.stopped}} stopped
{{time publication.opened}} opened
text
?mailing.handed-over audience=issued to those with certificates
?mailing.handed-over audience=downloaded to those who downloaded
?mailing.handed-over other=downloaded never
?mailing.composed never"""
    text = report.draft(road.ledger, bad, template, STYLE).text.splitlines()
    assert [one.split()[-1] for one in text[:3]] == ["opened", "stopped", "posted"]
    assert text[3:] == ["text", "to those who downloaded"]


@pytest.mark.parametrize("language", words.LANGUAGES)
def test_the_report_shows_times_of_this_country(road: Road, bad: Digest, language: str) -> None:
    remedy.assess(road.ledger, bad, (), by="oncall-1", now=road.now)
    text = drafts(road, bad)[language]
    assert words.moment(road.now, language) in text
    assert not re.search(r"\d{4}-\d\d-\d\dT", text)


STYLE = reports.Style(datetime.isoformat, str, lambda event: event.kind)


@pytest.mark.parametrize(
    ("template", "code"),
    [
        ("Published at 13:23.", "literal-fact"),
        ("四九九 名、12 名", "literal-fact"),
        ("We acted immediately.", "claim-without-event"),
        ("?task.started On the 5th.", "literal-fact"),
    ],
)
def test_prose_has_no_facts_of_its_own(road: Road, bad: Digest, template: str, code: str) -> None:
    with pytest.raises(Refusal, match=code):
        report.draft(road.ledger, bad, template, STYLE)


@pytest.mark.parametrize(
    ("template", "error"),
    [
        ("{{time task.started}}", "fact-missing"),
        ("{{time first last publication.opened}}", "fact-missing"),
        ("{{value publication.opened nothing}}", "fact-missing"),
        ("{{value publication.opened product.name}}", "fact-missing"),
        ("{{who}}", "unknown-token"),
    ],
)
def test_every_token_is_answered_by_an_event(
    road: Road, bad: Digest, template: str, error: str
) -> None:
    with pytest.raises((Refusal, Malformed), match=error):
        report.draft(road.ledger, bad, template, STYLE)


def test_tokens(road: Road, bad: Digest) -> None:
    template = (
        "{{count publication.stopped}} {{count task.started}} "
        "{{value first signoff.recorded language}}"
        "\n?task.started gone\n?publication.stopped by {{value publication.stopped entry.by}}\n"
    )
    made = report.draft(road.ledger, bad, template, STYLE)
    assert made.text == "1 0 ja\nby oncall-1\n"
    assert [one.token for one in made.used] == [
        "count publication.stopped",
        "value first signoff.recorded language",
        "value publication.stopped entry.by",
    ]


def test_a_corrected_event_is_not_reported_as_it_was(road: Road, bad: Digest) -> None:
    wrong = entered(road, bad, "finding.recorded", "a first guess")
    facts = {"corrects": wrong.seq, "text_en": "better", "text_ja": "訂正"}
    report.enter(
        road.ledger, bad, "event.corrected", facts, by="oncall-1", at=road.now, now=road.now
    )
    with pytest.raises(Refusal, match="fact-corrected"):
        report.draft(road.ledger, bad, "", STYLE)
