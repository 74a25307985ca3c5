"""The keyring's contract (memory, sealed files), and what only real key files can get wrong."""

from __future__ import annotations

import os
import stat
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from warifu.engines.attest import entries
from warifu.engines.attest.entries import Kind, State
from warifu.engines.attest.keyring import FILE, FolderKeyring
from warifu.model.ports import Keyring
from warifu.testing import MemoryKeyring
from warifu_wire.errors import Fault, Malformed, Mismatch, Refusal

NOW = datetime(2012, 2, 5, tzinfo=UTC)
PASSPHRASE = "correct horse battery"


def folder_keyring(folder: Path, passphrase: str = PASSPHRASE) -> FolderKeyring:
    return FolderKeyring(folder, ask=lambda _name: passphrase)


@pytest.fixture(params=["memory", *Kind])
def keyring(request: pytest.FixtureRequest, tmp_path: Path) -> Keyring:
    """Two keys, "build" and "verify", in each form."""
    if request.param == "memory":
        return MemoryKeyring("verify", "build")
    made = folder_keyring(tmp_path)
    for name in ("verify", "build"):
        made.create(name, now=NOW, kind=Kind(request.param))
    return folder_keyring(tmp_path)


def test_a_signature_verifies_by_its_own_public_half_only(keyring: Keyring) -> None:
    signer = keyring.signer("build")
    raw = signer.sign(b"data")
    assert signer.public == keyring.public("build")
    assert signer.public.verifies(raw, b"data")
    assert not signer.public.verifies(raw, b"other")
    assert not keyring.public("verify").verifies(raw, b"data")


def test_names_are_known_in_order(keyring: Keyring) -> None:
    assert keyring.names() == ("build", "verify")


def test_an_unknown_key_is_refused(keyring: Keyring) -> None:
    for asking in (keyring.signer, keyring.public):
        with pytest.raises(Refusal, match="no-such-key"):
            asking("publish")


def test_a_trial_key_says_so_in_its_id(tmp_path: Path) -> None:
    keyring = folder_keyring(tmp_path)
    trial, true = keyring.create("a", now=NOW, kind=Kind.TRIAL), keyring.create("b", now=NOW)
    assert (trial.trial, true.trial) == (True, False)
    assert trial.public.keyid.startswith("trial-")
    assert not true.public.keyid.startswith("trial-")


def test_a_trial_key_opens_without_asking_and_nobody_else_can_read_its_secret(
    tmp_path: Path,
) -> None:
    entry = folder_keyring(tmp_path).create("a", now=NOW, kind=Kind.TRIAL)
    modes = {stat.S_IMODE(one.stat().st_mode) for one in tmp_path.glob(f"{entry.public.keyid}*")}
    assert modes == {0o600}
    FolderKeyring(tmp_path).signer("a").sign(b"data")
    (tmp_path / entry.secret).chmod(0o640)
    with pytest.raises(Refusal, match="secret-exposed"):
        FolderKeyring(tmp_path).signer("a")
    (tmp_path / entry.secret).unlink()
    with pytest.raises(Fault, match="secret"):
        FolderKeyring(tmp_path).signer("a")


def test_a_wrong_passphrase_is_refused_and_nobody_to_ask_too(tmp_path: Path) -> None:
    folder_keyring(tmp_path).create("a", now=NOW)
    with pytest.raises(Refusal, match="wrong-passphrase"):
        folder_keyring(tmp_path, "wrong horse battery").signer("a")
    with pytest.raises(Refusal, match="passphrase-needed"):
        FolderKeyring(tmp_path).signer("a")


def test_a_short_passphrase_makes_no_key(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="weak-passphrase"):
        folder_keyring(tmp_path, "short").create("a", now=NOW)
    assert FolderKeyring(tmp_path).names() == ()


