"""Cut off before each single change to the disk: what is left is exactly old or exactly new.

For every k from 1 until the run completes, by SIGKILL, by a power cut, and by a disk that is full
from then on: the tree the pointer names is intact and starts, the member's own file is there, the
next runs converge without anybody's help, nothing is left lying, and what happened was reported.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.client import tally
from tests.client.conftest import Made
from tests.client.killing import (
    NIGHT,
    STRIDE,
    WIDE,
    Survives,
    again,
    survived,
    survived_full_disk,
    survived_power,
)
from tests.client.provider import Provider, Release, bundled, release
from tests.client.serving import Answer, Site
from warifu_client import applying, bundle, looking, returning
from warifu_client.ended import End
from warifu_client.machine import Machine
from warifu_client.settings import Settings
from warifu_client.starting import Started, Starter
from warifu_wire.digest import Digest
from warifu_wire.errors import Refusal
from warifu_wire.manifest import Kind, Manifest
from warifu_wire.routes import Tree

pytestmark = pytest.mark.repeats


def edition(text: str, kind: Kind = Kind.UPDATE) -> Release:
    files = {
        "starts": b"yes",
        "main.txt": text.encode(),
        "folder/same.bin": b"same in every edition",
        "run.sh": b"#!/bin/sh\n" + text.encode(),
    }
    runs = frozenset({"run.sh"})
    return release(files, kind=kind, keeps=("data",), start=("{tree}/starts",), executable=runs)


FIRST, SECOND, LATE = edition("first", Kind.INSTALL), edition("second"), edition("starts once")
Way = Callable[[Machine], object]


def start(settings: Settings, manifest: Manifest, tree: Path) -> Started:
    """The host of these tests starts when every member is there and one file says yes."""
    del settings
    whole = all((tree / one.path).is_file() for one in manifest.members)
    return Started("" if whole and (tree / "starts").read_bytes() == b"yes" else "start-exit-1")


def late(settings: Settings, manifest: Manifest, tree: Path) -> Started:
    """A host that refuses one release only once it is in use."""
    current = tree.parent.parent / "current"
    live = current.is_symlink() and current.readlink().name == tree.name
    if live and manifest.id == LATE.id:
        return Started("sign-failed")
    return start(settings, manifest, tree)


def nothing(provider: Provider, machine: Machine) -> None:
    """A new machine, with the member's own file there all the same."""
    provider.publish(FIRST)
    (machine.layout.data / "data").mkdir()


def first(provider: Provider, machine: Machine) -> None:
    """The first release is in use, the second is offered."""
    provider.publish(FIRST)
    applying.apply(machine)
    provider.publish(FIRST, SECOND)


def second(provider: Provider, machine: Machine) -> None:
    """Both are there, the second is in use."""
    first(provider, machine)
    applying.apply(machine)


def damaged(provider: Provider, machine: Machine) -> None:
    """The first release is in use and one of its files is gone."""
    provider.publish(FIRST)
    applying.apply(machine)
    (machine.layout.current / "main.txt").unlink()


def fails_late(provider: Provider, machine: Machine) -> None:
    """What is offered will fail in use."""
    provider.publish(FIRST)
    applying.apply(machine)
    provider.publish(FIRST, LATE)


@dataclass(frozen=True, slots=True)
class Case:
    """Work that is cut off: where it begins, where it may be left, and where it must end."""

    name: str
    begin: Callable[[Provider, Machine], None]
    work: Way
    left: frozenset[Digest | None]
    ends: frozenset[Digest]
    start: Starter = start


BOTH = frozenset({FIRST.id, SECOND.id})
CASES = (
    Case(
        "first installation",
        nothing,
        applying.apply,
        frozenset({None, FIRST.id}),
        frozenset({FIRST.id}),
    ),
    Case("update", first, applying.apply, BOTH, frozenset({SECOND.id})),
    Case(
        "automatic rollback",
        fails_late,
        applying.apply,
        frozenset({FIRST.id, LATE.id}),
        frozenset({FIRST.id}),
        late,
    ),
    Case("rollback on request", second, returning.rollback, BOTH, BOTH),
    Case("repair", damaged, applying.repair, frozenset({FIRST.id}), frozenset({FIRST.id})),
)
NAMES = [case.name for case in CASES]


def whole(machine: Machine, case: Case) -> bool:
    """Exactly a release that may be in use here, starting, with the member's file; or as found."""
    left = looking.current(machine)
    assert left.release in case.left
    if left.release is None or left.manifest is None or left.folder is None:
        return left.release is None
    if left.tree is not Tree.INTACT:
        assert case.begin is damaged
        assert [one.path for one in left.wrong] == ["main.txt"]
        return False
    assert start(machine.settings, left.manifest, left.folder).good
    assert (left.folder / "data" / "mine.txt").read_text() == "mine"
    return True


