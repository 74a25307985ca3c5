"""What the histories of all lines say about a suspect: where its bytes are, and since when.

Every question is asked once for all suspects: a program built from another line differs in
thousands of files.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from warifu.engines.sources.checkin import blob, checked_in, checked_out
from warifu.engines.sources.git import Git
from warifu.engines.sources.index import Index, Place
from warifu.engines.sources.raw import LOG, introductions
from warifu.engines.sources.render import Leaf, Renderer, attributes, tree
from warifu.engines.sources.survey import beyond
from warifu.model.classes import NOTHING, Origin, Suspect, Version, Witness
from warifu.model.lines import Line, LineKind, Tip
from warifu.model.program import Program

VERSIONS = 300
"""How many of a line's own versions of one path are compared with a suspect."""
EARLIER = 30
"""How many earlier approved versions are."""


class _Step(NamedTuple):
    """What a commit made of a path: an object and its mode in octal digits."""

    commit: str
    object: str
    mode: str


@dataclass(frozen=True, slots=True)
class _Branch:
    """A line's own commits in order, and which object each brought to which path, oldest first."""

    tip: Tip
    commits: Mapping[str, int]
    brought: Mapping[str, tuple[_Step, ...]]


@dataclass
class History:
    """The witness stand over one sealed repository, its index and its tips."""

    renderer: Renderer
    index: Index
    program: Program
    tips: tuple[Tip, ...]
    _told: dict[str, tuple[str, str]] = field(default_factory=dict)
    _trees: dict[str, Mapping[str, Leaf]] = field(default_factory=dict)

    @property
    def git(self) -> Git:
        """The sealed repository."""
        return self.renderer.git

    def witnesses(self, suspects: Sequence[Suspect]) -> tuple[Witness, ...]:
        """What is known of each suspect, in order."""
        approved = self.program.approved.commit
        self.index.update(self.git, [approved, *(one.commit for one in self.tips)])
        objects = self._objects(suspects)
        names = sorted({one for names in objects.values() for one in names})
        existing = {name for name, kind in zip(names, self.git.kinds(names), strict=True) if kind}
        known = self._seen(objects)
        rendered = self._tips_of(
            {
                at: suspects[at]
                for at, seen in known.items()
                if not any(one.path == suspects[at].source for one in seen)
            }
        )
        seen = {at: tuple(dict.fromkeys((*rendered.get(at, ()), *known[at]))) for at in known}
        versions = self._versions({suspects[at].source for at in seen if not seen[at]})
        return tuple(
            Witness(
                seen[at],
                not seen[at] and any(one in existing for one in objects[at]),
                () if seen[at] else versions.get(suspect.source, ()),
            )
            if at in seen
            else NOTHING
            for at, suspect in enumerate(suspects)
        )

    def origins(self, paths: Sequence[str]) -> dict[str, Origin]:
        """The approved commit that brought each path to its present object."""
        approved = self.program.approved.commit
        self.index.update(self.git, [approved])
        leaves = self._leaves(approved)
        line = approved_line(self.program)
        found = {}
        for path in paths:
            places = self.index.places(leaves[path].object) if path in leaves else ()
            here = [one.commit for one in places if one.path == path]
            bringers = [one for one in here if one in self._approved]
            if bringers:
                found[path] = max(bringers, key=self._approved.__getitem__)
        self._read(found.values())
        return {path: self._origin(line, commit, path) for path, commit in found.items()}

    def later(self) -> tuple[Origin, ...]:
        """The own commits of all coming lines, oldest first within each line."""
        coming = [one for one in self._own if one.tip.line.kind in (LineKind.NEXT, LineKind.WIP)]
        self._read(commit for branch in coming for commit in branch.commits)
        return tuple(
            self._origin(branch.tip.line, commit, "")
            for branch in coming
            for commit in branch.commits
        )

    @cached_property
    def _approved(self) -> dict[str, int]:
        """The approved history in order, oldest first; the index also knows abandoned commits."""
        held = beyond(self.git, [self.program.approved.commit], ())
        return {commit: at for at, commit in enumerate(held)}

    @cached_property
    def _own(self) -> tuple[_Branch, ...]:
        return tuple(self._branch(one) for one in self.tips)

    def _branch(self, tip: Tip) -> _Branch:
        given = f"{tip.commit}\n^{self.program.approved.commit}\n".encode()
        brought: dict[str, list[_Step]] = defaultdict(list)
        commits: dict[str, int] = {}
        with self.git.stream(*LOG, "--reverse", "--stdin", given=given) as stream:
            for commit, mode, object_, path in introductions(stream):
                commits.setdefault(commit.decode(), len(commits))
                if path:
                    step = _Step(commit.decode(), object_.decode(), mode.decode())
                    brought[path.decode("utf-8", "surrogateescape")].append(step)
        rows = {path: tuple(found) for path, found in brought.items()}
        return _Branch(tip, commits, rows)

    def _objects(self, suspects: Sequence[Suspect]) -> dict[int, list[str]]:
        """The git objects that each suspect's bytes are: as they stand, and checked in."""
        commit = self.program.approved.commit
        approved = self._leaves(commit)
        files = {at: one.found for at, one in enumerate(suspects) if one.found is not None}
        plain = {
            at: (suspects[at].source, one.data)
            for at, one in files.items()
            if suspects[at].source and one.mode != "link"
        }
        other = checked_in(self.git, approved, plain)
        names: dict[int, list[str]] = {}
        for at, one in files.items():
            here = approved.get(suspects[at].source, Leaf("", "")).object
            found = [blob(one.data, commit), *([other[at]] if at in other else [])]
            names[at] = [name for name in dict.fromkeys(found) if name != here]
        return names

    def _seen(self, objects: Mapping[int, Sequence[str]]) -> dict[int, list[Origin]]:
        """The commits of every line that brought one of these objects anywhere, newest first."""
        rows = {
            name: self._brought(self.index.places(name))
            for name in dict.fromkeys(one for names in objects.values() for one in names)
        }
        self._read(place.commit for found in rows.values() for _, place in found)
        known = {
            name: [self._origin(line, place.commit, place.path) for line, place in found]
            for name, found in rows.items()
        }
        return {at: [one for name in names for one in known[name]] for at, names in objects.items()}

    def _brought(self, places: Sequence[Place]) -> list[tuple[Line, Place]]:
        """The lines that hold these places' commits, the approved history last."""
        found: list[tuple[Line, Place]] = []
        left = set(places)
        for branch in self._own:
            own = [place for place in places if place.commit in branch.commits]
            own.sort(key=lambda place: -branch.commits[place.commit])
            found += [(branch.tip.line, place) for place in own]
            left -= set(own)
        if left:
            line, order = approved_line(self.program), self._approved
            own = [place for place in left if place.commit in order]
            own.sort(key=lambda place: (-order[place.commit], place.path))
            found += [(line, place) for place in own]
        return found

    def _tips_of(self, suspects: Mapping[int, Suspect]) -> dict[int, list[Origin]]:
        """The lines whose tip renders exactly these bytes at this very path.

        This finds what is no object of the repository itself: substituted, vendored and large
        files, and those of submodules.
        """
        found: dict[int, list[Origin]] = defaultdict(list)
        wanted = {one.source for one in suspects.values() if one.source}
        if not wanted:
            return found
        for branch in self._own:
            files = self.renderer.render(
                branch.tip.commit, self.program.recipe, sorted(wanted)
            ).files
            leaves = self._leaves(branch.tip.commit)
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
        return rows[-1].commit if rows else ""

    def _versions(self, paths: Iterable[str]) -> dict[str, tuple[Version, ...]]:
        """What the lines' own commits made of each path, oldest first, as it is checked out.

        The earlier approved versions come last, newest first.
        """
        asked = sorted(one for one in paths if one)
        found: dict[str, tuple[Version, ...]] = defaultdict(tuple)
        for branch in self._own:
            steps = [
                (path, step)
                for path in asked
                for step in _files(branch.brought.get(path, ()))[:VERSIONS]
            ]
            self._add(found, branch.tip, steps)
        approved = Tip(approved_line(self.program), self.program.approved.commit)
        self._add(found, approved, self._earlier(asked))
        return found

    def _add(
        self,
        found: dict[str, tuple[Version, ...]],
        tip: Tip,
        steps: Sequence[tuple[str, _Step]],
    ) -> None:
        if not steps:
            return
        self._read(step.commit for _, step in steps)
        with attributes(self.git, self._leaves(tip.commit)) as view:
            data = checked_out(view, [(one.object, path) for path, one in steps])
            for (path, step), one in zip(steps, data, strict=True):
                found[path] += (Version(self._origin(tip.line, step.commit, path), one),)

    def _earlier(self, paths: Sequence[str]) -> list[tuple[str, _Step]]:
        """What the approved history made of each path before, newest first."""
        here = self._leaves(self.program.approved.commit)
        found = []
        for path, rows in self.index.versions(paths).items():
            steps = [
                _Step(place.commit, object_, place.mode)
                for object_, place in rows
                if place.commit in self._approved and object_ != here.get(path, Leaf("", "")).object
            ]
            steps.sort(key=lambda step: -self._approved[step.commit])
            found += [(path, step) for step in _files(steps)[:EARLIER]]
        return found

    def _leaves(self, commit: str) -> Mapping[str, Leaf]:
        if commit not in self._trees:
            self._trees[commit] = tree(self.git, commit)
        return self._trees[commit]

    def _origin(self, line: Line, commit: str, path: str) -> Origin:
        if commit not in self._told:
            self._read([commit])
        author, subject = self._told[commit]
        return Origin(line.name, line.kind, commit, path, author, subject, line.planned, line.owner)

    def _read(self, commits: Iterable[str]) -> None:
        """Who made these commits and what they say, in one question."""
        given = "".join(f"{one}\n" for one in sorted(set(commits) - self._told.keys())).encode()
        if not given:
            return
        told = self.git.ask(
            "log", "--no-walk=unsorted", "-z", "--format=%H%x00%an%x00%s", "--stdin", given=given
        )
        fields = told.decode("utf-8", "replace").rstrip("\0").split("\0")
        rows = zip(fields[::3], fields[1::3], fields[2::3], strict=False)
        self._told |= {commit: (author, subject) for commit, author, subject in rows}


def _files(steps: Sequence[_Step]) -> list[_Step]:
    """Those steps after which there is a file or a link, no submodule and not nothing."""
    return [one for one in steps if one.mode not in ("000000", "160000")]


def approved_line(program: Program) -> Line:
    """The line whose history the approved commit ends."""
    return next(one for one in program.lines if one.kind is LineKind.APPROVED)
