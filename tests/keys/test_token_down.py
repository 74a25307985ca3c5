"""The keys of a house move into a real token, and the token goes away and comes back."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tuf.api.metadata import Metadata, Timestamp

from tests.contract import softhsm
from tests.contract.softhsm import LABEL, MODULE, PIN
from tests.keys.drill import Drill
from warifu.app import keys
from warifu.engines.attest.hsm import Slot
from warifu.engines.attest.keyring import FolderKeyring
from warifu.engines.targets.layout import TIMESTAMP
from warifu_wire.errors import Fault, Refusal, Stopped

NAMES = ("releases", "snapshot", "timestamp")


@pytest.fixture
def token(tmp_path: Path) -> Iterator[Path]:
    """An empty token; yields its files."""
    with softhsm.token(tmp_path) as files:
        yield files


@pytest.fixture
def moved(drill: Drill, token: Path) -> Drill:
    """A house whose publishing and online keys are in the token."""
    drill.again(FolderKeyring(drill.keyring.folder, ask=lambda _name: PIN))
    for number, name in enumerate(NAMES, 1):
        place = Slot(number, LABEL, MODULE).uri
        keys.rotate(drill.office, name, drill.now(), to=place)
    return drill


def signers(drill: Drill) -> set[str]:
    """The names of the keys that signed the lease."""
    lease = Metadata[Timestamp].from_bytes((drill.house.folder / TIMESTAMP).read_bytes())
    names = {one.public.keyid: name for name, one in drill.keyring.entries().items()}
    return {names[keyid] for keyid in lease.signatures}


def test_members_follow_keys_into_the_token(moved: Drill) -> None:
    assert moved.goes()
    assert moved.goes(moved.new_member("another"))
    listed = {one.name: one for one in keys.listed(moved.office)}
    assert {listed[name].place for name in NAMES} == {"hsm"}
    assert not any(listed[name].trial for name in NAMES)


def test_a_token_that_is_down_stops_no_stop_and_no_lease(moved: Drill, token: Path) -> None:
    moved.house.repository.lease(moved.now())
    assert signers(moved) == {"timestamp"}
    away = token.with_name("away")
    shutil.move(token, away)
    token.mkdir()
    softhsm.unload()
    moved.again(FolderKeyring(moved.keyring.folder, ask=lambda _name: PIN))
    moved.house.repository.lease(moved.now())
    assert signers(moved) == {"timestamp-standby"}
    assert moved.goes()
    moved.house.stop(moved.release.id)
    with pytest.raises(Stopped):
        moved.goes()
    with pytest.raises(Refusal, match="keys-missing"):
        moved.house.publish(moved.house.release("print('two')", rank=2))
    with pytest.raises(Fault, match="token"):
        moved.keyring.signer("releases")
    token.rmdir()
    shutil.move(away, token)
    softhsm.unload()
    moved.house.repository.lease(moved.now())
    assert signers(moved) == {"timestamp"}
