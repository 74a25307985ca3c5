"""The night run's faults: each is named with its line and changes one line only."""

from __future__ import annotations

import ast

import pytest

from tools.mutants import Mutant, mutants, mutated

SOURCE = '''"""Doc 1."""
from __future__ import annotations

LIMIT: int = 3


def f(x: int, y: int = 2) -> bool:
    """Doc."""
    if x < y and not x:
        raise ValueError(f"{x + 1}")
    assert x != y
    return x + 1 in (LIMIT, y) or True
'''


def test_every_fault_is_named_with_its_line() -> None:
    assert sorted((m.line, m.what) for m in mutants(SOURCE)) == [
        (4, "3 -> 4"),
        (7, "2 -> 3"),
        (9, "< -> <="),
        (9, "and -> or"),
        (9, "condition negated"),
        (10, "raise taken out"),
        (12, "+ -> -"),
        (12, "1 -> 2"),
        (12, "True -> False"),
        (12, "in -> not in"),
        (12, "or -> and"),
    ]


@pytest.mark.parametrize("mutant", mutants(SOURCE), ids=str)
def test_a_fault_changes_one_line(mutant: Mutant) -> None:
    before = ast.unparse(ast.parse(SOURCE)).splitlines()
    after = ast.unparse(mutated(SOURCE, mutant.number)).splitlines()
    assert sum(one != two for one, two in zip(before, after, strict=True)) == 1
