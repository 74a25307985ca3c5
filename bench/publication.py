"""Publication against its limits and its peers: `python -m bench.publication`, 1 where one misses.

CPU seconds are those of the process measured and its children, so that other work on the machine
does not decide. Figures go to bench/results/publication.json.
"""

from __future__ import annotations

import argparse
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
import sys
import tempfile
import time
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
from warifu_wire import check
from warifu_wire.digest import of_bytes
from warifu_wire.manifest import Kind, Manifest

# The tests' own house, members, servers and mutations, of which no types are read.
house = importlib.import_module("tests.targets.house")
member = importlib.import_module("tests.targets.member")
mutation = importlib.import_module("tests.targets.mutation")
process = importlib.import_module("tests.targets.process")
running = importlib.import_module("tests.web.running")
decision = importlib.import_module("tests.wire.many")

RESULTS = Path(__file__).parent / "results" / "publication.json"
LEASE = "/metadata/timestamp.json"


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


def check_at_origin(sheet: Sheet, root: Path, releases: int) -> dict[str, float]:
    """The lease as a client asks for it: nginx and our own process on the same tree."""
    port = running.free_port()
    found: dict[str, float] = {}
    command = (sys.executable, "-m", "tests.web.server", root, str(port))
    with (
        running.running(*command, port=port) as own,
        running.behind_nginx(root, f"http://127.0.0.1:{port}") as address,
    ):
        nginx = int((root / "nginx.pid").read_text())
        front = int(address.rpartition(":")[2])
        for name, pid, at in (("nginx", nginx, front), ("own", own.pid, port)):
            runs = [origin.per_request(pid, at, LEASE) for _ in range(3)]
            found[name] = statistics.median(runs)
    of = f"CPU a check, {releases} past releases"
    sheet.add(f"{of}: nginx", found["nginx"], "µs", 30)
    sheet.add(f"{of}: own process, times nginx", found["own"] / found["nginx"], "x", 6)
    return found


def publishes(sheet: Sheet, root: Path, count: int, kills: int) -> None:
    """A member polls through publications, some killed at a random moment: no mixed view."""
    live = house.House(root / "public", now=datetime.now(UTC)).found()
    reader = member.local(live.folder, root / "member")
    dice, mixed, killed, looks = random.Random(2012), 0, 0, 0
    for number in range(1, count + 1):
        release = live.release(f"print({number})", rank=number, kind=Kind.INSTALL)
        live.now = datetime.now(UTC)
        road = live.approve(live.routes(release))
        for attempt in range(100):
            act = _enacting(live, road, release)
            child = process.forked(act)
            if not attempt and dice.random() < kills / count:
                time.sleep(dice.random() * 0.08)
                os.kill(child, signal.SIGKILL)
                killed += 1
            looks += 1
            mixed += not _whole(reader)
            if process.waited(child) == 0:
                break
    sheet.add(
        f"mixed views in {looks} looks at {count} publications, {killed} killed", mixed, "", 0
    )


def _enacting(live: Any, road: Any, release: Any) -> Callable[[], object]:
    return lambda: live.open().enact(road, release.files, live.depot, live.now)


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
    machines = [f"{ids.getrandbits(128):032x}" for _ in range(count)]
    share, now = 100_000, datetime.now(UTC)
    for name, first, second, limit in (
        ("ours", ramp.ours("a", share, now), ramp.ours("b", share, now), 3.0),
        ("dice per request (Balrog)", ramp.dice(1, share), ramp.dice(2, share), None),
        (
            "one number per machine (electron-updater)",
            ramp.staging(share),
            ramp.staging(share),
            None,
        ),
    ):
        found = ramp.measure(first, second, machines, share)
        told = " / ".join(f"{one:.1f}" for one in found.shares)
        sheet.add(f"ramp 10 %, {name}: offered {told} %, off by", found.off(10, count), "σ", limit)
        sheet.add(f"ramp 10 %, {name}: withdrawn", found.withdrawn, "", limit and 0)
        sheet.add(f"ramp 10 %, {name}: overlap of two releases", abs(found.overlap), "σ", limit)


def size(sheet: Sheet, root: Path, megabytes: int) -> None:
    """Publishing a program set against hashing and copying it once, durably, in the same way."""
    live = house.House(root / "public", depot=FolderDepot(root / "depot")).found()
    dice = random.Random(2012)
    words = [dice.randbytes(8).hex().encode() for _ in range(4_000)]
    half = megabytes * 2_500
    files = {
        f"lib/{number:03}.bin": tree.file("file", _bytes(number, half, words, dice))
        for number in range(400)
    }
    made = Manifest(house.PRODUCT, Kind.INSTALL, {}, tree.members(files), (), ("{python}",))
    zipped = archive.write(files)
    told = live.vsa(made, zipped)
    for data in (made.to_bytes(), zipped, told.to_bytes()):
        live.depot.put(of_bytes(data), io.BytesIO(data))
    release = house.Release(made, zipped, told, 1)
    road = live.approve(live.routes(release))

    def once() -> None:
        for one in files.values():
            hashlib.sha256(one.data).hexdigest()
        names = ((f"copy/{path}", one.data) for path, one in files.items())
        FolderStore(root / "other").put_all(names)

    def enact() -> None:
        live.repository.enact(road, release.files, live.depot, live.now)

    walls = []
    for work in (once, enact):
        begun, used = time.monotonic(), cpu(work)
        walls.append((time.monotonic() - begun, used))
    sheet.add(f"hash and copy {megabytes} MB once, to disk", walls[0][0], "s")
    sheet.add("publish it, times that", walls[1][0] / walls[0][0], "x", 3)
    sheet.add("publish it, CPU, times that of hashing and copying", walls[1][1] / walls[0][1], "x")


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
        (root / "stop").mkdir()
        late, within, took = stop.run(root / "stop", asked.members)
        sheet.add("stop: to signed and fetched back", took, "s", 2)
        sheet.add(f"stop, {asked.members} members: installs begun too late", late.total(), "", 0)
        sheet.add("stop: begun at a frozen mirror within its lease", within.total(), "")
        (root / "few").mkdir()
        publishes(sheet, root / "few", 1, 0)
        few = check_at_origin(sheet, root / "few", 1)
        (root / "many").mkdir()
        publishes(sheet, root / "many", asked.publishes, asked.kills)
        many = check_at_origin(sheet, root / "many", asked.publishes)
        for name in ("nginx", "own"):
            grown = (many[name] / few[name] - 1) * 100
            sheet.add(
                f"a check after {asked.publishes} releases costs more: {name}", grown, "%", 10
            )
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
