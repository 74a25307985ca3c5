"""The plug-in as it lies in the tree, and how it serves a host of ABI 1."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.sign.pki import APPLICATION, NOW, Authority, ec_key, pdf
from warifu_sign import p12, plugin
from warifu_sign.errors import Refusal
from warifu_sign.plugin import entry, seal

FOLDER = Path(plugin.__file__).parent
PASSWORD = "correct horse 9 battery"


class Desk:
    """A host of ABI 1, as far as the plug-in uses one."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.received: list[tuple[str, bytes]] = []

    def log(self, text: str) -> None:
        self.lines.append(text)

    def receive(self, name: str, document: bytes) -> None:
        self.received.append((name, document))


def test_the_listing_fits_the_files() -> None:
    stated = json.loads((FOLDER / "plugin.json").read_bytes())
    assert stated["digests"] == seal.digests(FOLDER), "run: python -m warifu_sign.plugin.seal"
    assert (stated["name"], stated["abi"], stated["entry"]) == ("warifu-sign", 1, entry.__name__)


def test_sealing_renews_the_digests_alone(tmp_path: Path) -> None:
    copy = tmp_path / "plugin"
    shutil.copytree(FOLDER, copy, ignore=shutil.ignore_patterns("__pycache__"))
    before = (copy / "plugin.json").read_bytes()
    seal.seal(copy)
    assert (copy / "plugin.json").read_bytes() == before
    (copy / "entry.py").write_text("# next edition\n", encoding="utf-8")
    seal.seal(copy)
    stated, old = json.loads((copy / "plugin.json").read_bytes()), json.loads(before)
    assert stated.pop("digests") != old.pop("digests")
    assert stated == old


def test_it_signs_and_hands_over_only_what_it_verified(authority: Authority) -> None:
    desk = Desk()
    connected = entry.connect(desk)
    with pytest.raises(Refusal) as refused:
        connected.sign(APPLICATION, NOW)
    assert refused.value.code == "key-locked"
    key = authority.issue(ec_key())
    sealed = p12.sealed(ec_key(), key.certificate, (), PASSWORD, label="a")
    assert connected.unlock(sealed, PASSWORD) == "会員 0001"
    signed = connected.sign(APPLICATION, NOW)
    trust = authority.trust()
    assert connected.verify(signed, trust.roots, trust.crls, NOW) == ("valid", "ok")
    assert [b"0001" in data and b"Signature" not in data for _, data in desk.received] == [True]
    desk.received.clear()
    assert connected.verify(signed[:-20], trust.roots, trust.crls, NOW) == ("invalid", "xml-broken")
    assert desk.received == []
    assert connected.sign(pdf(), NOW).startswith(b"%PDF")
    assert PASSWORD not in " ".join(desk.lines)