def settled(machine: Machine, case: Case) -> None:
    """The runs after it, without anybody's help, until there is nothing more to do."""
    for _ in range(4):
        try:
            last = case.work(machine) if case.begin is damaged else applying.apply(machine)
        except Refusal:
            continue
        if isinstance(last, applying.Ended) and last.end is End.NOTHING:
            break
    assert whole(machine, case)
    assert looking.current(machine).release in case.ends
    assert not machine.layout.journal.exists()
    named = {machine.current.read(), machine.previous.read()} - {None}
    assert {one.name for one in machine.layout.releases.iterdir()} <= named
    assert not list(machine.layout.outbox.glob("*.json"))


def cut_everywhere(
    case: Case, machine: Machine, site: Site, before: Path, survives: Survives, stride: int
) -> Counter[str]:
    """Cut the work off at each k; how often old, new or nothing was in use right afterwards."""
    folder, found = machine.layout.root, Counter[str]()
    old = looking.current(machine).release
    for k in range(1, 2_000, stride):
        again(before, folder)
        site.outcomes.clear()
        done = survives(lambda: case.work(machine), k)
        good = whole(machine, case)
        release_ = looking.current(machine).release
        found[("old" if release_ == old else "new") if good or old is None else "as found"] += 1
        if done:
            return found
        settled(machine, case)
        if release_ != old or looking.current(machine).release != old:
            assert site.reports(), k
    raise AssertionError("it never came to its end")


@pytest.fixture
def begun(
    request: pytest.FixtureRequest, made: Made, provider: Provider, tmp_path: Path
) -> tuple[Case, Machine, Path]:
    """A case, its machine, and the folder as it was when it began."""
    case = next(one for one in CASES if one.name == request.param)
    machine = made(start=case.start)
    case.begin(provider, machine)
    (machine.layout.data / "data" / "mine.txt").write_text("mine")
    again(machine.layout.root, tmp_path / "before")
    return case, machine, tmp_path / "before"


Begun = tuple[Case, Machine, Path]


@pytest.mark.parametrize("begun", NAMES, indirect=True)
def test_killed_anywhere(begun: Begun, site: Site) -> None:
    case, machine, before = begun
    ends = cut_everywhere(case, machine, site, before, survived, STRIDE)
    tally.note("1 kill -9", case.name, ends)
    assert sum(ends.values()) * STRIDE > 40


@pytest.mark.parametrize("begun", NAMES, indirect=True)
def test_the_power_goes_anywhere(begun: Begun, site: Site) -> None:
    """What was not flushed by then is torn, or was never there."""
    case, machine, before = begun
    every = Counter[str]()
    for turn in (0, 1, 2) if NIGHT and case.name == "update" else (0,):
        survives = survived_power(machine.layout.root, turn)
        every += cut_everywhere(case, machine, site, before, survives, WIDE)
    tally.note("2 power cut", case.name, every)
    assert every["new"] or every["old"]


@pytest.mark.parametrize("begun", NAMES, indirect=True)
def test_the_disk_is_full_anywhere(begun: Begun, site: Site) -> None:
    case, machine, before = begun
    ends = cut_everywhere(case, machine, site, before, survived_full_disk, WIDE)
    tally.note("3 disk full", case.name, ends)
    assert sum(ends.values()) > 1


def test_killed_anywhere_in_a_bundle_without_a_network(
    made: Made, provider: Provider, site: Site, tmp_path: Path
) -> None:
    """Nobody can be asked: what it leaves is as whole, and somebody's answer ends the trial."""
    provider.publish(FIRST)
    file = bundled(provider, tmp_path / "first.bundle", FIRST.id)
    machine = made(start=start)
    nothing_ = machine.layout.root
    (machine.layout.data / "data").mkdir()
    (machine.layout.data / "data" / "mine.txt").write_text("mine")
    again(nothing_, tmp_path / "before")
    case, found = CASES[0], Counter[str]()
    for k in range(1, 2_000, WIDE):
        again(tmp_path / "before", machine.layout.root)
        site.mischief = lambda asked, answer: Answer(503, b"")
        done = survived(lambda: bundle.install(machine, file, lambda question: True), k)
        whole(machine, case)
        found["new" if looking.current(machine).release else "old"] += 1
        site.mischief = None
        settled(machine, case)
        if done:
            break
    tally.note("1 kill -9", "bundle, offline", found)
    assert found.keys() == {"old", "new"}
    shutil.rmtree(tmp_path / "before")
