"""The e-application tool's git repository, with its lines as they stood in February 2012.

The tool is our own signing tool. Its lines differ as real lines do: Ver1.10 writes into a record
that only newer hosts keep, the next release speaks the next host's ABI, and the fix asks first.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from datetime import date
from importlib import resources
from pathlib import Path

import warifu_sign
from warifu_sign.plugin.seal import seal
from warifu_wire.errors import Fault

ENTRY = Path("warifu_sign/plugin/entry.py")
LISTING = Path("warifu_sign/plugin/plugin.json")
_LOG = 'self._host.log("certificate opened")'
_AUDIT = 'self._host.audit("certificate opened")'
_ASKED = 'getattr(self._host, "audit", self._host.log)("certificate opened")'
_CONNECT = "def connect(host: Host) -> Plugin:"
_NEXT = "def connect(host: Host, context: dict[str, str]) -> Plugin:"
_AUTHOR = {"NAME": "release engineer", "EMAIL": "engineer@tool.invalid"}


@dataclass(frozen=True, slots=True)
class Story:
    """What differs from telling to telling: the product, its fleet, and the dates on its labels."""

    product: str = "e-application-tool"
    members: int = 499
    first: date = date(2011, 12, 1)
    edition: date = date(2012, 2, 5)
    remedied: date = date(2012, 2, 7)
    planned: date = date(2012, 2, 12)


@dataclass(frozen=True, slots=True)
class Lines:
    """The commits of the three lines, and the folder they are in."""

    folder: Path
    released: str
    approved: str
    next: str

    def changes(self, upto: str) -> list[str]:
        """The commits from the released one to `upto`, oldest first."""
        return _git(self.folder, "rev-list", "--reverse", f"{self.released}..{upto}").split()


def lay(folder: Path, story: Story) -> Lines:
    """Make the repository: released Ver1.00, approved Ver1.10, and what is planned for later."""
    folder.mkdir(parents=True)
    _git(folder, "init", "--quiet", "--initial-branch=released")
    place = Path(warifu_sign.__file__).parent
    shutil.copytree(place, folder / "warifu_sign", ignore=shutil.ignore_patterns("__pycache__"))
    checks = folder / "checks"
    checks.mkdir()
    suite = resources.files("warifu_replay").joinpath("suite.py").read_bytes()
    (checks / "suite.py").write_bytes(suite)
    _label(folder, "1.00")
    released = _commit(folder, "Ver1.00", 0)
    _git(folder, "checkout", "--quiet", "-b", "approved")
    _edit(folder / ENTRY, _LOG, _AUDIT)
    _commit(folder, "Record in the host that a certificate was opened", 1)
    _label(folder, "1.10")
    approved = _commit(folder, "Ver1.10", 2)
    _git(folder, "checkout", "--quiet", "-b", "next")
    _edit(folder / ENTRY, _CONNECT, _NEXT)
    _abi(folder, 2)
    later = _commit(folder, f"Speak ABI 2, for the release of {story.planned}", 3)
    _git(folder, "checkout", "--quiet", "approved")
    return Lines(folder, released, approved, later)


def fix(lines: Lines, story: Story) -> str:
    """One fix on the approved line; the repair and the corrected update both come from it."""
    _git(lines.folder, "checkout", "--quiet", "--force", "approved")
    _edit(lines.folder / ENTRY, _AUDIT, _ASKED)
    fixed = _commit(lines.folder, "Ask the host before writing into its record", 4)
    describe(lines.folder, story, lines, fixed, story.remedied)
    return fixed


def describe(
    folder: Path, story: Story, lines: Lines, approved: str, edition: date, **tables: str
) -> None:
    """Write warifu.toml: which commit is approved, which lines there are, when next is planned."""
    tree = _git(folder, "rev-parse", f"{approved}^{{tree}}")
    changes = json.dumps(lines.changes(approved))
    version = "Ver1.00" if approved == lines.released else "Ver1.10"
    text = f"""\
[program]
product = "{story.product}"
labels = {{ edition = "{edition}", version = "{version}" }}
start = ["env", "PYTHONPATH={{host}}", "{{python}}", "-m", "warifu_host",
         "check", "--program", "{{tree}}", "--json"]

[lines.released]
kind = "released"
ref = "refs/heads/released"

[lines.approved]
kind = "approved"
ref = "refs/heads/approved"
commit = "{approved}"
tree = "{tree}"
base = "{lines.released}"
changes = {changes}

[lines.next]
kind = "next"
ref = "refs/heads/next"
planned = {story.planned}
owner = "the next release's team"

[build]
include = ["warifu_sign/*", "checks/*"]

[verify.staging]
run = ["{{python}}", "{{tree}}/checks/suite.py", "{{tree}}", "{{junit}}"]
"""
    place = folder / "warifu.toml"
    former = place.read_text() if place.exists() else ""
    kept = former.partition("# the service\n")[2]
    place.write_text(text + "\n# the service\n" + (kept or tables.get("service", "")))


def released_tree(lines: Lines, commit: str, folder: Path) -> Path:
    """The program of a commit as a member once installed it by hand."""
    folder.mkdir(parents=True)
    for path in ("warifu_sign", "checks"):
        tar = subprocess.run(
            ["git", "-C", str(lines.folder), "archive", "--format=tar", commit, path],
            check=True,
            capture_output=True,
        )
        subprocess.run(["tar", "-x", "-C", str(folder)], input=tar.stdout, check=True)
    return folder


def at(lines: Lines, commit: str, path: Path) -> bytes:
    """A file's bytes at a commit."""
    return subprocess.run(
        ["git", "-C", str(lines.folder), "show", f"{commit}:{path.as_posix()}"],
        check=True,
        capture_output=True,
    ).stdout


def _label(folder: Path, version: str) -> None:
    _edit(
        folder / "warifu_sign" / "__init__.py",
        f'__version__ = "{_version(folder)}"',
        f'__version__ = "{version}"',
    )
    seal(folder / ENTRY.parent)


def _version(folder: Path) -> str:
    text = (folder / "warifu_sign" / "__init__.py").read_text()
    return text.partition('__version__ = "')[2].partition('"')[0]


def _abi(folder: Path, number: int) -> None:
    listing = json.loads((folder / LISTING).read_bytes())
    listing["abi"] = number
    (folder / LISTING).write_text(json.dumps(listing, indent=2, sort_keys=True) + "\n")


def _edit(path: Path, old: str, new: str) -> None:
    """Change one place of a file that must be there: the tool has moved on otherwise."""
    text = path.read_text()
    if text.count(old) != 1:
        raise Fault(f"{path.name} has no single line {old}", needed="a story told on this tool")
    path.write_text(text.replace(old, new))
    if path.parent.name == "plugin":
        seal(path.parent)


def _commit(folder: Path, subject: str, day: int) -> str:
    _git(folder, "add", "--all", "--", "warifu_sign", "checks")
    _git(folder, "commit", "--quiet", "--message", subject, day=day)
    return _git(folder, "rev-parse", "HEAD")


def _git(folder: Path, *words: str, day: int = 0) -> str:
    when = f"2012-01-{10 + day:02d}T12:00:00+0900"
    who = {f"GIT_{side}_{name}": value for side in ("AUTHOR", "COMMITTER")
           for name, value in {**_AUTHOR, "DATE": when}.items()}  # fmt: skip
    sealed = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    done = subprocess.run(
        ["git", "-C", str(folder), *words],
        env={**os.environ, **sealed, **who},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Fault(f"git {words[0]}: {done.stderr.strip()}", needed="a working git")
    return done.stdout.strip()
