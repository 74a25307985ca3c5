"""What importing a package really loads: string imports are invisible to the import linter."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tools.gate import ROOT
from tools.tree import modules

pytestmark = pytest.mark.repeats

OURS = ("warifu", "warifu_wire", "warifu_client", "warifu_sign", "warifu_host", "warifu_ca")
HEAVY = ("boto3", "django", "granian", "obstore", "pkcs11", "psycopg", "pytest")

# Package -> what of ours, and of the heavy third parties, it may bring along.
MAY = {
    "warifu_wire": set(),
    "warifu_client": {"warifu_wire"},
    "warifu_sign": {"warifu_wire"},
    "warifu_host": {"warifu_wire"},
    "warifu_ca": {"warifu_wire", "pkcs11"},
    "warifu.model": {"warifu", "warifu_wire"},
    "warifu.flow": {"warifu", "warifu_wire"},
}

_PROBE = """
import importlib, json, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps(sorted(sys.modules)))
"""


def loaded(names: list[str]) -> set[str]:
    """Modules in a fresh interpreter after importing `names`."""
    done = subprocess.run(
        [sys.executable, "-I", "-c", _PROBE, *names], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def inside(package: str) -> list[str]:
    """Modules of `package` that may be imported without side effects."""
    return [
        module.name
        for module in modules(ROOT)
        if f"{module.name}.".startswith(f"{package}.") and not module.name.endswith("__main__")
    ]


@pytest.mark.parametrize("package", MAY)
def test_a_package_loads_only_what_it_may(package: str) -> None:
    found = loaded(inside(package))
    roots = {name.partition(".")[0] for name in found}
    allowed = MAY[package] | {package.partition(".")[0]}
    assert roots & {*OURS, *HEAVY, "warifu_replay"} <= allowed


@pytest.mark.parametrize("package", ["warifu.model", "warifu.flow"])
def test_nouns_and_verbs_load_no_engine_and_no_door(package: str) -> None:
    found = loaded(inside(package))
    assert not {n for n in found if n.startswith(("warifu.engines", "warifu.app", "warifu.web"))}


@pytest.mark.parametrize(
    "engine", ["sources", "build", "depot", "attest", "targets", "traffic", "probe", "post"]
)
def test_an_engine_loads_no_other_engine_and_no_django(engine: str) -> None:
    found = loaded(inside(f"warifu.engines.{engine}"))
    others = {name.split(".")[2] for name in found if name.startswith("warifu.engines.")}
    assert others <= {engine}
    assert not {"boto3", "django", "pkcs11"} & found


def test_the_process_that_holds_a_key_loads_no_reader_of_documents() -> None:
    found = loaded(["warifu_sign.cli", "warifu_sign.commands.keeper"])
    roots = {name.partition(".")[0] for name in found}
    assert not roots & {"lxml", "pyhanko", "pyhanko_certvalidator", "fontTools"}


@pytest.mark.parametrize("start", ["warifu_host.cli", "warifu_host.room"])
def test_who_checks_no_statement_loads_no_signer(start: str) -> None:
    assert "securesystemslib.signer" not in loaded([start])


def test_an_authority_without_a_token_loads_no_library_for_one() -> None:
    assert "pkcs11" not in loaded(["warifu_ca.cli"])


def test_no_conftest_asks_whether_it_is_night() -> None:
    """It is read before the profile is chosen, and the whole run would take the answer for day."""
    places = [path.relative_to(ROOT).with_suffix("") for path in ROOT.glob("tests/**/conftest.py")]
    names = [".".join(place.parts) for place in places]
    done = subprocess.run(
        [sys.executable, "-c", _PROBE, *names], cwd=ROOT, capture_output=True, check=True
    )
    assert len(names) > 5
    assert "tests.night" not in json.loads(done.stdout)


def test_nothing_but_replay_loads_replay() -> None:
    every = [name for package in OURS for name in inside(package) if _plain(name)]
    assert "warifu_replay" not in {name.partition(".")[0] for name in loaded(every)}


def _plain(name: str) -> bool:
    """Django's rows and pages need settings first, so they are left to their own tests."""
    return not name.startswith(("warifu.engines.ledger", "warifu.web", "warifu.app", "warifu.cli"))


def test_a_stop_waits_for_nothing_it_does_not_need() -> None:
    found = loaded(["warifu.cli", "warifu.cli.stopping"])
    slow = {"granian", "hdiffpatch", "lxml", "obstore", "psycopg", "typst", "fontTools", "numpy"}
    assert not slow & {name.partition(".")[0] for name in found}
    rooms = {name.split(".")[2] for name in found if name.startswith("warifu.engines.")}
    assert not rooms & {"build", "sources", "post"}
