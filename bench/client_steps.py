"""What is measured of the client, each in a process of its own; prints one JSON object.

python -m bench.client_steps STEP FOLDER...
"""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Found = dict[str, Any]


def create(folder: Path, old: Path, new: Path) -> Found:
    """Make the patches of a pair of manifests from the blobs in a served folder."""
    from warifu.engines.targets import deltas
    from warifu.engines.targets.store import FolderStore
    from warifu_wire.manifest import parse

    pair = parse(old.read_bytes()), parse(new.read_bytes())
    before = time.process_time()
    way = deltas.lay(FolderStore(folder), *pair)
    spent = time.process_time() - before
    size = sum(one.size for one in way.patches.values())
    return {"cpu": spent, "rss": _rss(), "bytes": size, "delta": len(way.to_bytes())}


def check(folder: Path) -> Found:
    """One check, imports left out."""
    from warifu_client import applying, machine

    own = machine.opened(folder)
    before = _cpu()
    ended = applying.look_for(own)
    return {"cpu": _cpu() - before, "rss": _rss(), "end": ended.end.value}


def stop_check(folder: Path) -> Found:
    """The question right before the switch."""
    from warifu_client import asking, machine

    own = machine.opened(folder)
    before = _cpu()
    routed = asking.in_force(own, fresh=True)
    return {"cpu": _cpu() - before, "seq": routed.routes.seq}


def update(folder: Path) -> Found:
    """A whole update with its start tests; and the part of it that makes the new tree.

    Imports are left out here as they are of the peer.
    """
    import hdiffpatch

    from warifu_client import applying, machine

    del hdiffpatch
    marks: dict[str, float] = {}
    peaks: dict[str, float] = {}

    def reached(step: str) -> None:
        # Looking at the meter costs, too: only where it is wanted.
        if step in {"manifest", "staged"}:
            marks[step], peaks[step] = _cpu(), _rss()

    own = machine.opened(folder, checkpoint=reached)
    before, wall = _cpu(), time.monotonic()
    ended = applying.apply(own)
    return {
        "cpu": _cpu() - before,
        "wall": time.monotonic() - wall,
        "apply": marks["staged"] - marks["manifest"],
        "apply_rss": peaks["staged"],
        "end": ended.end.value,
    }


def repair(folder: Path) -> Found:
    """Mend a tree, whichever way."""
    from warifu_client import applying, machine

    own = machine.opened(folder)
    before = _cpu()
    ended = applying.repair(own)
    return {"cpu": _cpu() - before, "end": ended.end.value, "release": ended.release}


def switch(folder: Path) -> Found:
    """The rename of the pointer, and an automatic rollback around a start test that costs nothing.

    Wall seconds: here it is waiting that matters.
    """
    from warifu_client import journal, machine, trial
    from warifu_client.journal import Journal, Step
    from warifu_client.layout import release_of
    from warifu_client.machine import Machine, Means
    from warifu_client.starting import Started
    from warifu_wire.outcome import Phase

    own = machine.opened(folder)
    new, old = own.current.read() or "", own.previous.read() or ""
    times = []
    for name in (old, new) * 20:
        half = own.layout.root / "half"
        half.symlink_to(Path("releases") / name)
        before = time.perf_counter()
        half.replace(own.layout.current)
        times.append(time.perf_counter() - before)
    means = Means(own.means.clock, own.means.transport, lambda *_: Started(""))
    bare = Machine(own.layout, own.settings, means)
    release, origin = release_of(new), release_of(old)
    if release is None or origin is None:
        raise SystemExit("the machine has no two releases")
    now = Journal("bench", Step.TRIAL, release, new, origin, old, 1, Phase.TRIAL)
    journal.write(bare, now)
    pointed: list[float] = []

    def reached(step: str) -> None:
        if step == "pointed-back":
            pointed.append(time.perf_counter())

    seen = Machine(
        bare.layout, bare.settings, Means(means.clock, means.transport, means.start, reached)
    )
    before = time.perf_counter()
    trial.back(seen, now, "start-exit-1")
    return {
        "switch": statistics.median(times),
        "rollback": pointed[0] - before,
        "tidied": time.perf_counter() - before,
    }


def limit(old: Path, new: Path) -> Found:
    """Read old, write new, hash new: the least that any patching could take, in CPU seconds."""
    import hashlib
    import tempfile

    changed = [
        path.relative_to(new)
        for path in new.rglob("*")
        if path.is_file() and not path.is_symlink() and not _same(path, old / path.relative_to(new))
    ]
    with tempfile.TemporaryDirectory(dir=new.parent) as name:
        before = time.process_time()
        for path in changed:
            if (old / path).is_file():
                (old / path).read_bytes()
            data = (new / path).read_bytes()
            hashlib.sha256(data).digest()
            (Path(name) / path.name).write_bytes(data)
        spent = time.process_time() - before
    return {"cpu": spent, "files": len(changed)}


def _same(one: Path, two: Path) -> bool:
    return two.is_file() and one.read_bytes() == two.read_bytes()


def _cpu() -> float:
    return sum(
        one.ru_utime + one.ru_stime
        for one in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    )


def _rss() -> float:
    """Largest resident size so far, MB; `ru_maxrss` would tell the parent's where that is more."""
    status = Path("/proc/self/status").read_text("ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


STEPS: dict[str, Callable[..., Found]] = {
    one.__name__.replace("_", "-"): one
    for one in (create, check, stop_check, update, repair, switch, limit)
}

if __name__ == "__main__":
    verb, *paths = sys.argv[1:]
    print(json.dumps(STEPS[verb](*map(Path, paths))))
