"""Story four, only members show it: it fails on the older hosts that some members run.

The release is resumed by both approvers, the probe passes this time, and the volunteers' reports
hold it. One member had installed it by hand, another had downloaded it and not installed yet.
Afterwards everybody is told: members by letter, the customer by the report.
"""

from __future__ import annotations

import shutil
import time

from warifu.app import halting, notices, reporting, road
from warifu.engines.build.workfolder import spread
from warifu.flow.attend import attend
from warifu.model import archive
from warifu.model.approval import release_files
from warifu.model.case import Case, Symptom
from warifu.model.tally import match
from warifu.model.verification import Verified
from warifu_client import applying, machine
from warifu_replay import running, source
from warifu_replay.hosts import Edition
from warifu_replay.member import Member
from warifu_replay.told import Seen, Verdict
from warifu_replay.town import APPROVERS, ONCALL, Town, each, now
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.errors import Fault, Refusal
from warifu_wire.manifest import Kind
from warifu_wire.stops import Halt

STORY = "Only members show it"
WHY = {
    "en": "with older hosts the tool cannot open a certificate",
    "ja": "旧版の申請用総合ソフトで電子証明書を開けません",
}
ENTERED = {
    "finding.recorded": {
        "en": "the tool writes into a record of keys that only newer hosts keep",
        "ja": "新しい版の申請用総合ソフトだけが持つ鍵の記録に書き込んでいました",
    },
    "customer.contacted": {"en": "by telephone", "ja": "電話"},
    "prevention.decided": {
        "en": "the suite runs in every edition of the host that members use",
        "ja": "会員が使う申請用総合ソフトのすべての版で検証します",
    },
}
"""What people enter, because no system can see it."""


def tell(town: Town, program: Verified, by_hand: Member) -> Verdict:
    """Resume, hold by volunteers, stop, count, remedy, and see every machine sign again."""
    bad = program.composition.id
    after, _ = town.house.ledger.head()
    offered = _resume(town, bad)
    _install_by_hand(town, program, by_hand)
    refused, tried = _downloaded_not_installed(town, bad)
    _told_the_desk(town, by_hand, bad)
    found = road.assess(town.house, bad, now(), by=ONCALL)
    town.told(f"impact: {len(found.downloaded)} downloaded, {len(found.affected)} affected")
    repair, corrected = _remedy(town, bad)
    _mended(town, {repair: by_hand})
    _reported(town, bad)
    opened = town.first("publication.opened", after)
    seen = Seen(
        len(offered),
        downloaded=len({by_hand.number, *tried}),
        installed=1,
        affected=1,
        detected=(town.first("outcome.alarm", after) - opened).total_seconds(),
        stopped=(town.first("stop.in-force", after) - opened).total_seconds(),
        remedied=(town.first("remedy.published", after) - opened).total_seconds(),
    )
    figures: dict[str, object] = {
        "held by": "the alarm, on the first volunteer's report",
        "by reports": f"{len(found.downloaded)} downloaded, {len(found.affected)} affected",
        "downloaded": f"refused at install time: {refused}",
        "remedy": f"repair {repair[:12]} + corrected {corrected[:12]}, one fix, all Ver1.10",
        "sign again": f"{len(town.members)} of {len(town.members)} machines, xmlsec1 agrees",
    }
    wrong = "it fails on some members' machines only: their host keeps no record of keys"
    return Verdict(STORY, wrong, "volunteers, then stop and remedy", seen, figures)


def _resume(town: Town, bad: Digest) -> list[str]:
    """Publish it once more, as both approvers sign; the members it is offered to."""
    town.production_host(Edition.TODAY)
    after, _ = town.house.ledger.head()
    town.propose([bad], lift=(bad,))
    town.sign()
    town.publish()
    town.waited("probe.passed", bad, after)
    town.told("resumed by both approvers; the probe passes with production's host put right")
    town.waited("gate.in-force", None, after)
    return town.offered()


def _install_by_hand(town: Town, program: Verified, member: Member) -> None:
    """As in 2012: the program is downloaded and laid over the old one, with no updater asked."""
    artifact = program.composition.artifact
    found = release_files(town.house.product, program.composition.id, artifact)
    path = next(one for one in found if found[one] == artifact)
    above, _, last = path.rpartition("/")
    address = f"{town.house.config.service.address}/targets/{above}/{artifact}.{last}"
    with running.answer(address) as answer:
        data = answer.read()
    match({path: artifact}, {path: of_bytes(data)})
    shutil.rmtree(member.program)
    spread(archive.read(data), member.program)
    if member.sign().code == 0:
        raise Fault("the older host signs with the bad program", needed="a real difference")
    town.told(f"member {member.number} installed it by hand and cannot sign any more")


