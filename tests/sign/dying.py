"""A process that is killed (SIGKILL) at the k-th of its durable steps."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from types import FrameType

from tests.forks import fork, leave, left

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
    child = fork()
    if child == 0:
        code = 1
        sys.setprofile(Executioner(at))
        try:
            step()
            code = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.setprofile(None)
            leave(code)
    ended = left(child)
    assert ended in {0, -signal.SIGKILL}
    return ended != 0
