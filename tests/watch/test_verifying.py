"""The probe's last steps can fail: other people's verifiers see what was changed after signing."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.sign.pki import Authority
from tests.sign.test_pdf import NOW, pdf, sign
from tests.sign.test_xml import signed
from warifu.engines.probe.recipe import Step
from warifu.engines.probe.steps import take
from warifu.model.probe import Done
from warifu_replay import probe


@pytest.fixture(scope="module")
def authority() -> Authority:
    """An authority whose root the verifiers are given."""
    return Authority()


def verified(kind: str, folder: Path, authority: Authority, document: bytes) -> Done:
    """The replay's own step on a document."""
    (folder / "root.pem").write_bytes(authority.root.public_bytes(Encoding.PEM))
    (folder / f"signed.{kind}").write_bytes(document)
    told = tomllib.loads(probe.tables(folder, folder, "", "", folder))
    use = told["probe"]["use"][f"verify-{kind}"]
    step = Step(f"verify-{kind}", tuple(use["run"]), says=use.get("says", ""))
    return take(step, {"folder": str(folder)}, folder)


def test_xml(tmp_path: Path, authority: Authority) -> None:
    """xmlsec1 takes the signed application, and not the changed one."""
    good = signed(authority.issue(), xades=True)
    assert verified("xml", tmp_path, authority, good).failure == ""
    changed = good.replace("会員".encode(), "会貝".encode())
    assert "exit 1" in verified("xml", tmp_path, authority, changed).failure


def test_pdf(tmp_path: Path, authority: Authority) -> None:
    """pdfsig takes the signed page; of the changed one it says so, though it exits with 0."""
    good = sign.signed(pdf(), sign.HeldKey(authority.issue()), sign.MOJ, at=NOW)
    assert verified("pdf", tmp_path, authority, good).failure == ""
    changed = good.replace(b"/MediaBox", b"/MediaBos", 1)
    found = verified("pdf", tmp_path, authority, changed)
    assert found.failure == "did not say: Signature is Valid"
