"""Attacks on the tree with stolen keys, old files and a lying mirror.

The members are real TUF clients on real metadata; what they answer is what the table expects.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from securesystemslib.signer import Key
from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import DelegatedRole, Delegations, Timestamp

from tests.targets.house import PRODUCT, House, Release
from tests.targets.member import Member, local
from tests.targets.thief import Thief, meta
from warifu.engines.targets import trial
from warifu.engines.targets.layout import TIMESTAMP
from warifu.engines.targets.repository import TufRepository
from warifu.engines.targets.store import FolderStore
from warifu.engines.targets.tree import load
from warifu_wire import check, dsse
from warifu_wire.check import Go, Stay
from warifu_wire.errors import Mismatch, Refusal, SignoffMissing, Stale, Stopped
from warifu_wire.floors import Floors
from warifu_wire.manifest import Kind
from warifu_wire.routes import PAYLOAD_TYPE
from warifu_wire.statements import PAYLOAD_TYPE as STATEMENT
from warifu_wire.stops import Halt, Stops

ROUTES = f"routes/{PRODUCT}.json"
STOPS = f"stops/{PRODUCT}.json"


@pytest.fixture
def live(tmp_path: Path) -> House:
    """A house that began a moment ago."""
    return House(tmp_path / "public", now=datetime.now(UTC) - timedelta(seconds=300)).found()


@pytest.fixture
def release(live: House) -> Release:
    """A release that is open to everybody."""
    found = live.release("print('one')", kind=Kind.INSTALL)
    live.publish(found)
    for stage in (1, 2, 3):
        live.open_gate(found.id, stage)
    return found


@pytest.fixture
def member(live: House, release: Release, tmp_path: Path) -> Member:
    """A member who has looked once and was offered it."""
    found = local(live.folder, tmp_path / "member")
    assert isinstance(found.decide(), Go)
    return found


@pytest.fixture
def thief(live: House, member: Member) -> Thief:
    """Somebody at work now."""
    return Thief(live.folder, datetime.now(UTC))


def fresh(live: House, tmp_path: Path) -> Member:
    """A member who never looked before."""
    return local(live.folder, tmp_path / "fresh")


def code(caught: pytest.ExceptionInfo[Refusal]) -> str:
    """The refusal's code."""
    return caught.value.reason


def test_01_an_on_call_key_leaves_an_entry_out(
    live: House, release: Release, member: Member, thief: Thief, tmp_path: Path
) -> None:
    live.stop(release.id)
    live.publish(release)  # routes that have seen the stop
    with pytest.raises(Stopped):
        member.decide()
    thief.role("stops", "oncall-2", {STOPS: Stops(PRODUCT, ()).to_bytes()})
    with pytest.raises(Stale) as caught:
        member.decide()
    assert code(caught) == "stops-older"
    with pytest.raises(Stale) as caught:
        fresh(live, tmp_path).decide()
    assert code(caught) == "stops-shortened"


def test_02_old_routes_under_a_new_version(
    live: House, release: Release, member: Member, thief: Thief
) -> None:
    former = live.repository.current(PRODUCT).routes
    assert former is not None
    live.publish(live.release("print('two')", rank=2, kind=Kind.INSTALL))
    member.decide()
    thief.role("releases", "releases", {ROUTES: former.to_bytes()})
    with pytest.raises(Stale) as caught:
        member.decide()
    assert code(caught) == "routes-older"
    seq = member.floors.routes_seq
    forked = live.approve(live.routes(release, seq=seq, prev=former.digest))
    thief.role("releases", "releases", {ROUTES: forked.to_bytes()})
    with pytest.raises(Stale) as caught:
        member.decide()
    assert code(caught) == "routes-forked"


def test_03_a_probe_that_is_late_opens_nothing(live: House, tmp_path: Path) -> None:
    found = live.release("print('two')", kind=Kind.INSTALL)
    live.publish(found)
    later = fresh(live, tmp_path)
    later.now = datetime.now(UTC) + timedelta(seconds=60)
    assert later.decide() == Stay("no-gate", {"en": "It fits.", "ja": "合っています。"})


