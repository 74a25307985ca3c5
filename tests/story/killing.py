"""SIGKILL to a real process at its first, second, third … durable step, until it completes.

A step is a rename, a flush to disk or a statement that begins or ends a transaction. The process is
forked from this one, so that it does not spend its life importing; it is killed all the same.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from django.db.backends.signals import connection_created

from tests.forks import fork, leave, left

STEPS = frozenset({"os.rename", "os.link", "os.symlink", "os.remove", "os.mkdir"})
SPOKEN = ("BEGIN", "COMMIT")


class Countdown:
    """Kills this process at the k-th step."""

    def __init__(self, k: int) -> None:
        self._left = k

    def step(self) -> None:
        """One step is about to be made."""
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def audited(self, event: str, _: tuple[Any, ...]) -> None:
        """What the interpreter is about to do."""
        if event in STEPS:
            self.step()

    def spoken(self, statement: str) -> None:
        """What the database is about to do."""
        if statement.startswith(SPOKEN):
            self.step()


def killed(k: int, work: Callable[[], None]) -> bool:
    """Run `work` in a process that is killed at its k-th step; False when it completed before."""
    child = fork()
    if child == 0:
        _child(k, work)
    code = left(child)
    assert code in {0, -signal.SIGKILL}
    return code != 0


def alone(work: Callable[[], None]) -> None:
    """Run `work` undisturbed, in a process of its own."""
    assert not killed(0, work)


def _child(k: int, work: Callable[[], None]) -> None:
    try:
        if k:
            countdown = Countdown(k)
            flush = os.fsync

            def counted(handle: int) -> None:
                countdown.step()
                flush(handle)

            def traced(connection: Any, **_: object) -> None:
                connection.connection.set_trace_callback(countdown.spoken)

            os.fsync = counted
            connection_created.connect(traced, weak=False)
            sys.addaudithook(countdown.audited)
        work()
    except BaseException:
        sys.excepthook(*sys.exc_info())
        leave(1)
    leave(0)
