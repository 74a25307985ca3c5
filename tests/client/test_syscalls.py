"""SIGKILL by the kernel's own count: the command itself, at its n-th write, fsync or rename."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.client import tally
from tests.client.killing import NIGHT, again
from tests.client.provider import PRODUCT, Provider, release
from tests.client.serving import Site
from warifu_client import cli, looking, machine
from warifu_client.layout import Layout
from warifu_wire.manifest import Kind
from warifu_wire.routes import Tree

pytestmark = pytest.mark.repeats

GOOD = b"raise SystemExit(0)\n"
FIRST = release({"start.py": GOOD, "main.py": b"first"}, kind=Kind.INSTALL)
SECOND = release({"start.py": GOOD, "main.py": b"second" * 50_000})
CALLS = {"write": range(2, 200), "fsync": range(1, 80), "rename": range(1, 60)}
GATE = {"write": (6, 25), "fsync": (4, 17), "rename": (3, 12)}


@pytest.mark.parametrize("call", CALLS)
def test_killed_by_the_kernel(call: str, today: tuple[Provider, Site], tmp_path: Path) -> None:
    provider, site = today
    provider.publish(FIRST)
    root = tmp_path / "root.json"
    root.write_bytes(provider.root)
    folder, before = tmp_path / "machine", tmp_path / "before"
    told = ["--address", site.address, "--root", str(root), "--product", PRODUCT]
    assert cli.main(["init", *told, "--folder", str(folder)]) == 0
    assert cli.main(["apply", "--folder", str(folder)]) == 0
    again(folder, before)
    provider.publish(FIRST, SECOND)
    tried = 0
    for number in CALLS[call] if NIGHT else GATE[call]:
        again(before, folder)
        provider.lease()
        inject = f"inject={call}:signal=KILL:when={number}"
        command = [sys.executable, "-m", "warifu_client.cli", "apply", "--folder", str(folder)]
        done = subprocess.run(
            [
                "strace",
                "-f",
                "-qq",
                "-o",
                "/dev/null",
                "-e",
                f"trace={call}",
                "-e",
                inject,
                *command,
            ],
            capture_output=True,
            check=False,
        )
        look = looking.current(machine.opened(folder))
        assert look.release in {FIRST.id, SECOND.id}
        assert look.tree is Tree.INTACT
        tried += 1
        while cli.main(["apply", "--folder", str(folder)]):
            pass
        assert cli.main(["check", "--folder", str(folder)]) == 0
        assert Layout(folder).current.readlink().name.startswith(SECOND.id)
        if done.returncode == 0:
            break
    tally.note("1 kill -9", f"the command at its n-th {call}", {"old or new": tried})
