"""The list of attacks is whole, and each test it names is one that runs."""

from __future__ import annotations

import ast
import re

from tools.gate import ROOT

ROWS = re.findall(
    r"^\| (\d+) \|.*\| ([^|]*) \|$", (ROOT / "docs/attacks.md").read_text("utf-8"), re.MULTILINE
)
NAMED = [
    (int(number), *name.split("::"))
    for number, tests in ROWS
    for name in re.findall(r"`([^`]*)`", tests)
]


def test_every_attack_has_a_test_that_runs() -> None:
    assert [int(number) for number, _ in ROWS] == list(range(1, 36))
    assert {number for number, _, _ in NAMED} == set(range(1, 36))
    known: dict[str, set[str]] = {}
    for _, path, name in NAMED:
        if path not in known:
            tree = ast.parse((ROOT / "tests" / path).read_text("utf-8"))
            known[path] = {one.name for one in tree.body if isinstance(one, ast.FunctionDef)}
        assert name in known[path], f"{path}::{name}"
