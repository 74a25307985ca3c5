"""Four naive detectors, and the table of what they catch beside the gate.

`python -m tests.composition.naive` prints the table that docs/composition.md shows.
"""

from __future__ import annotations

import hashlib
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from tests.composition.bench import Bench
from tests.composition.caught import CAUGHT
from tests.composition.passed import PASSED
from tests.composition.stage import Stage
from tests.composition.world import World, make
from warifu.model import archive
from warifu.model.tree import Tree
from warifu_wire.digest import of_bytes
from warifu_wire.errors import Refusal
from warifu_wire.manifest import Kind


@dataclass(frozen=True)
class Known:
    """What a naive detector is given: the approved commit's files and all reachable objects."""

    commit: str
    rebuilt: bytes
    rendered: Mapping[str, str]
    objects: frozenset[str]
    made: Callable[[str], bool]


def claim(known: Known, data: bytes, claimed: str) -> bool:
    """Believe the builder's provenance: right commit, right subject digest."""
    subject = hashlib.sha256(data).hexdigest()
    return claimed == known.commit and subject == of_bytes(data)


def reachability(known: Known, data: bytes, claimed: str) -> bool:
    """Every member is some blob of the approved history; attributes known, made members let by."""
    del claimed
    good = set(known.rendered.values())
    for name, content in _members(data):
        sha256 = hashlib.sha256(content).hexdigest()
        blob = hashlib.sha1(b"blob %d\0%s" % (len(content), content)).hexdigest()
        if not known.made(name) and sha256 not in good and blob not in known.objects:
            return False
    return True


def paths(known: Known, data: bytes, claimed: str) -> bool:
    """Every member that the approved tree has, too, has its bytes; additions are not looked at."""
    del claimed
    return all(
        known.rendered.get(name, sha256) == sha256
        for name, content in _members(data)
        for sha256 in [hashlib.sha256(content).hexdigest()]
    )


def whole(known: Known, data: bytes, claimed: str) -> bool:
    """The archive's hash is the rebuild's."""
    del claimed
    return hashlib.sha256(data).digest() == hashlib.sha256(known.rebuilt).digest()


DETECTORS = {
    "claim": claim,
    "reachability": reachability,
    "path compare": paths,
    "archive hash": whole,
}


def _members(data: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(BytesIO(data)) as opened:
        for entry in opened.infolist():
            if not entry.is_dir():
                yield entry.filename, opened.read(entry)


def flags(known: Known, data: bytes, claimed: str) -> dict[str, bool]:
    """Which detectors raise an alarm; one that cannot read the archive raises one, too."""
    found = {}
    for name, passes in DETECTORS.items():
        try:
            found[name] = not passes(known, data, claimed)
        except (zipfile.BadZipFile, RuntimeError, NotImplementedError, OSError):
            found[name] = True
    return found


def known(stage: Stage) -> Known:
    """What can be known of the approved commit with plain git."""
    commit = stage.bench.program.approved.commit
    good = stage.built(commit)
    objects = stage.world.source.git("rev-list", "--objects", commit).split("\n")
    made = stage.bench.program.recipe.makes
    rendered = {path: one.sha256 for path, one in good.items() if not made(path)}
    reachable = frozenset(row.split(" ")[0] for row in objects)
    return Known(commit, archive.write(good), rendered, reachable, made)


def table(folder: Path) -> str:
    """The table in Markdown: caught cases first, then false alarms, then sums."""
    world = make(folder / "world")
    rows = [
        "| case | gate | " + " | ".join(DETECTORS) + " |",
        "|---|---|" + "---|" * len(DETECTORS),
    ]
    sums = dict.fromkeys(DETECTORS, 0)
    alarms = dict(sums)
    counted = false = 0
    for number, case in CAUGHT.items():
        told = _judged(world, folder, case.name, case.act)
        gate = f"{case.wanted}: {case.member}" if case.member else case.wanted
        if told is None:
            rows.append(f"| {number} {case.name} | {gate} |" + " n/a |" * len(DETECTORS))
            continue
        counted += 1
        sums = {name: sums[name] + told[name] for name in sums}
        rows.append(f"| {number} {case.name} | {gate} | " + _marks(told, "caught", "missed"))
    for harmless in PASSED.values():
        told = _judged(world, folder, harmless.name, harmless.act)
        if told is not None:
            false += 1
            alarms = {name: alarms[name] + told[name] for name in alarms}
    rows.append(
        f"| **caught, of {counted} archives** | **{counted}** | "
        + " | ".join(f"**{count}**" for count in sums.values())
        + " |"
    )
    rows.append(
        f"| **false alarms, of {false} harmless archives** | **0** | "
        + " | ".join(f"**{count}**" for count in alarms.values())
        + " |"
    )
    return "\n".join(rows) + "\n"


def _marks(told: Mapping[str, bool], yes: str, no: str) -> str:
    return " | ".join(yes if one else no for one in told.values()) + " |"


def _judged(
    world: World, folder: Path, name: str, act: Callable[[Stage], bytes | None]
) -> dict[str, bool] | None:
    """Which detectors flag the archive of a case; None where a case is not about an archive."""
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        stage = Stage(Bench(world, Path(scratch)), Kind.UPDATE, Path(scratch))
        try:
            data = act(stage)
        except Refusal:  # the case plays the whole road; only lying builders deliver an archive
            lies = _lies(name, stage)
            data = archive.write(lies) if lies else None
        if data is None:
            return None
        clean = known(stage)
        claimed = stage.commits["merge"] if name == "tag moved" else clean.commit
        return flags(clean, data, claimed)


def _lies(name: str, stage: Stage) -> Tree | None:
    """The tree that a lying or poisoned builder delivers."""
    lies = {"lying builder": "app/host.py", "poisoned build cache": "app/forms.py"}
    member = lies.get(name)
    return {**stage.good, member: stage.later[member]} if member else None


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        print(table(Path(name)), end="")
