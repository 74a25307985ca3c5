"""`warifu init`: writes warifu.toml from what the repository says, and founds the house."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from warifu.app import config as configs
from warifu.app import house as houses
from warifu.app.house import House
from warifu_wire import atomic
from warifu_wire.errors import Fault, Refusal

_GIT_ID = re.compile(r"[0-9a-f]{40,64}")


@dataclass(frozen=True, slots=True)
class Given:
    """What may be said at init; empty answers are found out or left at their defaults."""

    product: str = ""
    version: str = ""
    base: str = ""
    commit: str = "HEAD"
    next: tuple[str, ...] = ()
    start: tuple[str, ...] = ()
    suite: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    address: str = ""


def init(folder: Path, given: Given, now: datetime, told: Callable[[str], None]) -> House:
    """Write warifu.toml where there is none, then found the house with trial keys.

    Raises `Refusal` when there is no repository, no such commit, or a house already.
    """
    place = folder / configs.NAME
    if not place.exists():
        text = describe(folder, given)
        atomic.write(place, text.encode())
        told(f"wrote {place.name}")
    return houses.found(configs.load(place), now, told)


def describe(folder: Path, given: Given) -> str:
    """The text of a warifu.toml for the repository in a folder."""
    commit = _commit(folder, given.commit)
    base = _commit(folder, given.base) if given.base else _base(folder, commit)
    tree = _git(folder, "rev-parse", f"{commit}^{{tree}}")
    changes = _git(folder, "rev-list", "--reverse", f"{base}..{commit}").split()
    product = given.product or re.sub(r"[^a-z0-9-]+", "-", folder.resolve().name.lower())
    version = given.version or _git(folder, "describe", "--tags", "--always", commit)
    branches = dict(_branches(folder))
    lines = [
        "[program]",
        f"product = {_quoted(product.strip('-'))}",
        f"labels = {{ version = {_quoted(version)} }}",
        *([f"start = {_list(given.start)}"] if given.start else []),
        "",
        "[lines.approved]",
        'kind = "approved"',
        f"commit = {_quoted(commit)}",
        f"tree = {_quoted(tree)}",
        f"base = {_quoted(base)}",
        f"changes = {_list(changes)}",
        *_others(branches, commit, given.next),
    ]
    if given.include:
        lines += ["", "[build]", f"include = {_list(given.include)}"]
    if given.suite:
        lines += ["", "[verify.suite]", f"run = {_list(given.suite)}"]
    if given.address:
        lines += ["", "[service]", f"address = {_quoted(given.address)}"]
    return "\n".join(lines) + "\n"


def _others(branches: dict[str, str], commit: str, later: tuple[str, ...]) -> list[str]:
    """Every branch of the repository on a line: the named ones are next, the others in work."""
    lines: list[str] = []
    for branch in later:
        if branch not in branches:
            raise Refusal("unknown-ref", needed=f"one of {', '.join(branches)}", ref=branch)
    for number, branch in enumerate(branches, 1):
        kind = "next" if branch in later else "released" if branches[branch] == commit else "wip"
        ref = _quoted(f"refs/heads/{branch}")
        lines += ["", f"[lines.line-{number}]", f'kind = "{kind}"', f"ref = {ref}"]
    return lines


def _branches(folder: Path) -> list[tuple[str, str]]:
    said = _git(folder, "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads")
    return [(name, commit) for name, _, commit in (one.partition(" ") for one in said.splitlines())]


def _base(folder: Path, commit: str) -> str:
    """The parent of the approved commit, or itself when it is the first."""
    parents = _git(folder, "rev-list", "--parents", "-n", "1", commit).split()
    return parents[1] if len(parents) > 1 else commit


def _commit(folder: Path, name: str) -> str:
    found = _git(folder, "rev-parse", "--verify", f"{name}^{{commit}}", refusal="unknown-ref")
    if not _GIT_ID.fullmatch(found):
        raise Refusal("unknown-ref", needed="a commit of this repository", ref=name)
    return found


def _git(folder: Path, *words: str, refusal: str = "no-repository") -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *words], capture_output=True, text=True, check=False
        )
    except OSError as error:
        raise Fault("git cannot be run", needed="Debian's package git") from error
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1:]
        asked = words[-1].removesuffix("^{commit}")
        needed = "a git repository with this commit"
        raise Refusal(refusal, needed=needed, folder=folder, ref=asked, git="".join(said))
    return done.stdout.strip()


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _list(words: tuple[str, ...] | list[str]) -> str:
    return "[" + ", ".join(_quoted(one) for one in words) + "]"