@pytest.mark.parametrize("scheme", ["ed25519", "ecdsa-sha2-nistp256"])
def test_openssl_opens_the_same_file(tmp_path: Path, scheme: str) -> None:
    entry = folder_keyring(tmp_path).create("a", now=NOW, scheme=scheme)
    assert entry.public.scheme == scheme
    file = tmp_path / entry.uri.removeprefix("sealed:")
    command = ["openssl", "pkey", "-inform", "DER", "-in", str(file), "-noout", "-passin", "env:P"]
    for passphrase, code in ((PASSPHRASE, 0), ("wrong horse battery", 1)):
        done = subprocess.run(
            command, env={**os.environ, "P": passphrase}, capture_output=True, check=False
        )
        assert done.returncode == code, done.stderr
    signer = folder_keyring(tmp_path).signer("a")
    assert signer.public.verifies(signer.sign(b"data"), b"data")


def test_the_private_half_is_nowhere_in_the_clear(tmp_path: Path) -> None:
    entry = folder_keyring(tmp_path).create("a", now=NOW)
    sealed = (tmp_path / entry.uri.removeprefix("sealed:")).read_bytes()
    assert bytes.fromhex("06032b6570") not in sealed  # the ed25519 identifier of an open key
    assert bytes.fromhex("06092b06010401da47040b") in sealed  # scrypt


def test_a_name_is_given_once_and_well_formed(tmp_path: Path) -> None:
    keyring = folder_keyring(tmp_path)
    keyring.create("a", now=NOW, kind=Kind.TRIAL)
    with pytest.raises(Refusal, match="key-exists"):
        keyring.create("a", now=NOW, kind=Kind.TRIAL)
    for bad in ("", "A", "a/b", "../a", "-a", "a" * 65):
        with pytest.raises(Refusal, match="bad-key-name"):
            keyring.create(bad, now=NOW, kind=Kind.TRIAL)
    with pytest.raises(Refusal, match="bad-scheme"):
        keyring.create("b", now=NOW, kind=Kind.TRIAL, scheme="rsa")
    assert keyring.names() == ("a",)


def test_one_key_cannot_have_two_names(tmp_path: Path) -> None:
    keyring = folder_keyring(tmp_path)
    entry = keyring.create("a", now=NOW, kind=Kind.TRIAL)
    with pytest.raises(Refusal, match="same-key"):
        keyring.add("b", entry.uri, entry.public, now=NOW)


@pytest.mark.parametrize("state", [State.RETIRED, State.COMPROMISED])
def test_a_retired_or_compromised_key_stays_known_and_never_signs(
    tmp_path: Path, state: State
) -> None:
    keyring = folder_keyring(tmp_path)
    entry = keyring.create("a", now=NOW, kind=Kind.TRIAL)
    keyring.signer("a")
    assert keyring.become("a", state).state is state
    with pytest.raises(Refusal, match=f"key-{state}"):
        keyring.signer("a")
    assert keyring.public("a") == entry.public
    with pytest.raises(Refusal, match="key-stays"):
        keyring.become("a", State.ACTIVE)


def test_a_retired_key_can_still_be_called_compromised(tmp_path: Path) -> None:
    keyring = folder_keyring(tmp_path)
    keyring.create("a", now=NOW, kind=Kind.TRIAL)
    keyring.become("a", State.RETIRED)
    assert keyring.become("a", State.COMPROMISED).state is State.COMPROMISED
    with pytest.raises(Refusal, match="key-stays"):
        keyring.become("a", State.RETIRED)


def test_a_key_file_under_another_keys_name_is_a_mismatch(tmp_path: Path) -> None:
    keyring = folder_keyring(tmp_path)
    one, two = (keyring.create(name, now=NOW) for name in ("a", "b"))
    there = tmp_path / one.uri.removeprefix("sealed:")
    (tmp_path / two.uri.removeprefix("sealed:")).replace(there)
    with pytest.raises(Mismatch, match="key-mismatch"):
        folder_keyring(tmp_path).signer("a")
    with pytest.raises(Fault, match="cannot read"):
        folder_keyring(tmp_path).signer("b")


