"""The line registry: which lines of development there are, planned for when, owned by whom."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase

from warifu_wire.errors import Contaminated, Mismatch, Refusal


class LineKind(StrEnum):
    """Where a line stands on its way to members."""

    RELEASED = "released"
    APPROVED = "approved"
    NEXT = "next"
    WIP = "wip"


@dataclass(frozen=True, slots=True)
class Line:
    """A line by its full ref (`*` stands for any name of a branch), its planned release, its owner.

    `repository` is a path, empty for the program's own repository.
    """

    name: str
    kind: LineKind
    ref: str
    planned: date | None
    owner: str
    repository: str = ""


@dataclass(frozen=True, slots=True)
class ApprovedSource:
    """The approved side: ids only, never a branch or a tag that somebody can move.

    `changes` are the ids of all approved commits of `base..commit`.
    """

    commit: str
    tree: str
    base: str
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tip:
    """Where a registered line stands now."""

    line: Line
    commit: str


@dataclass(frozen=True, slots=True)
class Change:
    """A commit between base and approved commit: its tree, its patch id, its author's name."""

    commit: str
    tree: str
    patch: str
    author: str
    subject: str


@dataclass(frozen=True, slots=True)
class Survey:
    """What the repository says about the registry: tips, changes, and who else is there.

    `listed` are the approved change ids that the repository knows; `strangers` are branches whose
    commits no registered line holds, as ref and commit; `lines_of` names the lines that hold a
    change.
    """

    tree: str
    tips: tuple[Tip, ...]
    changes: tuple[Change, ...]
    listed: tuple[Change, ...]
    strangers: tuple[tuple[str, str], ...]
    lines_of: Mapping[str, tuple[str, ...]]


def line_of(ref: str, lines: Iterable[Line]) -> Line | None:
    """The line a ref belongs to, or None for a ref the registry does not know."""
    return next((one for one in lines if one.ref and fnmatchcase(ref, one.ref)), None)


def _short(ref: str) -> str:
    return ref.removeprefix("refs/heads/").removeprefix("refs/remotes/")


def accept(approved: ApprovedSource, survey: Survey) -> None:
    """The source level of the gate: only known lines, exactly the approved changes.

    Raises `Refusal` for an unknown line, `Mismatch` for another tree and `Contaminated` for a
    commit that nobody approved or an approved one that is not there.
    """
    for ref, commit in survey.strangers:
        raise Refusal(
            "unknown-line",
            needed=f'a line in warifu.toml, such as [lines."{_short(ref)}"] with kind = "wip" and '
            f'ref = "{ref}"',
            ref=ref,
            commit=commit,
        )
    if survey.tree != approved.tree:
        raise Mismatch(
            "another-tree", needed=approved.tree, found=survey.tree, commit=approved.commit
        )
    _exactly(approved, survey)


def _exactly(approved: ApprovedSource, survey: Survey) -> None:
    """`base..commit` is the approved list: by id, by patch (cherry-picks), or whole (a squash)."""
    if _squash(survey):
        return
    wanted = set(approved.changes)
    patches = {one.patch for one in survey.listed if one.patch}
    for change in survey.changes:
        if change.commit not in wanted and change.patch not in patches:
            raise Contaminated(
                "unapproved-change",
                needed="approval of this change, or a source without it",
                commit=change.commit,
                author=change.author,
                subject=change.subject,
                line=", ".join(survey.lines_of.get(change.commit, ())) or "none",
            )
    here = {one.commit for one in survey.changes} | {one.patch for one in survey.changes}
    known = {one.commit: one.patch for one in survey.listed}
    for change_id in approved.changes:
        if change_id not in here and (not known.get(change_id) or known[change_id] not in here):
            raise Contaminated(
                "approved-change-missing",
                needed="a source that holds every approved change",
                commit=change_id,
            )


def _squash(survey: Survey) -> bool:
    """One commit whose tree is the tree that the last approved change made."""
    return (
        len(survey.changes) == 1
        and bool(survey.listed)
        and survey.changes[0].tree == survey.listed[-1].tree
    )
