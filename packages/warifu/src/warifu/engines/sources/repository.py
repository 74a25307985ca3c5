"""The room's door: lines of development in git, expected bytes, history index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from warifu.engines.sources.git import Git, located, sealed
from warifu.engines.sources.history import History, approved_line
from warifu.engines.sources.index import Index
from warifu.engines.sources.raw import LOG, introductions
from warifu.engines.sources.render import Renderer
from warifu.engines.sources.survey import branches, survey
from warifu.model.classes import Origin, Suspect, Witness
from warifu.model.lines import Survey
from warifu.model.ports_source import Rendered
from warifu.model.program import Program
from warifu_wire.digest import Digest
from warifu_wire.errors import Refusal


def _nothing_vendored(content: Digest) -> bytes:
    raise Refusal("vendored-missing", needed="the vendored file in the depot", sha256=content)


class GitSources:
    """Sources in git repositories: the port `Sources`.

    `home` is the folder that warifu.toml's paths are relative to, `index` the history index's
    file, `vendored` fetches vendored files by digest.
    """

    def __init__(
        self, home: Path, index: Path, vendored: Callable[[Digest], bytes] = _nothing_vendored
    ) -> None:
        self._home = home
        self._index = index
        self._vendored = vendored

    def survey(self, program: Program) -> Survey:
        """Where the registered lines stand; raises `Refusal` when something is missing."""
        with TemporaryDirectory() as scratch:
            return self._survey(program, self._renderer(program, scratch).git)

    def render(self, program: Program, commit: str) -> Rendered:
        """The expected bytes of a commit."""
        with TemporaryDirectory() as scratch:
            return self._renderer(program, scratch).render(commit, program.recipe)

    def origins(self, program: Program, paths: Sequence[str]) -> dict[str, Origin]:
        """Which approved commit brought each path to its present bytes."""
        with TemporaryDirectory() as scratch:
            git = self._renderer(program, scratch).git
            return _origins(git, program, set(paths))

    def witnesses(self, program: Program, suspects: Sequence[Suspect]) -> tuple[Witness, ...]:
        """What the histories say about each suspect."""
        with TemporaryDirectory() as scratch:
            return self._history(program, scratch).witnesses(suspects)

    def later(self, program: Program) -> tuple[Origin, ...]:
        """The own commits of all coming lines."""
        with TemporaryDirectory() as scratch:
            return self._history(program, scratch).later()

    def _history(self, program: Program, scratch: str) -> History:
        renderer = self._renderer(program, scratch)
        tips = self._survey(program, renderer.git).tips
        return History(renderer, Index(self._index), program, tips)

    def _renderer(self, program: Program, scratch: str) -> Renderer:
        real = tuple(self._folders(program).values())
        git = sealed(Path(scratch, "sealed.git"), real)
        return Renderer(git, real, self._vendored)

    def _folders(self, program: Program) -> dict[str, Path]:
        names = dict.fromkeys(["", *(one.repository for one in program.lines)])
        return {name: located(self._home / (name or program.repository)) for name in names}

    def _survey(self, program: Program, git: Git) -> Survey:
        refs = [
            (name, ref, commit)
            for name, folder in self._folders(program).items()
            for ref, commit in branches(Git(folder, {}))
        ]
        return survey(git, program.approved, program.lines, refs)


def _origins(git: Git, program: Program, wanted: set[str]) -> dict[str, Origin]:
    """Walk back from the approved commit until every path's last change is known."""
    line = approved_line(program)
    found: dict[str, str] = {}
    given = f"{program.approved.commit}\n".encode()
    with git.stream(*LOG, "--stdin", given=given) as stream:
        for commit, _, _, path in introductions(stream):
            name = path.decode("utf-8", "surrogateescape")
            if name in wanted:
                found.setdefault(name, commit.decode())
    told = git.ask(
        "log", "--no-walk=unsorted", "-z", "--format=%H%x00%an%x00%s", "--stdin",
        given="".join(f"{one}\n" for one in sorted(set(found.values()))).encode(),
    ).decode("utf-8", "replace").rstrip("\0").split("\0")  # fmt: skip
    people = dict(zip(told[::3], zip(told[1::3], told[2::3], strict=True), strict=True))
    return {
        path: Origin(line.name, line.kind, commit, path, *people[commit], line.planned, line.owner)
        for path, commit in found.items()
    }
