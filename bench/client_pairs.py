"""The measured pairs, built from pinned packages: a dependency bump, one module, one loose file."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SETS = Path(__file__).parent / "client_sets"
KEPT = ROOT / "out" / "bench-client"
APP = Path(__file__).parent / "client_app.py"
FROZEN = {"PYTHONHASHSEED": "1", "SOURCE_DATE_EPOCH": "1328400000"}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two program folders, and the command (below the folder) that proves that one starts."""

    name: str
    old: Path
    new: Path
    start: tuple[str, ...]


def environment(name: str) -> Path:
    """The interpreter of an environment of pinned, hashed packages; made at the first call."""
    folder = KEPT / name
    python = folder / "bin" / "python"
    done = folder / "done"
    if not done.exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        uv = Path(sys.prefix) / "bin" / "uv"
        options = ["-q", "--require-hashes", "--python", str(python)]
        pinned = str(SETS / f"{name}.txt")
        subprocess.run([str(uv), "pip", "install", *options, "-r", pinned], check=True)
        done.touch()
    return python


def pairs() -> tuple[Pair, ...]:
    """All three pairs; built once and kept."""
    old = _frozen("old", "old", "1.10")
    start = ("{tree}/tool", "--selfcheck")
    return (
        Pair("L dependency bump", old, _frozen("new", "new", "1.11"), start),
        Pair("M one module", old, _frozen("module", "old", "1.11"), start),
        Pair("S one loose file", *_loose(), ("{python}", "{tree}/app.py")),
    )


def _frozen(name: str, packages: str, edition: str) -> Path:
    """The program frozen as a folder with one set of packages."""
    folder = KEPT / "bundles" / name
    if not folder.exists():
        work = KEPT / "work" / name
        shutil.rmtree(work, ignore_errors=True)
        work.mkdir(parents=True)
        text = APP.read_text("utf-8").replace('EDITION = "1.10"', f'EDITION = "{edition}"')
        (work / "app.py").write_text(text, "utf-8")
        freezer = environment(packages).parent / "pyinstaller"
        options = ["--onedir", "--strip", "--noconfirm", "--log-level", "ERROR", "--name", "tool"]
        subprocess.run(
            [str(freezer), *options, "app.py"], cwd=work, env={**os.environ, **FROZEN}, check=True
        )
        made = work / "dist" / "tool"
        shutil.rmtree(made / "_internal" / "PySide6" / "Qt" / "translations", ignore_errors=True)
        folder.parent.mkdir(exist_ok=True)
        made.rename(folder)
    return folder


def _loose() -> tuple[Path, Path]:
    """A folder of plain modules, and the same with one line of one module changed."""
    source = next((environment("old").parent.parent / "lib").glob("python3*/site-packages"))
    made = []
    for name, edition in (("loose-old", "1.10"), ("loose-new", "1.11")):
        folder = KEPT / "bundles" / name
        if not folder.exists():
            half = folder.with_name(f"{name}.half")
            shutil.rmtree(half, ignore_errors=True)
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source / "cryptography", half / "cryptography", ignore=ignored)
            (half / "app.py").write_text(f'EDITION = "{edition}"\nprint(EDITION)\n', "utf-8")
            half.rename(folder)
        made.append(folder)
    return made[0], made[1]
