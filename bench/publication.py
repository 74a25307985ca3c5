"""Publication against its limits and its peers: `python -m bench.publication`, 1 where one misses.

CPU seconds are those of the process measured and its children, so that other work on the machine
does not decide. Figures go to bench/results/publication.json.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib
import io
import json
import os
import platform
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import publication_origin as origin
from bench import publication_ramp as ramp
from bench import publication_stop as stop
from warifu.engines.depot.folder import FolderDepot
from warifu.engines.targets.store import FolderStore
from warifu.model import archive, tree
from warifu.model.tally import match
from warifu_wire import check
from warifu_wire.digest import of_bytes
from warifu_wire.manifest import Kind, Manifest

# The tests' own house, members, servers and mutations, of which no types are read.
house = importlib.import_module("tests.targets.house")
member = importlib.import_module("tests.targets.member")
mutation = importlib.import_module("tests.targets.mutation")
forks = importlib.import_module("tests.forks")
process = importlib.import_module("tests.targets.process")
smalls = importlib.import_module("tests.story.small")
running = importlib.import_module("tests.web.running")
decision = importlib.import_module("tests.wire.many")

RESULTS = Path(__file__).parent / "results" / "publication.json"
LEASE = "/metadata/timestamp.json"
NGINX, OWN = "nginx", "warifu serve"


@dataclass(frozen=True, slots=True)
class Row:
    """One figure; `most` is its limit, None where it is only told."""

    what: str
    found: float
    unit: str
    most: float | None

    @property
    def good(self) -> bool:
        """Whether the limit holds."""
        return self.most is None or self.found <= self.most

    def __str__(self) -> str:
        told = f"{self.what:<68} {self.found:>10.3f} {self.unit:<4}"
        if self.most is None:
            return f"     {told}"
        return f"{'ok  ' if self.good else 'MISS'} {told} ≤ {self.most:g}"


@dataclass
class Sheet:
    """Rows, printed as they come."""

    rows: list[Row] = field(default_factory=list)

    def add(self, what: str, found: float, unit: str, most: float | None = None) -> None:
        """One more figure."""
        self.rows.append(Row(what, found, unit, most))
        print(self.rows[-1], flush=True)


def cpu(work: Callable[[], object]) -> float:
    """CPU seconds of this process for some work."""
    before = time.process_time()
    work()
    return time.process_time() - before


def check_at_origin(sheet: Sheet, trees: dict[int, Path]) -> None:
    """The lease as a client asks for it, at nginx and at `warifu serve`, over trees of so many
    releases: by turns, the least of nine, because other work only ever adds."""
    with contextlib.ExitStack() as stack:
        servers = {
            (name, releases): one
            for releases, root in trees.items()
            for name, one in _servers(stack, root).items()
        }
        found = dict.fromkeys(servers, float("inf"))
        for _ in range(9):
            for key, one in servers.items():
                used = origin.per_request(one.pid, one.port, LEASE, workers=one.workers)
                found[key] = min(found[key], used)
        reads = {
            releases: origin.databases(one.pid, one.port, LEASE)
            for (name, releases), one in servers.items()
            if name == OWN
        }
    for releases in trees:
        of = f"CPU a check, {releases} releases"
        sheet.add(f"{of}: nginx", found[NGINX, releases], "µs", 30)
        ratio = found[OWN, releases] / found[NGINX, releases]
        sheet.add(f"{of}: {OWN}, times nginx", ratio, "x", 6)
        sheet.add(f"database reads in 512 checks, {releases} releases", reads[releases], "", 0)
    few, many = min(trees), max(trees)
    for name in (NGINX, OWN):
        grown = (found[name, many] / found[name, few] - 1) * 100
        sheet.add(f"a check after {many} releases costs more: {name}", grown, "%", 10)


@dataclass(frozen=True, slots=True)
class Server:
    """A server's process, its port, and whether its children alone answer."""

    pid: int
    port: int
    workers: bool


def _servers(stack: contextlib.ExitStack, root: Path) -> dict[str, Server]:
    """`warifu serve` on a tree, and nginx in front of it."""
    port = running.free_port()
    small = smalls.found(root / "house", address=f"http://127.0.0.1:{port}")
    stack.callback(small.end)
    place = small.source / "warifu.toml"
    lines = f'[service]\npublic = "{root / "public"}"\n'
    place.write_text(place.read_text("utf-8").replace("[service]\n", lines))
    words = (sys.executable, "-m", "warifu.cli", "-C", small.source, "serve")
    own = stack.enter_context(running.running(*words, port=port))
    address = stack.enter_context(running.behind_nginx(root, f"http://127.0.0.1:{port}"))
    pid = root / "nginx.pid"
    while not (pid.exists() and pid.read_text().strip()):  # it listens before it has written this
        time.sleep(0.05)
    nginx = int(pid.read_text())
    return {
        NGINX: Server(nginx, int(address.rpartition(":")[2]), False),
        OWN: Server(own.pid, port, True),
    }


