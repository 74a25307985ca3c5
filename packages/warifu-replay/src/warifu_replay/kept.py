"""A replay that is kept: its folder, what is written down of it, and how it is shown again."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from warifu.web import running as house
from warifu.web import serve as web
from warifu_client import lock
from warifu_replay.running import free_port
from warifu_replay.town import AUTHORITY, SOURCE, Told, authority_at
from warifu_wire import atomic
from warifu_wire.errors import Refusal

TOLD = "replay.json"
PORTS = (8000, 8001)
"""Where provider and authority are found, unless somebody else is there."""


def ports() -> tuple[int, int]:
    """The provider's and the authority's port: the usual ones where nobody listens."""
    provider, authority = (one if _nobody(one) else free_port() for one in PORTS)
    return provider, authority


@contextmanager
def place(folder: Path) -> Iterator[Path]:
    """An emptied folder for a new replay, nobody else's while it is entered.

    Raises `Refusal` for a folder that holds anything but a former replay, and for one in use.
    """
    folder = folder.resolve()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _held(folder):
        if folder.exists() and any(folder.iterdir()) and not (folder / TOLD).exists():
            needed = "an empty folder, or one with a former replay"
            raise Refusal("not-a-replay", needed=needed, folder=folder)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        atomic.write(folder / TOLD, b"{}\n")
        yield folder


def tell(folder: Path, told: Mapping[str, object]) -> None:
    """Write down what the replay came to: only then is it shown."""
    atomic.write(folder / TOLD, f"{json.dumps(told, ensure_ascii=False, indent=1)}\n".encode())


def show(folder: Path, told: Told) -> None:
    """Serve a replay until interrupted: provider, worker and pages, and the authority beside them.

    Raises `Refusal` where there is none that came to its end, and for one in use.
    """
    folder = folder.resolve()
    try:
        authority = str(json.loads((folder / TOLD).read_bytes())["authority"])
    except (OSError, ValueError, KeyError) as error:
        raise Refusal("no-replay", needed="`make replay` first", folder=folder) from error
    with _held(folder), authority_at(folder / AUTHORITY, authority):
        told("every release and every incident has its page; the keys are for trial")
        house.run(folder / SOURCE, "127.0.0.1", None, told)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    with lock.held(folder.with_name(f".{folder.name}.lock")):
        yield


def _nobody(port: int) -> bool:
    try:
        web.free("127.0.0.1", port)
    except Refusal:
        return False
    return True
