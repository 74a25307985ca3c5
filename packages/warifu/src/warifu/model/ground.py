"""Where the ground gives way: what the system says, said as the house's one word for it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from warifu_wire.errors import Fault


@contextmanager
def ground(what: str, *also: type[Exception]) -> Iterator[None]:
    """Turn what disk or database raise (`OSError`, and `also`) into a `Fault` naming `what`."""
    caught: tuple[type[Exception], ...] = (OSError, *also)
    try:
        yield
    except caught as error:
        raise Fault(f"{what}: {error}", needed="space and access there, then again") from error
