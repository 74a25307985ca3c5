"""Real projects: clean builds pass, and what comes from elsewhere is named as git itself would.

The contaminants are drawn at random from the real history; what each must be called is worked out
with plain git commands, not with our code.
"""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pytest
from hypothesis import settings

from tests.composition import sdists
from tests.composition.bench import Bench
from tests.composition.repo import Repo
from warifu.model import archive
from warifu.model.tree import File, Tree, file
from warifu_wire.errors import Contaminated

pytestmark = pytest.mark.repeats

PROJECTS = ("jupyter-core", "traitlets", "uvicorn")
COMPILED = "uvicorn"
"""The project whose program has compiled members."""


@dataclass
class Real:
    """A project's history and the bench over it."""

    repo: Repo
    commits: dict[str, str]
    bench: Bench

    def git(self, *words: str) -> str:
        return self.repo.git(*words)

    def show(self, commit: str, path: str) -> bytes:
        """A file as it is in a commit (no attributes convert anything in these histories)."""
        command = ["git", "-C", str(self.repo.folder), "cat-file", "blob", f"{commit}:{path}"]
        return subprocess.run(command, capture_output=True, check=True).stdout

    @cached_property
    def clean(self) -> Tree:
        """What the clean build holds."""
        return archive.read(self.bench.depot.get(self.bench.compose().artifact))

    def holding(self, path: str, blob: str, search: tuple[str, ...], *commits: str) -> set[str]:
        """The commits that git finds for a blob, and that do have it at this path."""
        found = self.git(*search, *commits, "--", path).split()
        return {one for one in found if self.git("ls-tree", one, "--", path).find(blob) > 0}

    def hunks(self, commit: str, path: str) -> list[bytes]:
        """The hunks that make a commit's version of the approved one, without their marks."""
        words = ("diff", "-U0", "--no-indent-heuristic", self.commits["approved"], commit)
        command = ["git", "-C", str(self.repo.folder), *words, "--", path]
        return subprocess.run(command, capture_output=True, check=True).stdout.split(b"\n@@ ")[1:]

    def keys(self, commit: str, path: str) -> set[tuple[bytes, bytes]]:
        """Where in the approved file each hunk is, and its lines."""
        rows = (one.partition(b"\n") for one in self.hunks(commit, path))
        return {(head.split(b" ")[0], body.strip(b"\n")) for head, _, body in rows}

    def known(self, data: bytes) -> bool:
        """Whether git has these bytes as an object."""
        name = self.repo.git("hash-object", "--stdin", given=data)
        command = ["git", "-C", str(self.repo.folder), "cat-file", "-e", name]
        return not subprocess.run(command, capture_output=True, check=False).returncode

    def changed(self, one: str, other: str, kinds: str) -> list[str]:
        told = self.git(
            "diff", "--name-only", "--no-renames", f"--diff-filter={kinds}", "-z", one, other
        )
        return [path for path in told.split("\0") if path]