def test_04_an_old_snapshot_signed_for_ever_ends_with_the_stops_role(
    live: House, release: Release, member: Member, thief: Thief, tmp_path: Path
) -> None:
    """Bounded, not prevented: who has not seen the stop is misled until the stops role expires."""
    before = live.repository.current(PRODUCT)
    blind = Member(
        member.address, tmp_path / "blind", member.root, member.floors, fetcher=member.fetcher
    )
    shutil.copytree(member.folder, blind.folder, symlinks=True)
    live.stop(release.id)
    with pytest.raises(Stopped):
        member.decide()
    thief.lease(lambda found: point(found, before.versions["snapshot"], live))
    with pytest.raises(RepositoryError):
        member.decide()
    assert isinstance(blind.decide(), Go)
    stops = thief.read("stops", before.versions["stops"]).signed
    assert stops.expires - live.now <= timedelta(hours=48)


def point(found: Timestamp, version: int, live: House) -> None:
    """The timestamp points to an older snapshot."""
    data = (live.folder / "metadata" / f"{version}.snapshot.json").read_bytes()
    found.snapshot_meta = meta(version, data)


def test_05_a_timestamp_with_ten_years_to_live(member: Member, thief: Thief) -> None:
    thief.lease(life=10 * 365 * 86_400)
    with pytest.raises(Stale) as caught:
        member.decide()
    assert code(caught) == "lease-too-long"


def test_06_a_bundle_lease_is_no_timestamp(live: House, member: Member) -> None:
    lease = live.signed(dsse.seal("application/vnd.warifu.offline-lease.v1+json", {}), "approver-1")
    (live.folder / TIMESTAMP).write_bytes(lease.to_bytes())
    with pytest.raises(RepositoryError):
        member.decide()


def test_08_a_lease_ends_while_the_member_looks(member: Member) -> None:
    served = member.refresh()
    member.now = served.expires
    opened = check.Served(served.root, served.policy, served.expires, served.targets)
    with pytest.raises(Stale) as caught:
        check.opened(opened, member.floors, member.clock)
    assert code(caught) == "lease-over"


def test_09_another_timestamp_under_the_same_version(
    live: House, release: Release, member: Member, thief: Thief
) -> None:
    """A client discards it silently, so our signer never makes one."""
    before = (live.folder / TIMESTAMP).read_bytes()
    thief.lease(step=0)
    assert (live.folder / TIMESTAMP).read_bytes() != before
    assert isinstance(member.decide(), Go)
    version = live.repository.lease(live.passes()).version
    assert live.repository.lease(live.now).version == version + 1


def test_10_a_restored_backup_is_refused_by_members_and_left_behind_by_the_next_lease(
    live: House, release: Release, member: Member, tmp_path: Path
) -> None:
    backup = tmp_path / "backup"
    shutil.copytree(live.folder, backup)
    live.stop(release.id)
    with pytest.raises(Stopped):
        member.decide()
    shutil.rmtree(live.folder)
    shutil.copytree(backup, live.folder)
    with pytest.raises(RepositoryError):
        member.decide()
    live.passes(30)
    live.repository.lease(live.now)
    with pytest.raises(RepositoryError):  # the snapshot is still older than one it has seen
        member.decide()
    live.stop(release.id)
    with pytest.raises(Stopped):
        member.decide()


def test_13_a_voided_draft_is_not_the_next_or_comes_too_late(live: House, release: Release) -> None:
    draft = live.routes(release)
    live.publish(live.release("print('two')", rank=2, kind=Kind.INSTALL))
    with pytest.raises(Stale) as caught:
        live.repository.enact(live.approve(draft), release.files, live.depot, live.passes())
    assert code(caught) == "routes-seq"
    late = live.routes(release)
    with pytest.raises(Stale) as caught:
        live.repository.enact(
            live.approve(late), release.files, live.depot, live.passes(8 * 86_400)
        )
    assert code(caught) == "sign-by-over"


def test_14_a_fast_forward_is_not_signed_on(
    live: House, release: Release, member: Member, thief: Thief
) -> None:
    """The signer builds on nothing that does not hold, and steps by one itself."""
    tree = load(FolderStore(live.folder))
    assert tree is not None
    roles = {name: one.signed for name, one in tree.roles.items()}
    roles["releases"].version += 2
    staged = trial.Staged(tree.root.signed, roles, FolderStore(live.folder).read)
    again = load(FolderStore(live.folder))
    with pytest.raises(Refusal) as caught:
        trial.rules(again, staged, live.now + timedelta(seconds=600), live.now)
    assert code(caught) == "version-step"


