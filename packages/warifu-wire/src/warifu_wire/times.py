"""Instants on the wire: aware, UTC, whole seconds, spelled one way (RFC 3339 with Z)."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TypeAlias

from warifu_wire.errors import Malformed

Instant: TypeAlias = datetime

_SHAPE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)


def spell(at: Instant) -> str:
    """`2012-02-05T04:23:00Z`; raises `Malformed` for a naive time."""
    if at.tzinfo is None:
        raise Malformed("naive-time", needed="a time with its zone", found=at)
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def read(text: object) -> Instant:
    """The instant of a spelled time; raises `Malformed`."""
    if not isinstance(text, str) or not _SHAPE.fullmatch(text):
        raise Malformed("not-a-time", needed="YYYY-MM-DDTHH:MM:SSZ", found=text)
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise Malformed("not-a-time", needed="a date that exists", found=text) from error
