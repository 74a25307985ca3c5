"""What came along with the updater: whose it is, and a place for the updater's own releases.

A member who has no Python gets a folder with the frozen updater, the frozen launcher, and `setup/`:
`provider.json` and `root.json`. From it `init` makes two folders, one for the product and one for
the updater, which is a product of its own on the same road; the launcher starts whichever release
of the updater is in use, so it is copied to a place that no release ever touches.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from warifu_client import settings
from warifu_client.layout import Layout
from warifu_wire import atomic
from warifu_wire.errors import Fault, Malformed, Refusal

SETUP = "setup"
LAUNCHER = "warifu-launch"
UPDATER = "warifu-update"


@dataclass(frozen=True, slots=True)
class Came:
    """The provider's address and root, the product, and the updater's own product ("": none).

    `tree` is the frozen updater's folder, `launcher` the frozen launcher's.
    """

    address: str
    product: str
    updater: str
    root: Path
    tree: Path
    launcher: Path


def found() -> Came | None:
    """What came with the updater that runs; None where it is an ordinary Python package.

    Raises `Malformed` where it is damaged.
    """
    if not getattr(sys, "frozen", False):
        return None
    return beside(Path(sys.executable).resolve().parent)


def beside(tree: Path) -> Came | None:
    """What lies beside a frozen updater; None where nothing does."""
    setup = tree.parent / SETUP
    try:
        told = json.loads((setup / "provider.json").read_bytes())
    except OSError:
        return None
    except ValueError:
        told = None
    match told:
        case {"address": str(address), "product": str(product), "updater": str(updater)}:
            root, launcher = setup / "root.json", tree.parent / LAUNCHER
            return Came(address, product, updater, root, tree, launcher)
    raise Malformed("not-settings", needed="address, product and updater", path=setup)


def looks_after(folder: Path) -> Path | None:
    """The folder of the updater whose start test is a check of this one; None where there is none.

    A folder beside it that cannot be read is no such one.
    """
    for one in sorted(folder.parent.glob("*/settings.json")):
        with contextlib.suppress(Fault, Refusal):
            if settings.read(Layout(one.parent)).host == str(folder):
                return one.parent
    return None


def settle(came: Came, home: Path, own: Path) -> Path:
    """Copy the launcher to where it stays, and write the command that goes by it.

    `home` is where all updaters' folders are, `own` the updater's own. Gives the command's path.
    Raises `Fault`.
    """
    place = home / LAUNCHER
    try:
        if not place.exists():
            half = home / f".{LAUNCHER}.half"
            shutil.rmtree(half, ignore_errors=True)
            shutil.copytree(came.launcher, half, symlinks=True)
            half.rename(place)
    except OSError as error:
        raise Fault(
            f"cannot copy {came.launcher}: {error.strerror}", needed="space and write access"
        ) from error
    command = home / UPDATER
    text = script(place / LAUNCHER, own)
    atomic.write(command, text.encode(), mode=0o755)
    return command


def script(launcher: Path, own: Path) -> str:
    """The command that starts the updater in use (POSIX sh; a .cmd on Windows)."""
    if os.name == "nt":
        return f'@"{launcher}" "{own}" "{{tree}}\\{UPDATER}" %*\r\n'
    return f'#!/bin/sh\nexec {_quoted(launcher)} {_quoted(own)} "{{tree}}/{UPDATER}" "$@"\n'


def _quoted(path: Path) -> str:
    inside = str(path).replace("'", "'\\''")
    return f"'{inside}'"
