"""SIGKILL before each single change to the disk: what is left is exactly old or exactly new.

For every k from 1 until the run completes: the tree the pointer names is intact and starts, the
next run converges without anybody's help, and what happened is reported.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.client.conftest import Made
from tests.client.killing import (
    STRIDE,
    again,
    survived,
    survived_full_disk,
    survived_power,
)
from tests.client.provider import Provider, Release, release
from tests.client.serving import Site
from warifu_client import applying, looking, returning
from warifu_client.ended import End
from warifu_client.machine import Machine
from warifu_client.settings import Settings
from warifu_client.starting import Started
from warifu_wire.digest import Digest
from warifu_wire.errors import Refusal
from warifu_wire.manifest import Kind, Manifest
from warifu_wire.routes import Tree


def edition(text: str, *, starts: bool = True, kind: Kind = Kind.UPDATE) -> Release:
    files = {
        "starts": b"yes" if starts else b"no",
        "main.txt": text.encode(),
        "folder/same.bin": b"same in every edition",
    }
    return release(files, kind=kind, keeps=("data",), start=("{tree}/starts",))


def start(settings: Settings, manifest: Manifest, tree: Path) -> Started:
    """The host of these tests starts when every member is there and one file says yes."""
    del settings
    whole = all((tree / one.path).is_file() for one in manifest.members)
    return Started("" if whole and (tree / "starts").read_bytes() == b"yes" else "start-exit-1")


FIRST, SECOND = edition("first", kind=Kind.INSTALL), edition("second")
BROKEN_LATE = edition("starts once")
Way = Callable[[Machine], object]


def starts(machine: Machine) -> bool:
    tree = looking.current(machine)
    assert tree.manifest is not None
    assert tree.folder is not None
    return start(machine.settings, tree.manifest, tree.folder).good


def killed_everywhere(
    made: Made,
    site: Site,
    before: Path,
    work: Way,
    ends: frozenset[Digest | None],
    survives: Callable[[Callable[[], object], int], bool] = survived,
) -> int:
    """Cut `work` off at each k; after each the machine is one of `ends`, and converges."""
    machine = made(start=start)
    folder = machine.layout.root
    for k in range(1, 2_000, STRIDE):
        again(before, folder)
        done = survives(lambda: work(machine), k)
        left = looking.current(machine)
        assert left.release in ends
        if left.release is not None:
            assert left.tree is Tree.INTACT, (k, left.wrong, left.extra)
            assert starts(machine)
            assert (left.folder / "data" / "mine.txt").read_text() == "mine"
        if done:
            return k
        for _ in range(3):
            try:
                last = applying.apply(machine)
            except Refusal:
                continue
            if last.end is End.NOTHING:
                break
        after = looking.current(machine)
        assert after.release in ends
        assert after.release is not None
        assert after.tree is Tree.INTACT
        assert starts(machine)
        assert not machine.layout.journal.exists()
        named = {machine.current.read(), machine.previous.read()} - {None}
        assert {one.name for one in machine.layout.releases.iterdir()} <= named
        assert not list(machine.layout.outbox.glob("*.json"))
    raise AssertionError("it never came to its end")


@pytest.fixture
def before(made: Made, provider: Provider, tmp_path: Path) -> Path:
    """A machine with the first release and the member's own file, kept to begin from."""
    machine = made(start=start)
    provider.publish(FIRST)
    applying.apply(machine)
    (machine.layout.data / "data" / "mine.txt").write_text("mine")
    again(machine.layout.root, tmp_path / "before")
    return tmp_path / "before"


def test_killed_anywhere_in_an_update(
    made: Made, provider: Provider, site: Site, before: Path
) -> None:
    provider.publish(FIRST, SECOND)
    tried = killed_everywhere(made, site, before, applying.apply, frozenset({FIRST.id, SECOND.id}))
    assert tried > 100
    print(f"update: {tried} changes, each {STRIDE}th the last one once, 0 half states")
    ends = {(one.phase, one.result) for one in site.reports()}
    assert ("commit", "ok") in ends