def test_an_empty_keyring_file_is_not_an_empty_keyring(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"")
    with pytest.raises(Malformed):
        FolderKeyring(tmp_path).names()


@pytest.mark.parametrize("data", [b"", b"not a key", b"-----BEGIN PRIVATE KEY-----\n"])
def test_a_file_that_is_no_key_is_malformed(tmp_path: Path, data: bytes) -> None:
    entry = folder_keyring(tmp_path).create("a", now=NOW, kind=Kind.TRIAL)
    (tmp_path / entry.uri.removeprefix("sealed:")).write_bytes(data)
    with pytest.raises(Malformed):
        folder_keyring(tmp_path).signer("a")


@pytest.mark.parametrize(
    ("uri", "what"),
    [
        ("nothing:x", "nothing"),
        ("gcpkms:projects/p", "library"),
        ("awskms:alias", "cannot open"),
        ("file2:/nowhere", "cannot open"),
    ],
)
def test_a_key_store_that_is_not_there_is_a_fault(tmp_path: Path, uri: str, what: str) -> None:
    keyring = folder_keyring(tmp_path)
    keyring.add("a", uri, MemoryKeyring("a").public("a"), now=NOW)
    with pytest.raises(Fault, match=what):
        keyring.signer("a")


def test_the_keyring_file_is_read_strictly(tmp_path: Path) -> None:
    folder_keyring(tmp_path).create("a", now=NOW, kind=Kind.TRIAL)
    good = (tmp_path / FILE).read_bytes()
    assert entries.spell(entries.read(good)) == good
    for old, new in (
        (b'.pass"', b'/../x"'),
        (b'"state":"active"', b'"state":"open"'),
        (b'"uri":', b'"url":'),
        (b'"a":{', b'"A":{'),
        (b"keyring:v1", b"keyring:v2"),
    ):
        assert good.count(old) == 1
        (tmp_path / FILE).write_bytes(good.replace(old, new))
        with pytest.raises(Refusal):
            FolderKeyring(tmp_path).names()


@pytest.mark.parametrize("kind", Kind)
def test_a_rotated_name_has_a_new_key_and_the_former_one_still_signs(
    tmp_path: Path, kind: Kind
) -> None:
    keyring = folder_keyring(tmp_path)
    first = keyring.create("root-1", now=NOW, kind=kind)
    former, new = keyring.rotate("root-1", now=NOW)
    assert (former.name, former.public, former.state) == ("root-1-was-1", first.public, "active")
    assert (new.name, new.kind, new.public.scheme) == ("root-1", kind, "ed25519")
    assert new.public.numbers != first.public.numbers
    again, _ = keyring.rotate("root-1", now=NOW)
    assert again.name == "root-1-was-2"
    for name in keyring.names():
        signer = folder_keyring(tmp_path).signer(name)
        assert signer.public.verifies(signer.sign(b"data"), b"data")
    with pytest.raises(Refusal, match="no-such-key"):
        keyring.rotate("root-9", now=NOW)


def test_a_rotation_that_fails_changes_nothing(tmp_path: Path) -> None:
    folder_keyring(tmp_path).create("root-1", now=NOW)
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(Refusal, match="weak-passphrase"):
        folder_keyring(tmp_path, "short").rotate("root-1", now=NOW)
    assert (tmp_path / FILE).read_bytes() == before


def test_a_trial_key_is_followed_by_a_true_one_and_never_the_other_way(tmp_path: Path) -> None:
    keyring = folder_keyring(tmp_path)
    keyring.create("root-1", now=NOW, kind=Kind.TRIAL)
    former, new = keyring.rotate("root-1", now=NOW, to="kept")
    assert (former.trial, new.kind) == (True, Kind.KEPT)
    for place in ("trial", "sealed:", "elsewhere"):
        with pytest.raises(Refusal, match="bad-place"):
            keyring.rotate("root-1", now=NOW, to=place)
