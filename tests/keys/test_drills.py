"""Key drills (docs/keys.md has their checklists): the house goes on, members follow or refuse."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tuf.api.exceptions import BadVersionNumberError, ExpiredMetadataError, RepositoryError
from tuf.api.metadata import Metadata, Snapshot, Timestamp

from tests.keys.drill import Drill
from tests.targets.house import PRODUCT
from warifu.app import keys
from warifu.app.keys import Office
from warifu.engines.attest.entries import Kind as KeyKind
from warifu.engines.attest.keyring import FolderKeyring
from warifu.engines.targets.layout import TIMESTAMP, Lives
from warifu.engines.targets.repository import TufRepository
from warifu.engines.targets.signing import signed
from warifu.engines.targets.store import FolderStore
from warifu_wire.errors import Refusal, SignoffMissing, Stopped
from warifu_wire.manifest import Kind
from warifu_wire.policy import KeyState, Person

ACTIVE = KeyState.ACTIVE


def test_the_house_stands(drill: Drill) -> None:
    assert drill.goes()


@pytest.mark.parametrize(
    "name", ["root-1", "targets-2", "releases", "gates", "snapshot", "timestamp", "stops-resigner"]
)
def test_one_key_of_a_role_is_rotated(drill: Drill, name: str) -> None:
    rotated = keys.rotate(drill.office, name, drill.now())
    assert rotated.signed
    assert rotated.former.state == "retired"
    assert drill.goes()
    assert drill.goes(drill.new_member("another"))
    drill.again()
    drill.house.repository.lease(drill.now())
    assert drill.goes()


@pytest.mark.parametrize("role", ["root", "targets"])
def test_a_whole_threshold_is_rotated_at_once(drill: Drill, role: str) -> None:
    for number in (1, 2, 3):
        drill.keyring.rotate(f"{role}-{number}", now=drill.now())
    assert role in keys.renew(drill.office, drill.now())
    for number in (1, 2, 3):
        rotated = keys.rotate(drill.office, f"{role}-{number}", drill.now())
        assert (rotated.signed, rotated.former.state) == ((), "retired")
    assert drill.goes()
    assert drill.goes(drill.new_member("another"))


def test_a_member_five_roots_behind_follows(drill: Drill) -> None:
    behind = drill.new_member("behind")
    assert drill.goes(behind)
    for number in (1, 2, 3, 1, 2):
        keys.rotate(drill.office, f"root-{number}", drill.now())
    assert drill.goes(behind)
    assert behind.floors.root == 6


def test_one_of_three_lost_is_replaced_by_the_other_two(drill: Drill) -> None:
    drill.lose("root-2", "targets-1")
    keys.rotate(drill.office, "root-2", drill.now())
    keys.rotate(drill.office, "targets-1", drill.now())
    drill.lose("root-1")
    keys.rotate(drill.office, "root-1", drill.now())
    assert drill.goes()
    assert drill.goes(drill.new_member("another"))


def test_two_of_three_lost_is_refused_and_the_house_goes_on(drill: Drill) -> None:
    drill.lose("root-2", "root-3")
    with pytest.raises(Refusal, match="keys-missing"):
        keys.rotate(drill.office, "root-2", drill.now())
    drill.house.repository.lease(drill.now())
    assert drill.goes()
    assert drill.member.floors.root == 1
    assert drill.keyring.entry("root-2-was-1").state == "active"


def test_a_stolen_online_key_cannot_install_anything_and_is_locked_out(drill: Drill) -> None:
    """The thief signs a lease far ahead; until the root names another key, members wait."""
    assert drill.goes()
    thief = drill.keyring.signer("timestamp")
    place = drill.house.folder / TIMESTAMP
    honest = place.read_bytes()
    metadata = Metadata[Timestamp].from_bytes(honest)
    metadata.signed.version = 2**31
    place.write_bytes(signed(metadata.signed, [thief]))
    assert drill.goes()
    place.write_bytes(honest)
    with pytest.raises(BadVersionNumberError):
        drill.goes()
    keys.rotate(drill.office, "timestamp", drill.now(), compromised=True)
    assert drill.goes()
    assert drill.goes(drill.new_member("another"))
    with pytest.raises(Refusal, match="key-compromised"):
        drill.keyring.signer("timestamp-was-1")
    place.write_bytes(signed(metadata.signed, [thief]))
    with pytest.raises(RepositoryError):
        drill.goes()


def test_a_stolen_on_call_key_is_answered_by_rotation_and_one_lift(drill: Drill) -> None:
    stops = drill.house.stop(drill.release.id, key="oncall-1")
    with pytest.raises(Stopped):
        drill.goes()
    keys.rotate(drill.office, "oncall-1", drill.now(), compromised=True)
    with pytest.raises(Refusal, match="not-on-call"):
        drill.house.stop(drill.release.id, key="oncall-1-was-1")
    with pytest.raises(Stopped):
        drill.goes()
    drill.house.publish(drill.release, lifted=[one.digest for one in stops.entries], since=2)
    for stage in (1, 2, 3):
        drill.house.open_gate(drill.release.id, stage)
    assert drill.goes()


def test_an_approvers_key_is_rotated_and_live_routes_stay_live(drill: Drill) -> None:
    rotated = keys.rotate(drill.office, "approver-1", drill.now())
    assert {"releases", "targets"} <= set(rotated.signed)
    assert drill.goes()
    current = drill.house.repository.current(PRODUCT)
    assert current.road is not None
    assert current.road.seq == 1
    assert current.routes is not None
    assert current.people.signed(current.routes, "approver") >= {"approver-1", "approver-2"}


def test_an_approver_leaves_and_the_others_sign_what_is_live(drill: Drill) -> None:
    left = drill.keyring.signer("approver-2")
    keys.leave(drill.office, "approver-2", drill.now())
    assert drill.goes()
    current = drill.house.repository.current(PRODUCT)
    assert current.routes is not None
    assert current.people.signed(current.routes, "approver") == {"approver-1", "approver-3"}
    with pytest.raises(Refusal, match="key-retired"):
        drill.keyring.signer("approver-2")
    second = drill.house.release("print('two')", rank=2, kind=Kind.INSTALL)
    half = drill.house.approve(drill.house.routes(second), "approver-1")
    with pytest.raises(SignoffMissing):
        drill.house.repository.enact(
            half.signed(left.public.keyid, left.sign), second.files, drill.house.depot, drill.now()
        )
    whole = drill.house.approve(drill.house.routes(second), "approver-1", "approver-3")
    drill.house.repository.enact(whole, second.files, drill.house.depot, drill.now())
    for stage in (1, 2, 3):
        drill.house.open_gate(second.id, stage)
    assert drill.goes_to(second)
    before = drill.house.repository.current(PRODUCT)
    with pytest.raises(SignoffMissing):
        keys.leave(drill.office, "approver-3", drill.now())
    assert drill.house.repository.current(PRODUCT) == before
    assert drill.keyring.entry("approver-3").state == "active"
    assert drill.goes_to(second)


def test_an_approver_joins_and_signs(drill: Drill) -> None:
    key = drill.keyring.create("approver-4", now=drill.now(), kind=KeyKind.TRIAL).public
    person = Person("approver-4", "approver-4", False, frozenset({"approver"}), ((key, ACTIVE),))
    keys.join(drill.office, person, drill.now())
    keys.leave(drill.office, "approver-2", drill.now())
    keys.leave(drill.office, "approver-3", drill.now())
    assert drill.goes()


@pytest.mark.parametrize("name", ["build", "rebuild", "verify", "alarm"])
def test_a_machines_key_is_rotated_and_old_evidence_stays_good(drill: Drill, name: str) -> None:
    keys.rotate(drill.office, name, drill.now())
    assert drill.goes()
    assert drill.goes(drill.new_member("another"))


def test_a_compromised_verify_key_makes_its_evidence_worth_nothing(drill: Drill) -> None:
    before = drill.house.repository.current(PRODUCT)
    with pytest.raises(SignoffMissing):
        keys.rotate(drill.office, "verify", drill.now(), compromised=True)
    assert drill.house.repository.current(PRODUCT) == before


@pytest.mark.parametrize(
    ("role", "standby"), [("timestamp", "timestamp-standby"), ("snapshot", "snapshot-standby")]
)
def test_a_lost_online_key_is_stood_in_for(drill: Drill, role: str, standby: str) -> None:
    drill.lose(role)
    drill.house.repository.lease(drill.now())
    drill.house.stop(drill.release.id)
    with pytest.raises(Stopped):
        drill.goes()
    data = (drill.house.folder / TIMESTAMP).read_bytes()
    lease = Metadata[Timestamp].from_bytes(data)
    name = f"metadata/{lease.signed.snapshot_meta.version}.snapshot.json"
    snapshot = Metadata[Snapshot].from_bytes((drill.house.folder / name).read_bytes())
    by = set(lease.signatures) | set(snapshot.signatures)
    assert drill.keyring.public(standby).keyid in by
    assert drill.keyring.public(role).keyid not in by


@pytest.mark.parametrize("ahead", [timedelta(hours=2), timedelta(days=400)])
def test_a_signers_clock_that_is_fast_gives_no_longer_lease(drill: Drill, ahead: timedelta) -> None:
    lives = Lives(root=timedelta(days=900), targets=timedelta(days=900))
    repository = TufRepository(FolderStore(drill.house.folder), drill.keyring, lives)
    repository.reseal(drill.now())
    repository.lease(drill.now() + ahead)
    with pytest.raises(Refusal, match="lease"):
        drill.goes()
    drill.house.repository.lease(drill.now())
    assert drill.goes()


def test_a_signers_clock_that_is_slow_signs_nothing(drill: Drill) -> None:
    before = (drill.house.folder / TIMESTAMP).read_bytes()
    with pytest.raises(Refusal, match="clock-behind"):
        drill.house.repository.lease(drill.now() - timedelta(hours=2))
    assert (drill.house.folder / TIMESTAMP).read_bytes() == before
    assert drill.goes()


@pytest.mark.parametrize(
    ("skew", "answer"),
    [(timedelta(minutes=3), None), (-timedelta(seconds=50), None),
     (timedelta(minutes=20), "lease"), (-timedelta(days=3), "clock-behind")],
)  # fmt: skip
def test_a_members_clock_may_be_a_little_wrong(
    drill: Drill, skew: timedelta, answer: str | None
) -> None:
    assert drill.goes()
    drill.house.repository.lease(drill.house.now)
    drill.member.now = datetime.now(UTC) + skew
    if answer is None:
        assert drill.goes()
    else:
        with pytest.raises(Refusal, match=answer):
            drill.goes()


def test_offline_roles_that_are_over_are_named_and_signed_again(
    files: Path, tmp_path: Path
) -> None:
    shutil.copytree(files, tmp_path / "keys")
    drill = Drill(tmp_path, datetime.now(UTC) - timedelta(days=200)).begun()
    drill.house.now = datetime.now(UTC) - timedelta(seconds=100)
    with pytest.raises(Refusal, match="role-expired"):
        drill.house.repository.lease(drill.now())
    with pytest.raises(ExpiredMetadataError):
        drill.goes()
    assert set(keys.renew(drill.office, drill.now())) >= {"root", "targets"}
    drill.house.repository.lease(drill.now())
    opened = drill.opened(drill.new_member("another"))
    assert opened.people == drill.house.people


def test_every_change_is_told_in_the_ledger(drill: Drill) -> None:
    keys.create(
        Office(drill.ledger, FolderKeyring(drill.keyring.folder, ask=lambda _: "twelve letters"),
               drill.house.repository, PRODUCT, "release-engineer"),
        "approver-9",
        drill.now(),
    )  # fmt: skip
    keys.rotate(drill.office, "releases", drill.now())
    keys.leave(drill.office, "approver-3", drill.now())
    told = [(one.kind, one.by) for one in drill.ledger.events()]
    assert told == [
        ("key.created", "release-engineer"),
        ("key.rotated", "release-engineer"),
        ("policy.changed", "release-engineer"),
    ]
    assert keys.renew(drill.office, drill.now()) == ()


def test_keys_are_listed_with_their_owner_state_and_place(drill: Drill) -> None:
    keys.rotate(drill.office, "oncall-2", drill.now())
    found = {one.name: one for one in keys.listed(drill.office)}
    assert (found["oncall-2"].person, found["oncall-2"].roles) == ("oncall-2", ("oncall",))
    assert (found["oncall-2-was-1"].state, found["oncall-2-was-1"].person) == (
        "retired",
        "oncall-2",
    )
    assert (found["root-1"].person, found["root-1"].place) == ("", "sealed")
    assert all(one.trial for one in found.values())


def test_an_unknown_person_does_not_leave(drill: Drill) -> None:
    with pytest.raises(Refusal, match="unknown-person"):
        keys.leave(drill.office, "approver-7", drill.now())