def publishes(sheet: Sheet, root: Path, count: int, kills: int) -> None:
    """A member polls through publications, some killed at a random moment: no mixed view."""
    live = house.House(root / "public", now=datetime.now(UTC)).found()
    reader = member.local(live.folder, root / "member")
    dice, mixed, killed, looks = random.Random(2012), 0, 0, 0
    usual = 0.1
    for number in range(1, count + 1):
        release = live.release(f"print({number})", rank=number, kind=Kind.INSTALL)
        live.now = datetime.now(UTC)
        road = live.approve(live.routes(release))
        for _ in range(100):
            child = process.forked(_enacting(live, road, release))
            begun = time.monotonic()
            aimed = killed < kills * number / count
            if aimed:
                time.sleep(dice.random() * usual)
                os.kill(child, signal.SIGKILL)
            looks += 1
            mixed += not _whole(reader)
            ended = forks.left(child)
            killed += ended == -signal.SIGKILL
            if ended == 0:
                usual = min(usual, 0.5) if aimed else max(0.02, time.monotonic() - begun)
                break
    sheet.add(
        f"mixed views in {looks} looks at {count} publications, {killed} killed", mixed, "", 0
    )
    sheet.add("publications short of the kills meant", max(0, kills - killed), "", 0)


def command(sheet: Sheet, root: Path) -> None:
    """`warifu stop` as a whole process against `warifu serve`, best of five."""
    root.mkdir()
    port = running.free_port()
    small = smalls.found(root, address=f"http://127.0.0.1:{port}")
    own = (sys.executable, "-m", "warifu.cli", "-C", str(small.source))
    with running.running(*own, "serve", port=port):
        smalls.signed(small)
        smalls.road.publish(small.house(), datetime.now(UTC))
        release = smalls.release(small.house())
        walls, used = [], []
        for number in range(5):
            words = ("stop", release, "--as", "oncall-1", "--why", "x", "--cap", f"{9 - number}")
            before, begun = os.times(), time.monotonic()
            done = subprocess.run([*own, *words], capture_output=True, text=True, check=True)
            walls.append(time.monotonic() - begun)
            after = os.times()
            used.append(
                after.children_user
                - before.children_user
                + after.children_system
                - before.children_system
            )
            if "and fetched back" not in done.stdout:
                raise AssertionError(done.stdout)
    small.end()
    sheet.add("warifu stop, the whole process until fetched back", min(walls), "s", 2)
    sheet.add("warifu stop, CPU", min(used), "s")


def _enacting(live: Any, road: Any, release: Any) -> Callable[[], object]:
    return lambda: live.open().enact(road, release.files, live.depot, live.now)


def _published(live: Any, road: Any, release: Any) -> Callable[[], object]:
    """What the station does: the approved digests against the depot, when it is ordered and when
    it is enacted; then the tree."""
    files = release.files.items()

    def work() -> None:
        for _ in "12":
            match(release.files, {path: live.depot.found(one) for path, one in files})
        _enacting(live, road, release)()

    return work


def _whole(reader: Any) -> bool:
    """Whether one look of the member is of one state of the tree, all its bytes there."""
    try:
        served = reader.refresh()
        opened = check.opened(served, reader.floors, reader.clock)
        warned = opened.warned(house.PRODUCT)
        if served.targets.digest(f"routes/{house.PRODUCT}.json") is None:
            return True
        routed = warned.routed()
        reader.floors = routed.floors
        for offer in routed.routes.offers:
            routed.proven(offer)
    except Exception as error:
        print(type(error).__name__, error)
        return False
    return True


def decide(sheet: Sheet) -> None:
    """The client's decision with every signature, on routes of 50 releases."""
    served, machine, size = decision.fifty()
    runs = [cpu(lambda: decision.decide(served, machine)) for _ in range(50)]
    sheet.add("client decision, 50 releases, signatures included, CPU", min(runs) * 1e3, "ms", 5)
    sheet.add("client decision, median", statistics.median(runs) * 1e3, "ms")
    sheet.add("routes of 50 releases", size / 1024, "KiB", 48)


def honesty(sheet: Sheet, count: int) -> None:
    """Offered shares after 1, 10 and 100 polls, beside two peers' rules."""
    ids = random.Random(2012)
    machines = [str(uuid.UUID(int=ids.getrandbits(128), version=4)) for _ in range(count)]
    share, now = 100_000, datetime.now(UTC)
    electron, hot = ramp.peers(machines, share)
    for name, rules, limit in (
        ("ours", (ramp.ours("a", share, now), ramp.ours("b", share, now)), 3.0),
        ("electron-updater", electron, None),
        ("@hot-updater/core", hot, None),
        ("dice at each request", (ramp.dice(1, share), ramp.dice(2, share)), None),
    ):
        found = ramp.measure(*rules, machines, share)
        told = " / ".join(f"{one:.1f}" for one in found.shares)
        sheet.add(f"ramp 10 %, {name}: offered {told} %, off by", found.off(10, count), "σ", limit)
        sheet.add(f"ramp 10 %, {name}: withdrawn", found.withdrawn, "", limit and 0)
        sheet.add(f"ramp 10 %, {name}: overlap of two releases", abs(found.overlap), "σ", limit)


