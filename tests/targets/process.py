"""Real processes on the tree: forked, killed with SIGKILL before their k-th write, or racing."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from tuf.api.exceptions import DownloadHTTPError
from tuf.ngclient import FetcherInterface

from tests.forks import fork, leave, left

WRITES = frozenset({"os.rename", "os.mkdir", "os.remove"})


def forked(work: Callable[[], object]) -> int:
    """A child process that does the work and is gone: 0, or 1 after an exception."""
    child = fork()
    if child:
        return child
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        leave(code)
    raise AssertionError("a child that left is still here")


def killed_before(point: int, work: Callable[[], object]) -> bool:
    """Do the work in a child that SIGKILLs itself before its write number `point`, from 1.

    Whether it was killed; False when the work ended before that.
    """
    until = [point]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in WRITES or (event == "open" and _writes(arguments)):
            until[0] -= 1
            if not until[0]:
                os.kill(os.getpid(), signal.SIGKILL)

    def doomed() -> None:
        sys.addaudithook(hook)
        work()

    code = left(forked(doomed))
    assert code in {0, -signal.SIGKILL}
    return code != 0


def _writes(arguments: tuple[object, ...]) -> bool:
    flags = arguments[2]
    return isinstance(flags, int) and bool(flags & (os.O_WRONLY | os.O_RDWR))


class FolderFetcher(FetcherInterface):
    """The tree as a web server would give it, without one."""

    def _fetch(self, url: str) -> Iterator[bytes]:
        path = Path(url)
        if not path.is_file():
            raise DownloadHTTPError(f"{url} is not there", 404)
        return iter([path.read_bytes()])
