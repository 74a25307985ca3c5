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

pytestmark = pytest.mark.repeats

BIN = Path(sys.prefix) / "bin"
MODEL = Path("packages/warifu/src/warifu/model")


def copied(place: Path) -> Path:
    """The packages, the settings and the lock files, in a place of their own."""
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("packages", "requirements"):
        shutil.copytree(ROOT / name, place / name, ignore=unwanted)
    shutil.copy(ROOT / "pyproject.toml", place)
    for folder in ("tools", "bench"):
        (place / folder).mkdir()
        (place / folder / "__init__.py").write_text('"""Empty here."""\n', "utf-8")
    return place


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return copied(tmp_path)


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


# Contract, importing module, what it must not import.
PLANTED = [
    ("one-direction", "warifu.model.planted_up", "warifu.flow"),
    ("one-direction", "warifu.model.planted_far_up", "warifu.engines.depot"),
    ("stations", "warifu.flow.planted_one", "warifu.flow.planted_two"),
    ("pure", "warifu.model.planted_rows", "sqlite3"),
    ("django", "warifu.app.planted", "django"),
    ("engines", "warifu.engines.depot.planted", "warifu.engines.ledger"),
    ("doors", "warifu.web.portal.planted", "warifu.engines.depot"),
    ("houses", "warifu_client.planted", "warifu"),
    ("houses", "warifu_wire.planted", "warifu_ca"),
]


@pytest.fixture(scope="module")
def linted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Contract -> what the import linter says, with every forbidden import planted at once."""
    copy = copied(tmp_path_factory.mktemp("planted"))
    for _, module, target in PLANTED:
        room, *inside = module.split(".")
        path = Path("packages", room.replace("_", "-"), "src", room, *inside).with_suffix(".py")
        plant(copy, path, f'"""Planted."""\n\nimport {target}\n')
    plant(copy, MODEL.parent / "flow/planted_two.py", '"""Planted."""\n')
    said = {}
    for contract in dict.fromkeys(contract for contract, *_ in PLANTED):
        done = run(copy, "lint-imports", "--no-logo", "--contract", contract)
        said[contract] = done.stdout if done.returncode == 1 else ""
    return said


@pytest.mark.parametrize(("contract", "module", "target"), PLANTED)
def test_a_forbidden_import(
    linted: dict[str, str], contract: str, module: str, target: str
) -> None:
    assert f"{module} -> {target} (l.3)" in linted[contract]


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
    settings = (copy / "pyproject.toml").read_text("utf-8")
    quicker = settings.replace('plugins = ["mypy_django_plugin.main"]', "plugins = []")
    (copy / "pyproject.toml").write_text(quicker, "utf-8")
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
    text = (
        '"""Words."""\n\n\nclass ReleaseManager:\n    pass\n\n\n'
        "def base() -> None:\n    pass\n\n\ndef util_x() -> None:\n    pass\n"
    )
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
