"""The thin road of the tree: found, enact, narrow, widen, lease; each may be repeated."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.targets.house import NOW, PRODUCT, House, files_of
from warifu_wire.errors import Mismatch, Refusal, SignoffMissing, Stale, Stopped
from warifu_wire.stops import Halt


def test_a_new_tree_has_explicit_empty_files(house: House) -> None:
    current = house.repository.current(PRODUCT)
    assert current.routes is None
    assert (current.stops.entries, current.gates.entries) == ((), ())
    assert (current.rules, current.people) == (house.rules, house.people)
    assert current.timestamp == int(NOW.timestamp())


def test_founding_twice_changes_nothing_and_other_rules_are_refused(house: House) -> None:
    before = house.repository.current(PRODUCT)
    house.found()
    assert house.repository.current(PRODUCT) == before
    house.people = type(house.people)(house.people.people[:-1])
    with pytest.raises(Refusal, match="tree-exists"):
        house.found()


def test_routes_are_published_and_again_is_nothing(house: House) -> None:
    release = house.release("print('one')")
    road = house.publish(release)
    current = house.repository.current(PRODUCT)
    assert current.road == road
    house.repository.enact(house.approve(road), release.files, house.depot, house.passes())
    assert house.repository.current(PRODUCT) == current


def test_all_that_routes_rest_on_lies_in_the_tree(disk: House) -> None:
    release = disk.release("print('one')")
    disk.publish(release)
    for path, content in release.files.items():
        folder, _, name = path.rpartition("/")
        assert (disk.folder / "targets" / folder / f"{content}.{name}").is_file()
    for member in release.manifest.members:
        assert (disk.folder / "blobs" / member.sha256[:2] / f"{member.sha256}.zst").is_file()


def test_a_file_swapped_under_published_routes_is_refused_naming_both(disk: House) -> None:
    release, other = disk.release("print('one')"), disk.release("print('two')")
    road = disk.publish(release)
    path = f"manifests/{PRODUCT}/{release.id}.json"
    with pytest.raises(Mismatch) as caught:
        disk.repository.enact(
            disk.approve(road), release.files | {path: other.id}, disk.depot, disk.passes()
        )
    assert caught.value.needed == release.id
    assert caught.value.facts["found"] == other.id


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"seq": 3}, "routes-seq"),
        ({"prev": "ab" * 32}, "routes-prev"),
        ({"sign_by": NOW + timedelta(seconds=1)}, "sign-by-over"),
        ({"valid_until": NOW + timedelta(seconds=1)}, "routes-over"),
        ({"issued": NOW + timedelta(hours=1)}, "routes-over"),
        ({"stops_seq": 1}, "stops-shortened"),
        ({"lifted": frozenset({"ab" * 32})}, "unknown-lift"),
        ({"since": 7}, "plan-since"),
    ],
)
def test_routes_that_may_not_follow_are_refused(
    house: House, changed: dict[str, object], code: str
) -> None:
    release = house.release("print('one')")
    road = house.routes(release, **changed)  # type: ignore[arg-type]
    with pytest.raises(Refusal) as caught:
        house.repository.enact(house.approve(road), release.files, house.depot, house.passes(120))
    assert caught.value.reason == code
    assert house.repository.current(PRODUCT).routes is None


def test_one_signature_is_not_two_and_one_person_is_not_two(house: House) -> None:
    release = house.release("print('one')")
    road = house.routes(release)
    for names in (("approver-1",), ("approver-1", "oncall-1"), ("approver-1", "verify")):
        with pytest.raises(SignoffMissing):
            house.repository.enact(
                house.approve(road, *names), release.files, house.depot, house.passes()
            )


def test_a_file_that_is_not_given_or_not_needed_is_refused(disk: House) -> None:
    release, other = disk.release("print('one')"), disk.release("print('two')")
    road = disk.routes(release)
    for files in (release.named, release.files | other.named):
        with pytest.raises(Refusal, match="file-not"):
            disk.repository.enact(disk.approve(road), files, disk.depot, disk.passes())


def test_evidence_that_does_not_hold_is_not_signed(disk: House) -> None:
    for changed, code in (
        ({"verificationResult": "FAILED"}, "not-passed"),
        ({"resourceUri": f"urn:warifu:{PRODUCT}:install"}, "evidence-of-another"),
        ({"verifiedLevels": []}, "level-missing"),
        ({"policy": {"digest": {"sha256": "ab" * 32}}}, "rules-not-accepted"),
    ):
        release = disk.release("print('one')", **changed)  # type: ignore[arg-type]
        with pytest.raises(Refusal) as caught:
            disk.publish(release)
        assert caught.value.reason == code


def test_a_stop_needs_one_key_and_is_not_forgotten(house: House) -> None:
    release = house.release("print('one')")
    house.publish(release)
    stops = house.stop(release.id)
    assert house.repository.current(PRODUCT).stops == stops
    before = house.repository.current(PRODUCT)
    house.repository.narrow(stops, "oncall-1", house.passes())
    house.repository.narrow(type(stops)(PRODUCT, ()), "oncall-1", house.passes())
    assert house.repository.current(PRODUCT) == before
    held = house.stop(release.id, Halt.HELD, key="alarm")
    assert held.seq == 2


def test_rewritten_stops_are_refused(house: House) -> None:
    release = house.release("print('one')")
    house.publish(release)
    empty = house.repository.current(PRODUCT).stops
    house.stop(release.id)
    reason = {"en": "Another.", "ja": "別。"}
    forked = empty.added(release.id, Halt.HELD, since=house.now, reason=reason, by="oncall-1")
    with pytest.raises(Stale, match="stops-rewritten"):
        house.repository.narrow(forked, "oncall-1", house.passes())


@pytest.mark.parametrize("key", ["approver-1", "timestamp", "gates", "nobody"])
def test_nobody_else_can_stop(house: House, key: str) -> None:
    release = house.release("print('one')")
    house.publish(release)
    with pytest.raises(Refusal, match="not-on-call"):
        house.stop(release.id, key=key)


def test_gates_open_stage_by_stage(house: House) -> None:
    release = house.release("print('one')")
    house.publish(release)
    with pytest.raises(Refusal, match="stage-not-next"):
        house.open_gate(release.id, 2)
    for stage in (1, 2, 3):
        house.open_gate(release.id, stage)
    with pytest.raises(Refusal, match="stage-not-next"):
        house.open_gate(release.id, 4)
    with pytest.raises(Refusal, match="not-offered"):
        house.open_gate(files_of(house.release("print('two')")).popitem()[1], 1)


def test_a_lift_begins_the_stages_again(house: House) -> None:
    release = house.release("print('one')")
    house.publish(release)
    house.open_gate(release.id, 1)
    house.open_gate(release.id, 2)
    stops = house.stop(release.id)
    with pytest.raises(Stopped):
        house.open_gate(release.id, 3)
    with pytest.raises(Refusal, match="lift-keeps-stage"):
        house.publish(release, lifted=[stops.head])
    house.publish(release, lifted=[stops.head], since=2)
    with pytest.raises(Refusal, match="stage-not-next"):
        house.open_gate(release.id, 3)
    house.open_gate(release.id, 1)


def test_a_lease_is_newer_shorter_lived_and_signs_what_ages(disk: House) -> None:
    disk.publish(disk.release("print('one')"))
    first = disk.repository.lease(disk.passes(60))
    assert first.expires == disk.now + timedelta(minutes=10)
    assert first.renewed == ()
    later = disk.repository.lease(disk.passes(25 * 3600))
    assert later.version == int(disk.now.timestamp())
    assert later.renewed == ("stops", "snapshot")
    weeks = disk.repository.lease(disk.passes(16 * 86_400))
    assert weeks.renewed == ("stops", "gates", "releases", "snapshot")


def test_the_clock_does_not_have_to_move_for_the_version_to(house: House) -> None:
    versions = [house.repository.lease(house.now).version for _ in range(3)]
    assert versions == [versions[0], versions[0] + 1, versions[0] + 2]


def test_expired_offline_roles_are_named_with_what_to_do(disk: House) -> None:
    warned = disk.repository.lease(disk.passes(155 * 86_400)).warnings
    assert {"root", "targets"} <= {one.role for one in warned}
    disk.passes(26 * 86_400)
    with pytest.raises(Refusal) as caught:
        disk.repository.lease(disk.now)
    assert caught.value.reason == "role-expired"
    assert caught.value.facts["role"] in {"root", "targets"}


def test_an_unknown_product_and_a_missing_tree_are_refused(house: House) -> None:
    with pytest.raises(Refusal, match="unknown-product"):
        house.repository.current("other")
    house.repository.welcome("other", house.passes())
    assert house.repository.current("other").stops.entries == ()
    empty = House(house.folder.parent / "empty", memory=house.memory)  # of the first two forms
    with pytest.raises(Refusal, match="no-tree"):
        empty.repository.welcome(PRODUCT, house.now)
