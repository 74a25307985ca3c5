"""The key of an attempt: as dear to guess as a certificate file, and no trap for its reader."""

from __future__ import annotations

import subprocess
from pathlib import Path
from unittest.mock import patch

import pytest
from asn1crypto import keys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from tests.sign.pki import ec_key, rsa_key
from warifu_sign import p12
from warifu_sign.errors import Refusal
from warifu_sign.p12 import Private
from warifu_sign.window import locked

PASSWORD = "correct horse 9 battery"
WHOLE = 600_000


def code(data: bytes, password: str = PASSWORD) -> str:
    with pytest.raises(Refusal) as refused:
        locked.opened(data, password)
    return refused.value.code


@pytest.mark.parametrize("private", [rsa_key(), ec_key()], ids=["rsa", "p256"])
def test_it_opens_again_here_and_in_openssl(private: Private, tmp_path: Path) -> None:
    with patch.object(p12, "ROUNDS", WHOLE):
        data = locked.seal(private, PASSWORD)
    found = locked.opened(data, PASSWORD)
    assert found.private_numbers() == private.private_numbers()
    (tmp_path / "key").write_bytes(data)
    asked = ("openssl", "pkcs8", "-in", "key", "-inform", "DER", "-passin", f"pass:{PASSWORD}")
    told = subprocess.run(asked, capture_output=True, check=True, cwd=tmp_path, text=True).stdout
    assert told.startswith("-----BEGIN PRIVATE KEY-----")
    shown = ("openssl", "asn1parse", "-in", "key", "-inform", "DER")
    told = subprocess.run(shown, capture_output=True, check=True, cwd=tmp_path, text=True).stdout
    assert f":{WHOLE:06X}" in told
    assert {"hmacWithSHA256", "aes-256-cbc", "PBKDF2"} <= set(told.replace(":", " ").split())


@pytest.mark.parametrize("password", ["", "x", PASSWORD.upper(), PASSWORD + " ", "パスワード"])
def test_a_wrong_password_is_told_as_such(password: str) -> None:
    assert code(locked.seal(ec_key(), PASSWORD), password) == "password-wrong"


def test_every_truncation_and_every_flipped_byte_is_refused() -> None:
    data = locked.seal(ec_key(), PASSWORD)
    for size in range(0, len(data), 5):
        assert code(data[:size]) == "p12-broken"
    told = set()
    for place in range(0, len(data), 3):
        flipped = bytearray(data)
        flipped[place] ^= 0x40
        told.add(code(bytes(flipped)))
    assert told <= {"p12-broken", "password-wrong", "p12-rounds"}


@pytest.mark.parametrize("rounds", [50_000_000, 2**31 - 1, 0, -1])
def test_a_count_of_rounds_is_read_before_it_is_obeyed(rounds: int) -> None:
    info = keys.EncryptedPrivateKeyInfo.load(locked.seal(ec_key(), PASSWORD))
    derivation = info["encryption_algorithm"]["parameters"]["key_derivation_func"]
    derivation["parameters"]["iteration_count"] = rounds
    assert code(info.dump(force=True)) == "p12-rounds"


def test_a_key_of_another_kind_is_refused() -> None:
    lock = BestAvailableEncryption(PASSWORD.encode())
    strange = Ed25519PrivateKey.generate().private_bytes(Encoding.DER, PrivateFormat.PKCS8, lock)
    assert code(strange) == "p12-broken"
