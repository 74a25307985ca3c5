"""The tree as the checks see it: modules parsed once, imports resolved, cycles found."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Module:
    """One Python file under `packages/*/src`: its dotted name, path, text and syntax tree."""

    name: str
    path: Path
    is_package: bool
    text: str
    tree: ast.Module

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    @property
    def package(self) -> str:
        return self.name if self.is_package else self.name.rpartition(".")[0]


def modules(root: Path) -> list[Module]:
    """Every module of our packages under `root`, in order of name."""
    found = []
    for path in sorted(root.glob("packages/*/src/**/*.py")):
        inside = path.relative_to(next(p for p in path.parents if p.name == "src"))
        parts = inside.with_suffix("").parts
        is_package = parts[-1] == "__init__"
        name = ".".join(parts[:-1] if is_package else parts)
        text = path.read_text("utf-8")
        found.append(Module(name, path, is_package, text, _parsed(text)))
    return found


@cache
def _parsed(text: str) -> ast.Module:
    """The same text is parsed once however many checks and copies of the tree ask for it."""
    return ast.parse(text)


def imports(module: Module) -> Iterator[tuple[str, int]]:
    """Dotted names imported anywhere in `module`, with lines; `from a import b` is `a.b`."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = node.module or ""
            if node.level:
                above = module.package.split(".")
                kept = above[: len(above) - node.level + 1]
                start = ".".join([*kept, *([node.module] if node.module else [])])
            yield from ((f"{start}.{alias.name}", node.lineno) for alias in node.names)


def graph(found: list[Module]) -> dict[str, set[str]]:
    """Who imports whom among `found`; a name inside a module counts as that module."""
    names = {module.name for module in found}
    edges: dict[str, set[str]] = {module.name: set() for module in found}
    for module in found:
        for target, _ in imports(module):
            owner = target if target in names else target.rpartition(".")[0]
            if owner in names and owner != module.name:
                edges[module.name].add(owner)
    return edges


def cycles(edges: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that reach themselves, by repeated removal of what reaches nothing left."""
    reach = {name: _reachable(name, edges) for name in edges}
    rest, groups = {name for name in edges if name in reach[name]}, []
    while rest:
        first = min(rest)
        group = sorted(n for n in rest if n in reach[first] and first in reach[n])
        groups.append(group)
        rest -= set(group)
    return groups


def _reachable(start: str, edges: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    todo = list(edges[start])
    while todo:
        name = todo.pop()
        if name not in seen:
            seen.add(name)
            todo.extend(edges[name])
    return seen


def tracked(root: Path) -> list[Path]:
    """Files git knows in `root`, plus new ones it would not ignore; absolute, existing."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
    ).stdout.decode("utf-8")
    return [root / name for name in listed.split("\0") if name and (root / name).is_file()]
