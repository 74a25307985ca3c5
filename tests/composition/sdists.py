"""Real histories: consecutive releases of real projects as source distributions, pinned by hash.

Downloaded by pip once, into the virtual environment's own folder, and checked against the pins.
"""

from __future__ import annotations

import hashlib
import io
import random
import re
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path

from tests.composition.repo import Repo

ROUNDS = 4
PINS = Path(__file__).parents[2] / "requirements"
CACHE = Path(sys.prefix) / "sdists"
_PIN = re.compile(r"(\S+)==(\S+) --hash=sha256:([0-9a-f]{64})")

Files = dict[str, tuple[bool, bytes]]
"""Path to executable bit and bytes."""


@dataclass(frozen=True)
class Pin:
    """A release: its project, its version, the sha256 of its archive."""

    project: str
    version: str
    sha256: str

    @property
    def path(self) -> Path:
        """Where the archive lies once it is there."""
        return CACHE / f"{self.project.replace('-', '_')}-{self.version}.tar.gz"

    def files(self) -> Files:
        """The files of the release."""
        data = self.path.read_bytes()
        assert hashlib.sha256(data).hexdigest() == self.sha256
        found: Files = {}
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            for entry in tar:
                stream = tar.extractfile(entry) if entry.isreg() else None
                if stream is not None:
                    path = entry.name.partition("/")[2]
                    found[path] = (bool(entry.mode & 0o111), stream.read())
        return found


def pins() -> dict[str, list[Pin]]:
    """Every project's releases, oldest first; downloaded where one is not there yet."""
    found: dict[str, list[Pin]] = {}
    for number in range(1, ROUNDS + 1):
        listed = PINS / f"sdists-{number}.txt"
        rows = [Pin(*row) for row in _PIN.findall(listed.read_text())]
        if not all(one.path.exists() for one in rows):
            _download(listed)
        for one in rows:
            found.setdefault(one.project, []).append(one)
    return found


def _download(listed: Path) -> None:
    CACHE.mkdir(exist_ok=True)
    command = [
        sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":all:",
        "--no-build-isolation", "--require-hashes", "-r", str(listed), "-d", str(CACHE),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def history(folder: Path, releases: list[Pin], seed: int) -> tuple[Repo, dict[str, str]]:
    """A repository: three releases after each other, and what comes as lines cut at random.

    `next` becomes the last release, `wip/part` a part of it, cut otherwise. A file changes in up to
    three commits, some go back to an older version and forth again, and a side branch is merged
    with a file that only the merge commit has.
    """
    oldest, base, approved, later = (one.files() for one in releases)
    repo, chance = Repo(folder), random.Random(seed)
    commits = {"oldest": _release(repo, {}, oldest, releases[0].version)}
    repo.git("branch", "released")
    commits["base"] = _release(repo, oldest, base, releases[1].version)
    commits["approved"] = _release(repo, base, approved, releases[2].version)
    paths = sorted(
        path for path in approved.keys() | later.keys() if approved.get(path) != later.get(path)
    )
    repo.git("checkout", "-q", "-b", "wip/part")
    some = chance.sample(paths, max(1, len(paths) // 3))
    _line(repo, _steps(approved, later, some, base, chance), chance, "developer two")
    commits["wip"] = repo.head
    repo.git("checkout", "-q", "-b", "next", commits["approved"])
    chance.shuffle(paths)
    half = len(paths) // 2
    _line(repo, _steps(approved, later, paths[:half], base, chance), chance, "developer three")
    repo.git("checkout", "-q", "-b", "side")
    _line(repo, _steps(approved, later, paths[half:], base, chance), chance, "developer four")
    repo.git("checkout", "-q", "next")
    repo.commit("next: on its own", {"OWN.txt": "what only the next line has\n"})
    repo.git("merge", "-q", "--no-commit", "--no-ff", "side")
    commits["next"] = repo.commit("next: merge", {"EVIL.txt": f"born in a merge, {seed}\n"})
    repo.git("branch", "-q", "-D", "side")
    repo.git("checkout", "-q", "main")
    return repo, commits


Steps = dict[str, list[tuple[bool, bytes] | None]]
"""What each path becomes, one version after another; None is gone."""


def _steps(
    approved: Files, later: Files, paths: list[str], base: Files, chance: random.Random
) -> Steps:
    """The way of every path from the approved version to the later one."""
    found: Steps = {}
    for path in paths:
        last = later.get(path)
        way: list[tuple[bool, bytes] | None] = []
        if path in approved and last is not None:
            way += [(last[0], one) for one in _between(approved[path][1], last[1], chance)]
        if path in base and base[path] != approved.get(path) and chance.random() < 0.3:
            way.append(base[path])
        found[path] = [*way, last]
    return found


def _between(old: bytes, new: bytes, chance: random.Random) -> list[bytes]:
    """Up to two versions on the way, each with some more of the changed places."""
    lines, other = old.splitlines(keepends=True), new.splitlines(keepends=True)
    cuts = [one for one in SequenceMatcher(None, lines, other).get_opcodes() if one[0] != "equal"]
    stages = [chance.randint(0, 2) for _ in cuts]
    found = []
    for stage in (0, 1):
        made = list(lines)
        for (_, a, b, c, d), when in reversed(list(zip(cuts, stages, strict=True))):
            if when <= stage:
                made[a:b] = other[c:d]
        found.append(b"".join(made))
    kept = [one for one in dict.fromkeys(found) if one not in (old, new)]
    return kept if chance.random() < 0.7 else []


def _line(repo: Repo, steps: Steps, chance: random.Random, author: str) -> None:
    """Commit all steps, one to five at a time; each path's in their order."""
    while steps:
        part = chance.sample(sorted(steps), min(len(steps), chance.randint(1, 5)))
        for path in part:
            version = steps[path].pop(0)
            if version is not None:
                _put(repo, path, version)
            elif (repo.folder / path).exists():
                repo.write({path: None})
            if not steps[path]:
                del steps[path]
        repo.commit(f"change {part[0]}", author=author)


def _release(repo: Repo, old: Files, new: Files, version: str) -> str:
    _write(repo, old, new, list(old.keys() | new.keys()))
    return repo.commit(f"release {version}")


def _write(repo: Repo, old: Files, new: Files, paths: list[str]) -> None:
    for path in paths:
        if path in new:
            _put(repo, path, new[path])
        elif path in old:
            repo.write({path: None})


def _put(repo: Repo, path: str, version: tuple[bool, bytes]) -> None:
    executable, data = version
    repo.write({path: data})
    (repo.folder / path).chmod(0o755 if executable else 0o644)
