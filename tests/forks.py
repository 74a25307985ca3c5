"""How a forked child of a test is gone: by a signal that carries its exit code.

An ordinary exit would first write down everything that coverage had measured in the parent by then,
which takes longer than most of the work such a child is made for.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

from coverage import Coverage

SETTINGS = Path(__file__).parents[1] / "pyproject.toml"

MEASURING = "COVERAGE_PROCESS_"
"""How the variables begin by which a program that is started measures its coverage too."""


def fork() -> int:
    """Fork; the child, and whoever it starts, measures nothing, for nobody will read it."""
    child = os.fork()
    if child == 0:
        sys.settrace(None)
        threading.settrace(None)  # type: ignore[arg-type]
        for name in [name for name in os.environ if name.startswith(MEASURING)]:
            del os.environ[name]
    return child


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


@dataclass(frozen=True)
class Said:
    """What a command line left: its exit code, and what it said on both outputs."""

    code: int
    out: str
    err: str


def command(
    main: Callable[[list[str]], object], *words: str, folder: Path = Path(), **environment: str
) -> Said:
    """Run a command line in a process forked from this one, which need not load it again.

    Where this test is measured, so is the command, and the programs that it starts.
    """
    measured = any(name.startswith(MEASURING) for name in os.environ)
    with ExitStack() as streams:
        nothing = streams.enter_context(open(os.devnull))
        out, err = (streams.enter_context(TemporaryFile("w+", encoding="utf-8")) for _ in "12")
        child = os.fork() if measured else fork()
        if child == 0:
            for number, stream in enumerate((nothing, out, err)):
                os.dup2(stream.fileno(), number)
            sys.stdout, sys.stderr = out, err
            os.environ.update(environment)
            os.chdir(folder)
            with _covered() if measured else nullcontext():
                code = _ended(lambda: main(list(words)))
            leave(code)
        code = left(child)
        for stream in (out, err):
            stream.seek(0)
        return Said(code, out.read(), err.read())


def _ended(work: Callable[[], object]) -> int:
    """The exit code of a main function; 9 is a traceback."""
    try:
        work()
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 9
    return 0


@contextmanager
def _covered() -> Iterator[None]:
    """Measure in a forked child, without all that its parent had measured by then."""
    parent = Coverage.current()
    if parent is not None:
        parent.stop()
    own = Coverage(data_suffix=True, config_file=str(SETTINGS))
    own.start()
    try:
        yield
    finally:
        own.stop()
        own.save()
