"""The client against its limits and its peer: `python -m bench.client`, 1 where a limit is missed.

CPU seconds are user and system, of the process measured and its children, so that other work on the
machine does not decide; the peer runs in the same run on the same pairs, in its own environment.
Figures go to bench/results/client.json.
"""

from __future__ import annotations

import importlib
import json
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

from tuf.api.metadata import TargetFile

from bench import client_pairs
from bench.client_pairs import ROOT, Pair
from warifu.engines.targets import deltas
from warifu.engines.targets.store import FolderStore
from warifu_client import looking, settings
from warifu_client.layout import Layout
from warifu_client.settings import Settings
from warifu_wire import delta
from warifu_wire.manifest import Kind, Manifest, Member

# The tests' own provider: a real TUF repository and server, and no package that types are read of.
_made = importlib.import_module("tests.client.provider")
_served = importlib.import_module("tests.client.serving")
PRODUCT: str = _made.PRODUCT
Provider: TypeAlias = Any
Release: TypeAlias = Any
Site: TypeAlias = Any

RESULTS = Path(__file__).parent / "results" / "client.json"
RUNS = 5
MB = 1_000_000.0
Found = dict[str, Any]


@dataclass
class Sheet:
    """The figures and whether they hold; printed as they come."""

    rows: list[Found] = field(default_factory=list)

    def add(self, what: str, found: float, unit: str, most: float | None, note: str = "") -> None:
        """One figure with the most it may be; None where it is only told."""
        good = most is None or found <= most
        self.rows.append(
            {"what": what, "found": round(found, 6), "unit": unit, "most": most, "note": note}
            | {"good": good}
        )
        bound = "" if most is None else f"  (at most {most:g})"
        mark = "ok  " if good else "MISS"
        print(f"{mark} {what}: {found:,.4g} {unit}{bound}  {note}".rstrip(), flush=True)

    @property
    def good(self) -> bool:
        """Whether every limit holds."""
        return all(row["good"] for row in self.rows)


def step(name: str, *paths: Path | str) -> Found:
    """Run one measured step in a process of its own."""
    command = [sys.executable, "-m", "bench.client_steps", name, *map(str, paths)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stdout}{done.stderr}")
    found: Found = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def median(runs: list[Found], name: str) -> float:
    """The median of one figure of several runs."""
    return statistics.median([float(one[name]) for one in runs])


def frozen(folder: Path, start: tuple[str, ...], kind: Kind) -> Release:
    """A program folder as a release."""
    found = looking.files(folder, None)
    members, contents = [], {}
    for path, (mode, sha) in sorted(found.items()):
        place = folder / path
        data = str(place.readlink()).encode() if mode == "link" else place.read_bytes()
        members.append(Member(path, mode, sha, len(data)))
        contents[sha] = data
    label = {"ja": folder.name, "en": folder.name}
    return _made.Release(Manifest(PRODUCT, kind, label, tuple(members), (), start), contents)


@contextmanager
def world(pair: Pair, folder: Path) -> Iterator[tuple[Provider, Site, Release, Release]]:
    """A provider that serves the old release of a pair, and knows the new one."""
    provider = _made.Provider(folder / "site", lambda: datetime.now(UTC))
    old = frozen(pair.old, pair.start, Kind.INSTALL)
    new = frozen(pair.new, pair.start, Kind.UPDATE)
    provider.publish(old)
    with _served.serving(provider.folder) as site:
        yield provider, site, old, new


def installed(folder: Path, provider: Provider, site: Site) -> Path:
    """A machine with what the provider offers."""
    settings.write(Layout(folder), Settings(site.address, PRODUCT), provider.root)
    provider.lease()
    step("update", folder)
    return folder


