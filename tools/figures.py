"""Figures the house reports and does not gate: the size of its parts, and tests per line."""

from __future__ import annotations

import ast
from pathlib import Path
from statistics import median, quantiles

from tools.tree import modules


def figures(root: Path) -> str:
    """One line: modules and their median, the longest twentieth of functions, tests per line."""
    found = modules(root)
    whole = sorted(module.lines for module in found if not module.is_package)
    functions = [
        (node.end_lineno or node.lineno) - node.lineno + 1
        for module in found
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef)
    ]
    tests = sum(len(path.read_text("utf-8").splitlines()) for path in root.glob("tests/**/*.py"))
    return (
        f"{len(whole)} modules, median {median(whole):.0f} lines (aim 120); functions p95 "
        f"{quantiles(functions, n=20)[-1]:.0f} lines (aim 40); "
        f"{tests / sum(whole):.1f} lines of tests per line (aim 1.2 to 2.0)"
    )
