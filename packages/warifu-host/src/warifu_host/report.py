"""The support report (診断情報): what the help desk asks for, and nothing secret."""

from __future__ import annotations

import hashlib
import platform
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from warifu_host import abi
from warifu_host.health import Health

LIBRARIES = ("cryptography", "lxml", "pyhanko", "pyhanko-certvalidator", "asn1crypto")


def made(program: Path, health: Health) -> dict[str, Any]:
    """Health, versions and the digest of every file of the program; no names, keys or documents."""
    return {
        "host": {"abi": abi.ABI, "features": list(abi.FEATURES)},
        "health": health.as_json(),
        "system": {"platform": platform.platform(), "python": sys.version.split()[0]},
        "libraries": {name: _version(name) for name in LIBRARIES},
        "files": {
            path.relative_to(program).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(program.rglob("*"))
            if path.is_file() and "__pycache__" not in path.parts
        },
    }


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "-"
