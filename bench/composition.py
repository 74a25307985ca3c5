"""Composition against its limits and its peers: `python -m bench.composition`, 1 where one misses.

Limits are judged in CPU seconds of this process and its children, so that other work on the machine
does not decide; peers run in the same run. Figures go to bench/results/composition.json.
"""

from __future__ import annotations

import json
import platform
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from warifu.engines.build.builder import SandboxBuilder
from warifu.engines.build.suites import SandboxSuites
from warifu.engines.sources.git import SEALED, located, sealed
from warifu.engines.sources.index import Index
from warifu.engines.sources.repository import GitSources
from warifu.model import archive, gate
from warifu.model.classes import NOTHING, Class
from warifu.model.edits import Effort
from warifu.model.inspection import inspect
from warifu.model.judge import judge
from warifu.model.lines import accept
from warifu.model.ports_source import Workshop
from warifu.model.program import Program, program
from warifu.model.recipe import Recipe
from warifu.model.tree import file
from warifu.model.why import page
from warifu.model.why_words import Language

COMMITS, PATHS, MORE = 80_000, 5_000, 1_000
FILES, SIZE = 5_000, 10_000
RESULTS = Path(__file__).parent / "results" / "composition.json"


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement: what, how much of what, the limit, and the peer's figure in the same run."""

    what: str
    found: float
    unit: str
    limit: float
    peer: str = ""
    peer_found: float = 0.0

    @property
    def good(self) -> bool:
        """Whether the limit holds."""
        return self.found <= self.limit

    def __str__(self) -> str:
        ratio = ""
        if self.peer:
            ratio = f"  {self.peer} {self.peer_found:.3f} (x {self.peer_found / self.found:,.1f})"
        mark = "ok  " if self.good else "MISS"
        return f"{mark} {self.what:<58} {self.found:>8.3f} {self.unit:<5} ≤ {self.limit:g}{ratio}"


@contextmanager
def cpu() -> Iterator[Callable[[], float]]:
    """CPU seconds of this process and its finished children since the block began."""
    before = _spent()
    after: list[float] = []
    yield lambda: after[0] if after else _spent() - before
    after.append(_spent() - before)


def _spent() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def git(folder: Path, *words: str, given: bytes = b"") -> str:
    """Plain git in the synthetic repository."""
    command = ["git", "-c", "safe.directory=*", "-C", str(folder), *words]
    done = subprocess.run(command, input=given, capture_output=True, env=SEALED, check=True)
    return done.stdout.decode().strip()


