"""Host trees on disk: this edition, and the newer one that members do not have yet."""

from __future__ import annotations

import shutil
from pathlib import Path

HERE = Path(__file__).parent
THIS = 1
NEWER = 2


def lay(folder: Path, abi: int = THIS) -> Path:
    """Write the host's tree of an edition into folder; the path to put on PYTHONPATH.

    The trees differ in abi.py alone. Raises ValueError for an edition that does not exist.
    """
    if abi not in (THIS, NEWER):
        raise ValueError(abi)
    tree = folder / "warifu_host"
    shutil.copytree(HERE.parent, tree, ignore=shutil.ignore_patterns("__pycache__"))
    if abi == NEWER:
        shutil.copyfile(HERE / "newer_abi.py", tree / "abi.py")
    return folder
