"""What systems do differently: the pointer's form, links to the member's data, file modes, names.

One interface with a form for POSIX systems and one for Windows. The Windows form is given the few
calls that only Windows has, so that all it decides is tried on every system.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Protocol, TypeAlias

from warifu_client.pointer import FilePointer, LinkPointer, Pointer

LONGEST = 240
"""Characters of a path that old Windows programs still open (MAX_PATH, and room for a suffix)."""
DEVICES = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10))}
)
"""Names that are devices in every folder, whatever their suffix (Win32 "Naming Files")."""
HELD = frozenset({5, 32, 33})
"""ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION: somebody has it open."""
PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
"""Seconds between tries; a scanner looks at a new file for about as long."""
Join: TypeAlias = Callable[[Path, Path], None]


class System(Protocol):
    """The ground under an updater."""

    @property
    def modes(self) -> bool:
        """Whether files have an execute bit to look at and to set."""

    def pointer(self, path: Path) -> Pointer:
        """The pointer in the form that needs no rights here."""

    def stand_in(self, place: Path, own: Path) -> None:
        """Let `place` in a release folder stand for the member's `own` path; raises OSError."""

    def unfit(self, root: Path, paths: Iterable[str]) -> str:
        """The first path that cannot be below `root` here, or ""."""

    def home(self, environment: Mapping[str, str]) -> Path:
        """Where the folders of all products are; no administrator rights needed."""


@dataclass(frozen=True, slots=True)
class Posix:
    """Links for everything."""

    @property
    def modes(self) -> bool:
        """Files have an execute bit."""
        return True

    def pointer(self, path: Path) -> Pointer:
        """A symbolic link: programs go through it."""
        return LinkPointer(path)

    def stand_in(self, place: Path, own: Path) -> None:
        """A relative link, so that the updater's folder may be moved."""
        place.symlink_to(Path(os.path.relpath(own, place.parent)))

    def unfit(self, root: Path, paths: Iterable[str]) -> str:
        """None is: a manifest's paths are plain everywhere."""
        del root, paths
        return ""

    def home(self, environment: Mapping[str, str]) -> Path:
        """By the XDG rules' default."""
        del environment
        return Path.home() / ".local" / "share" / "warifu"


@dataclass(frozen=True, slots=True)
class Windows:
    """A pointer file, junctions for folders, hard links for files; and patience with scanners.

    `junction` joins a folder to another one, which unlike a symbolic link needs no privilege;
    `replace` is the rename; `pause` waits so many seconds.
    """

    junction: Join
    replace: Join = os.replace
    pause: Callable[[float], None] = time.sleep

    @property
    def modes(self) -> bool:
        """Every file may be executed."""
        return False

    def pointer(self, path: Path) -> Pointer:
        """A file that the launcher reads, replaced patiently."""
        return FilePointer(path, self.patiently)

    def stand_in(self, place: Path, own: Path) -> None:
        """A folder is joined; a file is one file in two places.

        A file that its program replaces instead of writing to it parts from the member's own: it
        is found beside the release's files when the folder goes, and put aside.
        """
        if own.is_dir():
            self.junction(own, place)
        elif own.exists():
            place.hardlink_to(own)

    def unfit(self, root: Path, paths: Iterable[str]) -> str:
        """Names of devices, and what becomes too long below the release folder."""
        room = LONGEST - len(str(PureWindowsPath(root))) - 1
        for path in paths:
            names = {part.partition(".")[0].rstrip().lower() for part in path.split("/")}
            if len(path) > room or names & DEVICES:
                return path
        return ""

    def home(self, environment: Mapping[str, str]) -> Path:
        """Local application data: it does not roam, and belongs to the person."""
        local = environment.get("LOCALAPPDATA", "")
        return Path(local or Path.home() / "AppData" / "Local") / "warifu"

    def patiently(self, half: Path, path: Path) -> None:
        """Rename over a file that somebody may have open for a moment; raises OSError at last."""
        for seconds in PAUSES:
            try:
                return self.replace(half, path)
            except OSError as error:
                if getattr(error, "winerror", None) not in HELD:
                    raise
            self.pause(seconds)
        return self.replace(half, path)


def _here() -> System:
    if os.name != "nt":
        return Posix()
    import _winapi  # pragma: no cover - the other platform's way

    def junction(own: Path, place: Path) -> None:  # pragma: no cover
        _winapi.CreateJunction(str(own), str(place))  # type: ignore[attr-defined]

    return Windows(junction)  # pragma: no cover


HERE = _here()
"""This system."""