def measure_pair(sheet: Sheet, pair: Pair, folder: Path, most: Found) -> None:
    """Patch bytes, making, applying and the whole update of one pair."""
    with world(pair, folder) as (provider, site, old, new):
        before = installed(folder / "before", provider, site)
        manifests = folder / "old.json", folder / "new.json"
        manifests[0].write_bytes(old.manifest.to_bytes())
        manifests[1].write_bytes(new.manifest.to_bytes())
        provider.publish(old, new)
        made = step("create", provider.folder, *manifests)
        way = deltas.lay(FolderStore(provider.folder), old.manifest, new.manifest)
        provider.put("releases", delta.path(PRODUCT, new.id, old.id), way.to_bytes())
        provider.sign_roles("releases")
        name = pair.name
        size = sum(one.size for one in new.manifest.members)
        told = f"{len(new.manifest.members)} files, {size / MB:.0f} MB, {len(way.patches)} patched"
        fresh = _blobs(provider, way)
        sheet.add(
            f"{name}: to download", made["bytes"] + made["delta"] + fresh, "B", most["bytes"], told
        )
        if "create" in most:
            sheet.add(f"{name}: create", made["cpu"], "CPU-s", most["create"])
            sheet.add(f"{name}: create", made["rss"], "MB", most["create_rss"])
        runs = []
        for number in range(RUNS):
            mine = folder / f"run-{number}"
            shutil.copytree(before, mine, symlinks=True)
            provider.lease()
            runs.append(step("update", mine))
        sheet.add(
            f"{name}: apply to a verified tree", median(runs, "apply"), "CPU-s", most.get("apply")
        )
        sheet.add(f"{name}: apply", median(runs, "apply_rss"), "MB", most.get("apply_rss"))
        sheet.add(
            f"{name}: whole update, two start tests",
            median(runs, "cpu"),
            "CPU-s",
            most.get("whole"),
        )
        least = step("limit", pair.old, pair.new)
        ratio = median(runs, "apply") / least["cpu"]
        sheet.add(f"{name}: apply / (read old + write new + hash new)", ratio, "x", None)
        if "peer" in most:
            _peer(sheet, pair, folder, made, runs)
            _check(sheet, folder / "run-0", provider, site)
            _half_copied(sheet, folder, before, provider, site, (old, new))
            _interrupted(sheet, folder, before, provider, site)
            times = step("switch", folder / "run-1")
            sheet.add("switch: the rename", times["switch"] * 1e3, "ms", 5)
            sheet.add("rollback without its start test", times["rollback"] * 1e3, "ms", 50)


def _blobs(provider: Provider, way: delta.Delta) -> int:
    """Bytes of what travels whole: changed files without a patch that the old release lacks."""
    whole = {one.sha256 for one in way.changed} - set(way.patches)
    paths = [provider.folder / "blobs" / one[:2] / f"{one}.zst" for one in whole]
    return sum(path.stat().st_size for path in paths)


