"""What the histories of all lines say about a suspect: where its bytes are, and since when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from warifu.engines.sources.git import Git
from warifu.engines.sources.index import Index, Place
from warifu.engines.sources.raw import LOG, introductions
from warifu.engines.sources.render import Renderer, attributes, tree
from warifu.engines.sources.survey import beyond
from warifu.model.classes import NOTHING, Origin, Suspect, Version, Witness
from warifu.model.lines import Line, LineKind, Tip
from warifu.model.program import Program

VERSIONS = 300
"""How many versions of one path are compared with a suspect."""
_GITLINK = "160000"


@dataclass(frozen=True, slots=True)
class _Branch:
    """A line's own commits, and which object each brought to which path, oldest first."""

    tip: Tip
    commits: frozenset[str]
    brought: Mapping[str, tuple[tuple[str, str], ...]]


@dataclass(slots=True)
class History:
    """The witness stand over one sealed repository, its index and its tips."""

    renderer: Renderer
    index: Index
    program: Program
    tips: tuple[Tip, ...]
    _told: dict[str, tuple[str, str]] = field(default_factory=dict)
    _branches: list[_Branch] | None = None

    @property
    def git(self) -> Git:
        """The sealed repository."""
        return self.renderer.git

    def witnesses(self, suspects: Sequence[Suspect]) -> tuple[Witness, ...]:
        """What is known of each suspect, in order."""
        approved = self.program.approved.commit
        self.index.update(self.git, [approved, *(one.commit for one in self.tips)])
        objects = self._objects(suspects)
        existing = self._existing({one for names in objects.values() for one in names})
        known = {at: self._seen(names) for at, names in objects.items()}
        rendered = self._tips_of(
            {
                at: suspect
                for at, suspect in enumerate(suspects)
                if at in known and not any(one.path == suspect.source for one in known[at])
            }
        )
        found = []
        for at, suspect in enumerate(suspects):
            if suspect.found is None:
                found.append(NOTHING)
                continue
            seen = (*rendered.get(at, ()), *known[at])
            found.append(
                Witness(
                    tuple(dict.fromkeys(seen)),
                    not seen and any(one in existing for one in objects[at]),
                    () if seen else self._versions(suspect.source),
                )
            )
        return tuple(found)

    def origins(self, paths: Sequence[str]) -> dict[str, Origin]:
        """The approved commit that brought each path to its present object."""
        approved = self.program.approved.commit
        self.index.update(self.git, [approved])
        leaves = tree(self.git, approved)
        history = set(beyond(self.git, [approved], ()))
        line = approved_line(self.program)
        found = {}
        for path in paths:
            places = self.index.places(leaves[path].object) if path in leaves else ()
            bringers = [one.commit for one in places if one.path == path and one.commit in history]
            if bringers:
                found[path] = bringers[0]
        self._read(found.values())
        return {path: self._origin(line, commit, path) for path, commit in found.items()}

    def later(self) -> tuple[Origin, ...]:
        """The own commits of all coming lines, oldest first within each line."""
        return tuple(
            self._origin(branch.tip.line, commit, "")
            for branch in self._own()
            if branch.tip.line.kind in (LineKind.NEXT, LineKind.WIP)
            for commit in beyond(self.git, [branch.tip.commit], [self.program.approved.commit])
        )

    def _own(self) -> list[_Branch]:
        if self._branches is None:
            self._branches = [self._branch(one) for one in self.tips]
        return self._branches

    def _branch(self, tip: Tip) -> _Branch:
        given = f"{tip.commit}\n^{self.program.approved.commit}\n".encode()
        brought: dict[str, list[tuple[str, str]]] = defaultdict(list)
        commits = set()
        with self.git.stream(*LOG, "--reverse", "--stdin", given=given) as stream:
            for commit, _, object_, path in introductions(stream):
                commits.add(commit.decode())
                if path:
                    name = path.decode("utf-8", "surrogateescape")
                    brought[name].append((commit.decode(), object_.decode()))
        rows = {path: tuple(found) for path, found in brought.items()}
        return _Branch(tip, frozenset(commits), rows)

    def _objects(self, suspects: Sequence[Suspect]) -> dict[int, list[str]]:
        """The git objects that each suspect's bytes are: as they stand, and checked in."""
        commit = self.program.approved.commit
        approved = tree(self.git, commit)
        names: dict[int, list[str]] = {}
        with attributes(self.git, commit) as view:
            for at, suspect in enumerate(suspects):
                if suspect.found is None:
                    continue
                data, path = suspect.found.data, suspect.source
                here = approved[path].object if path in approved else ""
                raw = view.ask("hash-object", "--stdin", "--no-filters", given=data)
                found = [raw.decode().strip()]
                if path and suspect.found.mode != "link":
                    found += _checked_in(view, path, data)
                names[at] = [one for one in dict.fromkeys(found) if one != here]
        return names

    def _existing(self, names: set[str]) -> set[str]:
        given = "".join(f"{one}\n" for one in sorted(names)).encode()
        told = self.git.ask("cat-file", "--batch-check", given=given).decode().splitlines()
        return {line.split()[0] for line in told if not line.endswith("missing")}

    def _seen(self, objects: Iterable[str]) -> list[Origin]:
        """Every line's commits that brought one of these objects anywhere."""
        places = [place for one in objects for place in self.index.places(one)]
        found = []
        for branch in self._own():
            found += [
                self._origin(branch.tip.line, place.commit, place.path)
                for place in places
                if place.commit in branch.commits
            ]
        own = {commit for branch in self._own() for commit in branch.commits}
        before = [place for place in places if place.commit not in own]
        return found + [self._approved(place) for place in before if self._holds(place)]

    def _holds(self, place: Place) -> bool:
        """Whether the approved history holds a commit; the index also knows abandoned ones."""
        approved = self.program.approved.commit
        return not self.git.attempt("merge-base", "--is-ancestor", place.commit, approved)[0]

    def _approved(self, place: Place) -> Origin:
        return self._origin(approved_line(self.program), place.commit, place.path)

    def _tips_of(self, suspects: Mapping[int, Suspect]) -> dict[int, list[Origin]]:
        """The lines whose tip renders exactly these bytes at this very path.

        This finds what is no object of the repository itself: substituted, vendored and large
        files, and those of submodules.
        """
        found: dict[int, list[Origin]] = defaultdict(list)
        wanted = {one.source for one in suspects.values() if one.source}
        if not wanted:
            return found
        for branch in self._own():
            files = self.renderer.render(
                branch.tip.commit, self.program.recipe, sorted(wanted)
            ).files
            leaves = tree(self.git, branch.tip.commit)
            for at, suspect in suspects.items():
                there = files.get(suspect.source)
                if there and suspect.found and there.sha256 == suspect.found.sha256:
                    brought = self._bringer(branch, suspect.source, leaves)
                    if brought:
                        found[at].append(self._origin(branch.tip.line, brought, suspect.source))
        return found

    def _bringer(self, branch: _Branch, path: str, leaves: Mapping[str, object]) -> str:
        """The line's own commit that last touched a path, or the submodule or lock it comes by."""
        above = [path]
        while "/" in above[-1]:
            above.append(above[-1].rpartition("/")[0])
        held = next((one for one in above if one in leaves), self.program.recipe.lock)
        rows = branch.brought.get(held, ())
        return rows[-1][0] if rows else ""

    def _versions(self, path: str) -> tuple[Version, ...]:
        """What the lines' own commits made of a path, oldest first, as it would be checked out."""
        found = []
        for branch in self._own():
            rows = [row for row in branch.brought.get(path, ()) if row[1].strip("0")][:VERSIONS]
            if rows and branch.tip.line.kind is not LineKind.RELEASED:
                data = self._checked_out(branch.tip.commit, path, [row[1] for row in rows])
                found += [
                    Version(self._origin(branch.tip.line, commit, path), one)
                    for (commit, _), one in zip(rows, data, strict=True)
                ]
        return tuple(found)

    def _checked_out(self, commit: str, path: str, objects: Sequence[str]) -> list[bytes]:
        with attributes(self.git, commit) as view:
            given = "".join(f"{one} {path}\n" for one in objects).encode()
            told = view.ask("cat-file", "--batch", "--filters", given=given)
        found, at = [], 0
        for _ in objects:
            end = told.index(b"\n", at)
            size = int(told[at:end].split()[2])
            found.append(told[end + 1 : end + 1 + size])
            at = end + 1 + size + 1
        return found

    def _origin(self, line: Line, commit: str, path: str) -> Origin:
        if commit not in self._told:
            self._read([commit])
        author, subject = self._told[commit]
        return Origin(line.name, line.kind, commit, path, author, subject, line.planned, line.owner)

    def _read(self, commits: Iterable[str]) -> None:
        """Who made these commits and what they say, in one question."""
        given = "".join(f"{one}\n" for one in sorted(set(commits))).encode()
        if not given:
            return
        told = self.git.ask(
            "log", "--no-walk=unsorted", "-z", "--format=%H%x00%an%x00%s", "--stdin", given=given
        )
        fields = told.decode("utf-8", "replace").rstrip("\0").split("\0")
        rows = zip(fields[::3], fields[1::3], fields[2::3], strict=False)
        self._told |= {commit: (author, subject) for commit, author, subject in rows}


def _checked_in(view: Git, path: str, data: bytes) -> list[str]:
    """The known object that is checked out as exactly these bytes at that path, if there is one."""
    _, told, _ = view.attempt("hash-object", "--stdin", f"--path={path}", given=data)
    given = told.decode().strip()
    if not given or view.attempt("cat-file", "-e", given)[0]:
        return []
    out = view.attempt("cat-file", "--filters", f"--path={path}", given)[1]
    return [given] if out == data else []


def approved_line(program: Program) -> Line:
    """The line whose history the approved commit ends."""
    return next(one for one in program.lines if one.kind is LineKind.APPROVED)
