"""Where the registered lines stand, what lies between base and commit, and who else is there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from warifu.engines.sources.git import Git
from warifu.model.lines import ApprovedSource, Change, Line, LineKind, Survey, Tip, line_of
from warifu_wire.errors import Refusal

_REFS = "--format=%(objectname) %(objecttype) %(*objectname) %(symref) %(refname)"
_CHANGE = "--format=%H%x00%T%x00%an%x00%s"


def branches(real: Git) -> list[tuple[str, str]]:
    """Every ref of a real repository with the commit it stands for; symbolic refs are left out."""
    found = []
    for row in real.ask("for-each-ref", _REFS).decode("utf-8", "replace").splitlines():
        name, kind, peeled, symbolic, ref = row.split(" ", 4)
        if not symbolic and (kind == "commit" or (kind == "tag" and peeled)):
            found.append((ref, peeled or name))
    return found


def survey(
    git: Git,
    approved: ApprovedSource,
    lines: Sequence[Line],
    refs: Sequence[tuple[str, str, str]],
) -> Survey:
    """The survey of a sealed repository; `refs` are (repository, ref, commit) of the real ones."""
    asked = [approved.commit, approved.base, *approved.changes]
    kinds = git.kinds([f"{one}^{{commit}}" for one in asked])
    there = dict(zip(asked, kinds, strict=True))
    for commit in (approved.commit, approved.base):
        if not there[commit]:
            raise Refusal("commit-missing", needed="the approved commit", commit=commit)
    tips = tuple(_tips(git, lines, refs))
    known = [approved.commit, *(one.commit for one in tips)]
    strangers = [
        (ref, commit)
        for _, ref, commit in refs
        if ref.startswith(("refs/heads/", "refs/remotes/"))
        and line_of(ref, lines) is None
        and beyond(git, [commit], known)
    ]
    changes = _changes(git, f"{approved.base}..{approved.commit}")
    if git.attempt("merge-base", "--is-ancestor", approved.base, approved.commit)[0]:
        raise Refusal(
            "base-not-below", needed="a base that the approved commit builds on", base=approved.base
        )
    here = {one.commit for one in changes}
    listed = tuple(
        change
        for one in approved.changes
        if one not in here and there[one]
        for change in _changes(git, "--no-walk", one)
    )
    unlisted = here - set(approved.changes)
    holding = {
        one.line.name: set(beyond(git, [one.commit], [approved.base]))
        for one in tips
        if unlisted and one.line.ref != _own_ref(lines)
    }
    return Survey(
        git.ask("rev-parse", f"{approved.commit}^{{tree}}").decode().strip(),
        tips,
        changes,
        listed,
        tuple(strangers),
        {
            commit: tuple(name for name, held in holding.items() if commit in held)
            for commit in unlisted
        },
    )


def _own_ref(lines: Sequence[Line]) -> str:
    return next(one.ref for one in lines if one.kind is LineKind.APPROVED)


def beyond(git: Git, tips: Iterable[str], known: Iterable[str]) -> list[str]:
    """The commits of `tips` that `known` do not hold, oldest first."""
    given = "".join(f"{one}\n" for one in tips) + "".join(f"^{one}\n" for one in known)
    told = git.ask("rev-list", "--topo-order", "--reverse", "--stdin", given=given.encode())
    return told.decode().split()


def _tips(git: Git, lines: Sequence[Line], refs: Sequence[tuple[str, str, str]]) -> Iterable[Tip]:
    """Where each line stands; the approved line may have gone on, and that is work in progress."""
    for line in lines:
        if line.ref.startswith("refs/"):
            found = [
                commit
                for repository, ref, commit in refs
                if repository == line.repository and line_of(ref, [line])
            ]
        else:
            known = line.ref and not git.attempt("cat-file", "-e", f"{line.ref}^{{commit}}")[0]
            found = [line.ref] if known else []
        if line.kind is LineKind.APPROVED:
            line = replace(line, kind=LineKind.WIP)
        elif not found and "*" not in line.ref:
            raise Refusal("line-missing", needed="the ref of every line", line=line.name)
        yield from (Tip(line, commit) for commit in found)


def _changes(git: Git, *which: str) -> tuple[Change, ...]:
    """Commits with their patch ids, verbatim: white space is part of a program."""
    told = git.ask("log", "-z", "--topo-order", "--reverse", _CHANGE, *which)
    fields = told.decode("utf-8", "replace").split("\0")[:-1]
    patches = git.ask(
        "log", "-p", "--full-index", "--binary", "--no-merges", "--no-ext-diff", "--no-textconv",
        "--no-renames", "--format=%H", *which,
    )  # fmt: skip
    ids = git.ask("patch-id", "--verbatim", given=patches).decode().split()
    patch_of = dict(zip(ids[1::2], ids[::2], strict=True))
    return tuple(
        Change(commit, tree, patch_of.get(commit, ""), author, subject)
        for commit, tree, author, subject in zip(
            fields[::4], fields[1::4], fields[2::4], fields[3::4], strict=True
        )
    )
