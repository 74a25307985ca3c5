"""How a forked child of a test is gone: by a signal that carries its exit code.

An ordinary exit would first write down everything that coverage had measured in the parent by then,
which takes longer than most of the work such a child is made for.
"""

from __future__ import annotations

import os
import signal
import sys


def leave(code: int) -> None:
    """End this process at once with an exit code from 0 to 9."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.kill(os.getpid(), signal.SIGRTMIN + code)


def left(child: int) -> int:
    """Wait for a child: the code it left with, or minus the signal that killed it."""
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    return -code - signal.SIGRTMIN if -code >= signal.SIGRTMIN else code
