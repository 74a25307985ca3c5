"""The forms for other systems, tried here: all that Windows alone has is stood in for by a link.

And what programs do to the member's own files, on every system.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.client.conftest import GOOD, Made
from tests.client.provider import Provider, Release, release
from warifu_client import applying, launcher, looking, returning, settings
from warifu_client.ended import End
from warifu_client.machine import Machine
from warifu_client.system import Posix, System, Windows
from warifu_wire.errors import Fault, Refusal
from warifu_wire.manifest import Kind
from warifu_wire.routes import Tree

KEEPS = ("data", "settings.ini")


def edition(text: str, kind: Kind = Kind.UPDATE, **more: bytes) -> Release:
    files = {"start.py": GOOD, "main.py": text.encode(), "run.sh": b"#!/bin/sh\n", **more}
    runs = frozenset({"run.sh"})
    return release({**files, "settings.ini": b"a = 1\n"}, kind=kind, keeps=KEEPS, executable=runs)


FIRST, SECOND = edition("first", Kind.INSTALL), edition("second")


def junction(own: Path, place: Path) -> None:
    place.symlink_to(own, target_is_directory=True)


WINDOWS = Windows(junction)
Opened = Callable[[], Machine]


@pytest.fixture(params=[Posix(), WINDOWS], ids=["posix", "windows"])
def opened(request: pytest.FixtureRequest, made: Made) -> Opened:
    system: System = request.param

    def again() -> Machine:
        usual = made()
        return Machine(usual.layout, usual.settings, usual.means, system)

    return again


def test_the_whole_road_on_either_system(opened: Opened, provider: Provider) -> None:
    machine = opened()
    provider.publish(FIRST)
    assert applying.apply(machine).end is End.INSTALLED
    tree = launcher.tree(machine.layout.root)
    assert tree is not None
    (tree / "data" / "mine.txt").write_text("mine")
    with (tree / "settings.ini").open("a") as stream:
        stream.write("b = 2\n")
    provider.publish(FIRST, SECOND)
    assert applying.apply(machine).end is End.INSTALLED
    new = launcher.tree(machine.layout.root)
    assert new is not None
    assert new.name.startswith(SECOND.id)
    assert looking.current(machine).tree is Tree.INTACT
    assert (new / "data" / "mine.txt").read_text() == "mine"
    assert (new / "settings.ini").read_text() == "a = 1\nb = 2\n"
    assert returning.rollback(opened()).end is End.ROLLED_BACK
    assert looking.current(machine).release == FIRST.id
    assert (machine.layout.data / "data" / "mine.txt").read_text() == "mine"
    assert not list(machine.layout.aside.rglob("*.txt"))


def test_a_program_that_replaces_its_settings_keeps_them(
    opened: Opened, provider: Provider
) -> None:
    """Write beside and rename over: how careful programs write. Our link is gone then."""
    machine = opened()
    provider.publish(FIRST)
    applying.apply(machine)
    old = launcher.tree(machine.layout.root)
    assert old is not None
    (old / "half").write_text("newest\n")
    (old / "half").replace(old / "settings.ini")
    provider.publish(FIRST, SECOND)
    applying.apply(machine)
    new = launcher.tree(machine.layout.root)
    assert new is not None
    assert (new / "settings.ini").read_text() == "newest\n"
    # the release before has the same, should there be a way back
    with (new / "settings.ini").open("a") as stream:
        stream.write("and more\n")
    assert (old / "settings.ini").read_text() == "newest\nand more\n"
    # and what was replaced in a release that goes away is put aside
    (new / "half").write_text("last\n")
    (new / "half").replace(new / "settings.ini")
    assert returning.rollback(opened()).end is End.ROLLED_BACK
    assert [one.read_text() for one in machine.layout.aside.rglob("settings.ini")] == ["last\n"]


def test_names_that_windows_cannot_have_are_refused_before_a_byte_is_fetched(
    opened: Opened, provider: Provider
) -> None:
    machine = opened()
    provider.publish(edition("odd", Kind.INSTALL, **{"docs/AUX.txt": b"1"}))
    if isinstance(machine.system, Posix):
        assert applying.apply(machine).end is End.INSTALLED
        return
    with pytest.raises(Refusal, match="path-unfit") as refused:
        applying.apply(machine)
    assert refused.value.facts["path"] == "docs/AUX.txt"
    assert not machine.layout.journal.exists()
    assert not list(machine.layout.releases.iterdir())


@pytest.mark.parametrize(
    ("path", "fits"),
    [
        ("a/con.txt", False),
        ("COM1", False),
        ("lpt9 .x", False),
        ("console", True),
        ("x" * 300, False),
    ],
)
def test_what_windows_calls_a_device(path: str, fits: int) -> None:
    found = WINDOWS.unfit(Path("C:/Users/member/warifu"), ["fine.txt", path])
    assert found == ("" if fits else path)


class Held(OSError):
    """As Windows says that somebody has a file open."""

    def __init__(self, number: int) -> None:
        super().__init__("held")
        self.winerror = number


def test_a_scanner_is_waited_for_and_another_error_is_not(tmp_path: Path) -> None:
    pauses: list[float] = []
    left = [Held(32), Held(5)]

    def replace(half: Path, path: Path) -> None:
        if left:
            raise left.pop(0)
        half.replace(path)

    pointer = Windows(junction, replace, pauses.append).pointer(tmp_path / "current")
    name = f"{'a' * 64}.1"
    pointer.point(name)
    assert pointer.read() == name
    assert len(pauses) == 2
    for errors in ([Held(32)] * 9, [Held(17)]):
        left[:] = errors
        with pytest.raises(Fault, match="cannot change"):
            pointer.point(f"{'b' * 64}.1")
        assert pointer.read() == name
        assert [one.name for one in tmp_path.iterdir()] == ["current"]


def test_each_system_has_its_place(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert WINDOWS.home({"LOCALAPPDATA": "/local"}) == Path("/local/warifu")
    assert WINDOWS.home({}) == tmp_path / "AppData" / "Local" / "warifu"
    assert settings.home() == Posix().home(os.environ)
    assert sys.platform != "win32"
