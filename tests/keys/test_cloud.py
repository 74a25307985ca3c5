"""Keys in a cloud key store, by its URI through securesystemslib and the cloud's own library."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.contract.cloud import Cloud, cloud
from tests.flow.road import Road
from tests.keys.drill import Drill
from warifu.app import keys
from warifu.engines.attest import kms
from warifu.engines.attest.entries import State
from warifu.engines.attest.keyring import FolderKeyring
from warifu.flow import sign
from warifu_wire.errors import Fault, Malformed, Refusal
from warifu_wire.manifest import Kind
from warifu_wire.policy import KeyState, Person, people

NOW = datetime(2012, 2, 5, tzinfo=UTC)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """A key store, and credentials where the cloud's library looks for them."""
    with cloud() as made:
        for name, value in {
            "AWS_ENDPOINT_URL": made.address,
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "y",
            "AWS_DEFAULT_REGION": "ap-northeast-1",
            "AWS_MAX_ATTEMPTS": "1",
        }.items():
            monkeypatch.setenv(name, value)
        yield made


def test_a_key_of_the_cloud_signs_there(store: Cloud, tmp_path: Path) -> None:
    entry = FolderKeyring(tmp_path).enter("publish", store.make("one"), now=NOW)
    assert (entry.uri, entry.public.scheme) == ("awskms:one", "ecdsa-sha2-nistp256")
    before = store.signed
    assert before >= 1
    signer = FolderKeyring(tmp_path).signer("publish")
    assert signer.public.verifies(signer.sign(b"data"), b"data")
    assert store.signed == before + 2
    assert sorted(one.name for one in tmp_path.iterdir()) == ["keyring.json", "keyring.json.lock"]


def test_a_store_that_signs_with_another_key_is_found_at_once(store: Cloud, tmp_path: Path) -> None:
    keyring = FolderKeyring(tmp_path)
    keyring.enter("publish", store.make("one"), now=NOW)
    store.lying = True
    with pytest.raises(Fault, match="another key"):
        keyring.signer("publish")
    with pytest.raises(Fault, match="another key"):
        keyring.enter("second", store.make("two"), now=NOW)
    assert keyring.names() == ("publish",)


def test_an_approver_signs_off_with_a_key_of_the_cloud(store: Cloud, tmp_path: Path) -> None:
    """Two approvers, one of them by the cloud: the change is approved, and the key is theirs."""
    keyring = FolderKeyring(tmp_path)
    public = keyring.enter("approver-2", store.make("two"), now=NOW).public
    road = Road()
    person = Person("approver-2", "two", False, frozenset({"approver"}),
                    ((public, KeyState.ACTIVE),))  # fmt: skip
    others = [one for one in road.people.people if one.id != person.id]
    road.people = people(*others, person)
    proposed = road.change(road.program(Kind.UPDATE, "print(1)"))
    road.propose(proposed)
    road.sign(proposed, "approver-1")
    road.sign_with(proposed, "approver-2", keyring.signer("approver-2"))
    found = sign.gather(road.ledger, road.statements, proposed, road.rules, road.people)
    assert found.signed == {"approver-1", "approver-2"}


def test_a_house_moves_a_key_into_the_cloud_and_on(store: Cloud, drill: Drill) -> None:
    keys.rotate(drill.office, "releases", drill.now(), to=store.make("one"))
    assert drill.goes()
    with pytest.raises(Refusal, match="kms-makes-keys"):
        keys.rotate(drill.office, "releases", drill.now())
    assert drill.keyring.entry("releases").uri == "awskms:one"
    rotated = keys.rotate(drill.office, "releases", drill.now(), to=store.make("two"))
    assert rotated.former.state is State.RETIRED
    assert drill.goes()
    assert drill.goes(drill.new_member("another"))
    made = keys.create(drill.office, "approver-9", drill.now(), place=store.make("three"))
    assert made.uri == "awskms:three"


@pytest.mark.parametrize("place", ["awskms:", "azurekms:vault", "azurekms:a/b/c", "gcpkms:"])
def test_half_a_place_is_malformed(place: str) -> None:
    with pytest.raises(Malformed, match="kms-uri"):
        kms.public(place)


@pytest.mark.parametrize(
    ("place", "library"),
    [("azurekms:vault/key", "azure-keyvault-keys"), ("gcpkms:projects/p", "google-cloud-kms")],
)
def test_a_library_that_is_not_here_is_named(place: str, library: str) -> None:
    with pytest.raises(Fault, match="needs a library") as caught:
        kms.public(place)
    assert library in caught.value.needed
    assert library.replace("-", ".") not in sys.modules


def test_a_key_or_a_store_that_is_not_there_is_a_fault(
    store: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Fault, match="NotFoundException"):
        FolderKeyring(tmp_path).enter("a", "awskms:nowhere", now=NOW)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(Fault, match="the key store of awskms:one failed"):
        kms.public("awskms:one")
