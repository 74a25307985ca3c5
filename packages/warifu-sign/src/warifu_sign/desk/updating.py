"""What the updater says of this program. It is a product of its own and is only asked."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from warifu_sign.words import Language

PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class State:
    """What is installed. tree: intact, or how it differs from what was signed."""

    label: dict[str, str]
    release: str
    tree: str


def folder(program: Path) -> Path | None:
    """The updater's folder that a program's tree lies in (FOLDER/releases/NAME/…), if any."""
    for above in program.resolve().parents:
        if above.name == "releases" and (above.parent / "settings.json").is_file():
            return above.parent
    return None


def state(updated: Path) -> State | None:
    """What is installed there; None when the updater cannot be asked."""
    try:
        told = json.loads(_asked(updated, "status", "--json"))
        labels = {str(name): str(label) for name, label in told["labels"].items()}
        return State(labels, str(told["release"] or ""), str(told["tree"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def look(updated: Path, language: Language) -> str:
    """The updater's own sentence on whether a release is offered; "" when it cannot be asked."""
    return _asked(updated, "check", "--language", language).strip()


def _asked(updated: Path, *words: str) -> str:
    beside = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    program = shutil.which("warifu-update", path=beside)
    if program is None:
        return ""
    try:
        done = subprocess.run(
            [program, *words, "--folder", str(updated)],
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=PATIENCE,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout or done.stderr
