"""A stop, and 500 members in every state: who begins an install later than the bounds allow.

The members are real TUF clients with the client's check; 450 read the tree of a folder in this
process, 50 are processes of their own over HTTP. Their clocks are told, the metadata are real.
"""

from __future__ import annotations

import importlib
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tuf.api.exceptions import DownloadError, RepositoryError

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
    states = ("downloaded", "asleep", "killed", "frozen", "fast", "slow", "offline")
    members = []
    with running.serving(root) as address:
        embedded = (live.folder / "metadata" / "1.root.json").read_bytes()
        for number in range(count):
            folder = root / f"member-{number}"
            if number < PROCESSES:
                one = member.Member(address, folder, embedded)
            else:
                one = member.local(live.folder, folder)
            members.append((states[number % len(states)], one, number < PROCESSES))
            if not begins(one, 0):
                raise AssertionError("a member that was offered nothing before the stop")
        mirror = root / "mirror"
        shutil.copytree(live.folder, mirror)
        begun = time.monotonic()
        live.now = datetime.now(UTC)
        live.stop(release.id)
        back = member.Member(address, root / "fresh", embedded)
        if begins(back, 0) or back.floors.stops_seq != 1:
            raise AssertionError("the stop was not fetched back")
        took = time.monotonic() - begun
        late: Counter[str] = Counter()
        within: Counter[str] = Counter()
        for number, (state, one, apart) in enumerate(members):
            _after(state, one, mirror, number, _told(apart), late, within)
    return late, within, took


def _told(apart: bool) -> Callable[[Any, float], bool]:
    """Ask a member here, or in a process of its own."""
    if not apart:
        return begins
    return lambda one, at: process.waited(process.forked(lambda: _exit(begins(one, at)))) == 0


def _exit(begun: bool) -> None:
    if not begun:
        os._exit(1)


def _after(
    state: str,
    one: Any,
    mirror: Path,
    number: int,
    ask: Callable[[Any, float], bool],
    late: Counter[str],
    within: Counter[str],
) -> None:
    """What a member in a state does after the stop, at two moments."""
    match state:
        case "frozen":
            one = replace(one, address=str(mirror), fetcher=process.FolderFetcher())
            within[state] += ask(one, number % (LEASE - 60))
            late[state] += ask(one, LEASE + LAG + number)
        case "offline":
            one = replace(one, address="/nowhere", fetcher=process.FolderFetcher())
            late[state] += ask(one, 1)
        case "killed":
            one = replace(one)  # a new process with what is on disk
            late[state] += ask(one, 1)
        case "fast" | "slow":
            late[state] += ask(one, 300 if state == "fast" else -300)
        case _:
            late[state] += ask(one, 1) + ask(one, 3_600)
