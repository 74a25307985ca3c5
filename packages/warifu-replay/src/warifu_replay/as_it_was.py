"""Story one, as it was: a program was assembled with a file of the next release in it.

In 2012 only new-install programs went through the program management system, and it was an update
program that was wrong. Here install, update and repair programs go the same road.
"""

from __future__ import annotations

import time
from collections.abc import Mapping

from warifu.app import road
from warifu.engines.build.workfolder import spread
from warifu.model import archive
from warifu.model.tree import file
from warifu.model.verification import Verified
from warifu_replay import running, source
from warifu_replay.hosts import Edition
from warifu_replay.told import Seen, Verdict
from warifu_replay.town import Town, now
from warifu_wire.errors import Contaminated, Fault
from warifu_wire.manifest import Kind

STORY = "As it was"


def tell(town: Town) -> tuple[Verdict, dict[Kind, Verified]]:
    """Compose refuses each assembled program, naming what is in it; the right ones are verified."""
    town.read_config()
    refused = {kind: _refused(town, kind) for kind in Kind}
    facts, took = refused[Kind.UPDATE]
    town.told(f"compose refuses: {facts.get('file')} is of {facts.get('line')}, "
              f"in {', '.join(refused)} programs alike")  # fmt: skip
    if next(town.house.ledger.events(kind="publication.ordered"), None) is not None:
        raise Fault("something was published", needed="nothing")
    checked = {kind: road.verify(town.house, kind, now()) for kind in Kind}
    town.told(f"the right programs are verified: {checked[Kind.UPDATE].composition.id[:12]} …")
    figures: dict[str, object] = {
        "file": facts.get("file"),
        "commit": facts.get("commit", "")[:12],
        "line": facts.get("line"),
        "planned": facts.get("planned"),
        "refused in": f"{took:.1f} s (2012: 21 h 37 min)",
        "programs": ", ".join(refused),
    }
    wrong = "a file of the next release is in the program"
    return Verdict(STORY, wrong, "compose", Seen(detected=took), figures), checked


def _refused(town: Town, kind: Kind) -> tuple[Mapping[str, str], float]:
    """The refusal's facts and its seconds, for the right program with two files of next in it."""
    clean = road.compose(town.house, kind, now())
    tree = dict(archive.read(town.house.depot.get(clean.artifact)))
    for path in (source.ENTRY, source.LISTING):
        data = source.at(town.lines, town.lines.next, path)
        tree[path.as_posix()] = file(tree[path.as_posix()].mode, data)
    assembled = archive.write(tree)
    if kind is Kind.UPDATE:
        _not_starting(town, assembled)
    started = time.monotonic()
    try:
        road.compose(town.house, kind, now(), assembled)
    except Contaminated as refusal:
        return refusal.facts, time.monotonic() - started
    raise Fault(f"the contaminated {kind} program was composed", needed="a refusal")


def _not_starting(town: Town, assembled: bytes) -> None:
    """What 2012's members saw: with this program in it, the host of 2012 does not start."""
    town.told(f"assembled by hand: an update program with {source.ENTRY.name} of the next release")
    folder = town.folder / "assembled"
    spread(archive.read(assembled), folder)
    host = town.hosts[Edition.TODAY]
    done = running.program("warifu_host.legacy", str(folder), path=host)
    if done.code == 0:
        raise Fault("2012's host started with the contaminated program", needed="a real difference")
    failure = done.facts.get("failure")
    said = failure.get("sentence_en") if isinstance(failure, dict) else done.told
    town.told(f"with it, the host of 2012 does not start: {said}")
