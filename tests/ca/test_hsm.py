"""Keys in a token (SoftHSM): made there, used there, never leaving; the same road on them."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from tests.ca import member
from tests.ca.program import PERSON, attempt, chain, openssl, pem, refusal, run, tool

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "a pin for trying"
LOOK = """
import json, sys, pkcs11
from pkcs11.constants import Attribute, ObjectClass
session = pkcs11.lib(sys.argv[1]).get_token(token_label="authority").open(user_pin=sys.argv[2])
print(json.dumps([
    [key.label, key[Attribute.SENSITIVE], key[Attribute.EXTRACTABLE]]
    for key in session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY})
]))
"""


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty token of this test's own; its URI without an object."""
    (tmp_path / "tokens").mkdir()
    configuration = tmp_path / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {tmp_path / 'tokens'}\n")
    monkeypatch.setenv("SOFTHSM2_CONF", str(configuration))
    tool("softhsm2-util", "--init-token", "--free", "--label", "authority", "--pin", PIN,
         "--so-pin", "0123456789")  # fmt: skip
    return f"pkcs11:token=authority;object={{}}?module-path={MODULE}"


def founded(token: str, folder: Path, *options: str) -> None:
    """An authority whose root and issuing keys are in the token."""
    asked = [f"{role}={token.format(role)}" for role in ("root", "issuing")]
    told = run("init", folder, "--token", asked[0], "--token", asked[1], *options, pin=PIN)
    assert told["trial"] is False
    assert not (folder / "root.p12").exists()
    assert not (folder / "issuing.p12").exists()


@pytest.mark.parametrize("kinds", [(), ("--kind", "root=p-384", "--kind", "issuing=p-256")])
def test_root_and_issuing_keys_never_leave_the_token(
    token: str, tmp_path: Path, kinds: tuple[str, ...]
) -> None:
    folder = tmp_path / "ca"
    founded(token, folder, *kinds)
    request = tmp_path / "my.csr"
    request.write_bytes(member.csr(member.key()))
    out = tmp_path / "my.cer"
    run("issue", folder, *PERSON, "--csr", request, "--out", out, pin=PIN)
    run("crl", folder, "--out", tmp_path / "list.crl", pin=PIN)

    mine = pem(tmp_path / "my.pem", out.read_bytes())
    root, issuing = chain(folder, tmp_path)
    assert "OK" in openssl("verify", "-CAfile", root, "-untrusted", issuing, mine)
    said = openssl("crl", "-inform", "der", "-in", tmp_path / "list.crl", "-CAfile", issuing)
    assert "verify OK" in said
    found = json.loads(tool(sys.executable, "-c", LOOK, MODULE, PIN))
    assert sorted(found) == [["issuing", True, False], ["root", True, False]]


def test_a_token_that_cannot_be_used_is_refused(token: str, tmp_path: Path) -> None:
    folder = tmp_path / "ca"
    founded(token, folder)
    assert refusal("crl", folder, pin="another pin than that") == "passphrase-wrong"
    taken = f"root={token.format('root')}"
    assert refusal("init", tmp_path / "b", "--token", taken, pin=PIN) == "already-there"
    assert refusal("init", tmp_path / "b", "--token", "root=pkcs11:x", pin=PIN) == "token-uri"
    assert refusal("init", tmp_path / "b", "--token", "toor=pkcs11:x", pin=PIN) == "role-unknown"
    assert not (tmp_path / "b").exists()


def test_a_label_that_names_another_key_is_noticed_before_anything_is_signed(
    token: str, tmp_path: Path
) -> None:
    folder = tmp_path / "ca"
    founded(token, folder)
    settings = folder / "ca.json"
    swapped = settings.read_text().replace("object=issuing?", "object=root?")
    settings.write_text(swapped)
    found = attempt("crl", folder, pin=PIN)
    assert found.returncode == 3
    assert "the token signed with another key" in found.stderr
    settings.write_text(swapped.replace("object=root?", "object=nothing?"))
    assert refusal("crl", folder, pin=PIN) == "key-missing"
