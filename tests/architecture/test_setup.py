"""Set-up: what is missing is said in one line, and each target asks only for what it needs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tools.gate import ROOT

LISTS = sorted((ROOT / "tools/debian").glob("*.txt"))


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A checkout on a machine of which nothing is known: no Debian package, not root, no venv."""
    shutil.copytree(
        ROOT / "tools", tmp_path / "tools", ignore=shutil.ignore_patterns("__pycache__")
    )
    shutil.copytree(ROOT / "requirements", tmp_path / "requirements")
    shutil.copy(ROOT / "Makefile", tmp_path)
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, body in (("id", "echo 1000"), ("dpkg-query", "exit 1"), ("python3.11", "exit 1")):
        command = commands / name
        command.write_text(f"#!/bin/sh\n{body}\n", "utf-8")
        command.chmod(0o755)
    return tmp_path


def run(bare: Path, *command: str) -> subprocess.CompletedProcess[str]:
    path = f"{bare / 'bin'}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        command,
        cwd=bare,
        env={**os.environ, "PATH": path, "MAKEFLAGS": ""},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_missing_venv_module_is_said_in_one_line(bare: Path) -> None:
    done = run(bare, "make", "-s", ".venv/ok")
    assert done.returncode != 0
    said = [line for line in done.stderr.splitlines() if not line.startswith("make")]
    assert said == ["venv needs these Debian packages, please install them: python3-venv"]
    assert not (bare / ".venv").exists()


@pytest.mark.parametrize("listed", LISTS, ids=lambda path: path.stem)
def test_missing_packages_are_named_in_one_line_to_who_is_not_root(
    bare: Path, listed: Path
) -> None:
    done = run(bare, "tools/debian/need", listed.stem)
    names = " ".join(listed.read_text("utf-8").split())
    assert done.returncode == 1
    assert done.stderr == (
        f"{listed.stem} needs these Debian packages, please install them: {names}\n"
    )


def test_nothing_is_asked_for_when_all_is_there(bare: Path) -> None:
    (bare / "bin/dpkg-query").write_text("#!/bin/sh\necho install ok installed\n", "utf-8")
    done = run(bare, "tools/debian/need", "test")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_every_list_belongs_to_a_target() -> None:
    text = (ROOT / "Makefile").read_text("utf-8")
    phony = re.findall(r"^([a-z-]+):", text, re.M)
    benches = re.findall(r"^BENCHES := (.*)$", text, re.M)[0].split()
    assert {path.stem for path in LISTS} <= {*phony, *benches, "venv"}


@pytest.mark.parametrize("name", sorted(path.name for path in (ROOT / "packages").iterdir()))
def test_a_wheel_holds_every_file_of_its_package(name: str, tmp_path: Path) -> None:
    """An ignore rule once hid a whole room from the wheel."""
    home = ROOT / "packages" / name
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", tmp_path],
        cwd=home,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    source = home / "src"
    ours = {str(path.relative_to(source)) for path in source.rglob("*") if path.is_file()}
    assert inside == {name for name in ours if "__pycache__" not in name}
