"""Kill a member's updater for real, before its k-th change to the disk, and look at what is left.

The updater runs in a forked process. Every call that changes the disk is counted there, and the
k-th does not happen: the process gets SIGKILL instead. Only the calls are counted, nothing is
faked; what the process wrote is what the next one finds.
"""

from __future__ import annotations

import errno
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from tests.client import power
from tests.client.power import Platter
from tests.forks import fork, leave, left
from tests.night import NIGHT
from warifu_wire.errors import Fault, Refusal

CHANGES = (
    *("fsync", "replace", "rename", "unlink", "remove", "rmdir", "mkdir", "link", "symlink"),
    *("chmod", "write", "truncate"),
)
STRIDE = 1 if NIGHT else 13
"""At night every change is the last one once; in the gate every ninth."""
WIDE = 1 if NIGHT else 23
Survives: TypeAlias = Callable[[Callable[[], object], int], bool]
"""Runs work that is cut off at its k-th change; whether it came to its end."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


SPACE = frozenset({"replace", "rename", "mkdir", "link", "symlink", "write", "fsync", "open"})
"""Changes that a full disk refuses; what removes still works."""


class Counter:
    """Counts the changes; the k-th is `end`, called with its name, and so is each after it."""

    def __init__(self, k: int, end: Callable[[str], None]) -> None:
        self.k = k
        self.end = end
        self.count = 0
        self.platter: Platter | None = None
        """What is certain to be on disk, where the power goes and not only the process."""

    def step(self, name: str) -> None:
        """One change is about to happen."""
        self.count += 1
        if self.count >= self.k:
            self.end(name)

    def watch(self) -> None:
        """From now on every change through `os`, and every opening for writing, is counted."""
        for name in CHANGES:
            setattr(os, name, self._counted(name, getattr(os, name)))

        def opened(event: str, arguments: tuple[object, ...]) -> None:
            if event != "open" or not isinstance(arguments[2], int):
                return
            path, _, flags = arguments
            if flags & WRITING and isinstance(path, str | os.PathLike):
                self.step("open")

        sys.addaudithook(opened)

    def _counted(self, name: str, call: Callable[..., object]) -> Callable[..., object]:
        def counted(*arguments: object, **named: object) -> object:
            self.step(name)
            done = call(*arguments, **named)
            if name == "fsync" and self.platter is not None:
                self.platter.flush(int(str(arguments[0])))
            return done

        return counted


def survived(work: Callable[[], object], k: int) -> bool:
    """Run `work` in a process of its own, killed at its k-th change; whether it came to its end.

    An error in the work is an error of the test.
    """
    return _run(work, k, lambda counter, name: os.kill(os.getpid(), signal.SIGKILL))


def survived_power(root: Path, turn: int = 0) -> Survives:
    """As `survived`, but it is the power that goes: of `root` there is what `power.rebuild` makes.

    The ways a disk may choose take turns with k.
    """

    def survives(work: Callable[[], object], k: int) -> bool:
        kept = root.with_name(f"{root.name}.platter")

        def cut(counter: Counter, name: str) -> None:
            assert counter.platter is not None
            counter.k = sys.maxsize
            power.save(counter.platter, kept)
            os.kill(os.getpid(), signal.SIGKILL)

        done = _run(work, k, cut, root)
        if not done:
            ways = power.ways(k)
            way = list(ways)[(k + turn) % len(ways)]
            power.rebuild(root, power.load(kept), ways[way])
        return done

    return survives


def survived_full_disk(work: Callable[[], object], k: int) -> bool:
    """Run `work`, whose disk is full from its k-th change on; it may refuse, never break."""

    def full(counter: Counter, name: str) -> None:
        if name in SPACE:
            counter.k = counter.count
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return _run(work, k, full)


FULL = 7


def _run(
    work: Callable[[], object],
    k: int,
    end: Callable[[Counter, str], None],
    root: Path | None = None,
) -> bool:
    child = fork()
    if child == 0:
        code = 1
        try:
            counter = Counter(k, lambda name: end(counter, name))
            counter.platter = None if root is None else power.begin(root)
            counter.watch()
            work()
            code = FULL if counter.count >= k else 0
        except (Refusal, Fault):
            code = FULL
        except BaseException:
            traceback.print_exc()
        finally:
            leave(code)
    ended = left(child)
    assert ended in {0, FULL, -signal.SIGKILL}
    return ended == 0


def again(kept: Path, folder: Path) -> None:
    """Put a machine's folder back as it was kept, links and all."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(kept, folder, symlinks=True)
