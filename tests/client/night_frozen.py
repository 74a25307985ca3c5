"""The frozen updater on a machine without Python: the whole life of a member's installation.

Only for the night (`make test-nightly`): it builds the frozen folders first. Everything that runs
is the frozen programs themselves, in an environment that has no Python on its path.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.provider import PRODUCT, Provider, Release, release
from tests.client.serving import Site
from warifu_client import looking
from warifu_client.layout import Layout
from warifu_wire.digest import of_bytes
from warifu_wire.manifest import Kind, Manifest, Member

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "packages" / "warifu-client" / "bundle" / "build.sh"
UPDATER = f"{PRODUCT}-updater"
PROGRAM = b"#!/bin/sh\nexit 0\n"
TOOL = release(
    {"tool": PROGRAM, "main": b"first"},
    kind=Kind.INSTALL,
    start=("{tree}/tool",),
    executable=frozenset({"tool"}),
)
NEWER = release(
    {"tool": PROGRAM, "main": b"second"}, start=("{tree}/tool",), executable=frozenset({"tool"})
)
START = ("{tree}/warifu-update", "check", "--as-start-test", "--folder", "{host}")


def edition(folder: Path, **more: bytes) -> Release:
    """A frozen folder as a release of the updater."""
    members, contents = [], {}
    for path, (mode, sha) in looking.files(folder, None).items():
        place = folder / path
        data = os.fsencode(place.readlink()) if mode == "link" else place.read_bytes()
        members.append(Member(path, mode, sha, len(data)))
        contents[sha] = data
    for path, data in more.items():
        members = [one for one in members if one.path != path]
        members.append(Member(path, "exec", of_bytes(data), len(data)))
        contents[of_bytes(data)] = data
    label = {"ja": "updater", "en": "updater"}
    manifest = Manifest(UPDATER, Kind.INSTALL, label, tuple(sorted(members)), (), START)
    return Release(manifest, contents)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The frozen folders, built as `make bundle-update` builds them."""
    out = ROOT / "out" / "bundle-update"
    done = subprocess.run(
        ["sh", str(BUILD), sys.executable, str(out)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "start, CPU seconds" in done.stdout
    kept = tmp_path_factory.mktemp("built")
    shutil.copytree(out / "warifu-updater", kept / "warifu-updater", symlinks=True)
    return kept / "warifu-updater"


def run(home: Path, *words: str | Path) -> tuple[int, dict[str, object]]:
    """Run a frozen program as the member would: no Python, no library path, a home of its own."""
    environment = {"HOME": str(home), "PATH": "/nowhere", "LANG": "ja_JP.UTF-8"}
    done = subprocess.run(
        [*map(str, words), "--json"], env=environment, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in done.stderr, done.stderr
    found = json.loads(done.stdout) if done.stdout.strip() else {}
    return done.returncode, {**found, "stderr": done.stderr}


def test_a_member_without_python_installs_updates_and_renews_the_updater_itself(
    built: Path, today: tuple[Provider, Site], tmp_path: Path
) -> None:
    tool, site = today
    own = tool.beside(UPDATER)
    tool.publish(TOOL)
    setup = built / "setup"
    setup.mkdir()
    told = {"address": site.address, "product": PRODUCT, "updater": UPDATER}
    (setup / "provider.json").write_text(json.dumps(told))
    (setup / "root.json").write_bytes(tool.root)
    home, frozen = tmp_path / "home", built / "warifu-update" / "warifu-update"

    # set-up: two folders, the launcher and the command; nothing is typed
    code, found = run(home, frozen, "init")
    assert code == 0, found
    places = home / ".local" / "share" / "warifu"
    command, folder = Path(str(found["command"])), Layout(places / UPDATER)
    assert command == places / "warifu-update"
    code, found = run(home, frozen, "apply", "--product", PRODUCT)
    assert (code, found["end"]) == (0, "installed"), found

    # the first slot is what came by hand: not one byte of it is fetched again
    first = edition(built / "warifu-update")
    own.publish(first)
    code, found = run(home, frozen, "apply", "--product", UPDATER)
    assert (code, found["end"]) == (0, "installed"), found
    ours = {f"/blobs/{sha[:2]}/{sha}.zst" for sha in first.contents}
    assert not ours & {one.path for one in site.asked}

    # from now on by the launcher
    tool.publish(TOOL, NEWER)
    code, found = run(home, command, "apply", "--product", PRODUCT)
    assert (code, found["end"]) == (0, "installed"), found
    code, found = run(home, command, "status", "--product", PRODUCT, "--start")
    assert (code, found["tree"], found["health"]) == (0, "intact", "ok")

    # an updater that cannot complete a check is refused, and the old one goes on
    broken = edition(built / "warifu-update", **{"warifu-update": b"#!/bin/false\n"})
    own.publish(first, broken)
    code, found = run(home, command, "apply", "--product", UPDATER)
    assert code == 1, found
    # one that does is taken, and the old one kept
    second = edition(built / "warifu-update", **{"edition.txt": b"2"})
    own.publish(first, broken, second)
    code, found = run(home, command, "apply", "--product", UPDATER)
    assert (code, found["release"]) == (0, second.id), found
    assert folder.previous.read_text().startswith(first.id)
    code, found = run(home, command, "check", "--product", PRODUCT)
    assert (code, found["code"]) == (0, "up-to-date"), found
    # the updater in use is lost: the launcher starts the one before
    shutil.rmtree(folder.current.resolve())
    code, found = run(home, command, "check", "--product", PRODUCT)
    assert (code, found["code"]) == (0, "up-to-date"), found
