"""`warifu init`: writes warifu.toml from what the repository says, and founds the house."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from warifu.app import config as configs
from warifu.app import wiring
from warifu.app.wiring import House
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
    return wiring.found(configs.load(place), now, told)


def describe(folder: Path, given: Given) -> str:
    """The text of a warifu.toml for the repository in a folder."""
    commit = _commit(folder, given.commit)
    base = _commit(folder, given.base) if given.base else _base(folder, commit)
    tree = _git(folder, "rev-parse", f"{commit}^{{tree}}")
    changes = _git(folder, "rev-list", "--reverse", f"{base}..{commit}").split()
    product = given.product or re.sub(r"[^a-z0-9-]+", "-", folder.resolve().name.lower())
    version = given.version or _git(folder, "describe", "--tags", "--always", commit)
    branches = dict(_branches(folder))
    own = _own(folder, branches, commit, given.next)
    lines = [
        "[program]",
        f"product = {_quoted(product.strip('-'))}",
        f"labels = {{ version = {_quoted(version)} }}",
        *([f"start = {_list(given.start)}"] if given.start else []),
        "",
        "[lines.approved]",
        'kind = "approved"',
        *([f"ref = {_quoted(own)}"] if own else []),
        f"commit = {_quoted(commit)}",
        f"tree = {_quoted(tree)}",
        f"base = {_quoted(base)}",
        f"changes = {_list(changes)}",
        *_others(folder, branches, own, (commit, base), given.next),
    ]
    if given.include:
        lines += ["", "[build]", f"include = {_list(given.include)}"]
    if given.suite:
        lines += ["", "[verify.suite]", f"run = {_list(given.suite)}"]
    if given.address:
        lines += ["", "[service]", f"address = {_quoted(given.address)}"]
    return "\n".join(lines) + "\n"


def _own(folder: Path, branches: dict[str, str], commit: str, later: tuple[str, ...]) -> str:
    """The ref of the approved line: the branch that ends in the commit, or the current one.

    What comes after the commit on it is work in progress, not a release.
    """
    coming = {_branch(branches, one.partition("=")[0]) for one in later}
    here = _git(folder, "rev-parse", "--symbolic-full-name", "HEAD")
    ending = [ref for ref, tip in branches.items() if tip == commit and ref not in coming]
    if here in ending or not ending:
        held = here in branches and here not in coming and _holds(folder, branches[here], commit)
        return here if held else ""
    return ending[0]


def _others(
    folder: Path,
    branches: dict[str, str],
    own: str,
    known: tuple[str, str],
    later: tuple[str, ...],
) -> list[str]:
    """Every other branch on a line of its name: the named ones are next, what the base holds is
    released, the others are in work. A branch of a remote is told where it holds more."""
    days = {}
    for one in later:
        name, _, day = one.partition("=")
        days[_branch(branches, name)] = _day(day)
    held = [known[0], *(tip for ref, tip in branches.items() if ref.startswith("refs/heads/"))]
    lines: list[str] = []
    for ref, tip in branches.items():
        remote = ref.startswith("refs/remotes/") and ref not in days
        if ref == own or (remote and any(_holds(folder, one, tip) for one in held)):
            continue
        kind = "next" if ref in days else "released" if _holds(folder, known[1], tip) else "wip"
        name = _short(ref)
        lines += [
            "",
            f"[lines.{_key('branch ' * (name == 'approved') + name)}]",
            f'kind = "{kind}"',
        ]
        lines.append(f"ref = {_quoted(ref)}")
        if days.get(ref):
            lines.append(f"planned = {_quoted(days[ref])}")
        if kind == "next":
            lines.append(f"owner = {_quoted(_git(folder, 'log', '-1', '--format=%an', tip))}")
    return lines


def _day(said: str) -> str:
    """A day as it was said, or nothing; raises `Refusal`."""
    try:
        return date.fromisoformat(said).isoformat() if said else ""
    except ValueError:
        raise Refusal("not-a-date", needed="BRANCH=YYYY-MM-DD", found=said) from None


def _branch(branches: dict[str, str], name: str) -> str:
    """The ref that a name means, here or at a remote; raises `Refusal`."""
    for ref in (f"refs/heads/{name}", f"refs/remotes/{name}", f"refs/remotes/origin/{name}"):
        if ref in branches:
            return ref
    raise Refusal("unknown-ref", needed=f"one of {', '.join(map(_short, branches))}", ref=name)


def _short(ref: str) -> str:
    return ref.removeprefix("refs/heads/").removeprefix("refs/remotes/")


def _holds(folder: Path, tip: str, commit: str) -> bool:
    """Whether a commit is in the history of another."""
    return _git(folder, "rev-list", "--count", f"{tip}..{commit}") == "0"


def _branches(folder: Path) -> list[tuple[str, str]]:
    """Every branch by its full ref, here and at remotes, with its commit."""
    form = "--format=%(refname) %(objectname) %(symref)"
    said = _git(folder, "for-each-ref", form, "refs/heads", "refs/remotes")
    rows = (one.split(" ") for one in said.splitlines())
    return [(ref, commit) for ref, commit, *symbolic in rows if not any(symbolic)]


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


def _key(name: str) -> str:
    """A key of TOML: bare where it can be."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else _quoted(name)


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _list(words: tuple[str, ...] | list[str]) -> str:
    return "[" + ", ".join(_quoted(one) for one in words) + "]"
