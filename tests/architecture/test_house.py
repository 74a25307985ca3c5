"""The house rules, held over the whole tree."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tools import checks
from tools.gate import ROOT
from tools.tree import modules

pytestmark = pytest.mark.repeats

ROOMS = """
warifu warifu.model warifu.flow warifu.app warifu.web warifu.web.console warifu.web.portal
warifu.engines warifu.engines.sources warifu.engines.build warifu.engines.depot
warifu.engines.ledger warifu.engines.attest warifu.engines.targets warifu.engines.traffic
warifu.engines.probe warifu.engines.post
warifu_wire warifu_client warifu_sign warifu_host warifu_ca warifu_replay
""".split()


@pytest.mark.parametrize(
    "check",
    [
        checks.budgets,
        checks.import_cycles,
        checks.forbidden_names,
        checks.purposes,
        checks.purity,
        checks.mocks,
        checks.addresses,
        checks.unhashed,
        checks.machine_marks,
    ],
    ids=lambda check: check.__name__,
)
def test_the_tree_has_no_finding(check: Callable[[Path], list[str]]) -> None:
    assert check(ROOT) == []


def test_every_room_exists_and_is_typed() -> None:
    found = {module.name for module in modules(ROOT)}
    assert set(ROOMS) <= found
    typed = {path.parent.name for path in ROOT.glob("packages/*/src/*/py.typed")}
    assert {room for room in ROOMS if "." not in room} == typed


def test_imports_go_one_way() -> None:
    done = subprocess.run(
        [Path(sys.prefix) / "bin" / "lint-imports", "--no-logo", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "0 broken" in done.stdout
