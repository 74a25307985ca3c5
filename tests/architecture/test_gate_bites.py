"""The gate bites: each fault, planted in a copy of the tree, fails the check made for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import checks
from tools.floors import Floors, below, room_of
from tools.gate import ROOT

BIN = Path(sys.prefix) / "bin"
MODEL = Path("packages/warifu/src/warifu/model")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The packages, the settings and the lock files, in a place of their own."""
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("packages", "requirements"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=unwanted)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for folder in ("tools", "bench"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").write_text('"""Empty here."""\n', "utf-8")
    return tmp_path


def run(copy: Path, tool: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run one tool of the gate inside the copy, on the copy's packages."""
    sources = os.pathsep.join(str(path) for path in sorted(copy.glob("packages/*/src")))
    return subprocess.run(
        [BIN / tool, *arguments],
        cwd=copy,
        env={**os.environ, "PYTHONPATH": sources},
        capture_output=True,
        text=True,
        check=False,
    )


def plant(copy: Path, path: Path, text: str) -> None:
    (copy / path).write_text(text, "utf-8")


@pytest.mark.parametrize(
    ("contract", "path", "line"),
    [
        ("one-direction", MODEL / "planted.py", "import warifu.flow"),
        ("one-direction", MODEL / "planted.py", "import warifu.engines.depot"),
        ("pure", MODEL / "planted.py", "import sqlite3"),
        ("django", Path("packages/warifu/src/warifu/app/planted.py"), "import django.http"),
        ("engines", MODEL.parent / "engines/depot/planted.py", "import warifu.engines.ledger"),
        ("doors", MODEL.parent / "web/portal/planted.py", "import warifu.engines.depot"),
        ("houses", Path("packages/warifu-client/src/warifu_client/planted.py"), "import warifu"),
        ("houses", Path("packages/warifu-wire/src/warifu_wire/planted.py"), "import warifu_ca"),
    ],
)
def test_a_forbidden_import(copy: Path, contract: str, path: Path, line: str) -> None:
    arguments = ("--no-logo", "--no-cache", "--contract", contract)
    assert "planted" not in run(copy, "lint-imports", *arguments).stdout
    plant(copy, path, f'"""Planted."""\n\n{line}\n')
    done = run(copy, "lint-imports", *arguments)
    assert done.returncode == 1
    assert "planted" in done.stdout


def test_two_stations_that_know_each_other(copy: Path) -> None:
    flow = MODEL.parent / "flow"
    plant(copy, flow / "planted_one.py", '"""Planted."""\n\nimport warifu.flow.planted_two\n')
    plant(copy, flow / "planted_two.py", '"""Planted."""\n')
    done = run(copy, "lint-imports", "--no-logo", "--no-cache", "--contract", "stations")
    assert done.returncode == 1
    assert "planted_one" in done.stdout


def test_an_import_cycle(copy: Path) -> None:
    plant(copy, MODEL / "planted_one.py", '"""One."""\n\nfrom warifu.model import planted_two\n')
    inside = '"""Two."""\n\n\ndef two() -> None:\n    from . import planted_one\n'
    plant(copy, MODEL / "planted_two.py", inside)
    found = [cycle for cycle in checks.import_cycles(copy) if "planted" in cycle]
    assert found == [
        "warifu.model.planted_one -> warifu.model.planted_two -> warifu.model.planted_one"
    ]


def test_a_module_of_401_lines(copy: Path) -> None:
    plant(copy, MODEL / "planted.py", '"""Long."""\n' + "\n" * 399)
    assert not [line for line in checks.budgets(copy) if "planted" in line]
    plant(copy, MODEL / "planted.py", '"""Long."""\n' + "\n" * 400)
    assert [line for line in checks.budgets(copy) if "planted" in line] == [
        f"{MODEL}/planted.py: module has 401 lines, at most 400"
    ]


def test_a_long_function_and_a_long_class(copy: Path) -> None:
    body = "    x = 1\n" * 80
    long_class = "\n\nclass C:\n" + "    y = 1\n" * 250
    plant(copy, MODEL / "planted.py", f'"""Long."""\n\n\ndef f() -> None:\n{body}{long_class}')
    found = [line for line in checks.budgets(copy) if "planted" in line]
    assert [line.partition(": ")[2] for line in found] == [
        "f has 81 lines, at most 80",
        "C has 251 lines, at most 250",
    ]


def test_an_untyped_function(copy: Path) -> None:
    path = MODEL / "planted.py"
    plant(copy, path, '"""Typed."""\n\n\ndef planted(x: int) -> int:\n    return x\n')
    assert _typed(copy, path).returncode == 0
    plant(copy, path, '"""Untyped."""\n\n\ndef planted(x):\n    return x\n')
    done = _typed(copy, path)
    assert done.returncode == 1
    assert "[no-untyped-def]" in done.stdout


def _typed(copy: Path, path: Path) -> subprocess.CompletedProcess[str]:
    return run(copy, "mypy", "--no-incremental", str(path))


@pytest.mark.parametrize("address", ["https://index.example/simple", "file:///somewhere/x.whl"])
def test_an_address_in_a_lock_file(copy: Path, address: str) -> None:
    assert checks.addresses(copy) == []
    with (copy / "requirements/run.txt").open("a", encoding="utf-8") as lock:
        lock.write(f"--extra-index-url {address}\n")
    assert [line for line in checks.addresses(copy) if "requirements/run.txt" in line]


def test_a_pin_without_a_hash(copy: Path) -> None:
    with (copy / "requirements/run.txt").open("a", encoding="utf-8") as lock:
        lock.write("planted==1.0\n")
    assert [line.rpartition(": ")[2] for line in checks.unhashed(copy)] == [
        "planted==1.0 has no hash"
    ]


def test_a_clock_and_a_disk_in_a_noun(copy: Path) -> None:
    text = (
        '"""Impure."""\n\nimport time\nfrom datetime import datetime\n\n'
        "NOW = datetime.now()\nLATER = time.time()\nopen('x')\n"
    )
    plant(copy, MODEL / "planted.py", text)
    found = [line.partition(": ")[2] for line in checks.purity(copy) if "planted" in line]
    assert found == ["imports time", "reads the clock (now)", "calls open"]


def test_a_word_the_house_never_uses(copy: Path) -> None:
    text = '"""Words."""\n\n\nclass ReleaseManager:\n    pass\n\n\ndef base() -> None:\n    pass\n\n\ndef util_x() -> None:\n    pass\n'
    plant(copy, MODEL / "planted.py", text)
    found = [line for line in checks.forbidden_names(copy) if "planted" in line]
    assert found == [
        "warifu.model.planted: class ReleaseManager",
        "warifu.model.planted: function util_x",
    ]


def test_too_many_mocks(copy: Path) -> None:
    (copy / "tests").mkdir()
    (copy / "tests/test_planted.py").write_text("x = Mock()\n" * 6 + "\n" * 1000, "utf-8")
    assert checks.mocks(copy) == ["6 lines of mocks in 1006 lines of tests"]


def test_a_machine_path_in_a_tracked_file(copy: Path) -> None:
    subprocess.run(["git", "init", "-q"], cwd=copy, check=True)
    assert checks.machine_marks(copy) == []
    place = f"/{'work'}/main"  # in two pieces: this file is searched too
    (copy / "notes.md").write_text(f"cd {place}\n", "utf-8")
    assert [line.partition(": ")[0] for line in checks.machine_marks(copy)] == ["notes.md:1"]


def test_a_room_below_its_floor() -> None:
    def entry(covered: int, whole: int) -> dict[str, dict[str, int]]:
        return {
            "summary": {
                "covered_lines": covered,
                "num_statements": whole,
                "covered_branches": 0,
                "num_branches": 0,
            }
        }

    report = {
        "files": {
            f"{MODEL}/tally.py": entry(99, 100),
            "packages/warifu-ca/src/warifu_ca/crl.py": entry(90, 100),
            "packages/warifu-ca/src/warifu_ca/windows.py": entry(0, 100),
        }
    }
    floors = Floors(90.0, ["warifu.model"], ["warifu_ca/windows.py"])
    _, low = below(report, floors)
    assert low == ["warifu.model 99.0 %: tally.py:1"]


def test_rooms_are_told_from_paths() -> None:
    inside = "packages/warifu/src/warifu"
    assert room_of(f"{inside}/engines/ledger/rows.py") == "warifu.engines.ledger"
    assert room_of(f"{inside}/web/gate.py") == "warifu.web"
    assert room_of(f"{inside}/cli.py") == "warifu.cli"
    assert room_of(f"{inside}/__init__.py") == "warifu"
    assert room_of("packages/warifu-sign/src/warifu_sign/pdf/seal.py") == "warifu_sign"
