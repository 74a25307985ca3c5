"""Reading JSON fields strictly: the right type, nothing unknown, or `Malformed`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

from warifu_wire import canonical
from warifu_wire.canonical import Json
from warifu_wire.errors import Malformed


def document(data: bytes, kind: str, names: Iterable[str]) -> dict[str, Json]:
    """A canonical JSON object of the given `type` with exactly the named fields beside it."""
    found = canonical.loads(data)
    if not isinstance(found, dict) or found.get("type") != kind:
        raise Malformed("wrong-type", needed=kind)
    return exactly(found, {"type", *names})


def exactly(value: Json, names: Iterable[str]) -> dict[str, Json]:
    """`value` as an object with exactly these fields; raises `Malformed`."""
    wanted = set(names)
    if isinstance(value, dict) and set(value) == wanted:
        return value
    raise Malformed("wrong-fields", needed=", ".join(sorted(wanted)))


def text(value: Json) -> str:
    """A string."""
    if isinstance(value, str):
        return value
    raise Malformed("not-text", needed="a string", found=value)


def whole(value: Json, least: int = 0, most: int = 2**53) -> int:
    """A whole number in [least, most]."""
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most:
        return value
    raise Malformed("not-a-number", needed=f"a whole number from {least} to {most}", found=value)


def rows(value: Json, most: int = 100_000) -> list[Json]:
    """A list of at most `most` items."""
    if isinstance(value, list) and len(value) <= most:
        return value
    raise Malformed("not-a-list", needed=f"a list of at most {most} items")


def unique(value: Json, most: int = 100_000) -> list[str]:
    """A set: strings in strictly rising order, so that it has one spelling."""
    found = [text(one) for one in rows(value, most)]
    if any(one >= other for one, other in pairwise(found)):
        raise Malformed("not-a-set", needed="strings in rising order, each once")
    return found


def table(value: Json) -> dict[str, Json]:
    """An object with any names."""
    if isinstance(value, dict):
        return value
    raise Malformed("not-an-object", needed="an object")


def texts(value: Json) -> Mapping[str, str]:
    """An object of strings."""
    return {name: text(one) for name, one in table(value).items()}


def said(value: Json) -> Mapping[str, str]:
    """A sentence for people in both languages: exactly `en` and `ja`."""
    return {name: text(one) for name, one in exactly(value, {"en", "ja"}).items()}