def _downloaded_not_installed(town: Town, bad: Digest) -> tuple[str, list[str]]:
    """Between one machine's download and its switch, the others report and it is stopped.

    The refusal's words, and which members had downloaded it.
    """
    member = next(one for one in town.members if one.host == town.hosts[Edition.TODAY])
    seen: list[str] = []
    tried = [member.number]

    def reached(step: str) -> None:
        if step == "staged" and not seen:
            seen.append(step)
            town.told(f"member {member.number} has downloaded it and not installed it yet")
            tried.extend(_held(town, bad))
            done = halting.stop(town.house, bad, Halt.STOPPED, WHY, now(), by=ONCALL)
            if not done.in_force:
                raise Fault(f"the stop is not in force: {done.why}", needed="the server")

    try:
        applying.apply(machine.opened(member.updater, checkpoint=reached))
    except Refusal as refusal:
        said = f"{refusal.reason} by {refusal.facts.get('by')}: {refusal.facts.get('reason_ja')}"
        town.told(f"member {member.number} is refused at install time: {said}")
        return said, tried
    raise Fault(f"installed after the stop ({seen})", needed="a refusal at install time")


def _held(town: Town, bad: Digest) -> list[str]:
    """The volunteers with an older host try it; it does not start there, and they say so."""
    old = town.hosts[Edition.FIRST]
    tried = []
    after, _ = town.house.ledger.head()
    for one in town.members:
        if one.volunteer and one.host == old and one.tree != one.program:
            continue
        if one.volunteer and one.host == old and one.sign().code == 0:
            done = one.update("apply")
            if done.code == 0:
                raise Fault(f"it started at {one.number}: {done.out}", needed="a failed start test")
            tried.append(one.number)
            town.told(f"volunteer {one.number}: it does not start there; nothing was changed")
    town.waited("outcome.alarm", bad, after)
    town.waited("publication.held", bad, after)
    town.waited("stop.in-force", bad, after)
    town.told("the alarm holds it on the volunteers' reports")
    return tried


def _told_the_desk(town: Town, member: Member, bad: Digest) -> None:
    """As in 2012, somebody writes to the help desk; the case has the release on it."""
    road_now = town.house.repository.current(town.house.product).road
    case = Case("case-1", "mail", member.number, Symptom.CANNOT_SIGN, bad, now())
    attend(town.house.ledger, case, road_now, by="desk")
    town.told(f"member {member.number} writes to the help desk: the case names the release")


def _remedy(town: Town, bad: Digest) -> tuple[Digest, Digest]:
    """One fix, two programs, the same road."""
    after, _ = town.house.ledger.head()
    commit = source.fix(town.lines, town.story)
    town.told(f"one fix on the approved line: {commit[:12]}")
    repair, corrected = (town.compose(kind).composition.id for kind in (Kind.REPAIR, Kind.UPDATE))
    road.remedy(town.house, bad, now(), circles=town.circles())
    town.sign()
    town.publish()
    for release in (repair, corrected):
        town.waited("probe.passed", release, after)
    town.waited("remedy.published", bad, after)
    town.told("the probe passes for the repair and for the corrected update")
    for release in (repair, corrected):
        town.waited("gate.opened", release, after)
    town.waited("gate.in-force", None, after)
    return repair, corrected


def _mended(town: Town, expected: dict[Digest, Member]) -> None:
    """Every machine gets the program that fits it, and signs; another verifier agrees."""
    repaired = {one.number: release for release, one in expected.items()}

    def mended(one: Member) -> None:
        release = _installed(one)
        if one.number in repaired and release != repaired[one.number]:
            raise Fault(f"{one.number} got {release}", needed=f"the repair {repaired[one.number]}")
        signed = one.sign()
        if signed.code or not one.verified(town.root_pem):
            raise Fault(f"{one.number} cannot sign: {signed.told}", needed="a signed document")
        town.told(f"member {one.number}: {release[:12]} installed, signs again, xmlsec1 agrees")

    each([one for one in town.members if one.volunteer], mended)
    each([one for one in town.members if not one.volunteer], mended)


def _reported(town: Town, bad: Digest) -> None:
    """Letters to those who downloaded it, and the report in both languages, from the ledger."""
    for kind, said in ENTERED.items():
        reporting.enter(town.house, bad, kind, said, now(), now(), by=ONCALL)
    posted = notices.letters(town.house, bad, town.folder / "notices", now(), by=APPROVERS[0])
    count = len(posted.campaign.recipients)
    notices.posted(town.house, posted, count, now(), by=APPROVERS[0])
    folder = town.folder / "reports"
    files = reporting.issue(town.house, bad, folder, now(), by=APPROVERS[0])
    town.told(f"{count} letters posted; the report: {', '.join(one.name for one in files)}")


def _installed(member: Member) -> str:
    """Apply until the member's turn has come; raises `Fault` when it never does."""
    for _ in range(40):
        done = member.update("apply")
        if done.facts.get("end") == "installed":
            return str(done.facts["release"])
        if done.code or done.facts.get("code") not in {"not-yet", "no-gate"}:
            raise Fault(f"{member.number}: {done.out} {done.told}", needed="the remedy")
        time.sleep(1)
    raise Fault(f"{member.number} was never offered it", needed="the next stage")