def test_15_a_delegation_that_shadows_stops_is_not_signed(live: House, release: Release) -> None:
    tree = load(FolderStore(live.folder))
    assert tree is not None
    found = tree.targets.delegations
    assert found is not None
    assert found.roles is not None
    stops, gates, releases = found.roles.values()
    wide = DelegatedRole("releases", releases.keyids, 1, True, ["routes/*", "stops/*"])
    lax = DelegatedRole("stops", stops.keyids, 1, False, ["stops/*"])
    for roles in (
        [releases, stops, gates],
        [stops, gates, wide],
        [lax, gates, releases],
        [stops, releases],
    ):
        tree.targets.delegations = Delegations(found.keys, {one.name: one for one in roles})
        with pytest.raises(Refusal, match="delegations-differ"):
            trial.shape(tree.targets)


def test_16_stops_missing_or_of_another_product(
    live: House, release: Release, member: Member, thief: Thief
) -> None:
    live.repository.welcome("second", live.passes())
    thief.role("stops", "oncall-1", {STOPS: Stops("second", ()).to_bytes()})
    with pytest.raises(Refusal) as caught:
        member.decide()
    assert code(caught) == "wrong-product"
    thief.without("stops", "oncall-1", STOPS)
    with pytest.raises(Refusal) as caught:
        member.decide()
    assert code(caught) == "target-missing"


def test_17_lost_metadata_and_older_stops_meet_the_floors(
    live: House, release: Release, member: Member, tmp_path: Path
) -> None:
    before = tmp_path / "before"
    shutil.copytree(live.folder, before)
    live.stop(release.id)
    with pytest.raises(Stopped):
        member.decide()
    shutil.rmtree(member.folder)
    again = Member(str(before), member.folder, member.root, member.floors, fetcher=member.fetcher)
    with pytest.raises(Stale) as caught:
        again.decide()
    assert code(caught) == "stops-older"


def test_18_a_hidden_root_meets_the_floor(member: Member) -> None:
    member.floors = Floors(root=2)
    with pytest.raises(Stale) as caught:
        member.decide()
    assert code(caught) == "root-older"


def test_19_one_key_under_two_spellings_is_refused_in_the_ceremony(live: House) -> None:
    tree = load(FolderStore(live.folder))
    assert tree is not None
    root = tree.root.signed
    first, second, third = root.roles["targets"].keyids
    twin = root.keys[first].to_dict()
    twin["keyval"]["public"] = twin["keyval"]["public"].upper()
    root.keys[second] = Key.from_dict(second, twin)
    assert third in root.keys
    with pytest.raises(Refusal, match="key-twice"):
        trial.separate({name: one.keyids for name, one in root.roles.items()}, root.keys)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"verificationResult": "FAILED"}, "another-evidence"),
        ({"timeVerified": "2026-01-01T00:00:00Z"}, "another-evidence"),
    ],
)
def test_21_an_older_summary_for_the_same_bytes(
    live: House, release: Release, member: Member, thief: Thief, changed: dict[str, str],
    expected: str,
) -> None:  # fmt: skip
    other = live.vsa(release.manifest, release.zip, **changed)
    path = f"statements/{PRODUCT}/{release.vsa.digest}.json"
    thief.role("releases", "releases", {path: other.to_bytes()})
    with pytest.raises(Mismatch) as caught:
        member.decide()
    assert code(caught) == expected


def test_22_the_publishing_key_alone_chooses_nothing(
    live: House, release: Release, member: Member, thief: Thief, tmp_path: Path
) -> None:
    bad = live.release("import os", rank=9, kind=Kind.INSTALL)
    zipped = next(path for path in release.named if path.startswith("programs/"))
    thief.role("releases", "releases", {zipped: bad.zip})
    for one in (member, fresh(live, tmp_path)):
        with pytest.raises(Mismatch) as caught:
            one.decide()
        assert code(caught) == "not-what-was-verified"
        assert caught.value.facts["path"] == zipped
    road = live.routes(bad)
    forged = live.signed(dsse.seal(PAYLOAD_TYPE, road.to_json()), "releases", "approver-1")
    thief.role("releases", "releases", {ROUTES: forged.to_bytes()})
    with pytest.raises(SignoffMissing) as signoff:
        member.decide()
    assert signoff.value.facts["signed"] == "approver-1"


