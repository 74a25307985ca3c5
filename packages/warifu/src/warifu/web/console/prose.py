"""A report's text as blocks for a page: headings, paragraphs, lists and tables; no HTML inside."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Block:
    """`kind` is h1, h2, p, li or row; a row has cells, all others one text."""

    kind: str
    text: str = ""
    cells: tuple[str, ...] = ()


def blocks(text: str) -> list[Block]:
    """The blocks of a text, line by line."""
    return [_block(line) for line in text.splitlines() if line.strip() and not _rule(line)]


def _block(line: str) -> Block:
    for mark, kind in (("## ", "h2"), ("# ", "h1"), ("- ", "li")):
        if line.startswith(mark):
            return Block(kind, line.removeprefix(mark))
    if line.startswith("|"):
        return Block("row", cells=tuple(cell.strip() for cell in line.strip("|").split("|")))
    return Block("p", line)


def _rule(line: str) -> bool:
    return line.startswith("|--") or set(line) == {"-"}
