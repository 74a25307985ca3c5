"""Keys in a token (SoftHSM): made there, used there, never leaving; the same road on them."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ca import member
from tests.ca.program import PERSON, attempt, chain, openssl, pem, refusal, run, served, tool

pytestmark = pytest.mark.programs_repeat

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


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with an empty token of this module's own; the program finds it by environment."""
    folder = tmp_path_factory.mktemp("token")
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder / 'tokens'}\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(configuration))
        tool("softhsm2-util", "--init-token", "--free", "--label", "authority", "--pin", PIN,
             "--so-pin", "0123456789")  # fmt: skip
        yield folder


def uri(label: str) -> str:
    """The URI of an object in the token."""
    return f"pkcs11:token=authority;object={label}?module-path={MODULE}"


def founded(folder: Path, name: str, *options: str) -> Path:
    """An authority whose root and issuing keys are in the token."""
    found = folder / name
    roles = ("--token", f"root={uri(f'root {name}')}", "--token", f"issuing={uri(f'ca {name}')}")
    told = run("init", found, *roles, *options, pin=PIN)
    assert told["trial"] is False
    assert not (found / "root.p12").exists()
    assert not (found / "issuing.p12").exists()
    return found


@pytest.fixture(scope="module")
def rsa(place: Path) -> Path:
    """An authority with RSA keys in the token."""
    return founded(place, "rsa")


@pytest.fixture(scope="module")
def ec(place: Path) -> Path:
    """An authority with EC keys in the token."""
    return founded(place, "ec", "--kind", "root=p-384", "--kind", "issuing=p-256")


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_root_and_issuing_keys_never_leave_the_token(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    folder: Path = request.getfixturevalue(kind)
    mine, out = tmp_path / "my.csr", tmp_path / "my.cer"
    mine.write_bytes(member.csr(member.key()))
    run("issue", folder, *PERSON, "--csr", mine, "--out", out, pin=PIN)
    run("crl", folder, "--out", tmp_path / "list.crl", pin=PIN)

    own = pem(tmp_path / "my.pem", out.read_bytes())
    root, issuing = chain(folder, tmp_path)
    assert "OK" in openssl("verify", "-CAfile", root, "-untrusted", issuing, own)
    said = openssl("crl", "-inform", "der", "-in", tmp_path / "list.crl", "-CAfile", issuing)
    assert "verify OK" in said
    found = json.loads(tool(sys.executable, "-c", LOOK, MODULE, PIN))
    assert {f"root {kind}", f"ca {kind}"} <= {label for label, _, _ in found}
    assert all(sensitive and not extractable for _, sensitive, extractable in found)


def test_a_role_can_move_into_the_token(ec: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(ec, tmp_path / "ca")
    run("rotate", folder, "tsa", "--token", uri("stamps"), pin=PIN)
    assert not (folder / "tsa.p12").exists()
    with served(folder, pin=PIN) as (address, _):
        (tmp_path / "data").write_bytes(b"to be stamped")
        openssl("ts", "-query", "-data", tmp_path / "data", "-cert", "-out", tmp_path / "query")
        answer = member.call(address, "/tsa", (tmp_path / "query").read_bytes())[1]
    (tmp_path / "reply").write_bytes(answer)
    root, _ = chain(folder, tmp_path)
    said = openssl("ts", "-verify", "-queryfile", tmp_path / "query", "-in", tmp_path / "reply",
                   "-CAfile", root)  # fmt: skip
    assert "Verification: OK" in said


def test_a_token_that_cannot_be_used_is_refused(ec: Path, tmp_path: Path) -> None:
    assert refusal("crl", ec, pin="another pin than that") == "passphrase-wrong"
    new = tmp_path / "b"

    def asked(text: str, *options: str) -> str:
        return refusal("init", new, "--token", text, *options, pin=PIN)

    assert asked(f"root={uri('root ec')}") == "already-there"
    assert asked("root=pkcs11:x") == "token-uri"
    assert asked("toor=pkcs11:x") == "role-unknown"
    found = attempt("init", new, "--token", f"root={uri('new')}".replace("softhsm2", "x"), pin=PIN)
    assert found.returncode == 3
    found = attempt("init", new, "--token", f"root={uri('new')}".replace("authority", "x"), pin=PIN)
    assert found.returncode == 3
    assert not new.exists()


def test_a_label_that_names_another_key_is_noticed_before_anything_is_signed(
    ec: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(ec, tmp_path / "ca")
    settings = folder / "ca.json"
    swapped = settings.read_text().replace("object=ca ec?", "object=root ec?")
    settings.write_text(swapped)
    found = attempt("crl", folder, pin=PIN)
    assert found.returncode == 3
    assert "the token signed with another key" in found.stderr
    settings.write_text(swapped.replace("object=root ec?", "object=nothing?"))
    assert refusal("crl", folder, pin=PIN) == "key-missing"