def size(sheet: Sheet, root: Path, megabytes: int) -> None:
    """Publishing a program set, as the station does it, against hashing and copying it once,
    durably in the same way; by turns, the least of five, because other work only ever adds."""
    dice = random.Random(2012)
    words = [dice.randbytes(8).hex().encode() for _ in range(4_000)]
    half = megabytes * 2_500
    files = {
        f"lib/{number:03}.bin": tree.file("file", _bytes(number, half, words, dice))
        for number in range(400)
    }
    made = Manifest(house.PRODUCT, Kind.INSTALL, {}, tree.members(files), (), ("{python}",))
    zipped = archive.write(files)
    found: dict[str, list[tuple[float, float]]] = {"once": [], "publish": []}
    for turn in range(5):
        live = house.House(root / f"public-{turn}", depot=FolderDepot(root / "depot")).found()
        told = live.vsa(made, zipped)
        for data in (made.to_bytes(), zipped, told.to_bytes()):
            live.depot.put(of_bytes(data), io.BytesIO(data))
        release = house.Release(made, zipped, told, 1)
        road = live.approve(live.routes(release))
        once = _once(files, root / f"other-{turn}")
        for name, work in (("once", once), ("publish", _published(live, road, release))):
            begun, used = time.monotonic(), cpu(work)
            found[name].append((time.monotonic() - begun, used))
    least = {name: [min(run[at] for run in runs) for at in (0, 1)] for name, runs in found.items()}
    ratios = [least["publish"][at] / least["once"][at] for at in (0, 1)]
    sheet.add(f"hash and copy {megabytes} MB once, to disk", least["once"][0], "s")
    sheet.add("publish it, times that", ratios[0], "x", 3)
    sheet.add("publish it, CPU, times that of hashing and copying", ratios[1], "x")


def _once(files: Any, place: Path) -> Callable[[], object]:
    def once() -> None:
        for one in files.values():
            hashlib.sha256(one.data).hexdigest()
        FolderStore(place).put_all((f"copy/{path}", one.data) for path, one in files.items())

    return once


def _bytes(number: int, size: int, words: list[bytes], dice: random.Random) -> bytes:
    """Every second file is noise, the others compress to a half."""
    return dice.randbytes(size) if number % 2 else b" ".join(dice.choices(words, k=size // 17))


def main() -> int:
    """Every measurement; the exit code is 1 where a limit is missed."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--publishes", type=int, default=1_000)
    options.add_argument("--kills", type=int, default=200)
    options.add_argument("--machines", type=int, default=100_000)
    options.add_argument("--mutations", type=int, default=500)
    options.add_argument("--members", type=int, default=500)
    options.add_argument("--megabytes", type=int, default=100)
    asked = options.parse_args()
    sheet = Sheet()
    root = Path(tempfile.mkdtemp(prefix="publication-"))
    try:
        decide(sheet)
        honesty(sheet, asked.machines)
        size(sheet, root / "size", asked.megabytes)
        ends = mutation.run(root / "mutation", asked.mutations)
        reached = sum(count for end, count in ends.items() if end.startswith("REACHED"))
        sheet.add(
            f"of {asked.mutations} mutations after sign-off, reached a member", reached, "", 0
        )
        (root / "stop" / "mirror").mkdir(parents=True)
        late, within, took = stop.run(root / "stop", asked.members)
        sheet.add("stop: to signed and fetched back", took, "s", 2)
        command(sheet, root / "command")
        sheet.add(f"stop, {asked.members} members: installs begun too late", late.total(), "", 0)
        sheet.add("stop: begun at a frozen mirror within its lease", within.total(), "")
        trees = {1: root / "few", asked.publishes: root / "many"}
        for releases, place in trees.items():
            place.mkdir()
            publishes(sheet, place, releases, asked.kills if releases > 1 else 0)
        check_at_origin(sheet, trees)
    finally:
        shutil.rmtree(root, ignore_errors=True)
    RESULTS.parent.mkdir(exist_ok=True)
    told = {"python": platform.python_version(), "rows": [asdict(one) for one in sheet.rows]}
    RESULTS.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n")
    missed = [one.what for one in sheet.rows if not one.good]
    print(f"{len(missed)} of {len(sheet.rows)} missed" if missed else "every limit holds")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
