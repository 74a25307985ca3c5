"""Story one, as it was: the update program was assembled with a file of the next release in it."""

from __future__ import annotations

import time

from warifu.app import road
from warifu.model import archive
from warifu.model.tree import file
from warifu.model.verification import Verified
from warifu_replay import running, source
from warifu_replay.hosts import Edition
from warifu_replay.told import Verdict
from warifu_replay.town import Town, now
from warifu_wire.errors import Contaminated, Fault
from warifu_wire.manifest import Kind

STORY = "As it was"


def tell(town: Town) -> tuple[Verdict, Verified]:
    """Compose refuses the assembled archive, naming what is in it; then takes the right one."""
    town.read_config()
    clean = road.compose(town.house, Kind.UPDATE, now())
    tree = dict(archive.read(town.house.depot.get(clean.artifact)))
    for path in (source.ENTRY, source.LISTING):
        data = source.at(town.lines, town.lines.next, path)
        tree[path.as_posix()] = file(tree[path.as_posix()].mode, data)
    assembled = archive.write(tree)
    town.told(f"assembled by hand: an update program with {source.ENTRY.name} of the next release")
    _not_starting(town, assembled)
    started = time.monotonic()
    try:
        road.compose(town.house, Kind.UPDATE, now(), assembled)
    except Contaminated as refusal:
        took = time.monotonic() - started
        facts = refusal.facts
    else:
        raise Fault("the contaminated program was composed", needed="a refusal")
    town.told(f"compose refuses: {facts.get('file')} is of {facts.get('line')}")
    if next(town.house.ledger.events(kind="publication.ordered"), None) is not None:
        raise Fault("something was published", needed="nothing")
    checked = road.verify(town.house, Kind.UPDATE, now())
    town.told(f"the right program is verified: {checked.composition.id[:12]}")
    figures: dict[str, object] = {
        "file": facts.get("file"),
        "commit": facts.get("commit", "")[:12],
        "line": facts.get("line"),
        "planned": facts.get("planned"),
        "refused in": f"{took:.1f} s (2012: 21 h 37 min)",
    }
    return Verdict(
        STORY, "a file of the next release is in the update", "compose", figures
    ), checked


def _not_starting(town: Town, assembled: bytes) -> None:
    """What 2012's members saw: with this program in it, the host of 2012 does not start."""
    folder = town.folder / "assembled"
    for path, one in archive.read(assembled).items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(one.data)
    host = town.hosts[Edition.TODAY]
    done = running.program("warifu_host.legacy", str(folder), path=host)
    if done.code == 0:
        raise Fault("2012's host started with the contaminated program", needed="a real difference")
    town.told("with it, the host of 2012 does not start: "
              f"{done.facts.get('failure', {})!s:.60}")  # fmt: skip
