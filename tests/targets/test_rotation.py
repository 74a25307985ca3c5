"""Keys change and are lost: clients follow from any root they know, and nothing is half done."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Timestamp

from tests.night import every
from tests.targets.house import NOW, PRODUCT, House
from tests.targets.member import local
from tests.targets.process import killed_before
from tests.targets.ring import Ring
from warifu.engines.targets.layout import TIMESTAMP
from warifu.engines.targets.repository import TufRepository
from warifu.engines.targets.signing import signed
from warifu.engines.targets.store import FolderStore
from warifu.model.people import everybody, key_names
from warifu.testing import memory_signer
from warifu_wire import check
from warifu_wire.errors import Refusal
from warifu_wire.manifest import Kind
from warifu_wire.policy import KeyState, People, Person


class Changing(House):
    """A house whose keys can change."""

    keyring: Ring

    def __post_init__(self) -> None:
        super().__post_init__()
        self.keyring = Ring(*key_names(self.persons))
        self.people = everybody(self.persons, self.keyring.public)
        self.tuf = TufRepository(FolderStore(self.folder), self.keyring)
        self.repository = self.tuf


@pytest.fixture
def live(tmp_path: Path) -> Changing:
    """A house that began a moment ago and has published a release."""
    house = Changing(tmp_path / "public", now=datetime.now(UTC) - timedelta(seconds=200))
    house.found()
    house.publish(house.release("print('one')", kind=Kind.INSTALL))
    return house


def sees(house: House, folder: Path) -> int:
    """The root a member follows to, after the whole check."""
    member = local(house.folder, folder)
    served = member.refresh()
    check.opened(served, member.floors, member.clock).warned(PRODUCT).routed()
    return served.root


@pytest.mark.parametrize(
    ("names", "roles"),
    [
        (("timestamp",), ("root",)),
        (("snapshot",), ("root",)),
        (("root-1",), ("root",)),
        (("root-1", "root-2", "root-3"), ("root",)),
        (("targets-1", "targets-2"), ("root", "targets")),
        (("releases",), ("releases", "targets")),
        (("gates", "stops-resigner"), ("gates", "stops", "targets")),
        (("timestamp", "snapshot", "releases", "targets-3", "root-2"),
         ("releases", "root", "targets")),
    ],
)  # fmt: skip
def test_members_follow_a_rotation_from_the_first_root(
    live: Changing, tmp_path: Path, names: tuple[str, ...], roles: tuple[str, ...]
) -> None:
    live.keyring.rotate(*names)
    assert live.tuf.reseal(live.passes()) == roles
    assert sees(live, tmp_path / "member") == (2 if "root" in roles else 1)
    live.repository.lease(live.passes())
    live.publish(live.release("print('two')", rank=2, kind=Kind.INSTALL))
    assert sees(live, tmp_path / "member") == (2 if "root" in roles else 1)
    assert live.tuf.reseal(live.passes()) == ()


def test_a_member_five_roots_behind_follows(live: Changing, tmp_path: Path) -> None:
    assert sees(live, tmp_path / "member") == 1
    for name in ("root-1", "root-2", "root-3", "timestamp", "root-1"):
        live.keyring.rotate(name)
        live.tuf.reseal(live.passes())
    assert sees(live, tmp_path / "member") == 6
    assert sees(live, tmp_path / "new member") == 6


def test_one_of_three_lost_is_replaced_and_two_of_three_lost_are_not(
    live: Changing, tmp_path: Path
) -> None:
    live.keyring.rotate("root-3")
    live.keyring.lose("root-3-was-1")
    live.tuf.reseal(live.passes())
    assert sees(live, tmp_path / "member") == 2
    live.keyring.rotate("root-1", "root-2")
    live.keyring.lose("root-1-was-2", "root-2-was-3")
    with pytest.raises(Refusal, match="keys-missing"):
        live.tuf.reseal(live.passes())


@pytest.mark.parametrize("role", ["timestamp", "snapshot"])
def test_the_standby_signs_when_a_key_store_is_down(live: Changing, role: str) -> None:
    live.keyring.lose(role)
    live.repository.lease(live.passes(25 * 3600))
    live.keyring.lose(f"{role}-standby")
    with pytest.raises(Refusal, match="keys-missing"):
        live.repository.lease(live.passes(25 * 3600))


def test_both_online_keys_lost_are_replaced_by_a_root(live: Changing, tmp_path: Path) -> None:
    names = ("timestamp", "timestamp-standby", "snapshot", "snapshot-standby")
    live.keyring.rotate(*names)
    live.keyring.lose(*(f"{name}-was-{place}" for place, name in enumerate(names, 1)))
    with pytest.raises(Refusal, match="keys-missing"):
        live.repository.lease(live.passes())
    live.tuf.reseal(live.passes())
    assert sees(live, tmp_path / "member") == 2


@pytest.mark.parametrize("lost", [False, True])
def test_a_rotation_killed_anywhere_is_finished(live: Changing, tmp_path: Path, lost: bool) -> None:
    names = ("timestamp", "timestamp-standby", "targets-1")
    live.keyring.rotate(*names)
    if lost:
        live.keyring.lose("timestamp-was-1", "timestamp-standby-was-2")
    base = tmp_path / "base"
    shutil.copytree(live.folder, base)
    now = live.passes()
    for point in range(1, 200, every(3)):
        shutil.rmtree(live.folder)
        shutil.copytree(base, live.folder)
        if not killed_before(point, lambda: live.tuf.reseal(now)):
            break
        if not lost:
            assert sees(live, tmp_path / f"member-{point}") in {1, 2}
        live.tuf.reseal(now)
        assert sees(live, tmp_path / f"member-{point}") == 2
    assert point > 10
    assert sees(live, tmp_path / "member") == 2


def test_offline_roles_past_half_their_life_are_signed_again(tmp_path: Path) -> None:
    house = Changing(tmp_path / "public").found()
    assert isinstance(house, Changing)
    assert house.tuf.reseal(house.passes(89 * 86_400)) == ()
    assert house.tuf.reseal(house.passes(86_400)) == ("root", "targets")
    house.repository.lease(NOW + timedelta(days=250))


def test_a_stolen_on_call_key_is_answered_by_rotation_and_one_lift(
    live: Changing, tmp_path: Path
) -> None:
    release = live.release("print('one')", kind=Kind.INSTALL)
    stops = live.stop(release.id, key="oncall-2")
    for _ in range(3):
        stops = live.stop(release.id, key="oncall-2")
    live.keyring.rotate("oncall-2")
    changed = tuple(compromised(one, live.keyring) for one in live.people.people)
    live.people = People(changed)
    live.repository.policy(live.rules, live.people, live.passes())
    with pytest.raises(Refusal, match="not-on-call"):
        live.stop(release.id, key="oncall-2-was-1")
    live.publish(release, lifted=[one.digest for one in stops.entries], since=2)
    live.open_gate(release.id, 1)
    live.stop(release.id, key="oncall-2")
    assert sees(live, tmp_path / "member") == 1


def compromised(one: Person, ring: Ring) -> Person:
    """The person on call with a new key beside the stolen one."""
    if one.id != "oncall-2":
        return one
    (stolen, _), *_ = one.keys
    new = (ring.public("oncall-2"), KeyState.ACTIVE)
    return Person(one.id, one.name, False, one.roles, ((stolen, KeyState.COMPROMISED), new))


def test_a_revoked_timestamp_key_signs_nothing_that_a_member_believes(
    live: Changing, tmp_path: Path
) -> None:
    old = live.open("timestamp", "snapshot")
    live.keyring.rotate("timestamp")
    live.tuf.reseal(live.passes())
    with pytest.raises(Refusal, match="keys-missing"):
        old.lease(live.passes())
    now = Metadata[Timestamp].from_bytes((live.folder / TIMESTAMP).read_bytes())
    now.signed.version += 1
    (live.folder / TIMESTAMP).write_bytes(signed(now.signed, [memory_signer("timestamp")]))
    with pytest.raises(RepositoryError):
        local(live.folder, tmp_path / "member").refresh()
    with pytest.raises(Refusal, match="tree-does-not-hold"):
        live.repository.lease(live.passes())


def test_an_approver_leaves_and_live_routes_are_signed_again_in_one_snapshot(
    live: Changing, tmp_path: Path
) -> None:
    left = tuple(
        Person(one.id, one.name, False, one.roles,
               tuple((key, KeyState.RETIRED) for key, _ in one.keys))
        if one.id == "approver-2"
        else one
        for one in live.people.people
    )  # fmt: skip
    third = live.keyring.public("oncall-1")
    stands_in = Person("approver-3", "approver-3", False, frozenset({"approver"}),
                       ((Ring("approver-3").public("approver-3"), KeyState.ACTIVE),))  # fmt: skip
    assert third.keyid != stands_in.keys[0][0].keyid
    people = People((*left, stands_in))
    with pytest.raises(Refusal, match="signoff-missing"):
        live.repository.policy(live.rules, people, live.passes())
    live.keyring = Ring(*key_names(live.persons), "approver-3")
    current = live.repository.current(PRODUCT).road
    assert current is not None
    again = live.approve(current, "approver-1", "approver-3")
    live.repository.policy(live.rules, people, live.passes(), [again])
    assert live.repository.current(PRODUCT).road == current
    assert sees(live, tmp_path / "member") == 1
