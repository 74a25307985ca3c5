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
    """A repository: two releases approved one after the other, the last one as `next` in parts.

    The parts of the next release are cut at random, one to five files to a commit.
    """
    oldest, base, approved, later = (one.files() for one in releases)
    repo = Repo(folder)
    commits = {"oldest": _release(repo, {}, oldest, releases[0].version)}
    repo.git("branch", "released")
    commits["base"] = _release(repo, oldest, base, releases[1].version)
    commits["approved"] = _release(repo, base, approved, releases[2].version)
    repo.git("checkout", "-q", "-b", "next")
    changed = sorted(
        path for path in approved.keys() | later.keys() if approved.get(path) != later.get(path)
    )
    chance = random.Random(seed)
    chance.shuffle(changed)
    while changed:
        part = [changed.pop() for _ in range(min(len(changed), chance.randint(1, 5)))]
        _write(repo, approved, {path: later[path] for path in part if path in later}, part)
        commits["next"] = repo.commit(f"next: {part[0]}", author="developer three")
    repo.git("checkout", "-q", "main")
    return repo, commits


def _release(repo: Repo, old: Files, new: Files, version: str) -> str:
    _write(repo, old, new, list(old.keys() | new.keys()))
    return repo.commit(f"release {version}")


def _write(repo: Repo, old: Files, new: Files, paths: list[str]) -> None:
    for path in paths:
        if path in new:
            executable, data = new[path]
            repo.write({path: data})
            (repo.folder / path).chmod(0o755 if executable else 0o644)
        elif path in old:
            repo.write({path: None})
