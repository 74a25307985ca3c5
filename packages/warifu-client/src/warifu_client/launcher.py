"""Start the program of the release in use: small, on the standard library alone, never updated.

    python launcher.py FOLDER COMMAND...     with {tree} for the release folder, {python} for ours

It reads the pointer in whichever form there is, and the journal: a release that was switched to
and not yet seen through step 14 is not started, the one before is. It is how the updater itself is
started too: a release of the updater is a folder like any other.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

_FOLDER = re.compile(r"[0-9a-f]{64}\.[1-9][0-9]*")
MISSING = 3


def tree(folder: Path) -> Path | None:
    """The release folder to start; None where there is none."""
    for name in (_before(folder) or _pointed(folder), _kept(folder)):
        if name and _FOLDER.fullmatch(name) and (folder / "releases" / name).is_dir():
            return folder / "releases" / name
    return None


def main(arguments: list[str]) -> int:
    """Run the command for the release; its exit code is ours, 3 where there is no release."""
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    found = tree(Path(arguments[0]))
    if found is None:
        print(f"{arguments[0]}: no release / 版がありません", file=sys.stderr)
        return MISSING
    places = {"{tree}": str(found), "{python}": interpreter()}
    command = []
    for word in arguments[1:]:
        for name, value in places.items():
            word = word.replace(name, value)
        command.append(word)
    try:
        return subprocess.run(command, env=surroundings(), check=False).returncode
    except OSError as error:
        print(f"{command[0]}: {error.strerror}", file=sys.stderr)
        return MISSING


def interpreter() -> str:
    """The Python that runs this; of a frozen program, which is none, what the system has, or ""."""
    if not getattr(sys, "frozen", False):
        return sys.executable
    return shutil.which("python3") or shutil.which("python") or ""


def surroundings() -> dict[str, str]:
    """The environment of a program that is started; none of it is ours.

    A frozen program finds its libraries by LD_LIBRARY_PATH, and what it starts would load them
    instead of its own (PyInstaller manual, "LD_LIBRARY_PATH / LIBPATH considerations").
    """
    found = {name: value for name, value in os.environ.items() if not name.startswith("_PYI_")}
    if getattr(sys, "frozen", False):
        before = found.pop("LD_LIBRARY_PATH_ORIG", "")
        found.pop("LD_LIBRARY_PATH", None)
        found |= {"LD_LIBRARY_PATH": before} if before else {}
    return {**found, "PYTHONDONTWRITEBYTECODE": "1"}


def _pointed(folder: Path) -> str:
    """What the pointer names: a link, or a file."""
    path = folder / "current"
    try:
        return path.readlink().name if path.is_symlink() else path.read_text("ascii")
    except (OSError, ValueError):
        return ""


def _before(folder: Path) -> str:
    """What was in use before a switch that nobody has seen through yet."""
    try:
        found = json.loads((folder / "journal.json").read_bytes())
        return str(found["before"]) if found["step"] == "switching" else ""
    except (OSError, ValueError, KeyError, TypeError):
        return ""


def _kept(folder: Path) -> str:
    """What is kept for a rollback: better than nothing when the pointer is lost."""
    try:
        return (folder / "previous").read_text("ascii")
    except (OSError, ValueError):
        return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
