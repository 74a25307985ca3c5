"""Four naive detectors, and the table of what they catch beside the gate.

`python -m tests.composition.naive` plays every case and prints the tables of docs/composition.md;
the tests of the cases check the rows there one by one.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from tests.composition.bench import Bench
from tests.composition.caught import CAUGHT
from tests.composition.caught import Case as Caught
from tests.composition.passed import PASSED
from tests.composition.passed import Case as Harmless
from tests.composition.stage import Stage
from tests.composition.world import World, make
from warifu.model import archive
from warifu_wire.digest import of_bytes
from warifu_wire.errors import Refusal
from warifu_wire.manifest import Kind

PAGE = Path(__file__).parents[2] / "docs" / "composition.md"


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


def played(
    stage: Stage, act: Callable[[Stage], bytes | None]
) -> tuple[bytes | None, Refusal | None]:
    """The archive of a case, if it gives one, and what composing says to it."""
    data = None
    try:
        data = act(stage)
        stage.bench.compose(stage.kind, data)
    except Refusal as refusal:
        return data, refusal
    return data, None


def detectors(stage: Stage, name: str, data: bytes | None) -> dict[str, bool] | None:
    """Which detectors flag an archive; None where there is none."""
    if data is None:
        return None
    clean = known(stage)
    claimed = stage.commits["merge"] if name == "tag moved" else clean.commit
    return flags(clean, data, claimed)


def named(refusal: Refusal, member: str) -> str:
    """The class and the member, or the code and what it names, as the gate really gave them."""
    if refusal.reason != "contaminated":
        facts = [one for one in refusal.facts.values() if one == member]
        return ": ".join([refusal.reason, *facts[:1]])
    for one in json.loads(refusal.facts["findings"]):
        if one["member"] == member:
            return f"{one['class']}: {member}"
    return f"{refusal.facts['class']}: {refusal.facts['file']}"


def caught_row(number: str, case: Caught, refusal: Refusal, told: dict[str, bool] | None) -> str:
    """One contamination in the table."""
    gate = named(refusal, case.member) if case.member else refusal.reason
    return _row(f"{number} {case.name}", gate, told, ("caught", "missed"))


def harmless_row(
    number: str, case: Harmless, refusal: Refusal | None, told: dict[str, bool] | None
) -> str:
    """One harmless difference in the table."""
    gate = "passes" if refusal is None else "**alarm**"
    return _row(f"{number} {case.name}", gate, told, ("**alarm**", "passes"))


def _row(name: str, gate: str, told: dict[str, bool] | None, marks: tuple[str, str]) -> str:
    cells = ["n/a"] * len(DETECTORS)
    if told is not None:
        cells = [marks[0] if one else marks[1] for one in told.values()]
    return "| " + " | ".join([name, gate, *cells]) + " |"


def caught_sum(rows: list[str]) -> str:
    """The last row: of how many archives each caught how many."""
    archives = [one for one in rows if "n/a" not in one]
    cells = [_cells(one)[1:] for one in archives]
    gate = sum(one[0] not in ("", "missed") for one in cells)
    counts = [sum(one[at] == "caught" for one in cells) for at in range(1, len(DETECTORS) + 1)]
    return _sums(f"caught, of {len(archives)} archives", [gate, *counts])


def harmless_sum(rows: list[str]) -> str:
    """The last row: how many false alarms each raised."""
    archives = [one for one in rows if "n/a" not in one]
    counts = [
        sum(_cells(one)[at] == "**alarm**" for one in archives)
        for at in range(1, len(DETECTORS) + 2)
    ]
    return _sums(f"false alarms, of {len(archives)} archives", counts)


def _cells(row: str) -> list[str]:
    return [one.strip() for one in row.strip("|").split("|")]


def _sums(name: str, counts: list[int]) -> str:
    return f"| **{name}** | " + " | ".join(f"**{one}**" for one in counts) + " |"


HEAD = "| case | gate | " + " | ".join(DETECTORS) + " |\n|---|---|" + "---|" * len(DETECTORS)


def tables(folder: Path) -> Iterator[str]:
    """Both tables in Markdown: every case is played."""
    world = make(folder / "world")
    rows = []
    for number, case in CAUGHT.items():
        with _stage(world, folder) as stage:
            data, refusal = played(stage, case.act)
            assert refusal is not None, f"{case.name} was composed"
            lies = {path: stage.later[path] for path in case.lies}
            delivered = data or (stage.changed(lies) if lies else None)
            rows.append(caught_row(number, case, refusal, detectors(stage, case.name, delivered)))
    yield "\n".join(["<!-- caught -->", HEAD, *rows, caught_sum(rows), "<!-- end -->"])
    rows = []
    for number, harmless in PASSED.items():
        with _stage(world, folder) as stage:
            data, refusal = played(stage, harmless.act)
            told = detectors(stage, harmless.name, data)
            rows.append(harmless_row(number, harmless, refusal, told))
    yield "\n".join(["<!-- harmless -->", HEAD, *rows, harmless_sum(rows), "<!-- end -->"])


@contextmanager
def _stage(world: World, folder: Path) -> Iterator[Stage]:
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        yield Stage(Bench(world, Path(scratch)), Kind.UPDATE, Path(scratch))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as name:
        print(*tables(Path(name)), sep="\n\n")
