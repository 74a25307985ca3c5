"""Kill a member's updater for real, before its k-th change to the disk, and look at what is left.

The updater runs in a forked process. Every call that changes the disk is counted there, and the
k-th does not happen: the process gets SIGKILL instead. Only the calls are counted, nothing is
faked; what the process wrote is what the next one finds.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from hypothesis import settings

CHANGES = (
    *("fsync", "replace", "rename", "unlink", "remove", "rmdir", "mkdir", "link", "symlink"),
    *("chmod", "write", "truncate"),
)
NIGHT = settings.get_current_profile_name() == "nightly"
STRIDE = 1 if NIGHT else 5
"""At night every change is the last one once; in the gate every fifth."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


class Counter:
    """Counts the changes; at the k-th the process is gone."""

    def __init__(self, k: int) -> None:
        self.k = k
        self.count = 0

    def step(self) -> None:
        """One change is about to happen."""
        self.count += 1
        if self.count == self.k:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self) -> None:
        """From now on every change through `os`, and every opening for writing, is counted."""
        for name in CHANGES:
            setattr(os, name, self._counted(getattr(os, name)))

        def opened(event: str, arguments: tuple[object, ...]) -> None:
            if event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
                self.step()

        sys.addaudithook(opened)

    def _counted(self, call: Callable[..., object]) -> Callable[..., object]:
        def counted(*arguments: object, **named: object) -> object:
            self.step()
            return call(*arguments, **named)

        return counted


def survived(work: Callable[[], object], k: int) -> bool:
    """Run `work` in a process of its own, killed at its k-th change; whether it came to its end.

    An error in the work is an error of the test.
    """
    child = os.fork()
    if child == 0:
        code = 1
        try:
            Counter(k).watch()
            work()
            code = 0
        except BaseException as error:
            os.write(2, f"in the killed process: {error!r}\n".encode())
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == 0
    return True


def again(kept: Path, folder: Path) -> None:
    """Put a machine's folder back as it was kept, links and all."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(kept, folder, symlinks=True)
