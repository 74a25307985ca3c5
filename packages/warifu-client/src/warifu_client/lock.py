"""One updater at a time on one folder, whoever started it (step 1 of the client's check)."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from warifu_wire.errors import Fault, Refusal

if sys.platform == "win32":  # pragma: no cover - the other platform's way
    import msvcrt

    def _take(handle: int) -> None:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock; raises `Refusal` when another updater has it. A killed holder frees it.

    What the ground does not give in the meantime is a `Fault` like any other.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Fault(f"cannot open {path}: {error.strerror}", needed="write access there") from error
    try:
        try:
            _take(handle)
        except OSError as error:
            raise Refusal("busy", needed="the other updater to finish", lock=path) from error
        yield
    except OSError as error:
        where = error.filename or path
        raise Fault(f"{where}: {error.strerror}", needed="space and write access") from error
    finally:
        os.close(handle)