def _peer(sheet: Sheet, pair: Pair, folder: Path, made: Found, runs: list[Found]) -> None:
    """tufup on the same pair."""
    python = client_pairs.environment("tufup")
    script = str(Path(__file__).parent / "client_tufup.py")

    def run(verb: str, *paths: Path) -> Found:
        (folder / "peer").mkdir(exist_ok=True)
        done = subprocess.run(
            [str(python), script, verb, str(folder / "peer"), *map(str, paths)],
            cwd=folder / "peer",
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"tufup {verb} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        found: Found = json.loads(done.stdout.strip().splitlines()[-1])
        return found

    create, apply = run("create", pair.old, pair.new), run("apply", folder / "peer-machine")
    told = f"tufup {create['cpu']:.1f} CPU-s, {create['rss']:.0f} MB, {create['bytes']:,} B"
    sheet.add("tufup's share: create, ours / theirs", made["cpu"] / create["cpu"], "x", 0.1, told)
    told = f"tufup {apply['cpu']:.1f} CPU-s, {apply['rss']:.0f} MB"
    ours = median(runs, "apply")
    sheet.add("tufup's share: apply, ours / theirs", ours / apply["cpu"], "x", 1 / 40, told)


def _check(sheet: Sheet, machine: Path, provider: Provider, site: Site) -> None:
    """A check with nothing new, from a hundred targets to a hundred thousand."""
    found: dict[int, float] = {}
    for count in (100, 10_000, 100_000):
        targets = provider.metadata["releases"].signed.targets
        for number in range(len(targets), count):
            path = f"programs/{PRODUCT}/{number:064x}.zip"
            targets[path] = TargetFile(1_000, {"sha256": f"{number:064x}"}, path)
        provider.sign_roles("releases")
        first = step("check", machine)
        provider.lease()
        site.asked.clear()
        runs = [step("check", machine) for _ in range(RUNS)]
        found[count] = median(runs, "cpu")
        rss = median(runs, "rss")
        requests = len(site.asked) / RUNS
        size = sum(one.sent for one in site.asked) / RUNS
        told = f"{count:,} targets; {first['cpu']:.2f} CPU-s the first time after a publication"
        sheet.add("check, nothing new", found[count], "CPU-s", 0.05, told)
        sheet.add("check, nothing new", rss, "MB", 45, f"{count:,} targets")
        sheet.add("check, nothing new", requests, "requests", 2)
        sheet.add("check, nothing new", size, "B", 500)
    flat = max(found.values()) / min(found.values())
    sheet.add("check, most / least over 10^2 to 10^5 targets", flat, "x", 1.3)
    site.asked.clear()
    step("stop-check", machine)
    sheet.add("stop check", len(site.asked), "requests", 2)
    sheet.add("stop check", sum(one.sent for one in site.asked), "B", 1_000)


def _half_copied(
    sheet: Sheet,
    folder: Path,
    before: Path,
    provider: Provider,
    site: Site,
    pair: tuple[Release, Release],
) -> None:
    """Somebody else's installer was killed while it copied the new release over the old one.

    A repair goes on or back, whichever needs fewer bytes; at most what the files that differ take.
    """
    had = {one.path: one for one in pair[0].manifest.members}
    changed = [
        one
        for one in pair[1].manifest.members
        if one.path in had and had[one.path].sha256 != one.sha256
    ]

    def size(shas: Iterable[str]) -> int:
        paths = [provider.folder / "blobs" / sha[:2] / f"{sha}.zst" for sha in set(shas)]
        return sum(path.stat().st_size for path in paths)

    for share in (10, 50, 90):
        mine = folder / f"half-{share}"
        shutil.copytree(before, mine, symlinks=True)
        cut = len(changed) * share // 100
        for one in changed[:cut]:
            place = (mine / "current").resolve() / one.path
            place.unlink()
            place.write_bytes(pair[1].contents[one.sha256])
            place.chmod(0o755 if one.mode == "exec" else 0o644)
        on = size(one.sha256 for one in changed[cut:])
        back = size(had[one.path].sha256 for one in changed[:cut])
        provider.lease()
        site.asked.clear()
        found = step("repair", mine)
        sent = sum(one.sent for one in site.asked if one.path.startswith(("/blobs", "/patches")))
        told = f"{found['end']}; whole files on {on:,} B, back {back:,} B"
        sheet.add(f"repair of a tree {share} % copied", sent, "B", 1.05 * min(on, back), told)


def _interrupted(sheet: Sheet, folder: Path, before: Path, provider: Provider, site: Site) -> None:
    """A connection that breaks every 300 kB of a download."""
    mine = folder / "cut"
    shutil.copytree(before, mine, symlinks=True)
    shutil.rmtree(provider.folder / "patches")
    cuts = 0

    def cut(asked: Any, answer: Any) -> Any:
        nonlocal cuts
        if "/blobs/" in asked.path and len(answer.body) > 300_000:
            cuts += 1
            answer.cut = 300_000
        return answer

    site.mischief = cut
    site.asked.clear()
    provider.lease()
    step("update", mine)
    site.mischief = None
    sent = sum(one.sent for one in site.asked if "/blobs/" in one.path)
    whole = {one.path for one in site.asked if "/blobs/" in one.path}
    size = sum((provider.folder / one.lstrip("/")).stat().st_size for one in whole)
    most = size + cuts * 65_536
    sheet.add("bytes after interruptions", sent, "B", most, f"{size:,} B in {cuts} pieces more")


LIMITS: dict[str, Found] = {
    "L": {
        "bytes": 3.3 * MB,
        "create": 20,
        "create_rss": 150,
        "apply": 0.7,
        "apply_rss": 100,
        "whole": 2.5,
        "peer": True,
    },
    "M": {"bytes": 2_000},
    "S": {"bytes": 2_000},
}


def main() -> int:
    """Measure everything; 1 when a limit is missed."""
    sheet = Sheet()
    for pair in client_pairs.pairs():
        with tempfile.TemporaryDirectory(dir=client_pairs.KEPT) as name:
            measure_pair(sheet, pair, Path(name), LIMITS[pair.name[0]])
    told = {"machine": platform.machine(), "python": platform.python_version(), "rows": sheet.rows}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return 0 if sheet.good else 1


if __name__ == "__main__":
    sys.exit(main())
