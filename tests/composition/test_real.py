"""Real projects: clean builds pass, and what comes from elsewhere is named as git itself would.

The contaminants are drawn at random from the real history; what each must be called is worked out
with plain git commands, not with our code.
"""

from __future__ import annotations

import json
import random
import subprocess
from dataclasses import dataclass

import pytest

from tests.composition import sdists
from tests.composition.bench import Bench
from tests.composition.repo import Repo
from warifu.model import archive
from warifu.model.tree import File, Tree, file
from warifu_wire.errors import Contaminated

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
    approved, later = real.commits["approved"], real.commits["next"]
    shop, told = real.bench.workshop, real.bench.program
    tree = shop.builder.build(shop.sources.render(told, later), told.recipe)
    with pytest.raises(Contaminated) as caught:
        real.bench.compose(candidate=archive.write(tree))
    found = {one["member"]: one["class"] for one in json.loads(caught.value.facts["findings"])}
    sources = {path: cls for path, cls in found.items() if not path.endswith(".pyc")}
    assert set(sources) == set(real.changed(approved, later, "ADMT"))
    assert "untracked" not in found.values()
    compiled = {path: cls for path, cls in found.items() if path.endswith(".pyc")}
    assert bool(compiled) == (told.product == COMPILED)
    assert set(compiled.values()) <= {"derived-from", "missing"}


@pytest.mark.parametrize("seed", range(3))
def test_random_contaminants_are_named_as_git_names_them(real: Real, seed: int) -> None:
    made = real.bench.compose()
    clean = archive.read(real.bench.depot.get(made.artifact))
    drawn = _drawn(real, clean, random.Random(seed))
    tree = {**clean, **{path: one for path, (one, _, _) in drawn.items()}}
    data = archive.write({path: one for path, one in tree.items() if one is not None})
    with pytest.raises(Contaminated) as caught:
        real.bench.compose(candidate=data)
    found = {one["member"]: one for one in json.loads(caught.value.facts["findings"])}
    assert set(found) == set(drawn)
    assert {"later", "missing", "mode", "untracked"} <= {cls for _, cls, _ in drawn.values()}
    for path, (_, cls, commits) in drawn.items():
        assert found[path]["class"] == cls, path
        if commits:
            assert found[path]["origin"]["commit"] in commits, path


Drawn = dict[str, tuple[File | None, str, set[str]]]


def _drawn(real: Real, clean: Tree, chance: random.Random) -> Drawn:
    """Contaminants at random, each with the class and the commits that git gives for it."""
    approved, later = real.commits["approved"], real.commits["next"]
    drawn: Drawn = {}
    for path in _some(chance, real.changed(approved, later, "AM"), 6):
        drawn[path] = _exact(real, clean, path, later)
    for path in _some(chance, real.changed(real.commits["oldest"], approved, "M"), 3):
        drawn.setdefault(path, _exact(real, clean, path, real.commits["oldest"]))
    for path in _some(chance, real.changed(approved, later, "M"), 6):
        hunk = _hunk(real, path, chance)
        if hunk is not None and path not in drawn:
            drawn[path] = hunk
    if real.bench.program.product == COMPILED:
        for path in _some(chance, real.changed(approved, later, "M"), 8):
            drawn |= _compiled(real, clean, path)
    rest = sorted(path for path in clean if path not in drawn and len(clean[path].data) > 40)
    gone, moded, edited = chance.sample([path for path in rest if not path.endswith(".pyc")], 3)
    drawn[gone] = (None, "missing", set())
    drawn[moded] = (file("exec", clean[moded].data), "mode", set())
    if clean[moded].mode == "exec":
        drawn[moded] = (file("file", clean[moded].data), "mode", set())
    drawn[edited] = (file(clean[edited].mode, b"x" + clean[edited].data), "untracked", set())
    return drawn


def _some(chance: random.Random, paths: list[str], count: int) -> list[str]:
    return chance.sample(paths, min(count, len(paths)))


def _exact(real: Real, clean: Tree, path: str, commit: str) -> tuple[File, str, set[str]]:
    """A whole file of another commit: later, reverted, stale or relocated, by git's own search."""
    data = real.show(commit, path)
    mode = real.git("ls-tree", commit, "--", path).split()[0]
    blob = real.git("rev-parse", f"{commit}:{path}")
    approved = real.commits["approved"]
    one = file("exec" if mode == "100755" else "file", data)
    if path in clean and clean[path].data == data:
        return one, "mode", set()
    if len(data.strip()) >= 16 and any(other.data == data for other in clean.values()):
        return one, "relocated", set()
    search = ("log", "--format=%H", f"--find-object={blob}", "--diff-filter=AM")
    own = set(real.git(*search, f"{approved}..next", "--", path).split())
    before = set(real.git(*search, approved, "--", path).split())
    if own:
        return one, "reverted" if before else "later", own
    return one, "stale", before


def _hunk(real: Real, path: str, chance: random.Random) -> tuple[File, str, set[str]] | None:
    """One hunk of the next line's change, cut by git; None where the change has only one."""
    approved = real.commits["approved"]
    command = ["git", "-C", str(real.repo.folder), "diff", "-U0", approved, "next", "--", path]
    patch = subprocess.run(command, capture_output=True, check=True).stdout
    _, *hunks = patch.split(b"\n@@ ")
    if len(hunks) < 2:
        return None
    hunk = chance.choice(hunks)
    numbers, _, body = hunk.partition(b"\n")
    old = numbers.split(b" ")[0][1:].split(b",")
    at, count = int(old[0]), int(old[1]) if len(old) > 1 else 1
    lines = real.show(approved, path).splitlines(keepends=True)
    added = [line[1:] + b"\n" for line in body.rstrip(b"\n").split(b"\n") if line[:1] == b"+"]
    start = at - 1 if count else at
    lines[start : start + count] = added
    telling = [line for line in body.split(b"\n") if len(line[1:].strip()) >= 8]
    if b"\\ No newline" in body or not telling:
        return None
    commits = set(real.git("log", "--format=%H", f"{approved}..next", "--", path).split())
    return file("file", b"".join(lines)), "hybrid", commits


def _compiled(real: Real, clean: Tree, path: str) -> Drawn:
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
    return {member: (tree[member], "derived-from", commits)}