def history(commits: int, start: int, parent: str, ref: str, seed: int) -> Iterator[bytes]:
    """A fast-import stream: two new blobs in each commit, spread over the paths."""
    chance = random.Random(seed)
    for number in range(start, start + commits):
        yield b"commit %s\n" % ref.encode()
        when = 1_000_000_000 + number * 60
        yield b"committer developer one <developer@example.invalid> %d +0900\n" % when
        subject = b"change %d" % number
        yield b"data %d\n%s\n" % (len(subject), subject)
        if number == start and parent:
            yield b"from %s\n" % parent.encode()
        for _ in range(2):
            data = b"line %d of %d\n" % (number, chance.randrange(1 << 60))
            path = b"part%d/file%d.py" % (chance.randrange(50), chance.randrange(PATHS // 50))
            yield b"M 100644 inline %s\ndata %d\n%s\n" % (path, len(data), data)


def synthetic(folder: Path) -> tuple[str, str]:
    """Approved and next of a large history; the ids of both tips."""
    folder.mkdir()
    git(folder, "init", "-q", "--bare", ".")
    own = COMMITS // 20
    stream = [*history(COMMITS - own, 0, "", "refs/heads/approved", 1)]
    stream += history(own, COMMITS, "refs/heads/approved", "refs/heads/next", 2)
    git(folder, "fast-import", "--quiet", given=b"".join(stream))
    return git(folder, "rev-parse", "approved"), git(folder, "rev-parse", "next")


def indexing(folder: Path, work: Path) -> Iterator[Row]:
    """The index at once, and continued."""
    approved, later = synthetic(folder)
    view = sealed(work / "sealed.git", [located(folder)])
    index = Index(work / "index.sqlite")
    with cpu() as spent:
        index.update(view, [approved, later])
    index.close()
    size = sum(one.stat().st_size for one in work.glob("index.sqlite*"))
    assert _objects(work / "index.sqlite") > 1.99 * COMMITS, "nearly two new blobs in each commit"
    yield Row(f"index of {COMMITS:,} commits, {2 * COMMITS:,} blobs", spent(), "CPU-s", 20)
    yield Row("index on disk", size / 1e6, "MB", 20)
    stream = history(MORE, 2 * COMMITS, "refs/heads/next^0", "refs/heads/next", 3)
    git(folder, "fast-import", "--quiet", given=b"".join(stream))
    index = Index(work / "index.sqlite")
    with cpu() as spent:
        index.update(view, [approved, git(folder, "rev-parse", "next")])
    index.close()
    yield Row(f"index continued by {MORE:,} commits", spent(), "CPU-s", 1)


def _objects(index: Path) -> int:
    """How many different objects the index knows."""
    with closing(sqlite3.connect(index)) as rows:
        return int(rows.execute("SELECT count(DISTINCT object) FROM brought").fetchone()[0])


def described(folder: Path, base: str = "") -> Program:
    """The program of a bare repository with the lines approved and next."""
    commit = git(folder, "rev-parse", "approved")
    base = base or git(folder, "rev-parse", "approved~1")
    return program(
        {
            "program": {"product": "bench", "repository": str(folder)},
            "lines": {
                "approved": {
                    "kind": "approved",
                    "ref": "refs/heads/approved",
                    "commit": commit,
                    "tree": git(folder, "rev-parse", "approved^{tree}"),
                    "base": base,
                    "changes": git(folder, "rev-list", f"{base}..{commit}").split(),
                },
                "next": {"kind": "next", "ref": "refs/heads/next", "planned": "2012-02-12"},
            },
        }
    )


def shop(work: Path) -> Workshop:
    """Real sources, and builders that have no steps to run."""
    one, other = SandboxBuilder("urn:bench:one"), SandboxBuilder("urn:bench:two")
    return Workshop(GitSources(work, work / "index.sqlite"), one, other, SandboxSuites())


def attributing(folder: Path, work: Path) -> Iterator[Row]:
    """One file of next, named by us and looked for by git."""
    told = described(folder)
    workshop = shop(work)
    path = git(folder, "log", "-1", "--format=", "--name-only", "next~99").splitlines()[0]
    blob = git(folder, "rev-parse", f"next:{path}")
    data = git(folder, "cat-file", "-p", blob).encode() + b"\n"
    wanted = workshop.sources.render(told, told.approved.commit).files
    found = {**wanted, path: file("file", data)}
    index = Index(work / "index.sqlite")
    with cpu() as looked:
        for _ in range(1_000):
            assert index.places(blob)
    index.close()
    with cpu() as peer:
        git(folder, "log", "--all", f"--find-object={blob}", "--format=%H")
    yield Row(
        "one look-up in the index", looked(), "ms", 10, "git log --find-object", peer() * 1_000
    )
    with cpu() as spent:
        (finding,) = inspect(workshop, told, wanted, found).findings
    assert finding.origin is not None
    assert finding.origin.line == "next"
    yield Row("one file attributed, whole answer", spent(), "CPU-s", peer(), "find-object", peer())


def attributing_all(folder: Path, work: Path) -> Iterator[Row]:
    """The whole program of next: every file that differs named, in one answer."""
    told = described(folder)
    workshop = shop(work)
    wanted = workshop.sources.render(told, told.approved.commit).files
    found = workshop.sources.render(told, git(folder, "rev-parse", "next")).files
    with cpu() as spent:
        findings = inspect(workshop, told, wanted, found).findings
    assert len(findings) > PATHS // 2
    assert {one.cls for one in findings} == {Class.LATER}
    yield Row(f"whole program of next, {len(findings):,} files named", spent(), "CPU-s", 10)


def gating(folder: Path, work: Path) -> Iterator[Row]:
    """The gate on 5,000 files and 50 MB, one of them from next; no build step to run."""
    folder.mkdir()
    git(folder, "init", "-q", "--bare", ".")
    chance = random.Random(4)
    head = b"commit refs/heads/%s\ncommitter a <a@example.invalid> %d +0900\ndata 1\nx\n"
    stream = [head % (b"approved", 1_000_000_000)]
    for number in range(FILES):
        data = b"".join(b"%x\n" % chance.getrandbits(256) for _ in range(SIZE // 65))
        stream.append(b"M 100644 inline p%d/f%d\ndata %d\n" % (number % 50, number, len(data)))
        stream.append(data + b"\n")
    stream.append(head % (b"approved", 1_000_000_060) + b"M 100644 inline a\ndata 1\na\n")
    stream.append(head % (b"next", 1_000_000_120) + b"from refs/heads/approved\n")
    stream.append(b"M 100644 inline p1/f1\ndata 22\nthis is the next line\n\n")
    git(folder, "fast-import", "--quiet", given=b"".join(stream))
    told = described(folder)
    workshop = shop(work)
    wanted = workshop.sources.render(told, told.approved.commit).files
    good = archive.write(wanted)
    bad = archive.write({**wanted, "p1/f1": file("file", b"this is the next line\n")})
    for name, data, findings in (("clean", good, 0), ("contaminated", bad, 1)):
        fresh = shop(work)
        began = time.perf_counter()
        with cpu() as spent:
            accept(told.approved, fresh.sources.survey(told))
            source = fresh.sources.render(told, told.approved.commit)
            rebuilt = fresh.rebuilder.build(source, told.recipe)
            expected = gate.expected(source, told.recipe, rebuilt)
            inspected = inspect(fresh, told, expected, archive.read(data))
        wall = time.perf_counter() - began
        assert len(inspected.findings) == findings
        size = sum(len(one.data) for one in wanted.values()) / 1e6
        what = f"gate, {FILES:,} files, {size:.0f} MB, {name} (wall {wall:.1f} s)"
        yield Row(what, spent(), "CPU-s", 3)


def comparing(work: Path) -> Iterator[Row]:
    """Two archives of 555 members, 11 of them different: our compare and page, and diffoscope."""
    chance = random.Random(5)
    tree = {
        f"d{number % 20}/f{number}.py": file(
            "file", b"".join(b"value_%d = %d\n" % (n, chance.getrandbits(60)) for n in range(600))
        )
        for number in range(555)
    }
    other = dict(tree)
    for path in list(tree)[::51]:
        data = tree[path].data.replace(b"value_300", b"value_of_next")
        other[path] = file("file", data)
    one, two = work / "one.zip", work / "two.zip"
    one.write_bytes(archive.write(tree))
    two.write_bytes(archive.write(other))
    with cpu() as spent:
        wanted, found = archive.read(one.read_bytes()), archive.read(two.read_bytes())
        suspects = gate.compare(wanted, found, Recipe()).suspects
        findings = [judge(suspect, NOTHING, {}, Effort()) for suspect in suspects]
        page("bench", findings, Language.EN).text()
    assert len(findings) == 11
    with cpu() as peer:
        command = ["diffoscope", "--text", str(work / "report.txt"), str(one), str(two)]
        code = subprocess.run(command, capture_output=True, check=False).returncode
    assert code == 1, "diffoscope must find differences"
    what = "compare of 555 members, 11 differ, with hunks and page"
    yield Row(what, spent(), "CPU-s", peer(), "diffoscope", peer())


def rows() -> Iterator[Row]:
    """Every measurement."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        large, small = place / "large", place / "small"
        large.mkdir()
        small.mkdir()
        yield from indexing(place / "history.git", large)
        yield from attributing(place / "history.git", large)
        yield from attributing_all(place / "history.git", large)
        yield from gating(place / "files.git", small)
        yield from comparing(small)


def main() -> int:
    """Print every row, keep them all, and say whether one missed its limit."""
    found = []
    for row in rows():
        print(row, flush=True)
        found.append(row)
    here = Path(__file__).parent
    RESULTS.parent.mkdir(exist_ok=True)
    told = {
        "commit": git(here, "rev-parse", "HEAD"),
        "machine": f"{platform.machine()}, {platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "rows": [asdict(row) for row in found],
    }
    RESULTS.write_text(json.dumps(told, indent=1, sort_keys=True) + "\n")
    return 0 if all(row.good for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
