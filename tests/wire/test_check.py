"""The client's check, step by step: what goes, what stays, and every refusal by its code."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.wire import sample
from tests.wire.machine import OLD, Paths, Wall, decide, files
from warifu_wire import check
from warifu_wire.check import Go, Reading, Stay
from warifu_wire.digest import Digest, of_bytes
from warifu_wire.dsse import seal
from warifu_wire.errors import Refusal, SignoffMissing, Stale, Stopped
from warifu_wire.floors import Floors
from warifu_wire.manifest import Kind
from warifu_wire.routes import PAYLOAD_TYPE, Health, Known, Route, Routes, Tree
from warifu_wire.statements import PAYLOAD_TYPE as STATEMENT_PAYLOAD
from warifu_wire.stops import Halt, Stops

NEW = sample.offer().id


def routed(**changed: object) -> dict[str, bytes]:
    """The sample served with other routes."""
    return files(routes=sample.approved(sample.routes(**changed)).to_bytes())


def stopped(state: Halt, share: int = 0) -> Stops:
    """One entry on the new release."""
    return Stops(sample.PRODUCT, ()).added(
        NEW, state, since=sample.NOW, reason=sample.REASON, by="alarm", max_share=share
    )


def code(caught: pytest.ExceptionInfo[Refusal]) -> str:
    """The stable code of a refusal."""
    return caught.value.reason


def test_a_volunteer_goes() -> None:
    found = decide()
    assert isinstance(found, Go)
    assert (found.offer.id, found.routes_seq, found.why) == (NEW, 1, sample.WHY)
    assert found.manifest == sample.manifest()
    assert found.expires == sample.NOW + timedelta(seconds=600)


@pytest.mark.parametrize(
    ("floors", "expected"),
    [
        (Floors(root=2), "root-older"),
        (Floors(policy=2), "policy-older"),
        (Floors(signed=sample.NOW + timedelta(seconds=62)), "clock-behind"),
        (Floors(stops_seq=1), "stops-older"),
        (Floors(routes_seq=2), "routes-older"),
        (Floors(routes_seq=1, routes=of_bytes(b"other routes")), "routes-forked"),
    ],
)
def test_nothing_goes_below_a_floor(floors: Floors, expected: str) -> None:
    with pytest.raises(Stale) as caught:
        decide(floors=floors)
    assert code(caught) == expected


def test_floors_grow_and_the_same_routes_are_fine_again() -> None:
    opened = check.opened(
        check.Served(3, 4, sample.NOW + timedelta(seconds=600), Paths(files())), Floors(), Wall()
    )
    floors = opened.warned(sample.PRODUCT).routed().floors
    assert (floors.root, floors.policy, floors.routes_seq) == (3, 4, 1)
    assert floors.routes == sample.approved().digest
    assert floors.signed == sample.NOW
    assert isinstance(decide(floors=floors, root=3, policy=4), Go)


@pytest.mark.parametrize(
    ("lease", "expected"),
    [(1, "lease-over"), (-5, "lease-over"), (662, "lease-too-long"), (10**8, "lease-too-long")],
)
def test_a_lease_is_neither_over_nor_longer_than_the_rules_say(lease: float, expected: str) -> None:
    with pytest.raises(Stale) as caught:
        decide(lease=lease)
    assert code(caught) == expected


def test_the_clock_is_read_again_after_everything_is_fetched() -> None:
    with pytest.raises(Stale) as caught:
        decide(clock=Wall(steps=[0, 0, 0, 599]))
    assert code(caught) == "lease-over"
    assert isinstance(decide(clock=Wall(steps=[0, 0, 0, 598])), Go)


@pytest.mark.parametrize("name", ["rules", "people", "stops", "routes", "gates", "statements"])
def test_a_missing_target_is_a_refusal(name: str) -> None:
    with pytest.raises(Refusal) as caught:
        decide(files(**{name: None}))
    assert code(caught) == "target-missing"


@pytest.mark.parametrize("name", ["manifests", "programs"])
def test_a_missing_file_of_the_release_is_named(name: str) -> None:
    with pytest.raises(Refusal) as caught:
        decide(files(**{name: None}))
    assert code(caught) == "not-what-was-verified"
    assert caught.value.facts["served"] == "None"


def test_stops_or_gates_or_routes_of_another_product_are_refused() -> None:
    for changed in (
        {"stops": Stops("other", ()).to_bytes()},
        {"gates": sample.gates().to_bytes().replace(b"ledger-pad", b"other")},
        {"routes": sample.approved(sample.routes(product="other")).to_bytes()},
    ):
        with pytest.raises(Refusal) as caught:
            decide(files(**changed))
        assert code(caught) == "wrong-product"
    served = check.Served(1, 1, sample.NOW + timedelta(seconds=600), Paths(files()))
    routed_here = check.opened(served, Floors(), Wall()).warned(sample.PRODUCT).routed()
    with pytest.raises(Refusal) as caught:
        routed_here.decide(replace(OLD, product="other"))
    assert code(caught) == "wrong-product"


def test_routes_need_m_persons_with_the_role_and_an_active_key() -> None:
    for names in (
        ("approver-1",),
        ("approver-1", "approver-3"),
        ("approver-1", "oncall-1"),
        ("approver-1", "stranger"),
    ):
        with pytest.raises(SignoffMissing):
            decide(files(routes=sample.approved(None, *names).to_bytes()))


def test_routes_signed_as_something_else_are_refused() -> None:
    other = sample.signed(
        seal(STATEMENT_PAYLOAD, sample.routes().to_json()), "approver-1", "approver-2"
    )
    with pytest.raises(Refusal) as caught:
        decide(files(routes=other.to_bytes()))
    assert code(caught) == "wrong-payload-type"


def test_routes_over_or_from_the_future_or_blind_to_a_stop_are_refused() -> None:
    month = timedelta(days=30)
    for changed, expected in (
        ({"issued": sample.NOW - month, "valid_until": sample.NOW,
          "sign_by": sample.NOW - month / 2 - month / 3}, "routes-over"),
        ({"issued": sample.NOW + timedelta(seconds=62)}, "clock-behind"),
        ({"stops_seq": 1, "stops_head": of_bytes(b"seen")}, "stops-shortened"),
        ({"stops_head": of_bytes(b"seen")}, "stops-rewritten"),
    ):  # fmt: skip
        with pytest.raises(Stale) as caught:
            decide(routed(**changed))  # type: ignore[arg-type]
        assert code(caught) == expected


def test_who_is_offered_nothing_stays_and_hears_why() -> None:
    assert decide(machine=replace(OLD, installed=of_bytes(b"unheard of"))) == Stay(
        "no-offer", sample.WHY
    )
    assert decide(routed(routes=())) == Stay("no-offer", {})
    back = (Route(None, None, None, NEW, sample.WHY),)
    here = replace(OLD, installed=NEW)
    assert decide(routed(routes=back), machine=here) == Stay("up-to-date", sample.WHY)


def test_a_changed_tree_of_the_same_release_is_installed_again() -> None:
    back = (Route(None, None, None, NEW, sample.WHY),)
    found = decide(routed(routes=back), machine=replace(OLD, installed=NEW, tree=Tree.MODIFIED))
    assert isinstance(found, Go)


def test_a_known_legacy_tree_counts_as_its_release() -> None:
    legacy = replace(OLD, installed=None, tree=Tree.FOREIGN, tree_digest=sample.LEGACY)
    assert isinstance(decide(machine=legacy), Go)


def test_an_unknown_tree_gets_no_update() -> None:
    back = (Route(None, None, None, NEW, sample.WHY),)
    with pytest.raises(Refusal) as caught:
        decide(routed(routes=back), machine=replace(OLD, installed=None, tree=Tree.FOREIGN))
    assert code(caught) == "unknown-tree"


@pytest.mark.parametrize("rank", [20, 21, 99])
def test_the_rank_rises(rank: int) -> None:
    newer = Known(of_bytes(b"newer"), rank, "Ver1.10")
    back = (Route(None, None, None, NEW, sample.WHY),)
    served = routed(routes=back, known=(newer,), known_trees={})
    with pytest.raises(Refusal) as caught:
        decide(served, machine=replace(OLD, installed=newer.id))
    assert code(caught) == "rank-does-not-rise"


@pytest.mark.parametrize("state", [Halt.STOPPED, Halt.HELD])
def test_stopped_and_held_say_who_and_why(state: Halt) -> None:
    with pytest.raises(Stopped) as caught:
        decide(files(stops=stopped(state).to_bytes()))
    assert code(caught) == f"release-{state}"
    facts = caught.value.facts
    assert (facts["by"], facts["reason_ja"]) == ("alarm", sample.REASON["ja"])


def test_a_stop_once_seen_holds_when_the_file_forgets_it() -> None:
    known = Floors().with_stops(stopped(Halt.STOPPED))
    forked = Stops(sample.PRODUCT, ()).added(
        sample.OLD.id, Halt.HELD, since=sample.NOW, reason=sample.REASON, by="oncall-1"
    )
    with pytest.raises(Stopped):
        decide(files(stops=forked.to_bytes()), floors=known)


def test_only_a_lift_in_routes_cancels_an_entry() -> None:
    entry = stopped(Halt.STOPPED)
    seen = {"stops_seq": 1, "stops_head": entry.head}
    served = routed(lifted=frozenset({entry.head}), **seen)
    served[f"stops/{sample.PRODUCT}.json"] = entry.to_bytes()
    assert isinstance(decide(served), Go)
    served = routed(lifted=frozenset({of_bytes(b"another entry")}), **seen)
    served[f"stops/{sample.PRODUCT}.json"] = entry.to_bytes()
    with pytest.raises(Stopped):
        decide(served)


@pytest.mark.repeats
def test_a_cap_is_the_least_of_plan_and_cap() -> None:
    wide = replace(sample.gates().entries[0], stage=3)
    gates = sample.gates().opened(wide).to_bytes()
    machines = [replace(OLD, installation=f"machine {number}") for number in range(200)]

    def offered(stops: Stops) -> int:
        found = files(gates=gates, stops=stops.to_bytes())
        return sum(isinstance(decide(found, one), Go) for one in machines)

    assert offered(Stops(sample.PRODUCT, ())) == 200
    assert 0 < offered(stopped(Halt.CAPPED, 100_000)) < 60
    assert offered(stopped(Halt.CAPPED, 0)) == 0


def test_no_gate_no_share_but_our_own_machine_goes() -> None:
    empty = type(sample.gates())(sample.PRODUCT, ()).to_bytes()
    assert decide(files(gates=empty)) == Stay("no-gate", sample.WHY)
    assert isinstance(decide(files(gates=empty), replace(OLD, installation="probe-1")), Go)
    assert decide(machine=replace(OLD, installation="other")) == Stay("not-yet", sample.WHY)


@pytest.mark.parametrize(
    ("vsa", "expected"),
    [
        (sample.signed(sample.vsa(), "oncall-1"), None),
        (sample.vsa(verificationResult="FAILED"), "another-evidence"),
        (sample.vsa(sample.manifest(Kind.REPAIR)), "another-evidence"),
    ],
)
def test_the_evidence_is_the_one_that_was_signed_for(vsa: object, expected: str | None) -> None:
    served = files(statements=vsa.to_bytes())  # type: ignore[attr-defined]
    if expected is None:
        assert isinstance(decide(served), Go)
        return
    with pytest.raises(Refusal) as caught:
        decide(served)
    assert code(caught) == expected


def offering(**changed: object) -> Routes:
    """Routes whose one offer is changed."""
    one = replace(sample.offer(), **changed)  # type: ignore[arg-type]
    return sample.routes(offers=(one,))


def test_bytes_of_another_archive_are_refused_naming_both() -> None:
    with pytest.raises(Refusal) as caught:
        decide(files(programs=b"swapped"))
    assert code(caught) == "not-what-was-verified"
    assert caught.value.needed == sample.ARCHIVE
    assert caught.value.facts["served"] == of_bytes(b"swapped")


def test_a_file_that_the_summary_does_not_vouch_for_is_refused() -> None:
    extra = of_bytes(b"extra")
    served = files(
        routes=sample.approved(
            offering(files={**sample.offer().files, "programs/ledger-pad/x.zip": extra})
        ).to_bytes()
    )
    served["programs/ledger-pad/x.zip"] = b"extra"
    with pytest.raises(Refusal) as caught:
        decide(served)
    assert caught.value.facts["path"] == "programs/ledger-pad/x.zip"


def test_a_manifest_of_another_kind_is_refused() -> None:
    made = sample.manifest(Kind.REPAIR)
    told = sample.vsa(made, resourceUri="urn:warifu:ledger-pad:update")
    path = f"manifests/{sample.PRODUCT}/{made.id}.json"
    release = replace(
        sample.offer(made), kind=Kind.UPDATE, evidence=told.digest, files={path: made.id}
    )
    road = sample.routes(offers=(release,), routes=(Route(None, None, None, made.id, sample.WHY),))
    gate = replace(sample.gates().entries[0], release=made.id)
    served = files(
        routes=sample.approved(road).to_bytes(),
        gates=type(sample.gates())(sample.PRODUCT, (gate,)).to_bytes(),
    )
    served[path] = made.to_bytes()
    served[f"statements/{sample.PRODUCT}/{told.digest}.json"] = told.to_bytes()
    with pytest.raises(Refusal) as caught:
        decide(served)
    assert code(caught) == "manifest-of-another"


class Lying(Paths):
    """Targets whose bytes are not those of their digest."""

    def read(self, path: str) -> bytes | None:
        """A manifest with one byte more."""
        data = super().read(path)
        return data + b" " if data and path.startswith("manifests/") else data


def test_manifest_bytes_are_hashed_again() -> None:
    served = check.Served(1, 1, sample.NOW + timedelta(seconds=600), Lying(files()))
    with pytest.raises(Refusal) as caught:
        check.opened(served, Floors(), Wall()).warned(sample.PRODUCT).routed().decide(OLD)
    assert code(caught) == "manifest-differs"


def test_after_the_rename_the_lease_still_runs_and_no_clock_jumped() -> None:
    found = decide()
    assert isinstance(found, Go)
    wall, boot = found.taken.wall, found.taken.boot
    check.still_within(found, Reading(wall + timedelta(seconds=30), boot + 30))
    with pytest.raises(Stale) as caught:
        check.still_within(found, Reading(found.expires, boot + 599))
    assert code(caught) == "lease-over"
    for seconds, ticks in ((0, 6.0), (30, 3_600.0), (-60, 1.0)):
        with pytest.raises(Stale) as caught:
            check.still_within(found, Reading(wall + timedelta(seconds=seconds), boot + ticks))
        assert code(caught) == "clock-jumped"


def test_an_offer_that_routes_do_not_hold_is_refused() -> None:
    """Routes read from bytes cannot be so; routes built by hand can."""
    opened = check.opened(
        check.Served(1, 1, sample.NOW + timedelta(seconds=600), Paths(files())), Floors(), Wall()
    )
    warned = opened.warned(sample.PRODUCT)
    found = check.Routed(
        warned,
        sample.routes(routes=(Route(None, None, None, Digest("ab" * 32), sample.WHY),)),
        warned.floors,
    )
    with pytest.raises(Refusal) as caught:
        found.decide(OLD)
    assert code(caught) == "offer-unknown"


def test_payload_types_are_all_different() -> None:
    assert PAYLOAD_TYPE != STATEMENT_PAYLOAD


def test_health_and_tree_choose_the_route() -> None:
    rules = (
        Route(sample.OLD.id, None, Health.BROKEN, NEW, sample.WHY),
        Route(sample.OLD.id, Tree.MIXED, None, NEW, sample.WHY),
    )
    served = routed(routes=rules)
    assert isinstance(decide(served, replace(OLD, health=Health.BROKEN)), Go)
    assert isinstance(decide(served, replace(OLD, tree=Tree.MIXED)), Go)
    assert decide(served) == Stay("no-offer", {})
