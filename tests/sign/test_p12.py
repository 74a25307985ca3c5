"""The certificate file: dear to guess, opened by others, and no trap for its reader."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from asn1crypto import pkcs12 as asn1
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    pkcs12,
)

from tests.sign.pki import Authority, ec_key, rsa_key
from warifu_sign import p12
from warifu_sign.errors import Refusal

PASSWORD = "correct horse 9 battery"


@pytest.fixture(scope="module", params=["rsa", "p256"])
def sealed(request: pytest.FixtureRequest, authority: Authority) -> bytes:
    private = rsa_key() if request.param == "rsa" else ec_key()
    key = authority.issue(private)
    return p12.sealed(private, key.certificate, key.chain, PASSWORD, label="会員 0001")


def quick(authority: Authority, password: str = PASSWORD) -> bytes:
    key = authority.issue(ec_key())
    return p12.sealed(ec_key(), key.certificate, (), password, label="quick")


def code(data: bytes, password: str = PASSWORD) -> str:
    with pytest.raises(Refusal) as refused:
        p12.opened(data, password)
    return refused.value.code


def test_it_opens_again_with_key_certificate_and_chain(sealed: bytes, authority: Authority) -> None:
    key = p12.opened(sealed, PASSWORD)
    assert key.chain == (authority.root,)
    assert key.sign(b"data")


def test_the_mac_costs_as_much_as_the_key(sealed: bytes) -> None:
    rounds = p12.declared_rounds(sealed)
    assert len(rounds) == 3
    assert min(rounds) == max(rounds) == 600_000


@pytest.mark.parametrize(
    "command",
    [
        ["openssl", "pkcs12", "-in", "FILE", "-passin", "pass:PASSWORD", "-noout"],
        ["pk12util", "-l", "FILE", "-W", "PASSWORD"],
        ["certtool", "--p12-info", "--inder", "--infile", "FILE", "--password", "PASSWORD"],
        ["keytool", "-list", "-keystore", "FILE", "-storepass", "PASSWORD"],
    ],
    ids=lambda command: command[0],
)
def test_other_readers_open_it(sealed: bytes, tmp_path: Path, command: list[str]) -> None:
    path = tmp_path / "a.p12"
    path.write_bytes(sealed)

    def run(password: str) -> int:
        filled = [one.replace("FILE", str(path)).replace("PASSWORD", password) for one in command]
        return subprocess.run(filled, capture_output=True, check=False, cwd=tmp_path).returncode

    assert run(PASSWORD) == 0
    assert run(PASSWORD + "x") != 0


@pytest.mark.parametrize("password", ["", "x", PASSWORD.upper(), PASSWORD + " ", "パスワード"])
def test_a_wrong_password_is_told_as_such(authority: Authority, password: str) -> None:
    assert code(quick(authority), password) == "password-wrong"


def test_every_truncation_is_refused(authority: Authority) -> None:
    data = quick(authority)
    for size in range(0, len(data), 7):
        assert code(data[:size]) in ("p12-broken", "p12-no-mac")


def test_every_flipped_byte_is_refused(authority: Authority) -> None:
    data = quick(authority)
    told = set()
    for place in range(0, len(data), 5):
        flipped = bytearray(data)
        flipped[place] ^= 0x40
        told.add(code(bytes(flipped)))
    assert told <= {"p12-broken", "password-wrong", "p12-rounds", "p12-no-mac"}


@pytest.mark.parametrize("rounds", [50_000_000, 2**31 - 1, 0, -1])
def test_a_count_of_rounds_is_read_before_it_is_obeyed(authority: Authority, rounds: int) -> None:
    pfx = asn1.Pfx.load(quick(authority))
    pfx["mac_data"]["iterations"] = rounds
    assert code(pfx.dump(force=True)) == "p12-rounds"


def test_a_file_without_a_mac_is_refused(authority: Authority) -> None:
    pfx = asn1.Pfx.load(quick(authority))
    bare = asn1.Pfx({"version": pfx["version"], "auth_safe": pfx["auth_safe"]})
    assert code(bare.dump()) == "p12-no-mac"


def test_no_key_a_strange_key_and_a_huge_file_are_refused(authority: Authority) -> None:
    key = authority.issue(ec_key(), subject="other")
    lock = BestAvailableEncryption(PASSWORD.encode())
    certificate_only = pkcs12.serialize_key_and_certificates(None, None, key.certificate, [], lock)
    assert code(certificate_only) == "p12-contents"
    bare_key = pkcs12.serialize_key_and_certificates(None, ec_key(), None, [], lock)
    assert code(bare_key) == "p12-contents"
    assert code(b"\x30" + b"\0" * p12.MOST_BYTES) == "p12-large"


def test_a_key_of_another_certificate_is_refused(authority: Authority) -> None:
    certificate = authority.issue(ec_key()).certificate
    with pytest.raises(Refusal) as refused:
        p12.LoadedKey(ec_key(1), certificate)
    assert refused.value.code == "key-not-of-certificate"


@pytest.mark.parametrize(
    ("password", "refusal"),
    [
        ("パスワードパスワードパス", "password-not-ascii"),
        ("short", "password-short"),
        ("aaaaaaaaaaaaaaaa", "password-simple"),
        ("ABCDEFGHJKMN", "password-is-initial"),
        ("ABCD-EFGH-JKMN", "password-is-initial"),
        (" abcd efgh jkmn ", "password-is-initial"),
        ("tab\tin the password", "password-not-ascii"),
    ],
)
def test_passwords_that_may_not_protect_a_file(password: str, refusal: str) -> None:
    with pytest.raises(Refusal) as refused:
        p12.checked_password(password, initial="ABCDEFGHJKMN")
    assert refused.value.code == refusal
    assert p12.checked_password(PASSWORD, initial="ABCDEFGHJKMN") == PASSWORD
