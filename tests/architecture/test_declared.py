"""Each package declares what it imports, and nothing it does not."""

from __future__ import annotations

import re
import sys
import tomllib
from functools import cache
from importlib import metadata
from pathlib import Path

import pytest

from tools.gate import ROOT
from tools.tree import imports, modules

owners = cache(metadata.packages_distributions)
PACKAGES = sorted((ROOT / "packages").iterdir())

# Declared for what a string or another library imports by itself.
BY_NAME = {
    "warifu": {"granian"},
    "warifu-client": {"securesystemslib"},  # the update framework's signature checks
    "warifu-sign": {"python-pkcs11"},  # pyHanko's door to cards
}


def plain(requirement: str) -> str:
    return re.split(r"[\[<>=~! ]", requirement)[0].lower().replace("_", "-").replace(".", "-")


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.name)
def test_a_package_declares_what_it_imports(package: Path) -> None:
    project = tomllib.loads((package / "pyproject.toml").read_text("utf-8"))["project"]
    extras = [one for extra in project.get("optional-dependencies", {}).values() for one in extra]
    declared = {plain(one) for one in project["dependencies"]}
    ours = {path.name.replace("-", "_"): path.name for path in PACKAGES}
    imported = set()
    for module in modules(ROOT):
        if not module.path.is_relative_to(package):
            continue
        for name, _ in imports(module):
            root = name.partition(".")[0]
            if root not in {*sys.stdlib_module_names, "_typeshed"} and root != package.name.replace(
                "-", "_"
            ):
                found = [ours[root]] if root in ours else owners().get(root, [root])
                imported |= {plain(one) for one in found[:1]}
    assert imported - declared <= {plain(one) for one in extras}
    assert declared - imported <= BY_NAME.get(package.name, set())
