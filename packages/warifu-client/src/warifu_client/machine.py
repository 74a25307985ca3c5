"""A member's machine: where things lie, what it was told, and the means it is given.

Everything that touches the world comes in through `Means`, so that many machines can live in one
process, on any clock and any transport, and be killed at any step.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from warifu_client import clock, settings, starting, transport
from warifu_client.layout import Layout
from warifu_client.pointer import FilePointer, Pointer
from warifu_client.progress import Progress, silent
from warifu_client.settings import Settings
from warifu_client.starting import Starter
from warifu_client.system import HERE, System
from warifu_client.transport import Transport
from warifu_wire.check import Clock

Checkpoint: TypeAlias = Callable[[str], None]


def passing(step: str) -> None:
    """The checkpoint of ordinary life: go on."""
    del step


@dataclass(frozen=True, slots=True)
class Means:
    """Clock, network, start test, progress, pauses (in seconds), and the checkpoint called after
    each durable step."""

    clock: Clock
    transport: Transport
    start: Starter = starting.run
    checkpoint: Checkpoint = passing
    progress: Progress = silent
    pause: Callable[[float], None] = time.sleep


@dataclass(frozen=True, slots=True)
class Machine:
    """One installation of one product."""

    layout: Layout
    settings: Settings
    means: Means
    system: System = HERE
    current: Pointer = field(init=False)
    previous: Pointer = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "current", self.system.pointer(self.layout.current))
        # Nothing is started through the kept one: a file does on every system.
        object.__setattr__(self, "previous", FilePointer(self.layout.previous))

    def reached(self, step: str) -> None:
        """A durable step is done."""
        self.means.checkpoint(step)


def opened(
    folder: Path,
    *,
    checkpoint: Checkpoint = passing,
    progress: Progress = silent,
    means: Means | None = None,
) -> Machine:
    """The machine whose updater lives in `folder`, by default with this system's own means.

    Raises `Fault` where no updater was set up, `Malformed` for damaged settings.
    """
    layout = Layout(folder)
    told = settings.read(layout)
    own = means or Means(clock.system, transport.of(told), checkpoint=checkpoint, progress=progress)
    return Machine(layout, told, own)
