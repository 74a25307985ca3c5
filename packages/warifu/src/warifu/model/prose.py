"""A text as blocks for a page: headings, paragraphs and lists; no HTML inside."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True, slots=True)
class Block:
    """`kind` is h1, h2, p or ul; all but a list have one text."""

    kind: str
    texts: tuple[str, ...]


def blocks(text: str) -> tuple[Block, ...]:
    """The blocks of a text, a line each; items that follow each other are one list."""
    return tuple(_grouped(text))


def _grouped(text: str) -> Iterator[Block]:
    lines = (_line(line) for line in text.splitlines() if line.strip())
    for kind, found in groupby(lines, key=lambda line: line[0]):
        texts = tuple(one for _, one in found)
        if kind == "ul":
            yield Block(kind, texts)
        else:
            yield from (Block(kind, (one,)) for one in texts)


def _line(line: str) -> tuple[str, str]:
    for mark, kind in (("## ", "h2"), ("# ", "h1"), ("- ", "ul")):
        if line.startswith(mark):
            return kind, line.removeprefix(mark)
    return "p", line
