"""Many machines, one server, and a proxy that lies: no machine ever has a wrong program.

450 machines through the public function in one process, 50 as processes of their own. The proxy
freezes, mixes, truncates, delays, spoils and fails; afterwards it is honest, and all converge.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.client import tally
from tests.client.conftest import Clock
from tests.client.killing import NIGHT
from tests.client.provider import PRODUCT, SAID, Provider, release
from tests.client.serving import Answer, Asked, Site
from warifu_client import applying, looking, settings, transport
from warifu_client.cli import main
from warifu_client.layout import Layout
from warifu_client.machine import Machine, Means
from warifu_client.settings import Settings
from warifu_client.starting import Started
from warifu_wire.errors import Fault, Refusal
from warifu_wire.manifest import Kind
from warifu_wire.routes import Route, Tree

pytestmark = pytest.mark.repeats

MACHINES = 450 if NIGHT else 24
PROCESSES = 50 if NIGHT else 3
FIRST = release({"start.py": b"raise SystemExit(0)\n", "main": b"first"}, kind=Kind.INSTALL)
SECOND = release({"start.py": b"raise SystemExit(0)\n", "main": b"second" * 999})


ROUTES = (
    Route(FIRST.id, None, None, SECOND.id, SAID),
    Route(SECOND.id, None, None, SECOND.id, SAID),
    Route(None, None, None, FIRST.id, SAID),
)


WAYS = ("frozen", "mixed", "truncated", "slow", "wrong bytes", "5xx", "404")


class Liar:
    """A proxy that spoils three answers of ten, each in one of its ways."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.old = {path.name: path.read_bytes() for path in (folder / "metadata").iterdir()}
        self.dice = random.Random(499)
        self.told: Counter[str] = Counter()

    def __call__(self, asked: Asked, answer: Answer) -> Answer:
        if asked.method == "POST" or self.dice.random() > 0.3:
            return answer
        way = self.dice.choice(WAYS)
        self.told[way] += 1
        body = answer.body
        if way == "frozen":
            body = self.old.get(Path(asked.path).name, body)
        elif way == "mixed":
            body = self.dice.choice(list(self.old.values()))
        elif way == "truncated":
            answer.cut = len(body) // 2
            return answer
        elif way == "slow":
            time.sleep(0.005)
        elif way == "wrong bytes":
            body = bytes(one ^ 0x20 for one in body)
        else:
            return Answer(503 if way == "5xx" else 404, b"")
        return Answer(answer.status, body, answer.headers)


def machine(folder: Path, site: Site, provider: Provider, clock: Clock) -> Machine:
    told = Settings(site.address, PRODUCT)
    settings.write(Layout(folder), told, provider.root)
    means = Means(clock, transport.of(told), lambda *_: Started(""), pause=lambda seconds: None)
    return Machine(Layout(folder), told, means)


def run(one: Machine) -> str:
    """One run; what it came to."""
    try:
        return applying.apply(one).end.value
    except Refusal as refusal:
        return refusal.reason
    except Fault:
        return "fault"


def right(one: Machine) -> bool:
    """Exactly one of the two releases, or nothing yet."""
    look = looking.current(one)
    return look.release is None or (
        look.release in {FIRST.id, SECOND.id} and look.tree is Tree.INTACT
    )


def test_no_machine_has_a_wrong_program_behind_a_proxy_that_lies(
    tmp_path: Path, provider: Provider, site: Site, clock: Clock
) -> None:
    provider.publish(FIRST)
    every = [
        machine(tmp_path / "fleet" / f"{number:04}", site, provider, clock)
        for number in range(MACHINES)
    ]
    liar = Liar(provider.folder)
    provider.publish(FIRST, SECOND, route=ROUTES)
    ends: Counter[str] = Counter()
    site.mischief = liar
    with ThreadPoolExecutor(8) as pool:
        for _ in range(3):
            ends.update(pool.map(run, every))
            assert all(pool.map(right, every))
        site.mischief = None
        provider.publish(FIRST, SECOND, route=ROUTES)
        for _ in range(3):
            ends.update(pool.map(run, every))
        assert all(looking.current(one).release == SECOND.id for one in every)
    lies = sum(liar.told.values())
    tally.note("6 mirrors and metadata", f"{MACHINES} machines by function, {lies} lies", ends)
    assert min(liar.told.values()) > 0


def test_processes_of_their_own_do_the_same(tmp_path: Path, today: tuple[Provider, Site]) -> None:
    provider, site = today
    provider.publish(FIRST)
    root = tmp_path / "root.json"
    root.write_bytes(provider.root)
    cli = [sys.executable, "-m", "warifu_client.cli"]
    told = ["--address", site.address, "--root", str(root), "--product", PRODUCT]
    folders = [tmp_path / "processes" / f"{number:02}" for number in range(PROCESSES)]
    for folder in folders:
        assert main(["init", *told, "--folder", str(folder)]) == 0
    site.mischief = Liar(provider.folder)
    ends: Counter[str] = Counter()
    for honest in (False, True, True):
        running = [
            subprocess.Popen(
                [*cli, "apply", "--folder", str(folder)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
            )
            for folder in folders
        ]
        for one in running:
            _, errors = one.communicate()
            assert "Traceback" not in errors
            assert one.returncode in {0, 1, 3, 5}
            ends[f"exit {one.returncode}"] += 1
        site.mischief = None if honest else site.mischief
    site.mischief = None
    for folder in folders:
        subprocess.run([*cli, "apply", "--folder", str(folder)], check=False, stdout=-3, stderr=-3)
        name = Layout(folder).current.readlink().name
        assert name.startswith(FIRST.id)
    tally.note("6 mirrors and metadata", f"{PROCESSES} processes of their own", ends)
