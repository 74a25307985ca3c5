"""Canonical JSON (RFC 8785): one value has one spelling, and nothing else is read."""

from __future__ import annotations

import json
from typing import TypeAlias

import rfc8785

from warifu_wire.errors import Malformed

Json: TypeAlias = "None | bool | int | str | list[Json] | dict[str, Json]"

DEPTH_LIMIT = 64
_LARGEST = 2**53 - 1
_BEYOND = tuple(bytes([one]) for one in range(0xF0, 0xF5))
_NOT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def dumps(value: Json) -> bytes:
    """The RFC 8785 spelling of a value; UTF-8 bytes. Raises `Malformed` for what has none."""
    try:
        return rfc8785.dumps(value)
    except (rfc8785.CanonicalizationError, RecursionError, UnicodeError) as error:
        raise Malformed("not-canonical", needed="a value RFC 8785 can spell", why=error) from error


def loads(data: bytes) -> Json:
    """The value of canonical bytes; raises `Malformed` unless `dumps(loads(data)) == data`.

    Refuses duplicate keys, floats, deep nesting and any other spelling of the same value, because
    a second spelling is a second digest for one fact.
    """
    if _depth(data) > DEPTH_LIMIT:
        raise Malformed("too-deep", needed=f"at most {DEPTH_LIMIT} levels of nesting")
    try:
        value: Json = json.loads(data.decode("utf-8"), parse_float=_no_float, parse_int=_whole)
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise Malformed("not-json", needed="UTF-8 JSON", why=type(error).__name__) from error
    if _spelled(value, data) != data:
        raise Malformed("not-canonical", needed="the RFC 8785 spelling, without duplicate keys")
    return value


def _depth(data: bytes) -> int:
    """An upper bound of nesting, counted on the raw bytes before any parser recurses."""
    depth = deepest = 0
    for byte in data.translate(None, _NOT_BRACKETS):
        depth += 1 if byte in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _spelled(value: Json, data: bytes) -> bytes:
    """The RFC 8785 spelling of what was just parsed from `data`, at the speed of the C encoder.

    That one orders names by code points, RFC 8785 by UTF-16 units: they differ only where a
    character lies beyond the basic plane, whose UTF-8 has a byte from F0.
    """
    if any(one in data for one in _BEYOND):
        return dumps(value)
    try:
        return json.dumps(
            value, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=True
        ).encode()
    except ValueError:  # NaN, Infinity, a lone surrogate
        return b""


def _whole(text: str) -> int:
    """An integer that a double holds exactly (RFC 8785, section 3.2.2.3)."""
    value = int(text)
    if abs(value) > _LARGEST:
        raise ValueError(f"beyond what every reader keeps: {text[:20]}")
    return value


def _no_float(text: str) -> Json:
    raise ValueError(f"fractions are not part of the wire: {text}")
