"""The room's door: lines of development in git, expected bytes, history index."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from warifu.engines.sources.git import Git, located, sealed
from warifu.engines.sources.history import History
from warifu.engines.sources.index import Index
from warifu.engines.sources.render import Renderer
from warifu.engines.sources.survey import branches, survey
from warifu.model.classes import Origin, Suspect, Witness
from warifu.model.ground import ground
from warifu.model.lines import Line, Survey, Tip
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
        self._index_file = index
        self._vendored = vendored
        self._index: Index | None = None
        self._tips: tuple[tuple[Line, ...], tuple[Tip, ...]] | None = None
        self._scratch = TemporaryDirectory()
        self._sealed: dict[tuple[Path, ...], Git] = {}

    @ground("the sources")
    def survey(self, program: Program) -> Survey:
        """Where the registered lines stand; raises `Refusal` when something is missing."""
        refs = [
            (name, ref, commit)
            for name, folder in self._folders(program).items()
            for ref, commit in branches(Git(folder, {}))
        ]
        found = survey(self._renderer(program).git, program.approved, program.lines, refs)
        self._tips = program.lines, found.tips
        return found

    @ground("the sources")
    def render(self, program: Program, commit: str) -> Rendered:
        """The expected bytes of a commit."""
        return self._renderer(program).render(commit, program.recipe)

    @ground("the sources")
    def origins(self, program: Program, paths: Sequence[str]) -> dict[str, Origin]:
        """Which approved commit brought each path to its present bytes."""
        return self._history(program).origins(paths)

    @ground("the sources")
    def witnesses(self, program: Program, suspects: Sequence[Suspect]) -> tuple[Witness, ...]:
        """What the histories say about each suspect."""
        return self._history(program).witnesses(suspects)

    @ground("the sources")
    def later(self, program: Program) -> tuple[Origin, ...]:
        """The own commits of all coming lines."""
        return self._history(program).later()

    def _history(self, program: Program) -> History:
        """The histories of the tips that the last survey of these lines saw."""
        if self._index is None:
            self._index = Index(self._index_file)
        if self._tips is None or self._tips[0] != program.lines:
            self.survey(program)
        assert self._tips is not None
        return History(self._renderer(program), self._index, program, self._tips[1])

    def _renderer(self, program: Program) -> Renderer:
        real = tuple(self._folders(program).values())
        return Renderer(self._seal(real), real, self._vendored, self._seal)

    def _seal(self, real: tuple[Path, ...]) -> Git:
        """A sealed repository, made once; new objects of the real ones are seen at once."""
        if real not in self._sealed:
            target = Path(self._scratch.name, f"{len(self._sealed)}.git")
            self._sealed[real] = sealed(target, real)
        return self._sealed[real]

    def _folders(self, program: Program) -> dict[str, Path]:
        names = dict.fromkeys(["", *(one.repository for one in program.lines)])
        return {name: located(self._home / (name or program.repository)) for name in names}
