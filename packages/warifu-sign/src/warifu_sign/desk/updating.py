"""The updater of this program: a product of its own, asked and started as its own process."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from warifu_sign.words import Language

PATIENCE = 120.0
NAME = "warifu-update"
VERBS = {"install": "apply", "mend": "repair", "back": "rollback"}
"""What the desk's buttons are called to the updater."""


@dataclass(frozen=True, slots=True)
class State:
    """What is installed. tree: intact, or how it differs from what was signed; kept: for going
    back, "" where there is nothing."""

    label: dict[str, str]
    release: str
    tree: str
    kept: str


@dataclass(frozen=True, slots=True)
class Answer:
    """How a command of the updater ended, and its own sentence; `facts` is all that it told."""

    end: str
    said: str
    facts: Mapping[str, Any]


@dataclass
class Run:
    """One run of the updater at a time, and how far it is: a line of it is kept, then its end."""

    said: str = ""
    done: int = 0
    total: int = 0
    _answer: Answer | None = None
    _working: threading.Thread | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def working(self) -> bool:
        """Whether the updater is at work."""
        return self._working is not None and self._working.is_alive()

    def begin(self, updated: Path, verb: str, language: Language) -> None:
        """Start a command; where one is at work already, that one goes on."""
        with self._lock:
            if self.working:
                return
            self.said, self.done, self.total, self._answer = "", 0, 0, None
            words = (VERBS[verb], "--json", "--progress", "--language", language)
            self._working = threading.Thread(target=self._follow, args=(updated, words))
            self._working.start()

    def ended(self) -> Answer | None:
        """The last run's answer, once."""
        with self._lock:
            if self.working:
                return None
            found, self._answer = self._answer, None
            return found

    def _follow(self, updated: Path, words: tuple[str, ...]) -> None:
        program = _program(updated)
        if program is None:
            return
        with subprocess.Popen(
            [program, *words, "--folder", str(updated)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=_surroundings(),
        ) as running:
            for line in running.stderr or ():
                self._take(line)
            told = running.stdout.read() if running.stdout else ""
        self._answer = _answer(told)

    def _take(self, line: str) -> None:
        try:
            match json.loads(line):
                case {"said": str(said), "done": int(done), "total": int(total)}:
                    self.said, self.done, self.total = said, done, total
        except ValueError:
            return


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
        release, kept = str(told["release"] or ""), str(told["kept"] or "")
        return State(labels, release, str(told["tree"]), kept)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def look(updated: Path, language: Language) -> Answer | None:
    """Whether a release is offered; None when the updater cannot be asked."""
    return _answer(_asked(updated, "check", "--json", "--language", language))


def _answer(told: str) -> Answer | None:
    try:
        match json.loads(told):
            case {"end": str(end), "said": str(said), **facts}:
                return Answer(end, said, {str(name): fact for name, fact in facts.items()})
    except ValueError:
        pass
    return None


def _asked(updated: Path, *words: str) -> str:
    program = _program(updated)
    if program is None:
        return ""
    try:
        done = subprocess.run(
            [program, *words, "--folder", str(updated)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            env=_surroundings(),
            check=False,
            timeout=PATIENCE,
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout


def _program(updated: Path) -> str | None:
    """The updater: the command that its set-up wrote beside the folder, else one on the path."""
    written = updated.parent / NAME
    if written.is_file() and os.access(written, os.X_OK):
        return str(written)
    beside = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))
    return shutil.which(NAME, path=beside)


def _surroundings() -> dict[str, str]:
    """The environment without a frozen program's own library path, which is not the updater's."""
    found = {name: value for name, value in os.environ.items() if not name.startswith("_PYI_")}
    if getattr(sys, "frozen", False):
        before = found.pop("LD_LIBRARY_PATH_ORIG", "")
        found.pop("LD_LIBRARY_PATH", None)
        found |= {"LD_LIBRARY_PATH": before} if before else {}
    return found
