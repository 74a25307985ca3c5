"""A process that is killed (SIGKILL) at the k-th of its durable steps."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

STEPS = {"open", "fsync", "replace", "rename", "unlink", "sendall", "recv_into"}


class Executioner:
    """Kills this process right before its k-th call that touches disk or network."""

    def __init__(self, at: int) -> None:
        self.left = at

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        del frame
        if event == "c_call" and getattr(argument, "__name__", "") in STEPS:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def killed(step: Callable[[], object], at: int) -> bool:
    """Run in a child that is killed at its k-th step; whether it was killed before its end."""
    child = os.fork()
    if child == 0:  # pragma: no cover - ends by a signal, or without a report
        sys.setprofile(Executioner(at))
        try:
            step()
        finally:
            sys.setprofile(None)
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)
