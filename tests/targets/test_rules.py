"""What may follow what: the pure rules of the signer, on the tree in memory."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.targets.house import PRODUCT, House, files_of
from warifu.model import publication
from warifu.testing_targets import MemoryRepository
from warifu_wire.digest import of_bytes
from warifu_wire.dsse import Envelope
from warifu_wire.errors import Malformed, Refusal
from warifu_wire.gates import Gates
from warifu_wire.policy import KeyState, People, Person
from warifu_wire.stops import Halt, Stops


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A founded house in memory."""
    return House(tmp_path, memory=True).found()


def refused(caught: pytest.ExceptionInfo[Refusal]) -> str:
    """The code."""
    return caught.value.reason


def test_routes_of_another_type_or_with_files_elsewhere_are_refused(house: House) -> None:
    release = house.release("print('one')")
    signed = house.approve(house.routes(release))
    other = Envelope("application/other", signed.payload, signed.signatures)
    with pytest.raises(Malformed) as caught:
        house.repository.enact(other, release.files, house.depot, house.now)
    assert refused(caught) == "wrong-payload-type"
    offer = replace(release.offer(), files={f"programs/{PRODUCT}/odd.zip": release.id})
    road = house.routes(release, offers=(offer,), routes=())
    with pytest.raises(Malformed) as caught:
        publication.needed_files(road)
    assert refused(caught) == "misplaced-file"


def test_stops_and_gates_of_another_product_are_refused(house: House) -> None:
    current = house.repository.current(PRODUCT)
    with pytest.raises(Malformed, match="wrong-product"):
        publication.narrowed(current, Stops("other", ()))
    with pytest.raises(Malformed, match="wrong-product"):
        publication.widened(current, Gates("other", ()), house.now)


def test_a_gate_belongs_to_its_plan_and_to_now(house: House) -> None:
    release = house.release("print('one')")
    house.publish(release)
    gate = house.open_gate(release.id, 1)
    gates = house.repository.current(PRODUCT).gates
    for changed, code in (
        ({"routes_seq": 2}, "gate-of-another-plan"),
        ({"stage": 2, "opened_at": house.now + timedelta(hours=1)}, "gate-in-future"),
        ({"release": of_bytes(b"another")}, "not-offered"),
    ):
        with pytest.raises(Refusal) as caught:
            house.repository.widen(gates.opened(replace(gate, **changed)), house.now)  # type: ignore[arg-type]
        assert refused(caught) == code
    house.stop(release.id, Halt.CAPPED, share=10_000)
    house.open_gate(release.id, 2)
    before = house.repository.current(PRODUCT)
    house.repository.widen(before.gates, house.now)
    assert house.repository.current(PRODUCT) == before


def test_a_gate_is_refused_before_any_routes(house: House) -> None:
    gates = Gates(PRODUCT, ())
    gate = replace(_gate(house), release=of_bytes(b"nothing"))
    with pytest.raises(Refusal, match="not-offered"):
        house.repository.widen(gates.opened(gate), house.now)


def _gate(house: House) -> publication.Gate:
    return publication.Gate(
        of_bytes(b"r"), 1, 1, house.now, of_bytes(b"probe"), of_bytes(b"evidence")
    )


def test_a_new_policy_must_carry_the_live_routes(house: House) -> None:
    release = house.release("print('one')")
    road = house.publish(release)
    left = People(tuple(
        Person(one.id, one.name, one.machine, one.roles,
               tuple((key, KeyState.RETIRED) for key, _ in one.keys))
        if one.id == "approver-2" else one
        for one in house.people.people
    ))  # fmt: skip
    with pytest.raises(Refusal, match="signoff-missing"):
        house.repository.policy(house.rules, left, house.now)
    fewer = replace(house.rules, thresholds={"approver": 1, "verify": 1})
    again = house.approve(road, "approver-1")
    house.repository.policy(fewer, left, house.now, [again])
    current = house.repository.current(PRODUCT)
    assert (current.rules, current.people, current.road) == (fewer, left, road)


def test_memory_serves_what_is_published(house: House) -> None:
    assert isinstance(house.repository, MemoryRepository)
    release = house.release("print('one')")
    road = house.routes(release)
    with pytest.raises(Refusal, match="file-not-given"):
        house.repository.enact(house.approve(road), release.named, house.depot, house.now)
    house.publish(release)
    for path, content in files_of(release).items():
        served = house.repository.read(path)
        assert served is not None
        assert of_bytes(served) == content
    assert house.repository.read("routes/other.json") is None
    lease = house.repository.lease(house.passes())
    assert lease.version == house.repository.current(PRODUCT).timestamp
    assert house.repository.expiring(house.now) == ()