@pytest.fixture(scope="module", params=PROJECTS)
def real(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Real:
    """Each project in turn."""
    folder = tmp_path_factory.mktemp("real")
    name = str(request.param)
    repo, commits = sdists.history(folder / "source", sdists.pins()[name], seed=7)
    bench = Bench.over(folder, _config(repo, commits, name))
    return Real(repo, commits, bench.keeping())


def _config(repo: Repo, commits: dict[str, str], name: str) -> dict[str, object]:
    compile_ = {
        "run": [
            "{python}",
            "-m",
            "compileall",
            "-q",
            "--invalidation-mode",
            "unchecked-hash",
            name,
        ],
        "makes": [f"{name}/*.pyc"],
    }
    return {
        "program": {"product": name, "repository": str(repo.folder)},
        "lines": {
            "released": {"kind": "released", "ref": "refs/heads/released"},
            "main": {
                "kind": "approved",
                "ref": "refs/heads/main",
                "commit": commits["approved"],
                "tree": repo.tree(commits["approved"]),
                "base": commits["base"],
                "changes": [commits["approved"]],
            },
            "next": {"kind": "next", "ref": "refs/heads/next", "planned": "2012-02-12"},
            "part": {"kind": "wip", "ref": "refs/heads/wip/*"},
        },
        "build": {"step": {"compile": compile_}} if name == COMPILED else {},
        "verify": {"import": {"run": ["{python}", "-c", "print()"]}},
    }


def test_a_clean_build_raises_no_alarm(real: Real) -> None:
    made = real.bench.compose()
    tree = archive.read(real.bench.depot.get(made.artifact))
    assert len(tree) >= 45
    assert real.bench.compose(candidate=archive.write(tree)) == made


def test_every_file_of_the_next_tree_is_classified(real: Real) -> None:
    """Each has the class and the commit that git gives for it; a clean member has none."""
    later = real.commits["next"]
    shop, told = real.bench.workshop, real.bench.program
    tree = shop.builder.build(shop.sources.render(told, later), told.recipe)
    found = _judged(real, tree)
    clean = real.clean
    sources = {path for path in found if not path.endswith(".pyc")}
    assert sources == set(real.changed(real.commits["approved"], later, "ADMT"))
    for path in sources & tree.keys():
        _is(found[path], path, _exact(real, clean, path, later))
    assert {found[path]["class"] for path in sources - tree.keys()} <= {"missing"}
    compiled = {path: one["class"] for path, one in found.items() if path.endswith(".pyc")}
    assert bool(compiled) == (told.product == COMPILED)
    assert set(compiled.values()) <= {"derived-from", "missing"}


SEEDS = range(max(2, settings().max_examples // 50))
"""Two draws of contaminants for each project in the gate, forty at night."""


@pytest.mark.parametrize("seed", SEEDS)
def test_random_contaminants_are_named_as_git_names_them(real: Real, seed: int) -> None:
    clean = real.clean
    drawn = _drawn(real, clean, random.Random(seed))
    found = _judged(real, {**clean, **{path: one.file for path, one in drawn.items()}})
    assert set(found) == set(drawn)
    assert {"later", "hybrid", "missing", "mode", "untracked"} <= {
        one.cls for one in drawn.values()
    }
    for path, one in drawn.items():
        _is(found[path], path, one)


@dataclass
class Drawn:
    """A contaminant, and what git says it is: its class, and which commits may be named for it."""

    file: File | None
    cls: str
    named: Callable[[str], bool] = lambda commit: not commit


def _judged(real: Real, tree: Mapping[str, File | None]) -> dict[str, dict[str, Any]]:
    """The findings by member."""
    data = archive.write({path: one for path, one in tree.items() if one is not None})
    with pytest.raises(Contaminated) as caught:
        real.bench.compose(candidate=data)
    return {one["member"]: one for one in json.loads(caught.value.facts["findings"])}


def _is(found: dict[str, Any], path: str, wanted: Drawn) -> None:
    assert found["class"] == wanted.cls, path
    origin = found["origin"]
    assert wanted.named(origin["commit"] if origin else ""), (path, wanted.cls, origin)


def _drawn(real: Real, clean: Tree, chance: random.Random) -> dict[str, Drawn]:
    """Contaminants at random, from any commit of any line."""
    approved = real.commits["approved"]
    own = real.git("rev-list", f"^{approved}", "next", "wip/part").split()
    drawn: dict[str, Drawn] = {}
    for _ in range(9):
        commit = chance.choice(own)
        for path in _some(chance, real.changed(approved, commit, "AM"), 1):
            drawn.setdefault(path, _exact(real, clean, path, commit))
    for path in _some(chance, real.changed(real.commits["oldest"], approved, "M"), 3):
        drawn.setdefault(path, _exact(real, clean, path, real.commits["oldest"]))
    for _ in range(60):
        commit = chance.choice(own)
        for path in _some(chance, real.changed(approved, commit, "M"), 1):
            hunk = _hunk(real, path, commit, chance) if path not in drawn else None
            if hunk is not None:
                drawn[path] = hunk
        if sum(one.cls == "hybrid" for one in drawn.values()) == 4:
            break
    if real.bench.program.product == COMPILED:
        for path in _some(chance, real.changed(approved, "next", "M"), 8):
            drawn |= _compiled(real, clean, path)
    rest = sorted(path for path in clean if path not in drawn and len(clean[path].data) > 40)
    gone, moded, edited = chance.sample([path for path in rest if not path.endswith(".pyc")], 3)
    drawn[gone] = Drawn(None, "missing")
    other = "file" if clean[moded].mode == "exec" else "exec"
    drawn[moded] = Drawn(file(other, clean[moded].data), "mode", lambda _: True)
    drawn[edited] = Drawn(file(clean[edited].mode, b"x" + clean[edited].data), "untracked")
    return drawn


def _some(chance: random.Random, paths: list[str], count: int) -> list[str]:
    return chance.sample(paths, min(count, len(paths)))


def _exact(real: Real, clean: Tree, path: str, commit: str) -> Drawn:
    """A whole file of another commit: later, reverted, stale or relocated, by git's own search."""
    data = real.show(commit, path)
    mode = real.git("ls-tree", commit, "--", path).split()[0]
    blob = real.git("rev-parse", f"{commit}:{path}")
    approved = real.commits["approved"]
    one = file("exec" if mode == "100755" else "file", data)
    if path in clean and clean[path].data == data:
        return Drawn(one, "mode", lambda _: True)
    if len(data.strip()) >= 16 and any(other.data == data for other in clean.values()):
        return Drawn(one, "relocated", lambda _: True)
    search = ("log", "-s", "--format=%H", "-c", "--full-history", f"--find-object={blob}")
    own = real.holding(path, blob, search, f"^{approved}", "next", "wip/part")
    before = real.holding(path, blob, search, approved)
    if own:
        return Drawn(one, "reverted" if before else "later", own.__contains__)
    return Drawn(one, "stale", before.__contains__)


def _hunk(real: Real, path: str, commit: str, chance: random.Random) -> Drawn | None:
    """One hunk of a coming commit's change, cut by git; None where the change has only one."""
    hunks = real.hunks(commit, path)
    if len(hunks) < 2:
        return None
    hunk = chance.choice(hunks)
    numbers, _, body = hunk.partition(b"\n")
    old = numbers.split(b" ")[0][1:].split(b",")
    at, count = int(old[0]), int(old[1]) if len(old) > 1 else 1
    lines = real.show(real.commits["approved"], path).splitlines(keepends=True)
    added = [line[1:] + b"\n" for line in body.rstrip(b"\n").split(b"\n") if line[:1] == b"+"]
    start = at - 1 if count else at
    lines[start : start + count] = added
    telling = [line for line in body.split(b"\n") if len(line[1:].strip()) >= 8]
    data = b"".join(lines)
    if b"\\ No newline" in body or not telling or real.known(data):
        return None
    key = numbers.split(b" ")[0], body.strip(b"\n")

    def made(named: str) -> bool:
        """Whether git cuts this very hunk of the commit's version, and not of its parent's."""
        return key in real.keys(named, path) and key not in real.keys(f"{named}^", path)

    mode = real.git("ls-tree", real.commits["approved"], "--", path).split()[0]
    return Drawn(file("exec" if mode == "100755" else "file", data), "hybrid", made)


def _compiled(real: Real, clean: Tree, path: str) -> dict[str, Drawn]:
    """The compiled member of a changed module, as the next line's tip builds it."""
    shop, told = real.bench.workshop, real.bench.program
    folder, _, name = path.rpartition("/")
    member = f"{folder}/__pycache__/{name.removesuffix('.py')}.cpython-311.pyc"
    if not path.endswith(".py") or member not in clean:
        return {}
    tree = shop.builder.build(shop.sources.render(told, real.commits["next"]), told.recipe)
    if tree[member].data == clean[member].data:
        return {}
    approved = real.commits["approved"]
    commits = set(real.git("log", "--format=%H", f"{approved}..next", "--", path).split())
    return {member: Drawn(tree[member], "derived-from", commits.__contains__)}