def test_killed_anywhere_in_the_first_installation(
    made: Made, provider: Provider, site: Site, tmp_path: Path
) -> None:
    provider.publish(FIRST)
    machine = made(start=start)
    machine.layout.data.joinpath("data").mkdir()
    machine.layout.data.joinpath("data/mine.txt").write_text("mine")
    again(machine.layout.root, tmp_path / "empty")
    tried = killed_everywhere(
        made, site, tmp_path / "empty", applying.apply, frozenset({None, FIRST.id})
    )
    print(f"installation: {tried} changes, each {STRIDE}th the last one once, 0 half states")
    assert tried > 100


def test_killed_anywhere_in_an_automatic_rollback(
    made: Made, provider: Provider, site: Site, before: Path
) -> None:
    """The release passes its first start and fails the second, live one."""
    provider.publish(FIRST, BROKEN_LATE)

    def late(settings: Settings, manifest: Manifest, tree: Path) -> Started:
        live = (tree.parent.parent / "current").readlink().name == tree.name
        broken = live and manifest.id == BROKEN_LATE.id
        return Started("sign-failed") if broken else start(settings, manifest, tree)

    machine = made(start=late)
    tried = 0
    for k in range(1, 2_000, STRIDE):
        again(before, machine.layout.root)
        done = survived(lambda: applying.apply(machine), k)
        left = looking.current(machine)
        assert left.release in {FIRST.id, BROKEN_LATE.id}
        assert left.tree is Tree.INTACT
        tried = k
        if done:
            break
        while applying.apply(machine).end is not End.NOTHING:
            pass
        assert looking.current(machine).release == FIRST.id
        assert applying.apply(machine).code == "did-not-start-here"
    print(f"automatic rollback: {tried} changes, each {STRIDE}th the last one once, 0 half states")
    assert ("rollback", "ok", "sign-failed") in site.said()


def test_killed_anywhere_in_a_rollback_that_the_member_asks_for(
    made: Made, provider: Provider, site: Site, before: Path, tmp_path: Path
) -> None:
    provider.publish(FIRST, SECOND)
    machine = made(start=start)
    assert applying.apply(machine).end is End.INSTALLED
    again(machine.layout.root, tmp_path / "second")
    both = frozenset({FIRST.id, SECOND.id})
    tried = killed_everywhere(made, site, tmp_path / "second", returning.rollback, both)
    print(f"rollback: {tried} changes, each {STRIDE}th the last one once, 0 half states")


def test_killed_anywhere_in_a_repair(
    made: Made, provider: Provider, site: Site, before: Path
) -> None:
    """The tree is broken before; it is either as broken, or whole, and then stays whole."""
    machine = made(start=start)
    (before / (before / "current").readlink() / "main.txt").unlink()
    tried = 0
    for k in range(1, 2_000, STRIDE):
        again(before, machine.layout.root)
        done = survived(lambda: applying.repair(machine), k)
        left = looking.current(machine)
        assert left.release == FIRST.id
        assert left.tree is Tree.INTACT or [one.path for one in left.wrong] == ["main.txt"]
        tried = k
        if done:
            assert left.tree is Tree.INTACT
            break
        applying.repair(machine)
        applying.repair(machine)
        assert looking.current(machine).tree is Tree.INTACT
        assert (machine.layout.current / "data/mine.txt").read_text() == "mine"
    print(f"repair: {tried} changes, each {STRIDE}th the last one once, 0 half states")


def test_the_power_goes_anywhere_in_an_update(
    made: Made, provider: Provider, site: Site, before: Path
) -> None:
    """What was not flushed by then is empty or torn."""
    provider.publish(FIRST, SECOND)
    both = frozenset({FIRST.id, SECOND.id})
    tried = killed_everywhere(made, site, before, applying.apply, both, survived_power)
    print(f"power: {tried} changes, each {STRIDE}th the last one once, 0 half states")


def test_the_disk_is_full_anywhere_in_an_update(
    made: Made, provider: Provider, site: Site, before: Path
) -> None:
    provider.publish(FIRST, SECOND)
    both = frozenset({FIRST.id, SECOND.id})
    tried = killed_everywhere(made, site, before, applying.apply, both, survived_full_disk)
    print(f"full disk: {tried} changes, each {STRIDE}th the first refused, 0 half states")
