"""NIST PKITS through `warifu-sign verify`: path validation, 246 of 246.

A test's expectation is in its name; where a certificate is judged under several settings
(sections 4.8, 4.10 and 4.12 of the PKITS description), SETTINGS lists them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import pytest

from warifu_sign import cli, policy

pytestmark = pytest.mark.repeats

BASE = "2.16.840.1.101.3.2.1.48."
SHIPPED = json.loads(Path(policy.__file__).with_name("policy.json").read_bytes())


@dataclass(frozen=True)
class Settings:
    """The inputs of RFC 5280, 6.1.1. policies: numbers of NIST-test-policy-N, none means any."""

    policies: tuple[int, ...] = ()
    explicit: bool = False
    inhibit_mapping: bool = False
    inhibit_any: bool = False


DEFAULT = Settings()
ONE, TWO, THREE, SIX = (Settings((number,)) for number in (1, 2, 3, 6))
EXPLICIT = Settings(explicit=True)
NO_MAPPING = Settings(inhibit_mapping=True)

# Where the name does not say it, or says it of one setting only.
SETTINGS: dict[str, dict[Settings, bool]] = {
    "ValidCertificatePathTest1": {
        EXPLICIT: True,
        Settings((1,), explicit=True): True,
        Settings((2,), explicit=True): False,
        Settings((1, 2), explicit=True): True,
    },
    "AllCertificatesNoPoliciesTest2": {DEFAULT: True, EXPLICIT: False},
    "DifferentPoliciesTest3": {
        DEFAULT: True,
        EXPLICIT: False,
        Settings((1, 2), explicit=True): False,
    },
    "DifferentPoliciesTest4": {DEFAULT: False},
    "DifferentPoliciesTest5": {DEFAULT: False},
    "OverlappingPoliciesTest6": {DEFAULT: True, ONE: True, TWO: False},
    "DifferentPoliciesTest7": {DEFAULT: False},
    "DifferentPoliciesTest8": {DEFAULT: False},
    "DifferentPoliciesTest9": {DEFAULT: False},
    "AllCertificatesSamePoliciesTest10": {DEFAULT: True, ONE: True, TWO: True},
    "AllCertificatesanyPolicyTest11": {DEFAULT: True, ONE: True},
    "DifferentPoliciesTest12": {DEFAULT: False},
    "AllCertificatesSamePoliciesTest13": {ONE: True, TWO: True, THREE: True},
    "AnyPolicyTest14": {ONE: True, TWO: False},
    "UserNoticeQualifierTest15": {DEFAULT: True},
    "UserNoticeQualifierTest16": {DEFAULT: True},
    "UserNoticeQualifierTest17": {DEFAULT: True},
    "UserNoticeQualifierTest18": {ONE: True, TWO: True},
    "UserNoticeQualifierTest19": {DEFAULT: True},
    "CPSPointerQualifierTest20": {DEFAULT: True},
    "ValidPolicyMappingTest1": {
        ONE: True,
        TWO: False,
        Settings((1,), inhibit_mapping=True): False,
    },
    "InvalidPolicyMappingTest2": {DEFAULT: False, NO_MAPPING: False},
    "ValidPolicyMappingTest3": {ONE: False, TWO: True},
    "ValidPolicyMappingTest5": {ONE: True, SIX: False},
    "ValidPolicyMappingTest6": {ONE: True, SIX: False},
    "ValidPolicyMappingTest12": {ONE: True, TWO: True},
    "inhibitAnyPolicyTest3": {DEFAULT: True, Settings(inhibit_any=True): False},
}


def vectors() -> Path:
    spec = find_spec("cryptography_vectors")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "x509" / "PKITS_data"


def cases() -> dict[Settings, dict[str, bool]]:
    """Every test by its settings: certificate → whether it must be valid."""
    found: dict[Settings, dict[str, bool]] = {}
    for path in sorted((vectors() / "certs").glob("*EE.crt")):
        name = path.name.removesuffix("EE.crt")
        wanted = SETTINGS.get(name) or {DEFAULT: name.startswith("Valid")}
        for settings, valid in wanted.items():
            found.setdefault(settings, {})[path.name] = valid
    return found


def shared() -> list[str]:
    """The options that every run shares: one root, every authority, every list."""
    folder = vectors()
    words: list[str] = []
    for path in sorted((folder / "certs").glob("*.crt")):
        if path.name == "TrustAnchorRootCertificate.crt":
            words += ["--root", str(path)]
        elif not path.name.endswith("EE.crt"):
            words += ["--intermediate", str(path)]
    for path in sorted((folder / "crls").glob("*.crl")):
        words += ["--crl", str(path)]
    return [*words, "--at", "2015-01-01T00:00:00+00:00", "--json"]


def rules(settings: Settings, folder: Path) -> Path:
    """The shipped policy with a test's settings, and what PKITS has of 2011: DSA, with SHA-1."""
    path = folder / "policy.json"
    stated = SHIPPED | {
        "certificate_policies": [f"{BASE}{number}" for number in settings.policies],
        "explicit_policy": settings.explicit,
        "inhibit_mapping": settings.inhibit_mapping,
        "inhibit_any_policy": settings.inhibit_any,
        "digests": [*SHIPPED["digests"], "sha1"],
        "other_keys": ["dsa"],
    }
    path.write_text(json.dumps(stated), encoding="utf-8")
    return path


def judged(words: list[str], capsys: pytest.CaptureFixture[str]) -> Iterator[tuple[str, str]]:
    with pytest.raises(SystemExit):
        cli.main(["verify", *words])
    for line in capsys.readouterr().out.splitlines():
        told = json.loads(line)
        yield Path(told["file"]).name, told["status"]


def test_there_are_246() -> None:
    assert sum(len(wanted) for wanted in cases().values()) == 246


@pytest.mark.parametrize("settings", cases(), ids=str)
def test_pkits(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = cases()[settings]
    paths = [str(vectors() / "certs" / name) for name in wanted]
    words = [*paths, *shared(), "--policy", str(rules(settings, tmp_path))]
    found = {name: status == "valid" for name, status in judged(words, capsys)}
    assert found == wanted
