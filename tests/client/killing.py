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

from hypothesis import settings

from warifu_wire.errors import Fault, Refusal

CHANGES = (
    *("fsync", "replace", "rename", "unlink", "remove", "rmdir", "mkdir", "link", "symlink"),
    *("chmod", "write", "truncate"),
)
NIGHT = settings.get_current_profile_name() == "nightly"
STRIDE = 1 if NIGHT else 5
"""At night every change is the last one once; in the gate every fifth."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


SPACE = frozenset({"replace", "rename", "mkdir", "link", "symlink", "write", "fsync", "open"})
"""Changes that a full disk refuses; what removes still works."""


class Counter:
    """Counts the changes; the k-th is `end`, called with its name, and so is each after it."""

    def __init__(self, k: int, end: Callable[[str], None]) -> None:
        self.k = k
        self.end = end
        self.count = 0
        self.dirty: set[str] = set()
        """Files written and not flushed since."""

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
                self.dirty.add(str(Path(path).absolute()))

        sys.addaudithook(opened)

    def _counted(self, name: str, call: Callable[..., object]) -> Callable[..., object]:
        def counted(*arguments: object, **named: object) -> object:
            self.step(name)
            done = call(*arguments, **named)
            self._written(name, arguments)
            return done

        return counted

    def _written(self, name: str, arguments: tuple[object, ...]) -> None:
        if name == "fsync":
            self.dirty.discard(str(Path(f"/proc/self/fd/{arguments[0]}").readlink()))
        elif name in {"replace", "rename"} and isinstance(arguments[1], str | os.PathLike):
            old, new = (str(Path(str(one)).absolute()) for one in arguments[:2])
            (self.dirty.add if old in self.dirty else self.dirty.discard)(new)
            self.dirty.discard(old)


def survived(work: Callable[[], object], k: int) -> bool:
    """Run `work` in a process of its own, killed at its k-th change; whether it came to its end.

    An error in the work is an error of the test.
    """
    return _run(work, k, lambda counter, name: os.kill(os.getpid(), signal.SIGKILL))


def survived_power(work: Callable[[], object], k: int) -> bool:
    """As `survived`, but every file that was not flushed by then is empty or torn afterwards."""
    reading, writing = os.pipe()

    def cut(counter: Counter, name: str) -> None:
        with open(writing, "wb") as stream:
            stream.write("\0".join(sorted(counter.dirty)).encode())
        os.kill(os.getpid(), signal.SIGKILL)

    done = _run(work, k, cut)
    os.close(writing)
    with open(reading, "rb") as stream:
        lost = [Path(one) for one in stream.read().decode().split("\0") if one]
    for number, path in enumerate(lost):
        if path.is_file():
            os.truncate(path, path.stat().st_size // 2 if number % 2 else 0)
    return done


def survived_full_disk(work: Callable[[], object], k: int) -> bool:
    """Run `work`, whose disk is full from its k-th change on; it may refuse, never break."""

    def full(counter: Counter, name: str) -> None:
        if name in SPACE:
            counter.k = counter.count
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return _run(work, k, full)


FULL = 7


def _run(work: Callable[[], object], k: int, end: Callable[[Counter, str], None]) -> bool:
    child = os.fork()
    if child == 0:
        code = 1
        try:
            counter = Counter(k, lambda name: end(counter, name))
            counter.watch()
            work()
            code = FULL if counter.count >= k else 0
        except (Refusal, Fault):
            code = FULL
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) in {0, FULL}
    return os.WEXITSTATUS(status) == 0


def again(kept: Path, folder: Path) -> None:
    """Put a machine's folder back as it was kept, links and all."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(kept, folder, symlinks=True)
