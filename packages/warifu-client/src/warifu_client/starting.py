"""The start test: does the host start with this release's program in it?"""

from __future__ import annotations

import errno
import json
import re
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from warifu_client import launcher
from warifu_client.settings import Settings
from warifu_wire.manifest import Manifest

_TOKEN = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True, slots=True)
class Started:
    """How a start test ended; `failure` is a word of the shared vocabulary, "" when it started.

    `undecided`: nothing was learnt of the release, so nothing may be held against it.
    """

    failure: str
    undecided: bool = False

    @property
    def good(self) -> bool:
        """Whether it started."""
        return not self.failure


UNDECIDED = 75
"""The exit code of a start test that could not be made now (EX_TEMPFAIL of sysexits.h)."""
OURS = frozenset({errno.ENOMEM, errno.EAGAIN, errno.EMFILE, errno.ENFILE, errno.ENOSPC})
"""What this machine lacks at the moment; no fault of a release."""
Starter: TypeAlias = Callable[[Settings, Manifest, Path], Started]


def run(settings: Settings, manifest: Manifest, tree: Path) -> Started:
    """Run the manifest's start command on a tree: exit 0 within the time-out, and nothing else.

    Exit 75 says that it could not be tried now: that is for neither side.

    The command runs in an empty folder and may not write byte code into the tree. Where it prints
    JSON with a `failure.code`, that word is the failure; else the way it ended is.
    """
    if not manifest.start:
        return Started("start-command-missing")
    python = launcher.interpreter()
    if not python and any("{python}" in word for word in manifest.start):
        return Started("python-missing")
    places = {"{tree}": str(tree), "{python}": python, "{host}": settings.host}
    command = [_filled(word, places) for word in manifest.start]
    with tempfile.TemporaryDirectory(prefix="warifu-start-") as empty:
        try:
            done = subprocess.run(
                command,
                cwd=empty,
                env=launcher.surroundings(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=settings.start_timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Started("start-timeout")
        except OSError as error:
            return Started("start-not-possible", error.errno in OURS)
    if done.returncode == 0:
        return Started("")
    if done.returncode == UNDECIDED:
        return Started(_told(done.stdout) or "start-undecided", undecided=True)
    return Started(_told(done.stdout) or f"start-exit-{done.returncode}".replace("--", "-signal-"))


def _filled(word: str, places: dict[str, str]) -> str:
    for name, value in places.items():
        word = word.replace(name, value)
    return word


def _told(output: bytes) -> str:
    """The failure code of a host that tells one as JSON in its last line; "" for any other."""
    lines = output.decode("utf-8", "replace").strip().splitlines()
    try:
        match json.loads(lines[-1] if lines else ""):
            case {"failure": {"code": str(code)}} if _TOKEN.fullmatch(code):
                return code
    except ValueError:
        pass
    return ""
