"""A stop, and 500 members in every state: who begins an install later than the bounds allow.

50 are real updaters, each in a process of its own over HTTP: with the bytes on disk, killed in the
middle of an install, asleep in it, at a frozen mirror, with a wrong clock, offline. 450 are real
TUF clients with the client's check that read the tree of a folder in this process; their clocks are
told, the metadata are real.
"""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from tuf.api.exceptions import DownloadError, RepositoryError

from warifu_client import settings
from warifu_client.layout import Layout
from warifu_client.settings import Settings
from warifu_wire.check import Go
from warifu_wire.errors import Refusal
from warifu_wire.manifest import Kind

house = importlib.import_module("tests.targets.house")
member = importlib.import_module("tests.targets.member")
process = importlib.import_module("tests.targets.process")
running = importlib.import_module("tests.web.running")

LEASE, LAG = 600, 60
"""Seconds: the lease of the house, and how far a member's clock may lag."""
PROCESSES = 50
STATES = (
    "downloaded",
    "asleep",
    "killed",
    "frozen",
    "frozen, lease over",
    "fast",
    "slow",
    "offline",
)
CUTS = {
    "downloaded": ("placed", "SIGKILL"),
    "killed": ("journal-staging", "SIGKILL"),
    "asleep": ("staged", "SIGSTOP"),
}
"""Where a process is cut off before the stop: after its bytes are on disk, in the install."""
OFFSETS = {"frozen, lease over": LEASE + LAG, "fast": 300, "slow": -300}
WITHIN = frozenset({"frozen"})
"""States in which an install may begin until the lease is over."""


@dataclass
class Updater:
    """A machine with a real updater; `slept` is its process that is stopped in an install."""

    state: str
    folder: Path
    slept: subprocess.Popen[bytes] | None = None

    def command(self, offset: int, *cut: str) -> list[str]:
        """Apply what is offered."""
        words = [sys.executable, "-m", "bench.publication_member", str(self.folder), str(offset)]
        return [*words, *cut]

    def prepare(self, address: str, root: bytes) -> None:
        """Before the stop: set up, and as far as its state says. Raises when it is not offered."""
        settings.write(Layout(self.folder), Settings(address, house.PRODUCT), root)
        cut = CUTS.get(self.state)
        if cut is None:
            return
        child = subprocess.Popen(self.command(0, *cut), stdout=subprocess.DEVNULL)
        _, status = os.waitpid(child.pid, os.WUNTRACED)
        if self.state == "asleep" and os.WIFSTOPPED(status):
            self.slept = child
        elif not (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL):
            raise AssertionError(f"{self.state}: it did not come to {cut[0]}")

    def after(self, mirror: str) -> bool:
        """After the stop: whether it installs what was stopped."""
        if self.slept is not None:
            self.slept.send_signal(signal.SIGCONT)
            _, status = os.waitpid(self.slept.pid, 0)
            self.slept.returncode = os.waitstatus_to_exitcode(status)
            return self.slept.returncode == 0
        layout = Layout(self.folder)
        told = settings.read(layout)
        if self.state.startswith("frozen"):
            settings.write(layout, replace(told, address=mirror), layout.trust.read_bytes())
        if self.state == "offline":
            nowhere = f"http://127.0.0.1:{running.free_port()}"
            settings.write(layout, replace(told, address=nowhere), layout.trust.read_bytes())
        offset = OFFSETS.get(self.state, 0)
        done = subprocess.run(self.command(offset), stdout=subprocess.DEVNULL, check=False)
        return done.returncode == 0


def begins(one: Any, seconds: float) -> bool:
    """Whether a member begins an install that long after the stop, by its own clock."""
    one.now = datetime.now(UTC) + timedelta(seconds=seconds)
    try:
        return isinstance(one.decide(), Go)
    except (Refusal, RepositoryError, DownloadError, OSError):
        return False


def run(root: Path, count: int) -> tuple[Counter[str], Counter[str], float]:
    """Installs begun too late, and within the bound, by state; seconds until fetched back."""
    live = house.House(root / "public", now=datetime.now(UTC) - timedelta(seconds=60)).found()
    release = live.release("print('one')", kind=Kind.INSTALL)
    live.publish(release)
    for stage in (1, 2, 3):
        live.open_gate(release.id, stage)
    with running.serving(root) as address, running.serving(root / "mirror") as mirror:
        embedded = (live.folder / "metadata" / "1.root.json").read_bytes()
        machines = [
            Updater(state, root / f"machine-{number}")
            for number, state in enumerate(islice(cycle(STATES), min(PROCESSES, count)))
        ]
        for one in machines:
            one.prepare(address, embedded)
        members = [
            (state, member.local(live.folder, root / f"member-{number}"))
            for number, state in enumerate(islice(cycle(STATES), max(0, count - PROCESSES)))
        ]
        live.repository.lease(datetime.now(UTC))
        if not all(begins(one, 0) for _, one in members):
            raise AssertionError("a member that was offered nothing before the stop")
        shutil.copytree(live.folder, root / "mirror" / "public")
        took = _stopped(live, release, root, address, embedded)
        late: Counter[str] = Counter()
        within: Counter[str] = Counter()
        for one in machines:
            (within if one.state in WITHIN else late)[one.state] += one.after(mirror)
        for number, (state, simulated) in enumerate(members):
            for at, bound in _moments(state, number):
                seen = _seen(state, simulated, root / "mirror" / "public")
                (within if bound else late)[state] += begins(seen, at)
    return late, within, took


def _stopped(live: Any, release: Any, root: Path, address: str, embedded: bytes) -> float:
    """Seconds from the order to a fresh member who knows the stop."""
    begun = time.monotonic()
    live.now = datetime.now(UTC)
    live.stop(release.id)
    back = member.Member(address, root / "fresh", embedded)
    if begins(back, 0) or back.floors.stops_seq != 1:
        raise AssertionError("the stop was not fetched back")
    return time.monotonic() - begun


def _seen(state: str, one: Any, mirror: Path) -> Any:
    """The member as its state lets it look at the tree; killed: a new process, what is on disk."""
    match state:
        case "frozen" | "frozen, lease over":
            return replace(one, address=str(mirror), fetcher=process.FolderFetcher())
        case "offline":
            return replace(one, address="/nowhere", fetcher=process.FolderFetcher())
        case "killed":
            return replace(one)
    return one


def _moments(state: str, number: int) -> Iterator[tuple[int, bool]]:
    """When it looks again, in seconds after the stop by its own clock, and whether it still may."""
    match state:
        case "frozen":
            yield number % (LEASE - 60), True
        case "frozen, lease over":
            yield LEASE + LAG + number, False
        case "fast" | "slow":
            yield OFFSETS[state], False
        case _:
            yield from ((1, False), (3_600, False))
