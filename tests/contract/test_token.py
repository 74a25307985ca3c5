"""Keys in a real PKCS#11 token (SoftHSM): the keyring's contract, and what tokens get wrong."""

from __future__ import annotations

import os
import threading
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pkcs11
import pytest
from securesystemslib.signer._key import SSlibKey

from tests.contract import softhsm
from tests.contract.softhsm import LABEL, MODULE, PIN
from tests.flow.road import Road
from warifu.engines.attest import hsm
from warifu.engines.attest.hsm import Slot
from warifu.engines.attest.keyring import FolderKeyring
from warifu.flow import sign
from warifu_wire.errors import Fault, Malformed, Refusal, SignoffMissing
from warifu_wire.keys import PublicKey
from warifu_wire.manifest import Kind
from warifu_wire.policy import KeyState, Person, people

NOW = datetime(2012, 2, 5, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
def token(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One SoftHSM token for this module."""
    with softhsm.token(tmp_path_factory.mktemp("token")):
        yield


@pytest.fixture
def slot(request: pytest.FixtureRequest) -> Slot:
    """A place of the test's own in the token."""
    return Slot(zlib.crc32(request.node.nodeid.encode()) + 10, LABEL, MODULE)


def keyring(folder: Path, pin: str = PIN) -> FolderKeyring:
    return FolderKeyring(folder, ask=lambda _name: pin)


def test_a_key_made_in_the_token_signs_there(tmp_path: Path, slot: Slot) -> None:
    entry = keyring(tmp_path).create_in_token("publish", slot, now=NOW)
    assert entry.public.scheme == "ecdsa-sha2-nistp256"
    signer = keyring(tmp_path).signer("publish")
    for data in (b"", b"data", b"x" * 100_000):
        assert signer.public.verifies(signer.sign(data), data)
    assert not entry.trial
    assert sorted(one.name for one in tmp_path.iterdir()) == ["keyring.json", "keyring.json.lock"]


def test_the_private_half_cannot_be_read(tmp_path: Path, slot: Slot) -> None:
    keyring(tmp_path).create_in_token("publish", slot, now=NOW)
    with pkcs11.lib(MODULE).get_token(token_label=LABEL).open(user_pin=PIN) as session:
        private = {pkcs11.Attribute.CLASS: pkcs11.ObjectClass.PRIVATE_KEY}
        for key in session.get_objects(private):
            assert key[pkcs11.Attribute.SENSITIVE]
            assert not key[pkcs11.Attribute.EXTRACTABLE]
            with pytest.raises(pkcs11.exceptions.AttributeSensitive):
                key[pkcs11.Attribute.VALUE]


def test_a_uri_says_the_place_and_nothing_else_is_read(slot: Slot) -> None:
    assert hsm.slot(slot.uri) == slot
    for bad in ("hsm:", "hsm:2", "hsm:x?label=a&module=b", f"{slot.uri}&pin=1", "pkcs11:2?label=a"):
        with pytest.raises(Malformed, match="token-uri"):
            hsm.slot(bad)


def ssl_key(public: PublicKey) -> SSlibKey:
    key = SSlibKey.from_dict(public.keyid, dict(public.to_json()))
    assert isinstance(key, SSlibKey)
    return key


def test_a_wrong_pin_is_tried_once_only(tmp_path: Path, slot: Slot) -> None:
    made = keyring(tmp_path).create_in_token("publish", slot, now=NOW).public
    asked = []

    def ask(name: str) -> str:
        asked.append(name)
        return "a wrong pin"

    signer = hsm.TokenSigner(slot, ssl_key(made), ask)
    for _ in range(3):
        with pytest.raises(Refusal, match="wrong-passphrase"):
            signer.sign(b"data")
    assert len(asked) == 1
    with pytest.raises(Refusal, match="wrong-passphrase"):
        FolderKeyring(tmp_path, ask=ask).signer("publish")


def test_another_key_under_the_same_name_never_signs(tmp_path: Path, slot: Slot) -> None:
    mine = keyring(tmp_path)
    true = mine.create_in_token("publish", slot, now=NOW)
    other = replace(slot, number=slot.number + 1)
    hsm.generate(other, PIN)
    (tmp_path / "second").mkdir()
    second = keyring(tmp_path / "second")
    second.add("publish", other.uri, true.public, now=NOW)
    with pytest.raises(Fault, match="another key"):
        second.signer("publish").sign(b"data")


def test_a_place_in_a_token_is_used_once(tmp_path: Path, slot: Slot) -> None:
    keyring(tmp_path).create_in_token("publish", slot, now=NOW)
    with pytest.raises(Refusal, match="key-exists"):
        keyring(tmp_path).create_in_token("standby", slot, now=NOW)
    with pytest.raises(Refusal, match="wrong-passphrase"):
        hsm.generate(replace(slot, number=slot.number + 1), "a wrong pin")
    assert keyring(tmp_path).names() == ("publish",)


@pytest.mark.parametrize(
    "change", [{"label": "no such token"}, {"module": "/nowhere.so"}, {"number": 7}]
)
def test_a_token_that_is_not_there_is_a_fault(
    tmp_path: Path, slot: Slot, change: dict[str, object]
) -> None:
    mine = keyring(tmp_path)
    entry = mine.create_in_token("publish", slot, now=NOW)
    gone = replace(slot, **change)  # type: ignore[arg-type]
    with pytest.raises(Fault, match="token"):
        hsm.public(gone, PIN)
    (tmp_path / "second").mkdir()
    second = keyring(tmp_path / "second")
    second.add("publish", gone.uri, entry.public, now=NOW)
    with pytest.raises(Fault, match="token"):
        second.signer("publish")


def test_an_approver_signs_off_with_the_token(tmp_path: Path, slot: Slot) -> None:
    """Two approvers, one with a token; nobody signs with a colleague's."""
    mine = keyring(tmp_path)
    public = mine.create_in_token("approver-2", slot, now=NOW).public
    road = Road()
    had = ((public, KeyState.ACTIVE),)
    others = [one for one in road.people.people if one.id != "approver-2"]
    road.people = people(*others, Person("approver-2", "two", False, frozenset({"approver"}), had))
    proposed = road.change(road.program(Kind.REPAIR, "print(1)"))
    road.propose(proposed)
    with pytest.raises(SignoffMissing, match="not-your-key"):
        road.sign_with(proposed, "approver-1", mine.signer("approver-2"))
    road.sign(proposed, "approver-1")
    with pytest.raises(SignoffMissing):
        sign.gather(road.ledger, road.statements, proposed, road.rules, road.people)
    road.sign_with(proposed, "approver-2", mine.signer("approver-2"))
    found = sign.gather(road.ledger, road.statements, proposed, road.rules, road.people)
    assert found.signed == {"approver-1", "approver-2"}


def test_threads_sign_one_after_another(tmp_path: Path, slot: Slot) -> None:
    signer = keyring(tmp_path)
    signer.create_in_token("publish", slot, now=NOW)
    found: list[bytes] = []
    threads = [
        threading.Thread(target=lambda: found.append(signer.signer("publish").sign(b"data")))
        for _ in range(8)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert sum(signer.public("publish").verifies(raw, b"data") for raw in found) == 8


def test_a_key_the_token_already_had_can_be_entered(tmp_path: Path, slot: Slot) -> None:
    made = hsm.generate(slot, PIN)
    found = hsm.public(slot, PIN)
    assert found == made
    mine = keyring(tmp_path)
    mine.add("publish", slot.uri, found, now=NOW)
    assert os.environ["PYKCS11LIB"] == MODULE
    assert found.verifies(mine.signer("publish").sign(b"data"), b"data")


def test_a_rotated_key_gets_the_next_place_of_its_token(tmp_path: Path, slot: Slot) -> None:
    mine = keyring(tmp_path)
    mine.create_in_token("publish", slot, now=NOW)
    former, new = mine.rotate("publish", now=NOW)
    assert hsm.slot(new.uri) == replace(slot, number=slot.number + 1)
    for entry in (former, new):
        assert entry.public.verifies(mine.signer(entry.name).sign(b"data"), b"data")


def test_a_token_that_goes_away_is_a_fault_and_its_key_is_opened_anew(
    tmp_path: Path, slot: Slot
) -> None:
    mine = keyring(tmp_path)
    mine.create_in_token("publish", slot, now=NOW)
    signer = mine.signer("publish")
    assert mine.signer("publish") is signer
    with pkcs11.lib(MODULE).get_token(token_label=LABEL).open(rw=True, user_pin=PIN) as session:
        named = pkcs11.util.biginteger(slot.number)
        kept = session.get_key(pkcs11.ObjectClass.PRIVATE_KEY, id=named)
        kept[pkcs11.Attribute.ID] = pkcs11.util.biginteger(9)
    for asking in (lambda: signer.sign(b"data"), lambda: mine.signer("publish")):
        with pytest.raises(Fault, match="token"):
            asking()
    with pkcs11.lib(MODULE).get_token(token_label=LABEL).open(rw=True, user_pin=PIN) as session:
        kept = session.get_key(pkcs11.ObjectClass.PRIVATE_KEY, id=pkcs11.util.biginteger(9))
        kept[pkcs11.Attribute.ID] = named
    assert mine.signer("publish").public.verifies(mine.signer("publish").sign(b"x"), b"x")
