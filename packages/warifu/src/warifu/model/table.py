"""A table of warifu.toml, read key by key: what is unknown or wrong is refused by its name."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TypeGuard

from warifu_wire.errors import Malformed

COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
HUNDRED = 100


@dataclass(frozen=True, slots=True)
class Table:
    """One table; every reader raises `Malformed` naming the key."""

    name: str
    fields: Mapping[str, object]

    def only(self, *names: str) -> Table:
        """Itself, when no other keys are there."""
        for key in self.fields:
            if key not in names:
                raise Malformed(
                    "unknown-key", needed=f"one of {', '.join(sorted(names))}", key=self._full(key)
                )
        return self

    def text(self, key: str, default: str | None = None) -> str:
        """A string."""
        found = self.fields.get(key, default)
        if not isinstance(found, str):
            raise self.wrong(key, "a string")
        return found

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        """A list of strings."""
        found = self.fields.get(key, default)
        if not isinstance(found, list | tuple) or not all(isinstance(one, str) for one in found):
            raise self.wrong(key, "a list of strings")
        return tuple(found)

    def pairs(self, key: str) -> dict[str, str]:
        """A table of strings."""
        return {name: self.table(key).text(name) for name in self.table(key).fields}

    def number(self, key: str, default: int, least: int = 1, most: int | None = None) -> int:
        """A whole number."""
        found = self.fields.get(key, default)
        if not _whole(found) or found < least or (most is not None and found > most):
            upto = "" if most is None else f" to {most}"
            raise self.wrong(key, f"a whole number from {least}{upto}")
        return found

    def numbers(self, key: str, default: tuple[int, ...]) -> tuple[int, ...]:
        """A list of whole numbers."""
        found = self.fields.get(key, default)
        if not isinstance(found, list | tuple) or not all(_whole(one) for one in found):
            raise self.wrong(key, "a list of whole numbers")
        return tuple(found)

    def share(self, key: str, default: int) -> int:
        """A whole number of per cent, in millionths."""
        return self.number(key, default, 1, HUNDRED) * 10_000

    def dates(self, key: str) -> frozenset[date]:
        """A list of dates."""
        found = self.fields.get(key, [])
        if not isinstance(found, list) or not all(type(one) is date for one in found):
            raise self.wrong(key, "a list of dates, such as 2012-02-13 without quotes")
        return frozenset(found)

    def table(self, key: str) -> Table:
        """A table inside, empty when absent."""
        found = self.fields.get(key, {})
        if not isinstance(found, Mapping):
            raise self.wrong(key, "a table")
        return Table(self._full(key), found)

    def rows(self, key: str) -> Iterator[Table]:
        """The tables of an array, none when absent."""
        found = self.fields.get(key, [])
        if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
            raise self.wrong(key, f"tables, each under [[{self._full(key)}]]")
        return (Table(self._full(key), one) for one in found)

    def commit(self, key: str) -> str:
        """An object id: 40 or 64 hexadecimal characters, because names of branches move."""
        found = self.text(key)
        if not COMMIT.fullmatch(found):
            raise self.wrong(key, "a full commit or tree id, never a branch or a tag")
        return found

    def wrong(self, key: str, needed: str) -> Malformed:
        """The refusal of one key."""
        found = self.fields.get(key, "nothing")
        return Malformed("bad-key", needed=needed, key=self._full(key), found=found)

    def _full(self, key: str) -> str:
        return f"{self.name}.{key}".lstrip(".")


def _whole(found: object) -> TypeGuard[int]:
    return isinstance(found, int) and not isinstance(found, bool)