def test_22_our_own_signer_builds_on_no_forged_tree(
    live: House, release: Release, thief: Thief
) -> None:
    forged = live.approve(live.routes(release), "approver-1")
    thief.role("releases", "releases", {ROUTES: forged.to_bytes()})
    for act in (
        lambda: live.repository.lease(live.passes()),
        lambda: live.repository.current(PRODUCT),
        lambda: live.open_gate(release.id, 1),
    ):
        with pytest.raises(SignoffMissing):
            act()


def test_22_what_was_written_past_the_signer_is_replaced_by_the_last_state_that_holds(
    live: House, release: Release, member: Member, thief: Thief
) -> None:
    assert isinstance(live.repository, TufRepository)
    assert not live.repository.restore(live.passes())
    bad = live.release("import os", rank=9, kind=Kind.INSTALL)
    zipped = next(path for path in release.named if path.startswith("programs/"))
    thief.role("releases", "releases", {zipped: bad.zip})
    forged = live.approve(live.routes(bad, seq=99), "approver-1")
    thief.role("releases", "releases", {ROUTES: forged.to_bytes()})
    with pytest.raises(SignoffMissing):
        member.decide()
    assert live.repository.restore(live.passes())
    found = member.decide()
    assert isinstance(found, Go)
    assert found.offer.id == release.id
    live.publish(live.release("print('two')", rank=2, kind=Kind.INSTALL))


def test_23_routes_signed_as_if_they_were_a_statement(
    live: House, release: Release, member: Member, thief: Thief
) -> None:
    road = live.routes(release)
    wrong = live.signed(dsse.seal(STATEMENT, road.to_json()), "approver-1", "approver-2")
    thief.role("releases", "releases", {ROUTES: wrong.to_bytes()})
    with pytest.raises(Refusal) as caught:
        member.decide()
    assert code(caught) == "wrong-payload-type"
    with pytest.raises(Refusal) as caught:
        live.repository.enact(wrong, release.files, live.depot, live.passes())
    assert code(caught) == "wrong-payload-type"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(650, "lease-over"), (-90, "clock-behind"), (-3 * 86_400, "clock-behind")],
)
def test_25_a_clock_that_is_wrong_is_told(
    live: House, member: Member, seconds: float, expected: str
) -> None:
    live.now = datetime.now(UTC)
    live.publish(live.release("print('two')", rank=2, kind=Kind.INSTALL))
    member.now = datetime.now(UTC) + timedelta(seconds=seconds)
    with pytest.raises(Stale) as caught:
        member.decide()
    assert code(caught) in {expected, "lease-too-long"}


def test_27_a_forgotten_role_is_named_long_before(live: House, release: Release) -> None:
    live.passes(160 * 86_400)
    warned = live.repository.expiring(live.now)
    assert {"root", "targets"} <= {one.role for one in warned}
    assert all(one.needed for one in warned)


def test_28_after_a_day_without_signer_installs_wait_and_resume(
    live: House, release: Release, member: Member
) -> None:
    member.now = datetime.now(UTC) + timedelta(days=1)
    served = member.refresh()
    with pytest.raises(Stale) as caught:
        check.opened(served, member.floors, member.clock)
    assert code(caught) == "lease-over"
    standby = live.open("snapshot-standby", "timestamp-standby")
    standby.lease(live.passes(60))
    member.now = None
    assert isinstance(member.decide(), Go)


def test_32_many_stops_of_a_stolen_key_are_lifted_at_once(
    live: House, release: Release, member: Member
) -> None:
    for _ in range(5):
        stops = live.stop(release.id, Halt.HELD, key="oncall-2")
    with pytest.raises(Stopped):
        member.decide()
    live.publish(release, lifted=[one.digest for one in stops.entries], since=2)
    for stage in (1, 2, 3):
        live.open_gate(release.id, stage)
    assert isinstance(member.decide(), Go)
